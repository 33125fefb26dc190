"""What ezio-peer refuses before the first write, with its exit code, and not one byte changed."""
import os

from lib import extents, runner
from lib.case import require_programs
from lib.ezio import EzioCase, require_built
from lib.proc import run
from lib.rawimage import MIB, RawImage

PORT = 6881


class RefusalTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=8)

    def patterned(self, size=None):
        backing = self.temp_file("target.img")
        extents.fill_pattern(backing, self.image.size if size is None else size)
        return backing

    def refused(self, *argv, code=4, naming=()):
        done = self.run_peer("--leech", *argv, "--listen", f"127.0.0.1:{PORT}")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for text in naming:
            self.assertIn(str(text), done.stderr)
        return done.stderr

    def test_a_target_that_is_too_small(self):
        backing = self.patterned(self.image.size - MIB)
        device = self.loop(backing)
        self.refused(self.image.torrent, device.path, naming=[device.path])
        extents.assert_untouched(backing)

    def ext4(self, device, directory):
        run("mkfs.ext4", "-q", "-F", device)
        run("mount", "-t", "ext4", "-o", "ro,noload", device, directory)
        self.addCleanup(run, "umount", directory)

    def bytes_of(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_a_mounted_target(self):
        device = self.loop(self.patterned())
        self.ext4(device.path, self.scratch.dir("mnt"))
        before = self.bytes_of(device.backing_path)
        self.assertIn("mounted", self.refused(self.image.torrent, device.path, naming=[device.path]))
        self.assertEqual(self.bytes_of(device.backing_path), before)

    def test_a_target_with_a_mounted_partition(self):
        backing = self.patterned()
        run("sfdisk", "-q", backing, input="label: gpt\n,8M\n,\n")
        device = self.loop(backing, partitions=True)
        self.ext4(device.partition(1), self.scratch.dir("mnt"))
        before = self.bytes_of(backing)
        self.assertIn("mounted", self.refused(self.image.torrent, device.path))
        self.assertEqual(self.bytes_of(backing), before)

    def test_a_target_that_is_swap(self):
        device = self.loop(self.patterned())
        run("mkswap", device.path)
        run("swapon", device.path)
        self.addCleanup(run, "swapoff", device.path)
        before = self.bytes_of(device.backing_path)
        self.refused(self.image.torrent, device.path, naming=[device.path])
        self.assertEqual(self.bytes_of(device.backing_path), before)

    def test_a_target_that_another_program_claims(self):
        device = self.loop(self.patterned())
        claim = os.open(device.path, os.O_RDONLY | os.O_EXCL)
        self.addCleanup(os.close, claim)
        self.refused(self.image.torrent, device.path, naming=[device.path])
        extents.assert_untouched(device.backing_path)

    def test_a_read_only_target(self):
        device = self.loop(self.patterned(), read_only=True)
        self.refused(self.image.torrent, device.path, naming=[device.path])
        extents.assert_untouched(device.backing_path)

    def test_a_directory(self):
        directory = self.temp_dir("target")
        self.refused(self.image.torrent, directory, naming=[directory, "directory"])
        self.assertEqual(os.listdir(directory), [])

    def test_a_character_device(self):
        self.refused(self.image.torrent, "/dev/zero", naming=["/dev/zero"])

    def test_an_image_file_without_a_parent_directory(self):
        path = os.path.join(self.temp_dir("parent"), "missing", "target.img")
        self.refused(self.image.torrent, path, "--create", naming=["target.img"])
        self.assertFalse(os.path.exists(os.path.dirname(path)))

    def test_an_image_file_that_nobody_asked_to_create(self):
        path = self.temp_file("target.img")
        self.refused(self.image.torrent, path, naming=[path, "--create"])
        self.assertFalse(os.path.exists(path))

    def test_a_device_name_without_its_directory(self):
        device = self.loop(self.patterned())
        name = os.path.basename(device.path)
        self.refused(self.image.torrent, name, naming=[f"did you mean {device.path}?"])
        self.assertFalse(os.path.exists(name))
        extents.assert_untouched(device.backing_path)

    def test_a_device_that_does_not_exist_is_not_created_either(self):
        self.refused(self.image.torrent, "/dev/ezio-none", "--create", naming=["no such device"])
        self.assertFalse(os.path.exists("/dev/ezio-none"))

    def test_two_pairs_naming_one_device(self):
        device = self.loop(self.patterned())
        link = self.temp_file("link")
        os.symlink(device.path, link)
        self.refused(self.image.torrent, device.path, self.image.torrent, link)
        extents.assert_untouched(device.backing_path)

    def test_a_source_that_is_missing_or_too_small(self):
        for source in (self.temp_file("nothing.img"), self.patterned(MIB)):
            done = self.run_peer("--seed", self.image.torrent, source, "--listen", f"127.0.0.1:{PORT}")
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(os.path.basename(source), done.stderr)

    def test_a_torrent_that_is_truncated_or_no_torrent(self):
        with open(self.image.torrent, "rb") as file:
            good = file.read()
        target = self.patterned()
        for name, content in (("cut", good[:len(good) // 2]), ("empty", b""), ("page", b"<html>404</html>")):
            torrent = self.temp_file(f"{name}.torrent")
            with open(torrent, "wb") as file:
                file.write(content)
            self.refused(torrent, target, code=3, naming=[torrent])
        self.refused(self.temp_file("missing.torrent"), target, code=3, naming=["missing.torrent"])
        extents.assert_untouched(target)

    def test_wrong_usage(self):
        for argv in ([], ["--no-such-flag"], ["--leech", self.image.torrent], ["--seed"],
                     ["--leech", self.image.torrent, "/dev/null", "--memory", "lots"],
                     ["--leech", self.image.torrent, "/dev/null", "--linger", "sometimes"]):
            done = self.run_peer(*argv)
            self.assertEqual(done.returncode, 2, f"{argv}: {done.stdout}{done.stderr}")
            self.assertNotEqual(done.stderr, "", argv)


def check():
    require_built()
    require_programs("mkfs.ext4", "sfdisk", "partx", "mkswap")


if __name__ == "__main__":
    runner.main(check)
