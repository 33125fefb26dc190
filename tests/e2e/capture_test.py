"""`ezio-torrent capture`: a whole disk becomes one torrent by one command, and a disk again by another."""
import copy
import json
import os
import random
import re
import signal

from lib import extents, runner
from lib.case import require_programs
from lib.disks import MIB, Disk, Part, random_bytes, swap
from lib.ezio import EzioCase, program, require_built
from lib.filesystems import FILE_SYSTEMS
from lib.loopdev import LoopDevice
from lib.proc import run, wait_until
from lib.tree import make_tree

EFI, LINUX, SWAP, BIOS = "U", "L", "S", "21686148-6449-6E6F-744E-656564454649"


def sized(name, mib):
    fs = copy.copy(FILE_SYSTEMS[name])
    fs.size = mib * MIB
    return fs


def capture(disk, torrent, *flags, name="lab", check=True, **kwargs):
    return run(program("ezio-torrent"), "capture", disk, "--name", name, "-o", torrent, *flags, check=check, **kwargs)


def show(torrent):
    return json.loads(run(program("ezio-torrent"), "show", torrent, "--json").stdout)


class CaptureCase(EzioCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = runner.scratch().dir("tree")
        make_tree(cls.tree, small_files=120, large_bytes=8 << 20)

    def disk(self, label, parts, size_mib, **kwargs):
        return Disk(self.temp_file(f"{label}.img"), label, parts, size_mib, self.scratch, self.tree, **kwargs)

    def target(self, size, sector=512):
        backing = self.temp_file("target.img")
        extents.fill_pattern(backing, size)
        return self.loop(backing, sector=sector)

    def clone(self, torrent, source, target, **kwargs):
        tracker = self.tracker()
        seeder = self.seed(torrent, source, tracker=tracker.announce)
        leecher = self.leech(torrent, target.path, tracker=tracker.announce, flags=["--linger", 0], **kwargs)
        leecher.wait_exit(0)
        seeder.process.stop()
        tracker.process.stop()
        return leecher

    def refused(self, disk, *flags):
        """What it says; and there is no torrent."""
        torrent = os.path.join(self.temp_dir("refused"), "x.torrent")
        ended = capture(disk, torrent, *flags, check=False)
        self.assertEqual(ended.returncode, 4, ended.stderr)
        self.assertEqual(os.listdir(os.path.dirname(torrent)), [])
        return ended.stderr


class GptTest(CaptureCase):
    def gpt(self):
        return self.disk("gpt", {
            1: Part(40, EFI, fs=sized("vfat", 40), name="EFI system"),
            2: Part(2, BIOS, fill=random_bytes(1)),
            3: Part(310, LINUX, fs=sized("xfs", 310), name="home"),
            4: Part(16, SWAP, fill=swap),
            5: Part(96, LINUX, fs=sized("ext4", 96)),
        }, 480)

    def test_a_disk_is_cloned_by_one_torrent_and_one_command_a_side(self):
        disk = self.gpt()
        with LoopDevice(disk.path, read_only=True) as loop:
            torrent, dump = self.temp_file("lab.torrent"), os.path.join(self.temp_dir("d"), "dump")
            said = capture(loop.path, torrent, "--dump", dump, "--announce", "http://127.0.0.1:6969/announce").stdout
        for line in ("gpt partition table", "partition 1: vfat 'EFI system'", "partition 2: nothing that is known",
                     "partition 3: xfs 'home'", "partition 4: swap", "its header", "partition 5: ext4"):
            self.assertIn(line, said)
        shown = show(torrent)
        self.assertEqual(shown["target_size"], disk.size())
        self.assertEqual(shown["disk"]["sector_bytes"], 512)
        self.assertEqual([part["type"] for part in shown["disk"]["partitions"]], ["vfat", "", "xfs", "swap", "ext4"])
        self.assertLess(shown["total_length"], 180 * MIB, "unused blocks are not taken")
        target = self.target(disk.size())
        self.clone(torrent, dump, target)
        run(program("ezio-torrent"), "check", torrent, target.path)
        extents.assert_clone(target.backing_path, disk.path,
                             [(extent["offset"], extent["length"]) for extent in shown["extents"]])
        disk.check_clone(target.backing_path, self.scratch)  # and XFS writes when it is mounted, only to be read too

    def test_a_larger_disk_gets_its_backup_table_at_its_end_and_goes_on_to_serve_the_torrent(self):
        disk = self.gpt()
        torrent = self.temp_file("lab.torrent")
        capture(disk.path, torrent)
        first = self.target(disk.size() + 64 * MIB)
        seeder = self.seed(torrent, disk.path, port=6891)
        larger = self.leech(torrent, first.path, name="larger", port=6892, peers=["127.0.0.1:6891"],
                            flags=["--linger", "forever", "--memory", 32])
        wait_until(lambda: "lab: complete" in larger.process.stderr(), 90, "the larger disk is complete")
        larger.stderr_line("backup of its partition table is moved to its end")
        seeder.process.stop()
        # Most of it was read from the larger disk by then, whose first and last sectors are others.
        second = self.target(disk.size() + 512)
        last = self.leech(torrent, second.path, name="last", peers=["127.0.0.1:6892"], flags=["--linger", 0])
        last.wait_exit(0)
        self.assertEqual(larger.process.stop(), 0)
        for target in (first, second):
            target.close()
            disk.check_clone(target.backing_path, self.scratch)
        with open(first.backing_path, "rb") as file:
            file.seek(disk.size() - 512)
            self.assertEqual(file.read(512), bytes(512), "no second backup in the middle")

    def test_a_clone_to_a_larger_disk_can_be_done_again(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fs=sized("ext4", 60))}, 64)
        torrent = self.temp_file("lab.torrent")
        capture(disk.path, torrent)
        target = self.target(disk.size() + 8 * MIB)
        self.clone(torrent, disk.path, target)
        again = self.clone(torrent, disk.path, target)
        reused = re.search(r"([\d.]+) MB reused", again.process.stderr())
        self.assertGreater(float(reused.group(1)), 5)
        disk.check_clone(target.backing_path, self.scratch)

    def test_a_disk_that_cannot_become_it_is_refused_with_the_reason(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fs=sized("ext4", 60))}, 64)
        torrent = self.temp_file("lab.torrent")
        capture(disk.path, torrent)

        def refused(target):
            ended = self.run_peer("--leech", torrent, target, "--no-read-back")
            self.assertEqual(ended.returncode, 4, ended.stderr)
            self.assertEqual(self.run_peer("--dry-run", "--leech", torrent, target).returncode, 4)
            return ended.stderr

        small = self.target(disk.size() - MIB)
        self.assertIn(f"{MIB} more", refused(small.path))
        other_sectors = self.target(disk.size() * 2, sector=4096)
        self.assertIn("has sectors of 4096 bytes, the disk of the torrent 512", refused(other_sectors.path))
        larger = self.target(disk.size() * 2)
        run("sfdisk", "-q", "--no-reread", larger.path, input=f"label: gpt\nsize={100}MiB\n")
        partitioned = self.loop(larger.backing_path, partitions=True)
        self.assertIn("is a partition", refused(partitioned.partition(1)))
        extents.assert_untouched(small.backing_path)
        extents.assert_untouched(other_sectors.backing_path)

    def test_sectors_of_4096_bytes(self):
        disk = self.disk("gpt", {1: Part(20, EFI, fill=random_bytes(3)), 2: Part(None, LINUX, fs=sized("ext4", 60))},
                         96, sector=4096)
        torrent = self.temp_file("lab.torrent")
        with LoopDevice(disk.path, sector=4096, read_only=True) as loop:
            capture(loop.path, torrent)
        self.assertEqual(show(torrent)["disk"]["sector_bytes"], 4096)
        target = self.target(disk.size() + 16 * MIB, sector=4096)
        self.clone(torrent, disk.path, target)
        target.close()
        disk.check_clone(target.backing_path, self.scratch)

    def test_a_damaged_table_is_refused(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fill=random_bytes(2))}, 16)
        with open(disk.path, "r+b") as file:
            file.seek(512)
            file.write(bytes(92))
        self.assertIn("GPT", self.refused(disk.path))


class MbrTest(CaptureCase):
    def test_a_disk_with_an_extended_partition(self):
        disk = self.disk("dos", {
            1: Part(64, LINUX, fs=sized("ext4", 64)),
            2: Part(None, "E"),
            5: Part(24, LINUX, fs=sized("ext4_1k", 24)),
            6: Part(16, SWAP, fill=swap),
            7: Part(128, LINUX, fs=sized("btrfs", 128)),
        }, 260)
        torrent = self.temp_file("lab.torrent")
        said = capture(disk.path, torrent).stdout
        self.assertIn("dos partition table", said)
        self.assertEqual([part["number"] for part in show(torrent)["disk"]["partitions"]], [1, 5, 6, 7])
        target = self.target(disk.size() + 5 * MIB)
        self.clone(torrent, disk.path, target)
        run(program("ezio-torrent"), "check", torrent, target.path)
        disk.check_clone(target.backing_path, self.scratch)


class PartsTest(CaptureCase):
    """What is taken of what lies in a partition."""

    def taken(self, disk, *flags):
        torrent = self.temp_file("x.torrent")
        said = capture(disk, torrent, *flags).stdout
        return said, {part["number"]: part for part in show(torrent)["disk"]["partitions"]}

    def test_what_is_encrypted_or_unknown_is_taken_whole(self):
        def luks(device):
            with open(device, "r+b") as file:
                file.write(b"LUKS\xba\xbe\x00\x01" + bytes(600))

        disk = self.disk("gpt", {1: Part(8, LINUX, fill=luks), 2: Part(8, LINUX, fill=random_bytes(4))}, 32)
        said, parts = self.taken(disk.path)
        self.assertIn("partition 1: crypto_LUKS", said)
        self.assertEqual([part["used"] for part in parts.values()], [8 * MIB, 8 * MIB])

    def test_every_block_where_asked(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fs=sized("ext4", 60))}, 64)
        _, parts = self.taken(disk.path, "--every-block", "1")
        self.assertEqual(parts[1]["used"], parts[1]["length"])
        self.assertIn("has no partition 3", self.refused(disk.path, "--every-block", "3"))

    def test_a_partition_alone(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fs=sized("ext4", 60))}, 64)
        loop = self.loop(disk.path, partitions=True)
        torrent = self.temp_file("x.torrent")
        capture(loop.partition(1), torrent)
        self.assertNotIn("disk", show(torrent))
        target = self.target(disk.size())
        self.clone(torrent, loop.partition(1), target)
        FILE_SYSTEMS["ext4"].fsck(target.path)
        self.assertEqual(FILE_SYSTEMS["ext4"].listing(target.path, self.scratch), disk.parts[1].listing)

    def test_a_hibernated_system_is_refused(self):
        def hibernated(device):
            swap(device)
            with open(device, "r+b") as file:
                file.seek(4096 - 10)
                file.write(b"S1SUSPEND\0")

        disk = self.disk("gpt", {1: Part(16, SWAP, fill=hibernated)}, 32)
        self.assertIn("hibernated", self.refused(disk.path))

    def test_a_file_system_that_cannot_be_mapped_is_refused_and_not_guessed_at(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fs=sized("ext4", 60))}, 64)
        with open(disk.path, "r+b") as file:  # the group descriptors of the first group
            file.seek(MIB + 4096)
            file.write(random.Random(5).randbytes(4096))
        said = self.refused(disk.path)
        self.assertIn("partition 1: partclone.extfs exited with", said)
        self.assertIn("--every-block 1", said)

    def test_logical_volumes_are_mapped_to_the_disk(self):
        disk = self.disk("gpt", {1: Part(None, LINUX)}, 256)
        pe, begin = 4 * MIB, 2 * MIB  # of a physical volume that begins at 1 MiB, and its data 1 MiB on
        with LoopDevice(disk.path, partitions=True) as loop:
            device = loop.partition(1)
            _make_volumes(device, self.temp_dir("lvm"), {"root": [(0, 20)], "home": [(24, 2), (30, 3)]})
        fs = sized("ext4", 80)
        root = _PartOfAFile(disk.path, begin, 20 * pe)
        with root as device:
            fs.mkfs(device)
            fs.fill(device, self.tree, self.scratch)
            listing = fs.listing(device, self.scratch)
        with open(disk.path, "r+b") as file:
            for at in (24, 30):
                file.seek(begin + at * pe)
                file.write(random.Random(at).randbytes(MIB))
        said, parts = self.taken(disk.path)
        self.assertRegex(said, "LVM2_member.*ezio/root ext4: used blocks, by partclone.extfs; ezio/home: every block")
        self.assertLess(parts[1]["used"], 60 * MIB)
        torrent = self.temp_file("lvm.torrent")
        capture(disk.path, torrent)
        target = self.target(disk.size())
        self.clone(torrent, disk.path, target)
        target.close()
        with _PartOfAFile(target.backing_path, begin, 20 * pe) as device:
            fs.fsck(device)
            self.assertEqual(fs.listing(device, self.scratch), listing)
        with open(disk.path, "rb") as own, open(target.backing_path, "rb") as cloned:
            for at, count in ((24, 2), (30, 3)):
                own.seek(begin + at * pe)
                cloned.seek(begin + at * pe)
                self.assertEqual(own.read(count * pe), cloned.read(count * pe))
        with LoopDevice(target.backing_path, partitions=True) as loop:
            self.assertIn("root", run("lvs", "--devices", loop.partition(1), "ezio").stdout)


class SafetyTest(CaptureCase):
    def test_a_disk_in_use_is_refused(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fs=sized("ext4", 60))}, 64)
        loop = self.loop(disk.path, partitions=True)
        directory = self.scratch.dir("mnt")
        run("mount", "-o", "ro", loop.partition(1), directory)
        try:
            self.assertIn("mounted", self.refused(loop.path))
        finally:
            run("umount", directory)
        with open(loop.path, "rb", opener=lambda path, _: os.open(path, os.O_RDONLY | os.O_EXCL)):
            self.assertIn("in use", self.refused(loop.path))

    def test_an_interrupt_leaves_neither_torrent_nor_dump(self):
        backing = self.temp_file("large.img")
        with open(backing, "wb") as file:
            file.truncate(30 << 30)
        loop = self.loop(backing, read_only=True)  # a device: its holes are read
        for number in (signal.SIGINT, signal.SIGTERM):
            directory = self.temp_dir("out")
            process = self.spawn("capture", [program("ezio-torrent"), "capture", loop.path, "--name", "x", "-o",
                                             f"{directory}/x.torrent", "--dump", f"{directory}/dump"])
            wait_until(lambda: os.path.exists(f"{directory}/dump.partial"), 30, "it reads")
            process.send(number)
            self.assertEqual(process.wait(30), 128 + number)
            self.assertEqual(os.listdir(directory), [])

    def test_a_full_file_system_is_told_and_leaves_no_dump(self):
        disk = self.disk("gpt", {1: Part(24, LINUX, fill=random_bytes(6))}, 32)
        directory = self.mount_tmpfs(8 * MIB)
        ended = capture(disk.path, f"{directory}/x.torrent", "--dump", f"{directory}/dump", check=False)
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertIn("No space left", ended.stderr)
        self.assertEqual(os.listdir(directory), [])

    def test_a_dump_that_is_there_is_left_alone(self):
        disk = self.disk("gpt", {1: Part(4, LINUX, fill=random_bytes(6))}, 16)
        directory = self.temp_dir("out")
        for there in ("dump", "dump.partial"):
            os.makedirs(f"{directory}/{there}/precious")
            ended = capture(disk.path, f"{directory}/x.torrent", "--dump", f"{directory}/dump", check=False)
            self.assertEqual(ended.returncode, 1)
            self.assertIn("is there already", ended.stderr)
            self.assertEqual(os.listdir(directory), [there])
            os.removedirs(f"{directory}/{there}/precious")
            os.makedirs(directory, exist_ok=True)

    def test_a_plan_reads_nothing_and_writes_nothing(self):
        disk = self.disk("gpt", {1: Part(None, LINUX, fs=sized("ext4", 60))}, 64)
        torrent = self.temp_file("x.torrent")
        self.assertIn("will be read", capture(disk.path, torrent, "--plan").stdout)
        self.assertFalse(os.path.exists(torrent))


class _PartOfAFile:
    """A loop device over some bytes of a file."""

    def __init__(self, path, offset, length):
        self.command = ["losetup", "--find", "--show", "-o", str(offset), "--sizelimit", str(length), path]

    def __enter__(self):
        self.path = run(*self.command).stdout.strip()
        return self.path

    def __exit__(self, *_):
        run("losetup", "-d", self.path)


def _make_volumes(device, directory, volumes):
    """A volume group `ezio` of logical volumes at these extents [(first, count) …]. By its metadata, since lvcreate
    wants a kernel with the device mapper."""
    run("pvcreate", "-q", "--devices", device, device)
    run("vgcreate", "-q", "--devices", device, "ezio", device)
    path = os.path.join(directory, "ezio.vg")
    run("vgcfgbackup", "--devices", device, "-f", path, "ezio")
    with open(path, encoding="ascii") as file:
        text = file.read()
    described = "".join(_volume_text(name, index, segments) for index, (name, segments) in enumerate(volumes.items()))
    end = text.rindex("}")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{text[:end]}logical_volumes {{\n{described}}}\n{text[end:]}")
    run("vgcfgrestore", "--devices", device, "-f", path, "ezio")


def _volume_text(name, index, segments):
    text, logical = "", 0
    for number, (first, count) in enumerate(segments, 1):
        text += (f"segment{number} {{\nstart_extent = {logical}\nextent_count = {count}\ntype = \"striped\"\n"
                 f"stripe_count = 1\nstripes = [\"pv0\", {first}]\n}}\n")
        logical += count
    return (f"{name} {{\nid = \"aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaa{index}\"\n"
            f"status = [\"READ\", \"WRITE\", \"VISIBLE\"]\nflags = []\nsegment_count = {len(segments)}\n{text}}}\n")


def check():
    require_built()
    require_programs("sfdisk", "mcopy", "xfs_repair", "btrfs", "fsck.vfat", "e2fsck", "pvs", "mkswap", "partclone.extfs",
                     "partclone.xfs", "partclone.btrfs", "partclone.vfat")


if __name__ == "__main__":
    runner.main(check)
