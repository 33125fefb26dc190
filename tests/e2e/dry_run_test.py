"""--dry-run: says what a run would do or refuse, with its exit code, and changes nothing."""
import json
import os
import random

from lib import extents, runner
from lib.case import require_programs
from lib.ezio import EzioCase, require_built
from lib.proc import run, wait_until
from lib.rawimage import MIB, RawImage


def contents(path):
    with open(path, "rb") as file:
        return file.read()


class DryRunTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.tracker_process = self.tracker()
        self.image = RawImage(self, data_mib=24, announce=[self.tracker_process.announce])

    def patterned(self, size=None, sector=512):
        backing = self.temp_file("target.img")
        extents.fill_pattern(backing, self.image.size if size is None else size)
        return self.loop(backing, sector=sector)

    def dry(self, *argv, code=0):
        done = self.run_peer("--dry-run", *argv)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def dry_json(self, *argv, code=0):
        done = self.dry(*argv, "--json", code=code)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 1, done.stdout)
        found = json.loads(lines[0])
        self.assertTrue(found["dry_run"])
        self.assertEqual(found["exit_code"], code)
        return found["pairs"]

    # ---- what would be done

    def test_a_device_is_described_and_stays_as_it_is(self):
        for sector in (512, 4096):
            device = self.patterned(sector=sector)
            run("mkfs.ext4", "-q", "-F", "-L", "precious", device.path)
            before = contents(device.backing_path)
            output = self.dry("--leech", self.image.torrent, device.path).stdout
            for text in (f"{device.path} would be overwritten", "no serial number", "37.7 MB", "ext4 'precious'",
                         f"would be cloned to {device.path}, {self.image.size} bytes", "12.6 MB of them zeros",
                         "dry run: nothing was written"):
                self.assertIn(text, output)
            self.assertNotIn("will be", output)
            self.assertEqual(contents(device.backing_path), before)

    def test_nobody_hears_of_it(self):
        def heard_of():
            return len(self.tracker_process.stats()["torrents"])

        self.dry("--leech", self.image.torrent, self.patterned().path)
        self.dry("--seed", self.image.torrent, self.image.path)
        self.assertEqual(heard_of(), 0)
        self.seed(self.image.torrent, self.image.path)
        wait_until(lambda: heard_of() == 1, 20, "a run is heard of")

    def test_the_object_tells_the_torrent_the_target_and_what_is_there(self):
        device = self.patterned()
        run("mkfs.ext4", "-q", "-F", "-L", "precious", device.path)
        pair, = self.dry_json("--leech", self.image.torrent, device.path)
        self.assertEqual(pair["exit_code"], 0)
        self.assertEqual((pair["name"], pair["seeding"], pair["bytes"]), ("disk", False, self.image.size))
        self.assertEqual(pair["zero_bytes"], 12 * MIB)
        self.assertEqual(pair["target_bytes_needed"], self.image.size)
        self.assertEqual(pair["target_bytes"], self.image.size)
        target = pair["target"]
        self.assertEqual((target["path"], target["kind"], target["bytes"], target["holds"], target["removable"]),
                         (device.path, "device", self.image.size, "ext4 'precious'", False))
        self.assertEqual((pair["pieces_looked_at"], pair["pieces_there_already"]), (16, 0))

    def test_what_is_there_already_is_found_by_samples(self):
        device = self.patterned()
        run("cp", self.image.path, device.path)
        pair, = self.dry_json("--leech", self.image.torrent, device.path)
        self.assertEqual((pair["pieces_looked_at"], pair["pieces_there_already"]), (16, 16))
        self.assertIn("16 of 16 pieces that were looked at are there already",
                      self.dry("--leech", self.image.torrent, device.path).stdout)
        pair, = self.dry_json("--leech", self.image.torrent, device.path, "--reuse", "off")
        self.assertEqual(pair["pieces_looked_at"], 0)

    def test_old_signatures_beside_the_extents_are_listed(self):
        device = self.patterned(self.image.size + 4 * MIB)
        run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", device.path, input="label: gpt\n,8M\n")
        before = contents(device.backing_path)
        pair, = self.dry_json("--leech", self.image.torrent, device.path)
        place = f"gpt at byte {self.image.size + 4 * MIB - 512}"
        self.assertEqual(pair["old_signatures"], [place])
        self.assertIn("a gpt partition table", pair["target"]["holds"])
        self.assertIn(f"would be wiped: {place}", self.dry("--leech", self.image.torrent, device.path).stdout)
        self.assertIn(f"would be kept: {place}",
                      self.dry("--leech", self.image.torrent, device.path, "--keep-signatures").stdout)
        self.assertEqual(contents(device.backing_path), before)

    def test_a_file_is_neither_made_nor_extended(self):
        new, small = self.temp_file("new.img"), self.temp_file("small.img")
        extents.fill_pattern(small, MIB)
        pairs = self.dry_json("--leech", self.image.torrent, new, self.image.torrent, small, "--create")
        self.assertEqual([pair["target"]["kind"] for pair in pairs], ["new file", "file"])
        self.assertEqual([pair["target_bytes"] for pair in pairs], [self.image.size] * 2)
        self.assertFalse(os.path.exists(new))
        extents.assert_untouched(small)
        self.assertEqual(os.path.getsize(small), MIB)

    def test_a_source_is_opened_and_verified_where_that_is_asked_for(self):
        output = self.dry("--seed", self.image.torrent, self.image.path).stdout
        self.assertIn(f"would be seeded from {self.image.path}", output)
        rotten = self.temp_file("rotten.img")
        with open(rotten, "wb") as file:
            file.write(random.Random(1).randbytes(self.image.size))
        self.dry("--seed", self.image.torrent, rotten)
        done = self.dry("--seed", self.image.torrent, rotten, "--verify-source", code=4)
        self.assertIn("differs from", done.stderr)

    # ---- what would be refused

    def assert_as_the_run(self, *argv, code):
        """The dry run ends as the run does, with the same words."""
        dry, real = self.dry(*argv, code=code), self.run_peer(*argv, "--listen", "127.0.0.1:0")
        self.assertEqual(real.returncode, code, real.stdout + real.stderr)
        self.assertEqual(dry.stderr, real.stderr)
        if code != 2:
            self.assertTrue(any(pair["exit_code"] == code for pair in self.dry_json(*argv, code=code)))

    def test_what_a_run_refuses_is_refused_likewise(self):
        torrent = self.image.torrent
        small, fit = self.patterned(MIB), self.patterned()
        read_only = self.loop(fit.backing_path, read_only=True)
        for code, argv in ((4, ("--leech", torrent, small.path)),
                           (4, ("--leech", torrent, read_only.path)),
                           (4, ("--leech", torrent, "/dev/zero")),
                           (4, ("--leech", torrent, self.scratch.path)),
                           (4, ("--leech", torrent, self.temp_file("missing.img"))),
                           (4, ("--leech", torrent, fit.path, "--target-size", "1G")),
                           (4, ("--leech", torrent, fit.path, "--target-serial", "S123")),
                           (4, ("--leech", torrent, "serial=no-such-serial")),
                           (4, ("--leech", torrent, fit.path, torrent, fit.path)),
                           (4, ("--leech", torrent, fit.path, torrent, read_only.path)),
                           (4, ("--seed", torrent, self.temp_file("nothing.img"))),
                           (3, ("--leech", torrent, fit.path, "--info-hash", "1" * 40)),
                           (3, ("--leech", self.image.path, fit.path)),
                           (3, ("--leech", f"{self.tracker_process.url}/torrents/none.torrent", fit.path)),
                           (3, ("--leech", "http://127.0.0.1:1/none.torrent", fit.path, "--wait", "1")),
                           (2, ("--leech", torrent, fit.path, "--memory", "1")),
                           (2, ("--leech", torrent, fit.path, "--peer", "nobody"))):
            with self.subTest(argv):
                self.assert_as_the_run(*argv, code=code)
        extents.assert_untouched(small.backing_path)
        extents.assert_untouched(fit.backing_path)

    def test_one_target_too_many_of_a_download_is_refused(self):
        directory = self.temp_dir("targets")
        names = [os.path.join(directory, str(number)) for number in range(33)]
        pairs = [word for name in names for word in (self.image.torrent, name)]
        *fine, refused = self.dry_json("--leech", *pairs, "--create", code=4)
        self.assertEqual({pair["exit_code"] for pair in fine}, {0})
        self.assertEqual(refused["message"], f"target {names[-1]}: a download has at most 32 targets")
        self.assertEqual(os.listdir(directory), [])

    def test_a_claimed_device_is_refused(self):
        device = self.patterned()
        claim = os.open(device.path, os.O_RDONLY | os.O_EXCL)
        self.addCleanup(os.close, claim)
        self.assert_as_the_run("--leech", self.image.torrent, device.path, code=4)

    def test_one_that_is_refused_does_not_keep_the_other_from_being_told(self):
        device = self.patterned()
        refused, fine = self.dry_json("--leech", self.image.torrent, "/dev/zero", self.image.torrent, device.path, code=4)
        self.assertEqual((refused["exit_code"], fine["exit_code"]), (4, 0))
        self.assertIn("character device", refused["message"])
        self.assertEqual(fine["target"]["path"], device.path)

    def test_quiet_says_nothing_but_what_is_wrong(self):
        device = self.patterned()
        done = self.dry("--leech", self.image.torrent, device.path, "--quiet")
        self.assertEqual(done.stdout + done.stderr, "")


def check():
    require_built()
    require_programs("mkfs.ext4", "sfdisk")


if __name__ == "__main__":
    runner.main(check)
