"""Clones to a disk that lies: whatever it does, the peer says so and where, or the clone is right in the end."""
import os
import random
import re
import subprocess
import time

from lib import runner
from lib.ezio import EzioCase, Peer, create_torrent, program, require_built
from lib.faultydisk import FaultyDisk, require_faulty_disk
from lib.proc import run, wait_until
from lib.rawimage import MIB, RawImage

PORT = 7001
DISK_BYTES = 8 * MIB
# Offset, length; none of the edges but the first is a sector's.
EXTENTS = ((0, MIB), (MIB + 700, MIB + 11), (4 * MIB + 100, 2 * MIB), (7 * MIB + 1, 300_001))
PLACES = {"first": "times=1", "middle": f"begin={5 * MIB} end={5 * MIB + 4096}",
          "last": f"begin={7 * MIB + 300_000} end={7 * MIB + 300_001}",
          "edge": f"begin={MIB + 512} end={MIB + 1024}"}
WRITE_FAULTS = ("error", "full", "half", "drop", "flip", "misdirect", "delay ms=300", "hang")
TOLD = re.compile(r"at byte \d+ of the device|has not answered for \d+ s, at (byte \d+ of the device|a flush)")


class FaultyTest(EzioCase):
    def setUp(self):
        super().setUp()
        rng = random.Random(5)
        self.dump = self.temp_dir("dump")
        self.old = rng.randbytes(DISK_BYTES)
        self.truth = bytearray(self.old)
        for offset, length in EXTENTS:
            data = rng.randbytes(length)
            self.truth[offset:offset + length] = data
            with open(os.path.join(self.dump, f"{offset:032x}"), "wb") as file:
                file.write(data)
        self.torrent = create_torrent(self.temp_file("dump.torrent"), "--dir", self.dump, name="dump",
                                      piece_length="256KiB")
        self.seeder = self.seed(self.torrent, self.dump, port=PORT)
        self.backing = self.temp_file("backing.img")
        self.reset()
        self.disk = FaultyDisk(self, self.backing)
        self.clones = 0

    def reset(self):
        with open(self.backing, "r+b" if os.path.exists(self.backing) else "wb") as file:
            file.write(self.old)

    def run_clone(self, *rules, flags=("--reuse", "off", "--io-timeout", "2")):
        """Exit code and stderr of a clone to the disk under these rules."""
        self.disk.command("clear")
        self.reset()
        for rule in rules:
            self.disk.command(rule)
        leecher = self.leech(self.torrent, self.disk.path, peers=[f"127.0.0.1:{PORT}"], name=f"leech{self.clones}",
                             flags=["--linger", "0", "--listen", "127.0.0.1:0", *flags])
        self.clones += 1
        try:
            code = leecher.process.wait(60)
        finally:
            self.disk.command("clear")
        return code, leecher.process.stderr()

    def assert_right(self):
        with open(self.backing, "rb") as file:
            found = file.read()
        for offset, length in EXTENTS:
            self.assertEqual(found[offset:offset + length], self.truth[offset:offset + length],
                             f"extent at {offset:#x}")

    def assert_truth(self, code, errors):
        """Right, and nobody says otherwise; or wrong, and the peer says where."""
        if code == 0:
            return self.assert_right()
        self.assertEqual(code, 1, errors)
        self.assertRegex(errors, TOLD)
        return None

    # ---- the device itself

    def test_the_disk_does_as_its_rules_say(self):
        def attempt(command):
            return subprocess.run(command, shell=True, check=False, capture_output=True, timeout=30).returncode

        write = f"dd if=/dev/zero of={self.disk.path} bs=64k count=1 seek=3 oflag=direct conv=notrunc"
        read = f"dd if={self.disk.path} of=/dev/null bs=64k count=1 skip=3 iflag=direct"
        for rule, command, fails in (("write error", write, True), ("read error", read, True),
                                     ("write drop", write, False), ("write flip", write, False),
                                     (f"write misdirect by={MIB}", write, False), ("write full", write, True),
                                     ("sync error", f"{write} && sync {self.disk.path}", True)):
            with self.subTest(rule):
                self.disk.command("clear")
                self.reset()
                self.disk.command(rule)
                before = self.disk.struck()
                self.assertEqual(attempt(command) != 0, fails)
                self.assertGreater(self.disk.struck(), before)
                with open(self.backing, "rb") as file:
                    found = file.read()
                expected = bytearray(self.old)
                place = slice(3 << 16, 4 << 16)
                if "misdirect" in rule:
                    expected[(3 << 16) + MIB:(4 << 16) + MIB] = bytes(1 << 16)
                elif "flip" in rule or "sync" in rule:
                    expected[place] = found[place]
                    self.assertEqual(sum(byte != 0 for byte in found[place]), 1 if "flip" in rule else 0)
                self.assertEqual(found, expected)

    def test_of_what_was_not_synced_a_power_cut_keeps_some(self):
        self.reset()
        command = f"dd if=/dev/zero of={self.disk.path} bs=4k count=512 oflag=direct conv=notrunc"
        run("sh", "-c", command)
        self.disk.command("power-cut 1")
        self.assertNotEqual(run("sh", "-c", command, check=False).returncode, 0)
        self.disk.command("power-on")
        with open(self.backing, "rb") as file:
            pages = [file.read(4096) == bytes(4096) for _ in range(512)]
        self.assertTrue(100 < sum(pages) < 412, sum(pages))

    # ---- clones

    def test_a_healthy_disk_is_cloned_to(self):
        code, errors = self.run_clone()
        self.assertEqual(code, 0, errors)
        with open(self.backing, "rb") as file:
            self.assertEqual(file.read(), self.truth, "bytes between the extents survive")


def _add_cases():
    for fault in WRITE_FAULTS:
        for place, where in PLACES.items():
            for often in ("once", "always"):
                def case(self, fault=fault, where=where, often=often):
                    rule = f"write {fault} {where}"
                    if often == "once":
                        rule += " times=1"
                    elif where == "times=1":
                        rule = f"write {fault}"
                    code, errors = self.run_clone(rule)
                    self.assertGreater(self.disk.struck(), 0, "the rule has struck nothing")
                    self.assert_truth(code, errors)
                    lies = fault in ("drop", "flip", "misdirect")
                    if fault.startswith("delay") or (lies and often == "once"):
                        self.assertEqual(code, 0, errors)
                    elif lies:
                        self.assertIn("the device does not hold what was written", errors)
                        self.assertEqual(code, 1)
                    elif often == "always" or fault in ("error", "full", "hang"):
                        self.assertEqual(code, 1, errors)

                setattr(FaultyTest, f"test_write_{fault.split()[0]}_{place}_{often}", case)

    for name, rule, expected in (
            ("sync_error", "sync error", "flush failed: at byte"),
            ("sync_hang", "sync hang", "has not answered for 20 s, at a flush"),
            ("read_error_at_an_edge", f"read error begin={MIB + 512} end={MIB + 1024}", "write failed: at byte"),  # a sector in part
            ("read_error_when_read_back", f"read error begin={5 * MIB + 4096} end={5 * MIB + 4097}",
             "read back failed: at byte"),
            ("read_flip_always", f"read flip begin={5 * MIB} end={5 * MIB + 4096}",
             "the device does not hold what was written"),
            ("read_hang", f"read hang begin={5 * MIB} end={5 * MIB + 4096}", "has not answered for 2 s, at byte")):
        def told(self, rule=rule, expected=expected):
            code, errors = self.run_clone(rule)
            self.assertEqual(code, 1, errors)
            self.assertIn(expected, errors)

        setattr(FaultyTest, f"test_{name}", told)


class HangTest(EzioCase):
    """Two targets, one of which hangs."""

    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=6)
        self.backing = self.temp_file("backing.img")
        with open(self.backing, "wb") as file:
            file.truncate(self.image.size)
        self.disk = FaultyDisk(self, self.backing)

    def leecher(self, *pairs, flags=()):
        return Peer(self, "leech", pairs, peers=[f"127.0.0.1:{PORT}"], flags=["--listen", "127.0.0.1:0", *flags])

    def test_a_disk_that_hangs_holds_up_neither_the_other_target_nor_the_end(self):
        other = RawImage(self, data_mib=40, name="other", seed=2)
        self.seed(self.image.torrent, self.image.path, port=PORT)
        self.seed(other.torrent, other.path, port=PORT + 1, name="seed2")
        self.disk.command("write hang")
        target = self.temp_file("target.img")
        leecher = Peer(self, "leech", [(self.image.torrent, self.disk.path), (other.torrent, target)],
                       peers=[f"127.0.0.1:{PORT}", f"127.0.0.1:{PORT + 1}"],
                       flags=["--listen", "127.0.0.1:0", "--linger", "0", "--io-timeout", "3"])
        leecher.wait_exit(1, timeout_s=60)
        self.assertIn("has not answered for 3 s", leecher.process.stderr())
        run("cmp", other.path, target)

    def test_of_one_download_the_target_that_works_is_cloned(self):
        self.seed(self.image.torrent, self.image.path, port=PORT)
        for rule, why in (("write hang", "has not answered for 3 s"), ("write error", "failed: at byte"),
                          ("sync error", "flush failed"), ("write drop", "does not hold what was written"),
                          ("sync hang", "has not answered for 30 s, at a flush")):
            self.disk.command("clear")
            with open(self.backing, "r+b") as file:
                file.write(random.Random(3).randbytes(self.image.size))
            self.disk.command(rule)
            target = self.temp_file(f"target-{rule.replace(' ', '-')}.img")
            leecher = self.leecher((self.image.torrent, self.disk.path), (self.image.torrent, target),
                                   flags=["--linger", "0", "--io-timeout", "3"])
            leecher.wait_exit(1, timeout_s=60)
            self.assertIn(why, leecher.process.stderr())
            run("cmp", self.image.path, target)
            (torrent,) = leecher.snapshots()[-1]["torrents"]
            self.assertEqual([end["exit_code"] for end in torrent["targets"]], [1, 0])
            self.assertEqual(torrent["exit_code"], 1)

    def test_a_second_signal_ends_it_at_once(self):
        self.seed(self.image.torrent, self.image.path, port=PORT)
        self.disk.command("write hang")
        leecher = self.leecher((self.image.torrent, self.disk.path), flags=["--io-timeout", "0"])
        wait_until(lambda: self.disk.struck() > 0, 20, "the first write")
        leecher.process.send(2)
        time.sleep(0.5)
        leecher.process.send(2)
        self.assertEqual(leecher.process.wait(5), 130)


class PowerCutTest(EzioCase):
    def test_cut_at_ten_moments_each_run_keeps_what_was_on_the_disk(self):
        image = RawImage(self, data_mib=32)
        backing = self.temp_file("backing.img")
        with open(backing, "wb") as file:
            file.write(random.Random(9).randbytes(image.size))
        disk = FaultyDisk(self, backing)
        self.seed(image.torrent, image.path, port=PORT, flags=["--upload-limit", "10"])
        moments = random.Random(4)
        for cut in range(10):
            leecher = self.leech(image.torrent, disk.path, peers=[f"127.0.0.1:{PORT}"], name=f"cut{cut}",
                                 flags=["--listen", "127.0.0.1:0"])
            wait_until(lambda: "listening on" in leecher.process.stderr(), 20, "the leecher's start", interval_s=0.01)
            time.sleep(moments.uniform(0.05, 0.45))
            disk.command(f"power-cut {cut}")
            leecher.process.kill()
            disk.command("power-on")
        on_disk = self.right_bytes(image, backing)
        last = self.leech(image.torrent, disk.path, peers=[f"127.0.0.1:{PORT}"],
                          flags=["--listen", "127.0.0.1:0", "--linger", "0"])
        last.wait_exit(0)
        done = last.snapshots()[-1]["torrents"][0]
        fetched = done["downloaded_from_seeds"] + done["downloaded_from_leechers"]
        self.assertGreater(on_disk, 0, "else nothing is tested")
        self.assertLessEqual(fetched, image.size - on_disk + 16 * MIB)
        run("cmp", image.path, backing)

    def right_bytes(self, image, path):
        """Of whole pieces that are right."""
        text = run(program("ezio-torrent"), "check", image.torrent, path, check=False).stdout.splitlines()[-1]
        good, total = int(text.split(": ")[1].split()[0]), int(text.split(" of ")[1].split()[0])
        return good * image.size // total


def _require():
    require_built()
    require_faulty_disk()


_add_cases()

if __name__ == "__main__":
    runner.main(_require)
