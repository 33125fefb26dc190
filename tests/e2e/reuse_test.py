"""What a target holds already is not fetched again, holes are zeros, and "complete" means that the device gives
back what was written. On loopback and loop devices."""
import os
import random

from lib import runner
from lib.ezio import SANITIZED, EzioCase, Peer, create_torrent, program, require_built
from lib.proc import run, wait_until
from lib.rawimage import MIB, RawImage

PORT = 7001
FROM_SEED = {"peers": [f"127.0.0.1:{PORT}"]}


def fetched(torrent):
    return torrent["downloaded_from_seeds"] + torrent["downloaded_from_leechers"]


class ReuseTest(EzioCase):
    def clone(self, image, target, *flags, code=0, seed_flags=(), seeding=True):
        """One clone, to its end: what the leecher said last of its torrent."""
        seeder = self.seed(image.torrent, image.path, port=PORT, flags=seed_flags) if seeding else None
        leecher = self.leech(image.torrent, target, flags=["--linger", "0", *flags], **FROM_SEED)
        leecher.wait_exit(code)
        if seeder:
            seeder.process.stop()
        self.last = leecher
        return leecher.snapshots()[-1]["torrents"][0]

    def random_device(self, size, sector=512, seed=7):
        """A loop device with a past."""
        backing = self.temp_file(f"old{sector}.img")
        with open(backing, "wb") as file:
            file.write(random.Random(seed).randbytes(size))
        return self.loop(backing, sector=sector)

    # ---- holes are zeros

    def test_a_sparse_image_on_a_device_of_random_bytes_equals_its_source_to_the_last_byte(self):
        image = RawImage(self, data_mib=64)
        for sector in (512, 4096):
            device = self.random_device(image.size, sector)
            done = self.clone(image, device.path)
            run("cmp", image.path, device.path)
            self.assertLessEqual(fetched(done), 64 * MIB * 1.02)
            self.assertGreaterEqual(done["zeroed"], 10 * MIB)
            run(program("ezio-torrent"), "check", image.torrent, device.path)

    def test_a_terabyte_with_little_data_takes_the_time_of_the_data(self):
        path, target = self.temp_file("large.img"), self.temp_file("target.img")
        with open(path, "wb") as file:
            file.truncate(10**12)
            for part in range(4):
                file.seek(part * 250 * 10**9 + 12345)
                file.write(random.Random(part).randbytes(16 * MIB))
        torrent = create_torrent(self.temp_file("large.torrent"), "--image", path, name="large")
        seeder = self.seed(torrent, path, port=PORT)
        leecher = self.leech(torrent, target, flags=["--linger", "0"], **FROM_SEED)
        leecher.wait_exit(0)
        seeder.process.stop()
        self.assertEqual(os.stat(target).st_size, 10**12)
        self.assertLess(os.stat(target).st_blocks * 512, 200 * MIB, "holes stay holes")
        run(program("ezio-torrent"), "check", torrent, target)
        if not SANITIZED:
            for process in (seeder.process, leecher.process):
                self.assertLessEqual(process.peak_memory_bytes(), 320 * MIB)

    def test_an_image_that_is_one_hole_is_zeros(self):
        path = self.temp_file("hole.img")
        with open(path, "wb") as file:
            file.truncate(20 * MIB + 5000)
        torrent = create_torrent(self.temp_file("hole.torrent"), "--image", path, name="hole")
        target = self.temp_file("target.img")
        with open(target, "wb") as file:
            file.write(b"\xff" * (20 * MIB + 5000))
        self.leech(torrent, target, flags=["--linger", "0"]).wait_exit(0)  # from nobody
        run("cmp", path, target)

    # ---- resume and delta

    def test_what_an_interrupted_clone_has_written_is_not_fetched_again(self):
        image = RawImage(self, data_mib=64)
        device = self.random_device(image.size)
        self.seed(image.torrent, image.path, port=PORT, flags=["--upload-limit", "20"])
        leecher = self.leech(image.torrent, device.path, **FROM_SEED)
        leecher.wait_fraction(0.5, 0.9)
        leecher.process.kill()
        second = self.leech(image.torrent, device.path, flags=["--linger", "0"], name="second", **FROM_SEED)
        second.wait_exit(0)
        done = second.snapshots()[-1]["torrents"][0]
        self.assertLessEqual(fetched(done), image.size * 0.52)
        self.assertEqual(done["reused"] + done["zeroed"] + fetched(done), image.size)
        run("cmp", image.path, device.path)

    def test_killed_at_ten_moments_each_run_keeps_what_was_written(self):
        image = RawImage(self, data_mib=48)
        device = self.random_device(image.size)
        self.seed(image.torrent, image.path, port=PORT, flags=["--upload-limit", "10"])
        moments = random.Random(3)
        for _ in range(10):
            leecher = self.leech(image.torrent, device.path, name="killed", **FROM_SEED)
            wait_until(lambda: "listening on" in leecher.process.stderr(), 20, "the leecher's start")
            try:
                leecher.process.wait(moments.uniform(0.1, 0.5))
            except AssertionError:
                leecher.process.kill()
        missing = image.size - self.right_bytes(image, device.path)
        leecher = self.leech(image.torrent, device.path, flags=["--linger", "0"], **FROM_SEED)
        leecher.wait_exit(0)
        done = leecher.snapshots()[-1]["torrents"][0]
        self.assertLessEqual(fetched(done) + done["zeroed"], missing + 16 * MIB)
        self.assertGreater(missing, 0, "else nothing is tested")
        self.assertLess(missing, 48 * MIB, "likewise")
        run("cmp", image.path, device.path)

    def right_bytes(self, image, path):
        """Of whole pieces that are right."""
        text = run(program("ezio-torrent"), "check", image.torrent, path, check=False).stdout.splitlines()[-1]
        good, total = int(text.split(": ")[1].split()[0]), int(text.split(" of ")[1].split()[0])
        return good * image.size // total

    def test_a_target_that_is_right_completes_without_anybody(self):
        image = RawImage(self, data_mib=24)
        device = self.random_device(image.size)
        run("cp", image.path, device.path)
        done = self.clone(image, device.path, seeding=False)
        self.assertEqual(done["reused"], image.size)
        self.assertEqual(done["downloaded"], 0)

    def test_off_fetches_all_and_all_finds_a_single_piece(self):
        image = RawImage(self, data_mib=40)
        device = self.random_device(image.size)
        run("cp", image.path, device.path)
        self.assertEqual(self.clone(image, device.path, "--reuse", "off")["reused"], 0)
        device = self.random_device(image.size, seed=8)
        run("dd", f"if={image.path}", f"of={device.path}", "bs=1M", "count=2", "seek=1", "skip=1", "conv=notrunc")
        done = self.clone(image, device.path, "--reuse", "all")
        self.assertGreater(done["reused"], 0)
        run("cmp", image.path, device.path)

    def test_what_is_reused_is_served_to_others(self):
        image = RawImage(self, data_mib=24)
        whole, blank = self.temp_file("whole.img"), self.temp_file("blank.img")
        run("cp", image.path, whole)
        first = self.leech(image.torrent, whole, port=PORT, flags=["--linger", "forever"], name="first")
        self.leech(image.torrent, blank, flags=["--linger", "0"], name="other", **FROM_SEED).wait_exit(0)
        first.process.stop()
        self.assertEqual(first.snapshots()[-1]["torrents"][0]["reused"], image.size)
        run("cmp", image.path, blank)

    # ---- several targets of one download

    def test_two_targets_are_one_download(self):
        image = RawImage(self, data_mib=64)
        device, file = self.random_device(image.size), self.temp_file("target.img")
        seeder = self.seed(image.torrent, image.path, port=PORT)
        pairs = [(image.torrent, device.path), (image.torrent, file)]
        leecher = Peer(self, "leech", pairs, flags=["--linger", "0"], **FROM_SEED)
        leecher.wait_exit(0)
        (done,) = leecher.snapshots()[-1]["torrents"]
        self.assertEqual(fetched(done) + done["zeroed"], image.size)
        self.assertEqual([(end["path"], end["exit_code"]) for end in done["targets"]], [(device.path, 0), (file, 0)])
        seeder.process.stop()  # its last words are the sum
        self.assertLessEqual(seeder.snapshots()[-1]["torrents"][0]["uploaded"], image.size)
        for target in (device.path, file):
            run("cmp", image.path, target)

    def test_of_two_targets_that_are_right_nothing_is_fetched_and_else_what_either_lacks(self):
        image = RawImage(self, data_mib=24)
        self.seed(image.torrent, image.path, port=PORT)
        targets = [self.temp_file(f"{i}.img") for i in range(2)]
        for target in targets:
            run("cp", image.path, target)
        for spoilt in (None, *targets):
            if spoilt:
                run("dd", "if=/dev/urandom", f"of={spoilt}", "bs=1M", "count=1", "seek=3", "conv=notrunc")
            leecher = Peer(self, "leech", [(image.torrent, target) for target in targets], flags=["--linger", "0"],
                           **FROM_SEED)
            leecher.wait_exit(0)
            (done,) = leecher.snapshots()[-1]["torrents"]
            self.assertEqual(fetched(done) > 0, spoilt is not None)
            self.assertLess(fetched(done), 8 * MIB)
            for target in targets:
                run("cmp", image.path, target)

    def test_a_target_that_is_refused_leaves_the_other_to_be_cloned(self):
        image = RawImage(self, data_mib=8)
        self.seed(image.torrent, image.path, port=PORT)
        target = self.temp_file("target.img")
        device = self.random_device(4 * MIB)
        leecher = Peer(self, "leech", [(image.torrent, device.path), (image.torrent, target)], flags=["--linger", "0"],
                       **FROM_SEED)
        leecher.wait_exit(4)
        run("cmp", image.path, target)

    # ---- the report

    def test_the_summary_says_where_the_bytes_came_from(self):
        image = RawImage(self, data_mib=24)
        target = self.temp_file("target.img")
        seeder = self.seed(image.torrent, image.path, port=PORT)
        leecher = self.leech(image.torrent, target, flags=["--linger", "0"], json_output=False, **FROM_SEED)
        leecher.wait_exit(0)
        seeder.process.stop()
        for part in ("read back", "0.0 MB reused", "25.2 fetched", "12.6 zeroed"):
            self.assertIn(part, leecher.process.stdout())


if __name__ == "__main__":
    runner.main(require_built)
