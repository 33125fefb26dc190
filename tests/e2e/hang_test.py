"""Targets whose disk does not answer when it is opened, or asked what it holds: refused, and nobody waits."""
import json
import os

from lib import runner
from lib.ezio import EzioCase, require_built
from lib.faultydisk import FaultyDisk, require_faulty_disk
from lib.proc import run
from lib.rawimage import MIB, RawImage

PORT = 7001
ANSWER_S = 2
IN_TIME_S = 30  # a bound for slow machines; without a timeout of their own these runs never end


class HangTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=6)
        backing = self.temp_file("backing.img")
        with open(backing, "wb") as file:
            file.truncate(self.image.size)
        self.disk = FaultyDisk(self, backing)
        self.addCleanup(self.disk.command, "clear")  # before it is unmounted

    def leech(self, *argv):
        done = self.run_peer("--leech", *argv, "--listen", "127.0.0.1:0", "--io-timeout", ANSWER_S, "--linger", "0",
                             timeout_s=IN_TIME_S)
        self.assertGreater(self.disk.struck(), 0, "the rule has struck nothing")
        return done

    def refused(self, target, *argv):
        """Its output is read to its end, for which the process that hangs must have closed it."""
        done = self.leech(self.image.torrent, target, *argv)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn(f"{target}: has not answered for {ANSWER_S} s (--io-timeout)", done.stderr)
        return done

    def cache_it(self):
        """What is read through the page cache does not reach the disk from here on."""
        run("dd", f"if={self.disk.path}", "of=/dev/null", "bs=1M")

    def test_when_it_is_asked_what_it_holds(self):
        self.disk.command("read hang")
        self.assertNotIn("overwritten", self.refused(self.disk.path).stdout)

    def test_at_its_end_only(self):
        """A probe looks there as well, for RAIDs and the backup of a table."""
        self.disk.command(f"read hang begin={self.image.size - 4096} end={self.image.size}")
        self.refused(self.disk.path)

    def test_when_it_is_opened_for_writing(self):
        self.cache_it()
        self.disk.command("read hang")
        self.assertIn("will be overwritten", self.refused(self.disk.path).stdout)

    def test_an_image_file_that_cannot_be_opened(self):
        path = os.path.join(self.disk.mount, "disk")
        self.disk.loop.close()  # which would lie on it
        self.disk.command("open hang")
        self.refused(path)

    def test_in_a_dry_run(self):
        self.disk.command("read hang")
        done = self.refused(self.disk.path, "--dry-run", "--json")
        pair, = json.loads(done.stdout)["pairs"]
        self.assertEqual(pair["exit_code"], 4)

    def test_in_a_dry_run_when_its_pieces_are_looked_at(self):
        self.disk.command(f"read hang begin={11 * MIB} end={13 * MIB}")  # where no probe looks
        done = self.refused(self.disk.path, "--dry-run")
        self.assertIn("would be overwritten", done.stdout)

    def test_when_it_is_written(self):
        self.seed(self.image.torrent, self.image.path, port=PORT)
        self.disk.command("write hang")
        done = self.leech(self.image.torrent, self.disk.path, "--peer", f"127.0.0.1:{PORT}")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(f"has not answered for {ANSWER_S} s", done.stderr)

    def test_a_source(self):
        self.disk.command("read hang")
        done = self.run_peer("--seed", self.image.torrent, self.disk.path, "--io-timeout", 1, timeout_s=IN_TIME_S)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn(f"{self.disk.path}: has not answered for 10 s", done.stderr)

    def test_the_other_targets_are_cloned_to(self):
        other = RawImage(self, data_mib=6, name="other", seed=2)
        target = self.temp_file("target.img")
        self.seed(other.torrent, other.path, port=PORT)
        self.disk.command("read hang")
        done = self.leech(self.image.torrent, self.disk.path, other.torrent, target, "--create",
                          "--peer", f"127.0.0.1:{PORT}")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("other: complete", done.stdout)
        run("cmp", other.path, target)


def _require():
    require_built()
    require_faulty_disk()


if __name__ == "__main__":
    runner.main(_require)
