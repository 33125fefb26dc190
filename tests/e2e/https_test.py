"""Torrents and trackers by https://, with a CA of the room's own."""
import os

from lib import runner
from lib.case import require_programs
from lib.ezio import EzioCase, create_torrent, require_built
from lib.https import Ca, TlsFront
from lib.proc import run
from lib.rawimage import RawImage
from lib.swarm import wait_swarm


class HttpsTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=8)
        self.ca = Ca(self)
        self.directory = self.temp_dir("torrents")
        front = self.front = TlsFront(self, self.ca, 6969)
        self.torrent = create_torrent(os.path.join(self.directory, "disk.torrent"), "--image", self.image.path,
                                      name="disk", announce=[f"{front.url}/announce"])
        self.running_tracker = self.tracker(directory=self.directory)
        self.url = f"{front.url}/torrents/disk.torrent"
        self.target = self.temp_file("target.img")

    def test_a_clone_whose_torrent_and_tracker_are_spoken_to_through_tls(self):
        self.seed(self.torrent, self.image.path, flags=["--ca", self.ca.pem])
        wait_swarm(self, None, "127.0.0.1", self.running_tracker.port, self.torrent, seeds=1)
        self.leech(self.url, self.target, flags=["--linger", "0", "--ca", self.ca.pem]).wait_exit(0)
        run("cmp", self.target, self.image.path)
        self.assertGreaterEqual(self.front.answered["torrents"], 1)
        self.assertGreaterEqual(self.front.answered["announce"], 2)

    def test_a_server_that_nobody_vouches_for_is_final(self):
        for flags in ([], ["--ca", Ca(self).pem]):
            done = self.run_peer("--leech", self.url, self.target, "--create", *flags)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("certificate is not trusted", done.stderr)
        self.assertFalse(os.path.exists(self.target))
        self.assertEqual(self.front.answered, {})

    def test_a_ca_file_that_does_not_exist_is_wrong_usage(self):
        done = self.run_peer("--leech", self.url, self.target, "--create", "--ca", "/nonexistent.pem")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("/nonexistent.pem", done.stderr)


def check():
    require_built()
    require_programs("openssl")


if __name__ == "__main__":
    runner.main(check)
