"""Packed images: `ezio-torrent pack` and `capture --pack`, what reads them, and hosts that are cloned from one."""
import hashlib
import json
import os
import random
import signal

from lib import extents, runner
from lib.case import require_programs
from lib.disks import MIB, Disk, Part, random_bytes
from lib.ezio import EzioCase, create_torrent, program, require_built
from lib.filesystems import FILE_SYSTEMS, Capture
from lib.proc import run, wait_until
from lib.swarm import info_hash_hex
from lib.tree import make_tree


def tool(*argv, code=0):
    ended = run(program("ezio-torrent"), *argv, check=False)
    if ended.returncode != code:
        raise AssertionError(f"ezio-torrent {argv} exited with {ended.returncode}, not {code}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout + ended.stderr


def show(path):
    return json.loads(tool("show", path, "--json"))


def sha(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def concatenated(image, places):
    """The torrent's data, read from a disk image."""
    digest = hashlib.sha256()
    with open(image, "rb") as file:
        for offset, length in places:
            file.seek(offset)
            while length > 0:
                chunk = file.read(min(length, MIB))
                digest.update(chunk)
                length -= len(chunk)
    return digest.hexdigest()


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


class PackCase(EzioCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = runner.scratch().dir("tree")
        make_tree(cls.tree, small_files=120, large_bytes=16 << 20)
        cls.capture = Capture(FILE_SYSTEMS["ext4"], cls.tree, runner.scratch(), name="sda1")

    def packed(self, source=None, *flags):
        path = self.temp_file("lab.ezio")
        tool("pack", source or self.capture.image, "-o", path, *flags)
        return path


class FileTest(PackCase):
    def test_an_image_is_packed_smaller_and_unpacked_the_same(self):
        packed = self.packed()
        self.assertLess(os.path.getsize(packed), 0.7 * sum(length for _, length in self.capture.extents))
        out = self.temp_file("out.img")
        tool("unpack", packed, "-o", out)
        self.assertEqual(sha(out), sha(self.capture.image))
        self.assertLess(os.stat(out).st_blocks * 512, os.path.getsize(out), "holes are holes again")

    def test_zstd_unpacks_and_lists_it(self):
        packed = self.packed()
        plain = self.temp_file("plain")
        run("zstd", "-q", "-d", packed, "-o", plain)
        self.assertEqual(sha(plain), sha(self.capture.image))
        listed = run("zstd", "-l", "-v", packed).stdout
        self.assertIn("Skippable", listed)

    def test_what_was_packed_is_shown(self):
        packed = self.packed()
        shown = show(packed)
        size = os.path.getsize(self.capture.image)
        self.assertEqual((shown["total_length"], shown["target_size"], shown["file_length"]),
                         (size, size, os.path.getsize(packed)))
        self.assertEqual(shown["extents"], [{"offset": 0, "length": size}])
        self.assertGreater(shown["zeros"], 10 * MIB)
        self.assertIn(f"{size} bytes in 1 extents", tool("show", packed))

    def test_a_directory_is_packed_and_becomes_one_again(self):
        packed = self.packed(self.capture.directory)
        self.assertEqual([(e["offset"], e["length"]) for e in show(packed)["extents"]], list(self.capture.extents))
        dump = os.path.join(self.temp_dir("d"), "dump")
        tool("unpack", packed, "--dump", dump)
        files = sorted(name for name in os.listdir(self.capture.directory) if name != "torrent.info")
        self.assertEqual(sorted(os.listdir(dump)), sorted(f"{int(name, 16):032x}" for name in files))
        for name in files:
            self.assertEqual(sha(os.path.join(dump, f"{int(name, 16):032x}")), sha(os.path.join(self.capture.directory, name)))
        image = self.temp_file("out.img")
        tool("unpack", packed, "-o", image)
        self.assertEqual(concatenated(image, self.capture.extents), concatenated(self.capture.image, self.capture.extents))

    def test_a_dump_that_is_not_what_partclone_read_is_refused(self):
        directory = self.temp_dir("changed")
        run("cp", "-r", f"{self.capture.directory}/.", directory)
        flip(f"{directory}/{self.capture.extents[-1][0]:032x}", 5)
        out = os.path.join(self.temp_dir("out"), "x.ezio")
        self.assertIn("are not what torrent.info recorded", tool("pack", directory, "-o", out, code=4))
        self.assertEqual(os.listdir(os.path.dirname(out)), [])

    def test_a_torrent_of_it_is_that_of_what_was_packed(self):
        for source in (("--image", self.capture.image), ("--dir", self.capture.directory)):
            plain = create_torrent(self.temp_file("a.torrent"), *source, name="sda1")
            packed = self.packed(source[1])
            torrent = create_torrent(self.temp_file("b.torrent"), "--image", packed, name="sda1")
            self.assertEqual(info_hash_hex(torrent), info_hash_hex(plain))
            tool("check", plain, packed)
        other = create_torrent(self.temp_file("c.torrent"), "--dir", self.capture.directory, name="sda1")
        self.assertIn("not what the torrent was made of", tool("check", other, self.packed(), code=4))

    def test_pieces_shorter_than_frames_are_hashed_alike(self):
        torrent = create_torrent(self.temp_file("a.torrent"), "--image", self.capture.image, name="sda1", piece_length="64KiB")
        self.assertIn(" 0 bad", tool("check", torrent, self.packed()))

    def test_level_and_jobs(self):
        small = self.packed(None, "--level", "12", "--jobs", "1")
        self.assertLess(os.path.getsize(small), os.path.getsize(self.packed(None, "--level", "1")))
        repacked = self.temp_file("again.ezio")
        tool("pack", small, "-o", repacked, "--jobs", "5")
        self.assertEqual(sha(repacked), sha(self.packed()), "of a packed image, at the usual level")

    def test_a_sparse_tib_takes_next_to_nothing(self):
        image = self.temp_file("sparse.img")
        with open(image, "wb") as file:
            file.write(b"begin")
            file.seek((1 << 40) - 3)
            file.write(b"end")
        packed = self.packed(image)
        self.assertLess(os.path.getsize(packed), 64 * MIB)
        shown = show(packed)
        self.assertEqual((shown["total_length"], shown["zeros"]), (1 << 40, (1 << 40) - 2 * MIB))
        self.assertIn(" 0 bad", tool("check", packed))
        out = self.temp_file("out.img")
        tool("unpack", packed, "-o", out)
        self.assertEqual(os.path.getsize(out), 1 << 40)
        with open(out, "rb") as file:
            self.assertEqual(file.read(6), b"begin\0")
            file.seek(-4, os.SEEK_END)
            self.assertEqual(file.read(), b"\0end")


class HarmTest(PackCase):
    def test_damage_is_told_with_where_it_is_and_what_is_lost(self):
        packed = self.packed()
        self.assertIn(" 0 bad", tool("check", packed))
        flip(packed, os.path.getsize(packed) // 2)
        text = tool("check", packed, code=1)
        self.assertRegex(text, r"offset 0x[0-9a-f]+: \d+ bytes that hold \d+ bytes of data from 0x[0-9a-f]+ on are altered")
        report = json.loads(run(program("ezio-torrent"), "check", packed, "--json", check=False).stdout)
        self.assertEqual((report["bad"], report["good"]), (1, report["frames"] - 1))
        bad = report["bad_frames"][0]
        self.assertLessEqual(bad["file_offset"], os.path.getsize(packed) // 2)
        self.assertGreater(bad["file_offset"] + bad["file_length"], os.path.getsize(packed) // 2)
        self.assertEqual(bad["extents"], [{"offset": bad["offset"], "length": bad["length"]}])
        # Nobody gets it.
        out = os.path.join(self.temp_dir("out"), "out.img")
        self.assertIn("altered", tool("unpack", packed, "-o", out, code=1))
        self.assertEqual(os.listdir(os.path.dirname(out)), [])
        self.assertIn("altered", tool("create", "--image", packed, "--name", "x", "-o", out, code=1))

    def test_one_that_is_cut_off_is_refused_with_the_place(self):
        torrent = create_torrent(self.temp_file("a.torrent"), "--image", self.capture.image, name="sda1")
        packed = self.packed()
        size = os.path.getsize(packed)
        for length in (size - 1, size - 100, size // 2, 100, 17):
            os.truncate(packed, length)
            for command in (("check", packed), ("show", packed), ("check", torrent, packed), ("pack", packed, "-o", "/dev/null"),
                            ("unpack", packed, "-o", self.temp_file("x"))):
                self.assertIn(f"{length:#x}", tool(*command, code=4))
        peer = self.run_peer("--seed", torrent, packed)
        self.assertEqual(peer.returncode, 4)
        self.assertIn("cut off", peer.stderr)

    def test_bytes_that_are_missing_in_the_middle_are_told(self):
        packed = self.packed()
        with open(packed, "rb") as file:
            data = file.read()
        with open(packed, "wb") as file:
            file.write(data[:len(data) // 2] + data[len(data) // 2 + 1000:])
        self.assertIn("bytes are missing", tool("check", packed, code=4))

    def test_an_interrupt_leaves_nothing(self):
        image = self.temp_file("large.img")
        with open(image, "wb") as file:
            file.truncate(30 << 30)
        loop = self.loop(image, read_only=True)  # a device: its holes are read
        for number in (signal.SIGINT, signal.SIGTERM):
            directory = self.temp_dir("out")
            with open(f"{directory}/x.ezio", "wb") as file:
                file.write(b"before")
            process = self.spawn("pack", [program("ezio-torrent"), "pack", loop.path, "-o", f"{directory}/x.ezio"])
            wait_until(lambda: os.path.exists(f"{directory}/x.ezio.partial"), 30, "it writes")
            process.send(number)
            self.assertEqual(process.wait(30), 128 + number)
            self.assertEqual(os.listdir(directory), ["x.ezio"])
            with open(f"{directory}/x.ezio", "rb") as file:
                self.assertEqual(file.read(), b"before")

    def test_a_full_file_system_is_told_and_leaves_nothing(self):
        image = self.temp_file("random.img")
        with open(image, "wb") as file:
            file.write(random.Random(1).randbytes(12 * MIB))
        directory = self.mount_tmpfs(8 * MIB)
        for command in (("pack", image, "-o", f"{directory}/x.ezio"), ("unpack", self.packed(image), "-o", f"{directory}/x.img")):
            self.assertIn("No space left", tool(*command, code=1))
            self.assertEqual(os.listdir(directory), [])

    def test_one_that_is_being_made_is_left_alone(self):
        out = self.temp_file("x.ezio")
        with open(f"{out}.partial", "wb") as file:
            file.write(b"of another")
        self.assertIn("is there already", tool("pack", self.capture.image, "-o", out, code=1))
        self.assertEqual(os.listdir(os.path.dirname(out)), ["x.ezio.partial"])

    def test_bad_arguments_are_usage_errors(self):
        for argv in (("pack", "x"), ("pack", "x", "-o", "y", "--level", "20"), ("unpack", "x"), ("check", "/dev/null"),
                     ("unpack", "x", "-o", "y", "--dump", "z")):
            tool(*argv, code=2)


class PartcloneTest(PackCase):
    """Images that partclone -c made, as Clonezilla keeps them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = os.path.join(runner.scratch().dir("pcl"), "sda1.pcl")
        run("partclone.extfs", "-q", "-c", "-s", cls.capture.image, "-o", cls.image, "-L", "/dev/null")

    def pipe(self, command, out, code=0):
        ended = run("bash", "-c", f"set -o pipefail; {command} | exec {program('ezio-torrent')} pack - -o {out}", check=False)
        self.assertEqual(ended.returncode, code, ended.stderr)
        return ended.stderr

    def test_a_stream_is_packed_and_has_the_torrent_of_the_directory(self):
        torrent = create_torrent(self.temp_file("t"), "--info", self.capture.info, name="sda1")
        for compress, decompress in (("zstd -q -c", "zstd -q -d -c"), ("gzip -c", "gzip -d -c")):
            stream, packed = self.temp_file("stream"), self.temp_file("x.ezio")
            run("bash", "-c", f"{compress} {self.image} >{stream}")
            self.pipe(f"{decompress} {stream}", packed)
            tool("check", torrent, packed)
            self.assertEqual(show(packed)["target_size"], os.path.getsize(self.capture.image))
        out = self.temp_file("out.img")
        tool("unpack", packed, "-o", out)
        self.assertEqual(concatenated(out, self.capture.extents), concatenated(self.capture.image, self.capture.extents))

    def test_a_file_is_known_for_what_it_is_and_other_checksums_too(self):
        torrent = create_torrent(self.temp_file("t"), "--info", self.capture.info, name="sda1")
        for flags in (["-a0"], ["-k", "1"], ["-k", "700"], ["-K", "-k", "33"]):
            image = self.temp_file("x.pcl")
            run("partclone.extfs", "-q", "-c", *flags, "-s", self.capture.image, "-O", image, "-L", "/dev/null")
            tool("check", torrent, self.packed(image))

    def test_what_is_altered_or_cut_off_is_refused_with_the_place(self):
        out = os.path.join(self.temp_dir("out"), "x.ezio")
        size = os.path.getsize(self.image)
        copy = self.temp_file("copy")
        for offset, what in ((60, "header is altered"), (200, "bitmap before it: altered"), (size // 2, "blocks before it: altered")):
            run("cp", self.image, copy)
            flip(copy, offset)
            self.assertRegex(tool("pack", copy, "-o", out, code=4 if offset < 1000 else 1), f"offset 0x[0-9a-f]+: .*{what}")
        for length in (50, 500, size // 2, size - 1):
            said = self.pipe(f"head -c {length} {self.image}", out, code=4 if length < 1000 else 1)
            self.assertIn(f"standard input: offset {length:#x}: it ends there", said)
        self.assertIn("there is more", self.pipe(f"cat {self.image} /etc/hostname", out, code=1))
        self.assertIn("no image of partclone", self.pipe("cat /bin/bash", out, code=4))
        self.assertEqual(os.listdir(os.path.dirname(out)), [])

    def test_one_whose_writer_hangs_can_be_interrupted(self):
        out = os.path.join(self.temp_dir("out"), "x.ezio")
        fifo = self.temp_file("fifo")
        os.mkfifo(fifo)
        process = self.spawn("pack", ["bash", "-c", f"exec {program('ezio-torrent')} pack - -o {out} <{fifo}"])
        with open(self.image, "rb") as file, open(fifo, "wb") as pipe:
            pipe.write(file.read(1000000))
            pipe.flush()
            self.interrupt(process, out)

    def interrupt(self, process, out):
        wait_until(lambda: os.path.exists(f"{out}.partial"), 30, "it writes")
        process.send(signal.SIGTERM)
        self.assertEqual(process.wait(30), 128 + signal.SIGTERM)
        self.assertEqual(os.listdir(os.path.dirname(out)), [])


class CaptureTest(PackCase):
    def disk(self):
        fs = FILE_SYSTEMS["ext4"]
        return Disk(self.temp_file("disk.img"), "gpt",
                    {1: Part(8, "L", fill=random_bytes(3)), 2: Part(fs.size // MIB, "L", fs=fs)}, fs.size // MIB + 16,
                    self.scratch, self.tree)

    def test_a_disk_is_captured_into_one_file_and_cloned_from_it(self):
        disk = self.disk()
        torrent, packed, dump = self.temp_file("t"), self.temp_file("lab.ezio"), os.path.join(self.temp_dir("d"), "dump")
        said = tool("capture", disk.path, "--name", "lab", "-o", torrent, "--pack", packed, "--dump", dump)
        self.assertIn("packed into", said)
        for source in (packed, dump, disk.path):
            tool("check", torrent, source)
        shown = show(packed)
        self.assertEqual(shown["disk"], show(torrent)["disk"])
        self.assertEqual(shown["target_size"], disk.size())
        # The torrent can be made again, and is the same.
        again = create_torrent(self.temp_file("again"), "--image", packed, name="lab")
        self.assertEqual(info_hash_hex(again), info_hash_hex(torrent))
        alone = self.temp_file("alone")
        tool("capture", disk.path, "--name", "lab", "-o", alone)
        self.assertEqual(info_hash_hex(alone), info_hash_hex(torrent))
        target = self.temp_file("target.img")
        extents.fill_pattern(target, disk.size() + 8 * MIB)
        tracker = self.tracker()
        seeder = self.seed(torrent, packed, tracker=tracker.announce)
        leecher = self.leech(torrent, target, tracker=tracker.announce, flags=["--linger", 0])
        leecher.wait_exit(0)
        seeder.process.stop()
        disk.check_clone(target, self.scratch)


class SeedTest(PackCase):
    def clone_from(self, torrent, packed, *flags):
        target = self.temp_file("target.img")
        seeder = self.seed(torrent, packed, port=6881, flags=flags)
        self.wait_listening(None, 6881, timeout_s=60)  # it may look at everything first
        leechers = [self.leech(torrent, f"{target}{number}", name=f"leech{number}", peers=["127.0.0.1:6881"],
                               flags=["--linger", 0]) for number in range(2)]
        for number, leecher in enumerate(leechers):
            leecher.wait_exit(0)
            tool("check", torrent, f"{target}{number}")
        self.assertIn("a packed image", seeder.process.stderr())
        seeder.process.stop()

    def test_hosts_are_cloned_from_it_whatever_the_pieces(self):
        packed = self.packed(self.capture.directory)
        for piece_length in ("64KiB", "1MiB", "16MiB"):
            torrent = create_torrent(self.temp_file("t"), "--dir", self.capture.directory, name="sda1",
                                     piece_length=piece_length)
            self.clone_from(torrent, packed)

    def test_it_can_be_verified_first_and_read_with_little_memory(self):
        packed = self.packed()
        torrent = create_torrent(self.temp_file("t"), "--image", packed, name="disk")
        self.clone_from(torrent, packed, "--verify-source", "--memory", "8")

    def test_damage_is_told_by_the_seeder_which_sends_none_of_it(self):
        packed = self.packed()
        torrent = create_torrent(self.temp_file("t"), "--image", packed, name="disk")
        flip(packed, os.path.getsize(packed) // 2)
        refused = self.run_peer("--seed", torrent, packed, "--verify-source")
        self.assertEqual(refused.returncode, 4)
        self.assertRegex(refused.stderr, "offset 0x[0-9a-f]+: .* altered")
        seeder = self.seed(torrent, packed, port=6881)
        self.wait_listening(None, 6881)
        self.leech(torrent, self.temp_file("target.img"), peers=["127.0.0.1:6881"])
        wait_until(lambda: not seeder.process.running(), 60, "the seeder gives up")
        self.assertIn("Input/output error", seeder.process.stderr())


def require_all():
    require_built()
    require_programs("zstd", "partclone.extfs", "mkfs.ext4")


if __name__ == "__main__":
    runner.main(require_all)
