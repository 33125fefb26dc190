"""The right disk: what is said of a target before it is written, and what keeps another one from being written."""
import os

from lib import extents, runner
from lib.case import require_programs
from lib.ezio import EzioCase, require_built
from lib.proc import run
from lib.rawimage import MIB, RawImage

PORT = 6881
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


def check():
    require_built()
    require_programs("mkfs.ext4")


if __name__ == "__main__":
    runner.main(check)
