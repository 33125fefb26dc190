"""Peers that mean harm beside an honest seed: the clone completes, and no process grows.

How long it takes beside a clone that nobody disturbs is printed, and not asserted."""
import os
import time

from lib import hostile, runner
from lib.ezio import SANITIZED, EzioCase, require_built
from lib.proc import run
from lib.rawimage import RawImage
from lib.swarm import info_hash_hex

SEED_PORT, LEECH_PORT = 7001, 7002
MOST_MEMORY_BYTES = 320 << 20


def process_tree(pid):
    yield pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
    except OSError:
        return  # it has ended
    for child in children:
        yield from process_tree(int(child))


def peak_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0  # a zombie


class HarmTest(EzioCase):
    quiet_s = None

    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=24)
        self.info_hash = bytes.fromhex(info_hash_hex(self.image.torrent))

    def beside(self, *make):
        """Clones from an honest seed while the hostile peers are at it; returns them, and the seconds it took."""
        seeder = self.seed(self.image.torrent, self.image.path, port=SEED_PORT, flags=["--upload-limit", "6"])
        self.wait_listening(None, SEED_PORT)
        crowd = []
        try:
            for one in make:
                crowd.append(one())
            target = self.temp_file("target.img")
            began = time.monotonic()
            leecher = self.leech(self.image.torrent, target, port=LEECH_PORT, peers=[f"127.0.0.1:{SEED_PORT}"],
                                 flags=["--linger", "0"])
            leecher.wait_exit(0, timeout_s=120)
            took = time.monotonic() - began
            self.assertTrue(seeder.process.running(), "the seed lives on")
            peaks = [peak_bytes(pid) for pid in process_tree(seeder.process.pid)]
        finally:
            for one in crowd:
                one.stop()
        run("cmp", target, self.image.path)
        peaks.append(leecher.process.peak_memory_bytes())
        if not SANITIZED:  # their shadow memory is not ours
            self.assertLess(max(peaks), MOST_MEMORY_BYTES)
        seeder.process.stop()
        return crowd, took, max(peaks)

    def check(self, *make):
        if HarmTest.quiet_s is None:
            HarmTest.quiet_s = self.beside()[1]
        crowd, took, peak = self.beside(*make)
        for one in crowd:
            self.assertGreater(one.deeds, 0, f"{type(one).__name__} did no harm at all")
        print(f"# {type(crowd[0]).__name__}: {took:.1f} s, {took / self.quiet_s:.2f} of the quiet time, "
              f"{peak >> 20} MiB at most, {[one.deeds for one in crowd]} deeds", flush=True)

    def at_leecher(self, kind, **kwargs):
        return lambda: kind(LEECH_PORT, self.info_hash, **kwargs)

    def at_seed(self, kind, **kwargs):
        return lambda: kind(SEED_PORT, self.info_hash, **kwargs)

    def test_who_drips_does_not_hold_its_blocks(self):
        self.check(self.at_leecher(hostile.Drip))

    def test_rejects_that_nobody_reads_do_not_pile_up(self):
        self.check(self.at_seed(hostile.RejectFlood), self.at_leecher(hostile.RejectFlood))

    def test_requests_for_a_byte_do_not_pile_up(self):
        self.check(self.at_seed(hostile.TinyRequests))

    def test_silent_connections_keep_nobody_out(self):
        self.check(lambda: hostile.SilentCrowd(SEED_PORT, 500), lambda: hostile.SilentCrowd(LEECH_PORT, 500))

    def test_who_claims_the_seeds_id_does_not_throw_it_out(self):
        self.check(self.at_leecher(hostile.IdThief, owner_port=SEED_PORT))

    def test_who_claims_the_leechers_id_does_not_throw_it_out(self):
        self.check(self.at_seed(hostile.IdThief, owner_port=LEECH_PORT))

    def test_a_flood_of_haves_is_borne(self):
        self.check(self.at_leecher(hostile.HaveFlood))

    def test_blocks_that_nobody_asked_for_are_not_taken(self):
        self.check(self.at_leecher(hostile.Unasked))

    def test_chokes_without_end_are_borne(self):
        self.check(self.at_leecher(hostile.Flapping))

    def test_introductions_without_end_are_borne(self):
        self.check(self.at_leecher(hostile.EndlessHellos))

    def test_lies_are_not_believed(self):
        self.check(self.at_leecher(hostile.Liar))

    def test_who_spoils_a_block_and_leaves_does_not_discredit_the_honest(self):
        self.check(self.at_leecher(hostile.Spoiler))


if __name__ == "__main__":
    runner.main(require_built)
