"""What goes wrong in a real deployment: hosts, trackers and disks that fail."""
import errno
import os
import signal
import time

from lib import extents, no_uring, runner
from lib.case import require_programs
from lib.ezio import EzioCase, Peer, require_built
from lib.netlab import Lab
from lib.proc import run
from lib.rawimage import MIB, RawImage
from lib.swarm import scrape, wait_swarm

PORT = 6881
TRACKER_PORT = 6969


class SwarmFaultTest(EzioCase):
    """Hosts that come and go, in a lab whose seeder has a slow link, so that there is a half-way."""

    def setUp(self):
        super().setUp()
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.tracker_host = self.lab.host("tracker")
        self.announce = f"http://{self.tracker_host.address}:{TRACKER_PORT}/announce"
        self.image = RawImage(self, data_mib=48, announce=[self.announce])

    def slow_seed(self, source=None, rate="60mbit", **kwargs):
        host = self.lab.host("seeder")
        host.limit_upload(rate)
        return self.seed(self.image.torrent, source or self.image.path, host=host, port=PORT, **kwargs)

    def target(self, name):
        """A patterned loop device on a host called name."""
        backing = self.temp_file(f"{name}.img")
        extents.fill_pattern(backing, self.image.size)
        return self.loop(backing)

    def start_leech(self, name, target, **kwargs):
        kwargs.setdefault("flags", ["--linger", "0"])
        return self.leech(self.image.torrent, target.path, host=self.lab.host(name), port=PORT, name=name,
                          **kwargs)

    def assert_cloned(self, target):
        extents.assert_clone(target.backing_path, self.image.path, self.image.extents)

    def counts(self):
        return scrape(self, self.tracker_host, self.tracker_host.address, TRACKER_PORT, self.image.torrent)

    def test_a_source_killed_half_way_and_back_ends_in_an_exact_clone(self):
        self.tracker(host=self.tracker_host)
        seeder = self.slow_seed()
        target = self.target("leecher")
        leecher = self.start_leech("leecher", target)
        leecher.wait_fraction(0.3, below=0.9)
        seeder.process.kill()
        time.sleep(3)
        self.assertTrue(leecher.process.running(), "a leecher goes on without its source")
        self.slow_seed(rate=None)
        leecher.wait_exit(0)
        self.assert_cloned(target)

    def test_a_tracker_that_is_down_at_the_start_is_found_when_it_comes_up(self):
        target = self.target("leecher")
        leecher = self.start_leech("leecher", target)
        self.slow_seed(rate=None)
        time.sleep(3)
        self.tracker(host=self.tracker_host)
        leecher.wait_exit(0, timeout_s=150)
        self.assert_cloned(target)

    def test_a_leecher_killed_half_way_does_not_stop_the_others(self):
        self.tracker(host=self.tracker_host)
        self.slow_seed()
        targets = {name: self.target(name) for name in ("victim", "one", "two")}
        leechers = {name: self.start_leech(name, target) for name, target in targets.items()}
        leechers["victim"].wait_fraction(0.3, below=0.9)
        leechers.pop("victim").process.kill()
        for leecher in leechers.values():
            leecher.wait_exit(0)
        self.assert_cloned(targets["one"])
        self.assert_cloned(targets["two"])

    def interrupted(self, signum, code):
        self.tracker(host=self.tracker_host)
        self.slow_seed()
        leecher = self.start_leech("leecher", self.target("leecher"))
        leecher.wait_fraction(0.2, below=0.9)
        wait_swarm(self, self.tracker_host, self.tracker_host.address, TRACKER_PORT, self.image.torrent,
                   seeds=1, leechers=1)
        leecher.process.send(signum)
        leecher.wait_exit(code, timeout_s=15)
        self.assertEqual(self.counts(), (1, 0), "the tracker was told")

    def test_sigint_stops_with_130_and_tells_the_tracker(self):
        self.interrupted(signal.SIGINT, 130)

    def test_sigterm_stops_with_143_and_tells_the_tracker(self):
        self.interrupted(signal.SIGTERM, 143)

    def corrupted_copy(self):
        """The image with one byte flipped inside an extent."""
        copy = self.temp_file("corrupt.img")
        run("cp", "--sparse=always", self.image.path, copy)
        offset = self.image.extents[-1][0] + 5 * MIB + 12345
        with open(copy, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 0x10]))
        return copy

    def test_a_corrupt_source_never_makes_a_leecher_say_done(self):
        self.tracker(host=self.tracker_host)
        self.slow_seed(source=self.corrupted_copy(), rate=None)
        leecher = self.start_leech("leecher", self.target("leecher"), flags=["--linger", "0"])
        leecher.wait_exit(1)
        leecher.stderr_line(r"the source's piece \d+ is wrong: \S+ sent it")

    def test_a_source_cut_short_while_it_is_served_is_an_io_error(self):
        self.tracker(host=self.tracker_host)
        copy = self.temp_file("short.img")
        run("cp", "--sparse=always", self.image.path, copy)
        seeder = self.slow_seed(source=copy)
        leecher = self.start_leech("leecher", self.target("leecher"),
                                   flags=["--linger", "0", "--stall-timeout", "5"])
        leecher.wait_fraction(0.2, below=0.8)
        os.truncate(copy, 0)
        seeder.wait_exit(1)
        seeder.stderr_line("read failed")
        leecher.wait_exit(5)

    def test_a_good_source_beside_a_corrupt_one_gives_an_exact_clone(self):
        self.tracker(host=self.tracker_host)
        self.slow_seed(source=self.corrupted_copy(), rate=None, name="corrupt")
        self.seed(self.image.torrent, self.image.path, host=self.lab.host("good"), port=PORT)
        self.lab.host("good").limit_upload("100mbit")
        target = self.target("leecher")
        self.start_leech("leecher", target).wait_exit(0)
        self.assert_cloned(target)

    def test_verify_source_refuses_a_corrupt_source(self):
        done = self.run_peer("--seed", self.image.torrent, self.corrupted_copy(), "--verify-source",
                             "--listen", f"127.0.0.1:{PORT}")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("corrupt.img", done.stderr)

    def test_stall_timeout_gives_up_without_any_peer(self):
        leecher = self.leech(self.image.torrent, self.target("lonely").path, port=PORT,
                             flags=["--stall-timeout", "3"])
        leecher.wait_exit(5, timeout_s=30)


class DiskFaultTest(EzioCase):
    """Targets that fail while running, and backends that are not there. On loopback."""

    def setUp(self):
        super().setUp()
        self.tracker_process = self.tracker()
        self.image = RawImage(self, data_mib=48, announce=[self.tracker_process.announce])

    def patterned_loop(self, **kwargs):
        backing = self.temp_file("target.img")
        extents.fill_pattern(backing, self.image.size)
        return self.loop(backing, **kwargs)

    def full_target(self):
        """A loop device whose backing store has room for 16 MiB only."""
        backing = os.path.join(self.mount_tmpfs(16 * MIB), "backing.img")
        with open(backing, "wb") as file:
            file.truncate(self.image.size)
        return self.loop(backing)

    def assert_names_errno(self, peer):
        peer.stderr_line(f"{os.strerror(errno.ENOSPC)}|{os.strerror(errno.EIO)}|ENOSPC|EIO")

    def test_a_full_backing_store_of_a_device_is_an_io_error(self):
        self.seed(self.image.torrent, self.image.path)
        leecher = self.leech(self.image.torrent, self.full_target().path)
        leecher.wait_exit(1)
        self.assert_names_errno(leecher)

    def test_a_full_file_system_under_an_image_file_is_an_io_error(self):
        self.seed(self.image.torrent, self.image.path)
        leecher = self.leech(self.image.torrent, os.path.join(self.mount_tmpfs(16 * MIB), "target.img"))
        leecher.wait_exit(1)
        leecher.stderr_line(f"{os.strerror(errno.ENOSPC)}|ENOSPC")

    def test_a_failing_target_does_not_stop_the_other_of_the_same_process(self):
        other = RawImage(self, data_mib=24, announce=[self.tracker_process.announce], name="other", seed=2)
        Peer(self, "seed", [(self.image.torrent, self.image.path), (other.torrent, other.path)])
        backing = self.temp_file("good.img")
        extents.fill_pattern(backing, other.size)
        good = self.loop(backing)
        pairs = [(self.image.torrent, self.full_target().path), (other.torrent, good.path)]
        leecher = Peer(self, "leech", pairs, flags=["--linger", "0"])
        leecher.wait_exit(1)
        self.assert_names_errno(leecher)
        extents.assert_clone(backing, other.path, other.extents)

    def clone_with(self, before_exec=None):
        self.seed(self.image.torrent, self.image.path, before_exec=before_exec)
        target = self.patterned_loop()
        leecher = self.leech(self.image.torrent, target.path, flags=["--linger", "0"],
                             before_exec=before_exec)
        leecher.wait_exit(0)
        extents.assert_clone(target.backing_path, self.image.path, self.image.extents)
        return leecher

    def test_without_io_uring_by_seccomp_it_falls_back_to_threads_and_says_so(self):
        self.clone_with(no_uring.forbid_by_seccomp).stderr_line("(?i)io_uring.*threads|threads.*io_uring")

    def test_without_io_uring_by_sysctl_it_falls_back_to_threads_and_says_so(self):
        with no_uring.DisabledByKernel():
            leecher = self.clone_with()
        leecher.stderr_line("(?i)io_uring.*threads|threads.*io_uring")


def check():
    require_built()
    require_programs("tc")


if __name__ == "__main__":
    runner.main(check)
