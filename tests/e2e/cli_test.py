"""The command lines of ezio-peer and ezio-tracker: what they take and print. On loopback."""
import json
import os
import pty
import signal
import time

from lib import runner
from lib.ezio import EzioCase, Peer, create_torrent, program, require_built
from lib.proc import run, wait_until
from lib.rawimage import MIB, RawImage
from lib.swarm import info_hash_hex, wait_swarm


class PeerCommandTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=24)

    def assert_cloned(self, target, image=None):
        run("cmp", target, (image or self.image).path)

    def start_seed(self, port=7001, **kwargs):
        return self.seed(self.image.torrent, self.image.path, port=port, **kwargs)

    def test_peers_find_each_other_without_a_tracker(self):
        self.start_seed()
        target = self.temp_file("target.img")
        self.leech(self.image.torrent, target, peers=["127.0.0.1:7001"], flags=["--linger", "0"]).wait_exit(0)
        self.assert_cloned(target)

    def test_an_image_file_target_is_created_sparse(self):
        self.start_seed()
        target = self.temp_file("target.img")
        self.leech(self.image.torrent, target, peers=["127.0.0.1:7001"], flags=["--linger", "0"]).wait_exit(0)
        self.assertLess(os.stat(target).st_blocks * 512, 24 * MIB + 4 * MIB, "holes stay holes")

    def test_neither_a_limited_upload_nor_a_limited_download_is_exceeded(self):
        for limit in ("--upload-limit", "--download-limit"):
            with self.subTest(limit):
                flags = {"--upload-limit": [], "--download-limit": []}
                flags[limit] = [limit, "8"]
                seeder = self.start_seed(flags=flags["--upload-limit"])
                target = self.temp_file(f"target{limit}.img")
                start = time.monotonic()
                self.leech(self.image.torrent, target, peers=["127.0.0.1:7001"],
                           flags=["--linger", "0"] + flags["--download-limit"]).wait_exit(0)
                # What was saved up at the start comes sooner.
                self.assertGreater(time.monotonic() - start, 0.95 * 24 * MIB / 8e6)
                self.assert_cloned(target)
                seeder.process.stop()

    def test_ipv6_through_the_tracker(self):
        tracker = self.tracker(address="::1")
        self.seed(self.image.torrent, self.image.path, tracker=tracker.announce,
                  flags=["--listen", "[::]:7001"])
        wait_swarm(self, None, "::1", tracker.port, self.image.torrent, seeds=1)
        target = self.temp_file("target.img")
        self.leech(self.image.torrent, target, tracker=tracker.announce,
                   flags=["--listen", "[::]:7002", "--linger", "0"]).wait_exit(0)
        self.assert_cloned(target)

    def test_the_default_port_gives_way_to_the_next_free_one(self):
        tracker = self.tracker()
        for number in range(2):
            self.seed(self.image.torrent, self.image.path, tracker=tracker.announce, name=f"seed{number}")
        wait_swarm(self, None, "127.0.0.1", tracker.port, self.image.torrent, seeds=2)
        self.wait_listening(None, 6881)
        self.wait_listening(None, 6882)

    def test_a_port_that_was_asked_for_and_is_taken_is_an_error(self):
        self.start_seed(port=7001)
        self.wait_listening(None, 7001)
        done = self.run_peer("--seed", self.image.torrent, self.image.path, "--listen", "0.0.0.0:7001")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("7001", done.stderr)

    def test_several_pairs_in_one_process(self):
        other = RawImage(self, data_mib=12, name="other", seed=3)
        Peer(self, "seed", [(self.image.torrent, self.image.path), (other.torrent, other.path)], port=7001)
        targets = [self.temp_file("a.img"), self.temp_file("b.img")]
        Peer(self, "leech", [(self.image.torrent, targets[0]), (other.torrent, targets[1])],
             peers=["127.0.0.1:7001"], flags=["--linger", "0"]).wait_exit(0)
        self.assert_cloned(targets[0])
        self.assert_cloned(targets[1], other)

    def test_a_configuration_file(self):
        target = self.temp_file("target.img")
        config = self.temp_file("seed.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"# a seeder\nTORRENT={self.image.torrent}\nSOURCE={self.image.path}\n"
                       "listen=127.0.0.1:7001\n")
        self.spawn("seed", [program("ezio-peer"), "--config", config])
        config = self.temp_file("leech.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"TORRENT={self.image.torrent}\nTARGET={target}\n\npeer=127.0.0.1:7001\nlinger=0\n"
                       "memory=64\nquiet=true\ncreate=true\n")
        leecher = self.spawn("leech", [program("ezio-peer"), "--config", config])
        self.assertEqual(leecher.wait(60), 0)
        self.assert_cloned(target)

    def test_a_wrong_key_in_a_configuration_file_is_a_usage_error_that_names_it(self):
        config = self.temp_file("bad.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"TORRENT={self.image.torrent}\nTARGET={self.temp_file('t.img')}\nfrobnicate=1\n")
        done = self.run_peer("--config", config)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("frobnicate", done.stderr)

    def test_torrents_come_from_the_tracker_by_http(self):
        directory = self.temp_dir("torrents")
        tracker = self.tracker(directory=directory)
        create_torrent(os.path.join(directory, "disk.torrent"), "--image", self.image.path, name="disk",
                       announce=[tracker.announce])
        tracker.process.stop()
        tracker = self.tracker(directory=directory)
        url = f"{tracker.url}/torrents/disk.torrent"
        self.seed(url, self.image.path)
        wait_swarm(self, None, tracker.address, tracker.port, self.image.torrent, seeds=1)
        target = self.temp_file("target.img")
        self.leech(url, target, flags=["--linger", "0"]).wait_exit(0)
        self.assert_cloned(target)

    def test_a_torrent_that_http_does_not_give_is_exit_3_and_writes_nothing(self):
        tracker = self.tracker(directory=self.temp_dir("torrents"))
        target = self.temp_file("target.img")
        for url in (f"{tracker.url}/torrents/none.torrent", f"{tracker.url}/stats",
                    "http://127.0.0.1:1/x.torrent"):
            done = self.run_peer("--leech", url, target, "--create", "--wait", "0")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(url, done.stderr)
            self.assertFalse(os.path.exists(target))

    def test_a_room_that_boots_before_its_server_waits_for_it(self):
        target = self.temp_file("target.img")
        leecher = self.leech("http://127.0.0.1:6969/torrents/disk.torrent", target, json_output=False,
                             flags=["--linger", "0"])
        wait_until(lambda: "asking again until it is there" in leecher.process.stdout(), 10, "it says that it waits")
        directory = self.temp_dir("torrents")
        create_torrent(os.path.join(directory, "disk.torrent"), "--image", self.image.path, name="disk",
                       announce=["http://127.0.0.1:6969/announce"])
        self.tracker(directory=directory)
        self.seed(os.path.join(directory, "disk.torrent"), self.image.path)
        leecher.wait_exit(0)
        self.assert_cloned(target)

    def test_a_signal_ends_the_wait_for_a_torrent(self):
        target = self.temp_file("target.img")
        for number in (signal.SIGINT, signal.SIGTERM):
            leecher = self.leech("http://127.0.0.1:1/x.torrent", target, json_output=False)
            wait_until(lambda: "asking again" in leecher.process.stdout(), 10, "it says that it waits")
            leecher.process.send(number)
            leecher.wait_exit(128 + number, timeout_s=10)
        self.assertFalse(os.path.exists(target))

    def test_a_signal_in_the_first_moments_is_not_lost(self):
        for delay_ms in range(0, 40, 2):
            seeder = self.spawn(f"at {delay_ms} ms", [program("ezio-peer"), "--quiet", "--seed", self.image.torrent, self.image.path,
                                                      "--listen", "127.0.0.1:7000"])
            time.sleep(delay_ms / 1000)
            seeder.send(signal.SIGTERM)
            # Until it takes them, they end it as they end any program.
            self.assertIn(seeder.wait(20), (128 + signal.SIGTERM, -signal.SIGTERM, 0), f"after {delay_ms} ms")

    def test_a_pin_lets_its_torrent_through_and_no_other(self):
        pin = info_hash_hex(self.image.torrent)
        wrong = "0" * 40
        target = self.temp_file("target.img")
        done = self.run_peer("--leech", self.image.torrent, target, "--create", "--info-hash", wrong)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(pin, done.stderr)
        self.assertIn(wrong, done.stderr)
        self.assertFalse(os.path.exists(target))
        self.start_seed()
        self.leech(self.image.torrent, target, peers=["127.0.0.1:7001"],
                   flags=["--linger", "0", "--info-hash", pin.upper()]).wait_exit(0)
        self.assert_cloned(target)

    def test_verify_source_lets_a_good_source_seed(self):
        self.start_seed(flags=["--verify-source"])
        target = self.temp_file("target.img")
        self.leech(self.image.torrent, target, peers=["127.0.0.1:7001"], flags=["--linger", "0"]).wait_exit(0)
        self.assert_cloned(target)


class OutputTest(EzioCase):
    """Progress on a terminal, in a pipe, as JSON, and not at all."""

    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=12)
        self.seeder = self.seed(self.image.torrent, self.image.path, port=7001)

    def leech_argv(self, *flags, linger_s=3):
        return [program("ezio-peer"), "--leech", self.image.torrent, self.temp_file("target.img"), "--peer",
                "127.0.0.1:7001", "--create", "--linger", linger_s, *flags]

    def test_json_is_one_valid_object_a_second(self):
        leecher = self.spawn("json", self.leech_argv("--json"))
        self.assertEqual(leecher.wait(60), 0)
        lines = leecher.stdout().splitlines()
        self.assertGreaterEqual(len(lines), 3)
        self.assertLessEqual(len(lines), 8)
        for line in lines:
            self.assertIsInstance(json.loads(line), dict)

    def test_a_pipe_gets_plain_lines(self):
        leecher = self.spawn("plain", self.leech_argv(linger_s=7))
        self.assertEqual(leecher.wait(60), 0)
        self.assertNotIn("\r", leecher.output())
        self.assertNotIn("\x1b", leecher.output())
        self.assertIn("%", leecher.output())

    def test_a_terminal_gets_one_live_line(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        leecher = self.spawn("tty", self.leech_argv(), tty=slave)
        os.close(slave)
        seen = b""
        while True:
            try:
                data = os.read(master, 4096)
            except OSError:  # EIO: the other end is closed
                break
            if not data:
                break
            seen += data
        self.assertEqual(leecher.wait(60), 0)
        self.assertIn(b"%", seen)
        self.assertIn(b"\r", seen.replace(b"\r\n", b"\n"), "the line is drawn over itself")

    def test_quiet_prints_nothing_when_all_is_well(self):
        leecher = self.spawn("quiet", self.leech_argv("--quiet"))
        self.assertEqual(leecher.wait(60), 0)
        self.assertEqual(leecher.stdout(), "")
        self.assertEqual(leecher.stderr(), "")


class LingerTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.tracker_process = self.tracker(interval_s=2)
        self.image = RawImage(self, data_mib=12, announce=[self.tracker_process.announce])

    def leech_for(self, *flags, **kwargs):
        return self.leech(self.image.torrent, self.temp_file("target.img"), flags=list(flags), **kwargs)

    def wait_seeds(self, count):
        wait_swarm(self, None, "127.0.0.1", self.tracker_process.port, self.image.torrent, seeds=count)

    def test_a_number_of_seconds_is_served_for_that_long(self):
        self.seed(self.image.torrent, self.image.path)
        leecher = self.leech_for("--linger", "4")
        self.wait_seeds(2)
        completed = time.monotonic()
        leecher.wait_exit(0, timeout_s=30)
        self.assertGreater(time.monotonic() - completed, 2)

    def test_auto_ends_when_the_tracker_knows_no_leecher(self):
        self.seed(self.image.torrent, self.image.path)
        self.leech_for().wait_exit(0, timeout_s=60)

    def test_auto_serves_on_while_the_tracker_knows_a_leecher(self):
        first_seed = self.seed(self.image.torrent, self.image.path)
        self.announce_stranger()  # known for longer than this test takes
        leecher = self.leech_for(name="first")
        self.wait_seeds(2)
        first_seed.process.stop()
        time.sleep(3)
        late = self.leech_for("--linger", "0", name="late")  # whose only source is the first leecher
        late.wait_exit(0, timeout_s=60)
        self.assertTrue(leecher.process.running())

    def announce_stranger(self):
        """A leecher that the tracker knows and that never completes."""
        query = "".join(f"%{byte:02x}" for byte in bytes.fromhex(info_hash_hex(self.image.torrent)))
        status, _ = self.http_get(None, "127.0.0.1", self.tracker_process.port,
                                  f"/announce?info_hash={query}&peer_id=-XX0000-000000000000&port=9"
                                  f"&uploaded=0&downloaded=0&left={12 * MIB}&compact=1&event=started")
        self.assertEqual(status, 200)

    def test_forever_never_ends_by_itself(self):
        self.seed(self.image.torrent, self.image.path)
        leecher = self.leech_for("--linger", "forever")
        self.wait_seeds(2)
        time.sleep(3)
        self.assertTrue(leecher.process.running())
        self.assertEqual(leecher.process.stop(), 0, "it has done what it was asked to")


class TrackerCommandTest(EzioCase):
    def test_a_tracker_with_a_directory_takes_only_its_torrents(self):
        known, unknown = RawImage(self, data_mib=3), RawImage(self, data_mib=3, name="unknown", seed=9)
        directory = self.temp_dir("torrents")
        run("cp", known.torrent, os.path.join(directory, "known.torrent"))
        tracker = self.tracker(directory=directory)
        with open(known.torrent, "rb") as file:
            self.assertEqual(self.http_get(None, tracker.address, tracker.port, "/torrents/known.torrent"),
                             (200, file.read()))
        for image in (known, unknown):
            self.seed(image.torrent, image.path, tracker=tracker.announce, name=image.name)
        wait_swarm(self, None, tracker.address, tracker.port, known.torrent, seeds=1)
        self.assertNotIn(info_hash_hex(unknown.torrent), json.dumps(tracker.stats()))

    def test_it_ends_on_sigterm(self):
        self.assertEqual(self.tracker().process.stop(), 143)

    def test_paths_outside_the_directory_are_not_served(self):
        tracker = self.tracker(directory=self.temp_dir("torrents"))
        for path in ("/torrents/../../etc/passwd", "/torrents/%2e%2e/%2e%2e/etc/passwd",
                     "/torrents//etc/passwd", "/etc/passwd"):
            status, body = self.http_get(None, tracker.address, tracker.port, path)
            self.assertGreaterEqual(status, 400, path)
            self.assertNotIn(b"root:", body)


if __name__ == "__main__":
    runner.main(require_built)
