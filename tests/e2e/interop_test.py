"""Our peer and tracker with other people's programs, each on its own host of a lab of network namespaces."""
import os

from lib import extents, runner
from lib.case import require_programs
from lib.clients import CLIENTS, Aria2, Libtorrent, Opentracker, Transmission
from lib.ezio import EzioCase, create_torrent, program, require_built
from lib.filesystems import FILE_SYSTEMS, Capture
from lib.netlab import Lab
from lib.proc import run, wait_until
from lib.swarm import info_hash_hex, wait_swarm
from lib.tree import make_tree

TRACKER_PORT = 6969
PORT = 6881


class InteropCase(EzioCase):
    @classmethod
    def setUpClass(cls):
        scratch = runner.scratch()
        tree = scratch.dir("tree")
        make_tree(tree, small_files=200, large_bytes=20 << 20)
        cls.capture = Capture(FILE_SYSTEMS["ext4_1k"], tree, scratch, name="sda1")

    def setUp(self):
        super().setUp()
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.tracker_host = self.lab.host("tracker")
        self.announce = f"http://{self.tracker_host.address}:{TRACKER_PORT}/announce"

    def torrent(self, announce=True):
        return create_torrent(self.temp_file("sda1.torrent"), "--info", self.capture.info, name="sda1",
                              announce=[self.announce] if announce else [])

    def start_opentracker(self, torrent):
        Opentracker(self, self.tracker_host, [info_hash_hex(torrent)], port=TRACKER_PORT)

    def wait_registered(self, torrent, seeds, leechers=0):
        wait_swarm(self, self.tracker_host, self.tracker_host.address, TRACKER_PORT, torrent, seeds, leechers)

    def start_client(self, client, host_name, torrent, parent):
        return client(self, self.lab.host(host_name), torrent, parent).start()

    def start_other_seed(self, client, torrent):
        """On host a, complete and known to the tracker."""
        self.start_client(client, "a", torrent, self.capture.parent).wait_complete()
        self.wait_registered(torrent, seeds=1)

    def our_seed(self, torrent, source=None, **kwargs):
        return self.seed(torrent, source or self.capture.directory, host=self.lab.host("a"), port=PORT,
                         **kwargs)

    def our_leech(self, torrent, target, **kwargs):
        kwargs.setdefault("flags", ["--linger", "0"])
        return self.leech(torrent, target.path, host=self.lab.host("ours"), port=PORT, **kwargs)

    def target(self):
        backing = self.temp_file("target.img")
        extents.fill_pattern(backing, self.capture.size)
        return self.loop(backing)

    def assert_target(self, target, target_extents=None):
        extents.assert_clone(target.backing_path, self.capture.image, target_extents or self.capture.extents)


class ControlTest(InteropCase):
    """The lab itself, with none of our programs: when these fail, the others say nothing about us."""

    def make_torrent(self):
        path = self.temp_file("sda1.torrent")
        run("mktorrent", "-l", "24", "-p", "-a", self.announce, "-n", "sda1", "-o", path,
            self.capture.directory)
        return path

    def exchange(self, seed_class, leech_class):
        torrent = self.make_torrent()
        self.start_opentracker(torrent)
        self.start_other_seed(seed_class, torrent)
        parent = self.temp_dir("downloads")
        leech_class(self, self.lab.host("b"), torrent, parent).start().wait_complete()
        extents.assert_same_files(os.path.join(parent, "sda1"), self.capture.directory)

    def test_libtorrent_seeds_aria2(self):
        self.exchange(Libtorrent, Aria2)

    def test_aria2_seeds_transmission(self):
        self.exchange(Aria2, Transmission)

    def test_transmission_seeds_libtorrent(self):
        self.exchange(Transmission, Libtorrent)


class OurTrackerTest(InteropCase):
    """Our tracker and torrent, all peers others'."""

    def test_all_clients_find_each_other_under_our_tracker(self):
        self.tracker(host=self.tracker_host)
        torrent = self.torrent()
        self.start_other_seed(Libtorrent, torrent)
        parents = {client: self.temp_dir("downloads") for client in CLIENTS}
        others = [self.start_client(client, f"{client.__name__}-2", torrent, parent)
                  for client, parent in parents.items()]
        for other in others:
            other.wait_complete()
        self.wait_registered(torrent, seeds=4)
        for parent in parents.values():
            extents.assert_same_files(os.path.join(parent, "sda1"), self.capture.directory)


class TrackedTest(InteropCase):
    """One seed and one leecher that find each other through a tracker: one of them ours, one not."""

    def other_seeds(self, client, torrent):
        self.start_other_seed(client, torrent)
        target = self.target()
        self.our_leech(torrent, target).wait_exit(0)
        self.assert_target(target)

    def other_leeches(self, client, torrent):
        self.our_seed(torrent)
        self.wait_registered(torrent, seeds=1)
        parent = self.temp_dir("downloads")
        client(self, self.lab.host("b"), torrent, parent).start().wait_complete()
        extents.assert_same_files(os.path.join(parent, "sda1"), self.capture.directory)

    def under_opentracker(self, exchange, client):
        torrent = self.torrent()
        self.start_opentracker(torrent)
        exchange(client, torrent)

    def under_ours(self, exchange, client):
        self.tracker(host=self.tracker_host)
        exchange(client, self.torrent())

    def test_libtorrent_seeds_our_leecher_under_opentracker(self):
        self.under_opentracker(self.other_seeds, Libtorrent)

    def test_libtorrent_leeches_from_our_seed_under_our_tracker(self):
        self.under_ours(self.other_leeches, Libtorrent)

    def test_transmission_seeds_our_leecher_under_our_tracker(self):
        self.under_ours(self.other_seeds, Transmission)

    def test_transmission_leeches_from_our_seed_under_opentracker(self):
        self.under_opentracker(self.other_leeches, Transmission)

    def test_aria2_seeds_our_leecher_under_our_tracker(self):
        self.under_ours(self.other_seeds, Aria2)

    def test_aria2_leeches_from_our_seed_under_our_tracker(self):
        self.under_ours(self.other_leeches, Aria2)

    def test_our_peers_find_each_other_under_opentracker(self):
        torrent = self.torrent()
        self.start_opentracker(torrent)
        self.our_seed(torrent)
        self.wait_registered(torrent, seeds=1)
        target = self.target()
        self.our_leech(torrent, target).wait_exit(0)
        self.assert_target(target)

    def test_a_mixed_swarm_of_all_clients_completes(self):
        self.tracker(host=self.tracker_host)
        torrent = self.torrent()
        self.our_seed(torrent)
        self.lab.host("a").limit_upload("200mbit")
        self.wait_registered(torrent, seeds=1)
        parents = {client: self.temp_dir("downloads") for client in (Libtorrent, Transmission, Aria2)}
        others = [client(self, self.lab.host(client.__name__), torrent, parent).start()
                  for client, parent in parents.items()]
        target = self.target()
        self.our_leech(torrent, target, flags=["--linger", "forever"])
        for other in others:
            other.wait_complete()
        self.wait_registered(torrent, seeds=2)
        for parent in parents.values():
            extents.assert_same_files(os.path.join(parent, "sda1"), self.capture.directory)
        wait_until(lambda: self.complete(torrent, target), 60, "our leecher's target is complete")
        self.assert_target(target)

    def complete(self, torrent, target):
        return run(program("ezio-torrent"), "check", torrent, target.path, check=False).returncode == 0


class UntrackedTest(InteropCase):
    """Without any tracker: one side is told the other's address."""

    def setUp(self):
        super().setUp()
        self.own = self.torrent(announce=False)

    def our_leecher_is_told_of(self, client):
        other = self.start_client(client, "a", self.own, self.capture.parent)
        other.wait_complete()
        target = self.target()
        self.our_leech(self.own, target, peers=[other.endpoint]).wait_exit(0)
        self.assert_target(target)

    def test_our_leecher_dials_libtorrent(self):
        self.our_leecher_is_told_of(Libtorrent)

    def test_our_leecher_dials_transmission(self):
        self.our_leecher_is_told_of(Transmission)

    def test_our_leecher_dials_aria2(self):
        self.our_leecher_is_told_of(Aria2)

    def test_our_seed_is_told_of_each_leecher(self):
        parents = {client: self.temp_dir("downloads") for client in CLIENTS}
        others = [self.start_client(client, client.__name__, self.own, parent)
                  for client, parent in parents.items()]
        self.our_seed(self.own, peers=[other.endpoint for other in others])
        for other in others:
            other.wait_complete()
        for parent in parents.values():
            extents.assert_same_files(os.path.join(parent, "sda1"), self.capture.directory)

    def test_libtorrent_dials_our_seed(self):
        self.our_seed(self.own)
        parent = self.temp_dir("downloads")
        other = Libtorrent(self, self.lab.host("b"), self.own, parent)
        other.start(peer=f"{self.lab.host('a').address}:{PORT}").wait_complete()
        extents.assert_same_files(os.path.join(parent, "sda1"), self.capture.directory)


class SingleFileTest(InteropCase):
    """A public single-file torrent of a raw image, as mktorrent makes it: written from offset 0."""

    def setUp(self):
        super().setUp()
        self.parent = os.path.dirname(self.capture.image)
        self.own = self.temp_file("image.torrent")
        run("mktorrent", "-l", "20", "-a", self.announce, "-o", self.own, self.capture.image)
        self.tracker(host=self.tracker_host)

    def test_a_raw_image_seeded_by_others_is_written_to_a_device(self):
        for client in (Libtorrent, Aria2):
            self.start_client(client, client.__name__, self.own, self.parent).wait_complete()
        self.wait_registered(self.own, seeds=2)
        target = self.target()
        self.our_leech(self.own, target).wait_exit(0)
        self.assert_target(target, [(0, self.capture.size)])

    def test_a_raw_image_seeded_by_us_is_leeched_by_others(self):
        self.our_seed(self.own, source=self.capture.image)
        self.wait_registered(self.own, seeds=1)
        for client in CLIENTS:
            parent = self.temp_dir("downloads")
            self.start_client(client, client.__name__, self.own, parent).wait_complete()
            copy = os.path.join(parent, os.path.basename(self.capture.image))
            run("cmp", copy, self.capture.image)


def check():
    require_built()
    require_programs("transmission-daemon", "transmission-remote", "aria2c", "opentracker", "mktorrent")


if __name__ == "__main__":
    runner.main(check)
