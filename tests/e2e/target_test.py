"""The right disk: what is said of a target before it is written, and what keeps another one from being written."""
import os

from lib import extents, runner
from lib.case import require_programs
from lib.ezio import EzioCase, create_torrent, require_built
from lib.proc import run
from lib.rawimage import MIB, RawImage

PORT = 7001
FROM_SEED = {"peers": [f"127.0.0.1:{PORT}"]}


class GuardTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=8)
        self.backing = self.temp_file("target.img")
        extents.fill_pattern(self.backing, self.image.size)
        self.device = self.loop(self.backing)

    def refused(self, *argv, naming=()):
        done = self.run_peer("--leech", self.image.torrent, *argv)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, f"one line: {done.stderr}")
        for text in naming:
            self.assertIn(text, done.stderr)
        extents.assert_untouched(self.backing)

    def test_the_first_line_names_what_will_be_overwritten(self):
        run("mkfs.ext4", "-q", "-F", "-L", "precious", self.device.path)
        self.seed(self.image.torrent, self.image.path, port=PORT)
        leecher = self.leech(self.image.torrent, self.device.path, json_output=False, flags=["--linger", "0"],
                             **FROM_SEED)
        leecher.wait_exit(0)
        first = leecher.process.stdout().splitlines()[0]
        for text in (self.device.path, "will be overwritten", "no serial number", "21.0 MB", "ext4 'precious'"):
            self.assertIn(text, first)

    def test_guards_that_fit_let_a_clone_begin(self):
        self.seed(self.image.torrent, self.image.path, port=PORT)
        self.leech(self.image.torrent, self.device.path,
                   flags=["--linger", "0", "--target-size", f"20M-{self.image.size}"], **FROM_SEED).wait_exit(0)
        run("cmp", self.backing, self.image.path)

    def test_guards_that_do_not_fit_refuse_before_the_first_write(self):
        self.refused(self.device.path, "--target-size", "1G", naming=[self.device.path, "--target-size"])
        self.refused(self.device.path, "--target-size", "1K-19M", naming=[self.device.path, "--target-size"])
        self.refused(self.device.path, "--target-serial", "S123", naming=["S123", "another disk"])
        self.refused(self.device.path, "--target-model", "Samsung*", naming=["'Samsung*'", "another disk"])
        self.refused("serial=no-such-serial", naming=["no disk of this machine"])
        self.refused("wwn=0x123", naming=["no disk of this machine"])
        self.refused(self.temp_file("new.img"), "--create", "--target-size", "1", naming=["is no disk"])

    def test_a_wrong_disk_is_told_before_the_torrent_is_waited_for(self):
        done = self.run_peer("--leech", "http://127.0.0.1:1/x.torrent", self.device.path, "--target-size", "1G")
        self.assertEqual(done.returncode, 4, done.stderr)

    def test_a_size_that_is_none_is_wrong_usage(self):
        done = self.run_peer("--leech", self.image.torrent, self.device.path, "--target-size", "2G-1G")
        self.assertEqual(done.returncode, 2, done.stderr)


class OverlapTest(EzioCase):
    """A source and a target of one process that share bytes."""

    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=8)

    def refused(self, source, target, naming="shares its bytes with source"):
        before = self.contents(source)
        done = self.run_peer("--seed", self.image.torrent, source, "--leech", self.image.torrent, target,
                             "--linger", "0")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn(naming, done.stderr)
        self.assertEqual(self.contents(source), before)

    def contents(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_the_same_file_by_two_names(self):
        link = self.temp_file("link")
        os.symlink(self.image.path, link)
        self.refused(self.image.path, link)

    def test_the_same_device(self):
        device = self.loop(self.image.path)
        self.refused(device.path, device.path)

    def test_a_loop_device_on_the_source(self):
        device = self.loop(self.image.path)
        self.refused(self.image.path, device.path)

    def test_two_loop_devices_on_one_file(self):
        self.refused(self.loop(self.image.path).path, self.loop(self.image.path).path)

    def test_two_targets_that_overlap(self):
        one, two = self.loop(self.image.path), self.loop(self.image.path)
        before = self.contents(self.image.path)
        done = self.run_peer("--leech", self.image.torrent, one.path, self.image.torrent, two.path)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn(f"target {one.path} overlaps target {two.path}", done.stderr)
        self.assertEqual(self.contents(self.image.path), before)


class EndTest(EzioCase):
    """What is left to do when all is written."""

    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=8)
        self.seed(self.image.torrent, self.image.path, port=PORT)

    def clone(self, target, *flags, code=0):
        leecher = self.leech(self.image.torrent, target, json_output=False, flags=["--linger", "0", *flags], **FROM_SEED)
        leecher.wait_exit(code)
        return leecher.process.output()

    def larger_device(self, sector):
        """With a GPT, whose backup is at its end."""
        backing = self.temp_file("large.img")
        extents.fill_pattern(backing, self.image.size + 4 * MIB)
        device = self.loop(backing, sector=sector)
        run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", device.path, input="label: gpt\n,8M\n")
        return device

    def test_the_backup_of_an_old_partition_table_is_wiped_and_nothing_beside_it(self):
        for sector in (512, 4096):
            device = self.larger_device(sector)
            with open(device.backing_path, "rb") as file:
                before = file.read()
            output = self.clone(device.path, "--reuse", "off")
            self.assertIn("an old signature is wiped: gpt", output)
            with open(device.backing_path, "rb") as file:
                after = file.read()
            magic = len(before) - sector
            self.assertEqual(before[magic:magic + 8], b"EFI PART")
            self.assertEqual(after[self.image.size:], before[self.image.size:magic] + bytes(8) + before[magic + 8:])

    def test_old_signatures_are_kept_where_that_is_asked_for(self):
        device = self.larger_device(512)
        output = self.clone(device.path, "--keep-signatures")
        self.assertIn("an old signature is kept: gpt", output)
        with open(device.backing_path, "rb") as file:
            self.assertEqual(file.read()[-512:-504], b"EFI PART")


class ForeignTorrentTest(EzioCase):
    """A torrent that does not say how large the device was."""

    def setUp(self):
        super().setUp()
        self.source = self.temp_file("source.img")
        with open(self.source, "wb") as file:
            file.truncate(64 * MIB)
        run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", self.source)
        dump = self.temp_dir("dump")
        with open(self.source, "rb") as file, open(os.path.join(dump, "0"), "wb") as extent:
            extent.write(file.read(16 * MIB))
        self.torrent = create_torrent(self.temp_file("foreign.torrent"), "--dir", dump, name="foreign")
        self.seed(self.torrent, dump, port=PORT)

    def leech_to(self, target, code):
        leecher = self.leech(self.torrent, target, json_output=False, flags=["--linger", "0"], **FROM_SEED)
        leecher.wait_exit(code)
        return leecher.process.output()

    def device(self, size):
        backing = self.temp_file("target.img")
        with open(backing, "wb") as file:
            file.truncate(size)
        return self.loop(backing)

    def test_onto_a_device_that_is_too_small_for_the_file_system_is_no_success(self):
        output = self.leech_to(self.device(32 * MIB).path, 1)
        self.assertIn(f"the file system (ext4) is {64 * MIB} bytes, the target {32 * MIB}", output)
        self.assertNotIn("complete:", output)

    def test_onto_a_device_that_is_large_enough_is_a_file_system(self):
        device = self.device(64 * MIB)
        self.leech_to(device.path, 0)
        run("e2fsck", "-fn", device.path)

    def test_into_a_file_the_file_becomes_as_large_as_the_file_system(self):
        target = self.temp_file("new.img")
        self.assertIn("extended to the 67108864 bytes", self.leech_to(target, 0))
        self.assertEqual(os.path.getsize(target), 64 * MIB)


def check():
    require_built()
    require_programs("mkfs.ext4", "sfdisk", "e2fsck")


if __name__ == "__main__":
    runner.main(check)
