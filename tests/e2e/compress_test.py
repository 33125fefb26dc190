"""Segments as zstd frames between our own peers: fewer bytes on the wire, the same bytes on the disk."""
import filecmp
import random

from lib import runner
from lib.ezio import SANITIZED, EzioCase, create_torrent, require_built

MIB = 1 << 20
SEED_PORT = 7001


def text_like(rng, size):
    """Some 4 bits of news a byte."""
    return bytes(b & 15 for b in rng.randbytes(size))


class Image:
    """`mib` of data that shrinks to about half, a MiB in the middle that does not."""

    def __init__(self, case, mib=48, seed=1, shrinks=True):
        self.path, self.size = case.temp_file("disk.img"), mib * MIB
        rng = random.Random(seed)
        with open(self.path, "wb") as file:
            for number in range(mib):
                plain = not shrinks or number == mib // 2
                file.write(rng.randbytes(MIB) if plain else text_like(rng, MIB))
        self.torrent = create_torrent(case.temp_file("disk.torrent"), "--image", self.path, name="disk",
                                      piece_length="4MiB")


class CompressTest(EzioCase):
    def room(self, image, seed_flags=(), leech_flags=((), ()), limit="20"):
        """A seeder and leechers that know each other; their last JSON, the seeder's last."""
        limits = ["--upload-limit", limit] if limit else []
        seeder = self.seed(image.torrent, image.path, port=SEED_PORT, flags=[*limits, *seed_flags])
        self.wait_listening(None, SEED_PORT)
        leechers, targets = [], []
        for number, flags in enumerate(leech_flags):
            targets.append(self.temp_file(f"target{number}.img"))
            others = [f"127.0.0.1:{SEED_PORT + k}" for k in range(number + 1)]
            leechers.append(self.leech(image.torrent, targets[-1], name=f"leech{number}",
                                       port=SEED_PORT + 1 + number, peers=others, flags=["--linger", "8", *flags]))
        for leecher in leechers:
            leecher.wait_exit(0, timeout_s=180)
        for target in targets:
            self.assertTrue(filecmp.cmp(image.path, target, shallow=False), target)
        self.assertTrue(seeder.process.running())
        self.peaks = [process.process.peak_memory_bytes() for process in leechers]
        seeder.process.stop()
        return [leecher.snapshots()[-1]["torrents"][0] for leecher in leechers]

    def test_a_slow_link_carries_half_of_the_bytes(self):
        image = Image(self)
        for leecher in self.room(image, limit="6"):
            self.assertLess(leecher["downloaded"], 0.75 * image.size)
            self.assertGreater(leecher["unpacked"], 0.5 * image.size)

    def test_always_sends_all_as_frames_that_shrinks(self):
        image = Image(self)
        flags = ["--compress", "always"]
        for leecher in self.room(image, flags, (flags, flags)):
            self.assertLess(leecher["downloaded"], 0.62 * image.size)
            self.assertGreater(leecher["unpacked"], 0.9 * image.size)

    def test_who_takes_no_frames_gets_the_bytes_as_they_are(self):
        image = Image(self)
        never, always = self.room(image, ["--compress", "always"], (["--compress", "never"], ["--compress", "always"]))
        self.assertEqual(never["unpacked"], 0)
        self.assertGreaterEqual(never["downloaded"], image.size)
        self.assertGreater(always["unpacked"], 0)

    def test_a_seeder_that_packs_nothing_sends_none(self):
        image = Image(self, mib=24)
        for leecher in self.room(image, ["--compress", "never"]):
            self.assertEqual(leecher["unpacked"], 0)

    def test_what_does_not_shrink_goes_as_it_is(self):
        image = Image(self, mib=24, shrinks=False)
        for leecher in self.room(image, ["--compress", "always"]):
            self.assertEqual(leecher["unpacked"], 0)
            self.assertLess(leecher["downloaded"], 1.2 * image.size)

    def test_levels_are_those_of_zstd(self):
        image = Image(self, mib=24)
        for level in (1, 8):
            for leecher in self.room(image, ["--compress", "always", "--compress-level", level], ((),)):
                self.assertGreater(leecher["unpacked"], 0.9 * image.size, level)
        # A segment takes longer to pack than a leecher waits for an offer: then it asks for it as it is.
        self.room(image, ["--compress", "always", "--compress-level", "19"], ((),))
        refused = self.run_peer("--seed", image.torrent, image.path, "--compress-level", "20")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--compress-level", refused.stderr)

    def test_memory_stays_within_its_bound(self):
        image = Image(self, mib=96)
        flags = ["--compress", "always", "--memory", "32"]
        self.room(image, flags, (flags, flags), limit=None)
        if SANITIZED:
            return  # a sanitizer's shadow memory and quarantine are not the peer's
        for peak in self.peaks:
            self.assertLessEqual(peak, (32 + 64) << 20)


def check():
    require_built()


if __name__ == "__main__":
    runner.main(check)
