"""--discard-unused: a file system's unused blocks go back to the device, and nothing else does."""
import json
import os
import random

from lib import extents, runner
from lib.case import require_programs
from lib.ezio import EzioCase, create_torrent, program, require_built
from lib.faultydisk import FaultyDisk, require_faulty_disk
from lib.filesystems import FILE_SYSTEMS, Capture
from lib.loopdev import LoopDevice
from lib.proc import run
from lib.rawimage import MIB, RawImage
from lib.tree import make_tree

PORT = 7001
KEPT_AT_END = LEAST = 64 << 10
TAIL_BYTES = MIB + 4096  # of the device, behind the file system


def discarded(extent_list, end, unit):
    """(begin, end) of what is to be discarded, by the rules of docs/PEER.md."""
    edges = sorted(extent_list)
    gaps = [(a[0] + a[1], b[0]) for a, b in zip(edges, edges[1:])]
    gaps.append((sum(edges[-1]), end - KEPT_AT_END))
    aligned = [(-(-begin // unit) * unit, stop // unit * unit) for begin, stop in gaps]
    return [(begin, stop) for begin, stop in aligned if stop - begin >= LEAST]


class DiscardTest(EzioCase):
    @classmethod
    def setUpClass(cls):
        tree = runner.scratch().dir("tree")
        make_tree(tree)
        cls.capture = Capture(FILE_SYSTEMS["ext4"], tree, runner.scratch())

    def setUp(self):
        super().setUp()
        self.torrent = create_torrent(self.temp_file("ext4.torrent"), "--info", self.capture.info, name="ext4")
        self.backing = self.temp_file("target.img")
        extents.fill_pattern(self.backing, self.capture.size + TAIL_BYTES)

    def clone(self, target, *flags):
        self.seed(self.torrent, self.capture.directory, port=PORT)
        leecher = self.leech(self.torrent, target, peers=[f"127.0.0.1:{PORT}"], json_output=False,
                             flags=["--linger", "0", "--listen", "127.0.0.1:0", *flags])
        leecher.wait_exit(0)
        run(program("ezio-torrent"), "check", self.torrent, target)
        return leecher.process.output()

    def assert_clone(self, zeros):
        """Extents hold the source's bytes, `zeros` zeros, and everything else what was there."""
        expected = bytearray()
        for offset in range(0, self.capture.size + TAIL_BYTES, extents.CHUNK):
            expected += extents.pattern(offset, min(extents.CHUNK, self.capture.size + TAIL_BYTES - offset))
        for begin, end in zeros:
            expected[begin:end] = bytes(end - begin)
        with open(self.capture.image, "rb") as source:
            for offset, length in self.capture.extents:
                source.seek(offset)
                expected[offset:offset + length] = source.read(length)
        with open(self.backing, "rb") as file:
            found = file.read()
        if found != expected:
            at = next(i for i, (a, b) in enumerate(zip(found, expected)) if a != b)
            self.fail(f"byte {at:#x} is {found[at]:#x}, not {expected[at]:#x}; zeros are {zeros}")

    def assert_sound(self):
        with LoopDevice(self.backing) as device:
            self.capture.fs.fsck(device.path)
            self.assertEqual(self.capture.fs.listing(device.path, self.scratch), self.capture.listing)

    def unit(self, device):
        with open(f"/sys/block/{os.path.basename(device.path)}/queue/discard_granularity", encoding="ascii") as file:
            return int(file.read())

    def test_on_a_device(self):
        for sector in (512, 4096):
            extents.fill_pattern(self.backing, self.capture.size + TAIL_BYTES)
            device = self.loop(self.backing, sector=sector)
            zeros = discarded(self.capture.extents, self.capture.size, self.unit(device))
            self.assertGreaterEqual(len(zeros), 2, "else little is tested")
            output = self.clone(device.path, "--discard-unused")
            megabytes = sum(end - begin for begin, end in zeros) / 1e6
            self.assertIn(f"ext4: {megabytes:.1f} MB of unused blocks in {len(zeros)} places discarded", output)
            self.assertLess(output.index("discarded"), output.index("complete:"))
            device.close()
            self.assert_clone(zeros)
            self.assert_sound()
            self._stop_processes()

    def test_in_a_file(self):
        before = os.stat(self.backing).st_blocks
        zeros = discarded(self.capture.extents, self.capture.size, os.stat(self.backing).st_blksize)
        self.assertIn(f"in {len(zeros)} places discarded", self.clone(self.backing, "--discard-unused"))
        self.assertLess(os.stat(self.backing).st_blocks, before)
        self.assert_clone(zeros)

    def test_only_where_it_is_asked_for(self):
        device = self.loop(self.backing)
        self.assertNotIn("discard", self.clone(device.path))
        self.assert_clone([])

    def test_a_second_run_keeps_what_is_there(self):
        device = self.loop(self.backing)
        self.clone(device.path, "--discard-unused")
        leecher = self.leech(self.torrent, device.path, flags=["--linger", "0", "--discard-unused"], name="again")
        leecher.wait_exit(0)  # from nobody
        self.assertEqual(leecher.snapshots()[-1]["torrents"][0]["downloaded"], 0)
        self.assert_clone(discarded(self.capture.extents, self.capture.size, self.unit(device)))

    def test_a_dry_run_says_how_much_and_discards_nothing(self):
        device = self.loop(self.backing)
        zeros = discarded(self.capture.extents, self.capture.size, self.unit(device))
        done = self.run_peer("--dry-run", "--leech", self.torrent, device.path, "--discard-unused", "--json")
        pair, = json.loads(done.stdout)["pairs"]
        self.assertEqual(pair["unused_bytes_to_discard"], sum(end - begin for begin, end in zeros))
        self.assertIn(f"in {len(zeros)} places would be discarded", done.stderr)
        extents.assert_untouched(self.backing)

    def test_an_image_of_everything_has_nothing_unused(self):
        image = RawImage(self, data_mib=6)
        self.seed(image.torrent, image.path, port=PORT)
        target = self.temp_file("image-target.img")
        extents.fill_pattern(target, image.size)
        leecher = self.leech(image.torrent, target, peers=[f"127.0.0.1:{PORT}"], json_output=False,
                             flags=["--linger", "0", "--listen", "127.0.0.1:0", "--discard-unused"])
        leecher.wait_exit(0)
        self.assertIn("no unused blocks are discarded: there are none", leecher.process.stdout())
        run("cmp", image.path, target)


class CannotDiscardTest(EzioCase):
    """Devices that do not do it: said once, and the clone goes on."""

    def setUp(self):
        super().setUp()
        rng = random.Random(5)
        self.extents = ((0, MIB), (2 * MIB, MIB), (4 * MIB, 2 * MIB))
        dump = self.temp_dir("dump")
        for offset, length in self.extents:
            with open(os.path.join(dump, f"{offset:032x}"), "wb") as file:
                file.write(rng.randbytes(length))
        self.dump = dump
        self.torrent = create_torrent(self.temp_file("dump.torrent"), "--dir", dump, name="dump")
        self.backing = self.temp_file("backing.img")
        extents.fill_pattern(self.backing, 8 * MIB)
        self.seed(self.torrent, dump, port=PORT)

    def clone(self, disk, code, *flags):
        leecher = self.leech(self.torrent, disk.path, peers=[f"127.0.0.1:{PORT}"], json_output=False,
                             flags=["--linger", "0", "--listen", "127.0.0.1:0", "--discard-unused", *flags])
        leecher.wait_exit(code)
        return leecher.process.output()

    def assert_clone(self):
        for offset, length in self.extents:
            run("cmp", "-i", f"{offset}:0", "-n", length, self.backing, os.path.join(self.dump, f"{offset:032x}"))

    def test_a_device_that_refuses_it(self):
        disk = FaultyDisk(self, self.backing)  # whose commands end in "not supported"
        output = self.clone(disk, 0)
        self.assertEqual(output.count("discarded"), 1, output)
        self.assertIn("dump: no unused blocks are discarded: the device cannot", output)
        self.assert_clone()

    def test_a_device_that_fails_in_the_middle(self):
        disk = FaultyDisk(self, self.backing, discards=True)
        disk.command("discard error skip=1")
        output = self.clone(disk, 0)
        self.assertIn(f"1.0 MB of unused blocks discarded, then the device could not at byte {3 * MIB}", output)
        self.assertEqual(disk.struck(), 1)
        self.assert_clone()

    def test_a_device_that_discards_more_than_it_was_told_to(self):
        """Before the first write that does no harm."""
        disk = FaultyDisk(self, self.backing, discards=True)
        disk.command(f"discard misdirect by={MIB}")
        self.assertIn("in 2 places discarded", self.clone(disk, 0))
        self.assertEqual(disk.struck(), 2)
        self.assert_clone()

    def test_a_device_that_hangs_at_it(self):
        disk = FaultyDisk(self, self.backing, discards=True)
        self.addCleanup(disk.command, "clear")
        disk.command("discard hang")
        output = self.clone(disk, 1, "--io-timeout", "1", "--reuse", "off")
        self.assertIn("has not answered for 10 s: its unused blocks are left alone", output)
        self.assertIn("has not answered for 1 s, at byte", output)


def check():
    require_built()
    require_programs("partclone.extfs", "e2fsck")
    require_faulty_disk()


if __name__ == "__main__":
    runner.main(check)
