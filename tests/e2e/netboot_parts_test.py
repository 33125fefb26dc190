"""What of ezio-netboot needs no machine to boot: the image's contents, what machines are told, dnsmasq."""
import json
import os
import sys

from lib import runner
from lib.case import Case, require_programs
from lib.ezio import BIN_DIR, require_built
from lib.proc import run

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "src")
NETBOOT = os.path.join(SOURCE, "netboot", "ezio-netboot")
sys.path.insert(0, SOURCE)

from netboot import bootfiles, cpio, dnsmasq, interface, kernel, modules, settings  # noqa: E402
from netboot.refusal import Refusal  # noqa: E402

KEYS = {"MEMORY", "STALL_TIMEOUT", "INFO_HASH", "TARGET_SERIAL", "TORRENT", "TARGET"}
COMMON = [("TORRENT", "http://s/a.torrent"), ("TARGET", "/dev/sda"), ("INFO_HASH", "ab" * 20), ("MEMORY", "512"), ("NETBOOT_ACTION", "reboot")]


def here(name="eth0", address="10.77.0.1", length=24):
    return interface.parse(name, json.dumps([{"addr_info": [
        {"family": "inet", "scope": "global", "local": address, "prefixlen": length}]}]))


class SettingsTest(Case):
    def test_a_machines_own_settings_go_over_the_common_ones(self):
        own = settings.parse("# the old one in the corner\nMEMORY=64\nNETBOOT_NAME=lab-07\nTARGET=/dev/nvme0n1\n", "07", KEYS)
        self.assertEqual(settings.merged(COMMON, own, "07"), [
            ("TORRENT", "http://s/a.torrent"), ("TARGET", "/dev/nvme0n1"), ("INFO_HASH", "ab" * 20), ("NETBOOT_ACTION", "reboot"),
            ("MEMORY", "64"), ("NETBOOT_NAME", "lab-07")])

    def test_other_torrents_of_a_machine_bring_their_own_pins(self):
        own = settings.parse("TORRENT=http://s/b.torrent\nTARGET=/dev/sdb\n", "07", KEYS)
        result = settings.merged(COMMON, own, "07")
        self.assertEqual([value for key, value in result if key in ("TORRENT", "TARGET", "INFO_HASH")], ["http://s/b.torrent", "/dev/sdb"])

    def test_targets_have_to_be_as_many_as_torrents(self):
        own = settings.parse("TARGET=/dev/sda\nTARGET=/dev/sdb\n", "07", KEYS)
        self.assertRaisesRegex(Refusal, "2 TARGET= for 1 torrents", settings.merged, COMMON, own, "07")

    def test_what_would_harm_a_machine_or_lie_is_refused(self):
        for line in ("CONFIG=/etc/passwd", "SOURCE=/dev/sda", "DRY_RUN=true", "JSON=true", "NOSUCHFLAG=1", "memory=1", "MEMORY", "=1",
                     "NETBOOT_NAME=a b", "NETBOOT_NAME=$(reboot)", "NETBOOT_ACTION=explode", "TARGET=/etc/shadow", "TARGET=/dev/../etc/x",
                     "TARGET=/dev/sda;reboot", "MEMORY=1\x1b[2J"):
            with self.assertRaises(Refusal, msg=line):
                settings.checked_setting(line, "file:1", KEYS)
        for target in ("/dev/disk/by-id/ata-X_1", "serial=S5Y1NX0R123456-part2", "wwn=0x5002538e00aabbcc"):
            self.assertEqual(settings.checked_target(target), target)

    def test_addresses_and_names_that_go_into_files(self):
        self.assertEqual(settings.plain_mac("52:54:00:AB:cd:EF"), "52-54-00-ab-cd-ef")
        for mac in ("", "52:54", "../../etc/passwd", "52:54:00:12:34:56\nx", "52:54:00:12:34:5g"):
            self.assertRaises(Refusal, settings.plain_mac, mac)
        self.assertEqual(settings.torrent_file_name("/srv/lab-2026.torrent"), "lab-2026.torrent")
        for name in ("lab 2026.torrent", "lab", ".torrent", "a%2e.torrent", "a\n.torrent"):
            self.assertRaises(Refusal, settings.torrent_file_name, name)
        for word in ("a b", "'x'", 'a"b', "a\nb", "", "a\\b"):
            self.assertRaises(Refusal, bootfiles.quoted, word)

    def test_two_files_of_one_machine_are_refused(self):
        directory = self.temp_dir("hosts")
        for name in ("52:54:00:12:34:56", "52-54-00-12-34-56.conf"):
            with open(os.path.join(directory, name), "w", encoding="utf-8"):
                pass
        self.assertRaisesRegex(Refusal, "same machine", settings.own_files, directory)

    def test_files_are_written_for_the_room_and_for_machines(self):
        root, hosts = self.temp_dir("root"), self.temp_dir("hosts")
        with open(os.path.join(hosts, "52:54:00:12:34:56.conf"), "w", encoding="utf-8") as file:
            file.write("MEMORY=64\n")
        self.assertEqual(settings.write(root, COMMON, hosts, KEYS), ["52-54-00-12-34-56"])
        common = read(root, "ezio.conf")
        self.assertIn("NETBOOT_HOST=52-54-00-12-34-56\n", common)
        self.assertIn("MEMORY=512\n", common)
        own = read(root, "ezio.conf.d/52-54-00-12-34-56")
        self.assertIn("MEMORY=64\n", own)
        self.assertNotIn("512", own)

    def test_keys_are_those_of_the_peer(self):
        os.environ["EZIO_BIN_DIR"] = BIN_DIR
        keys = settings.peer_keys()
        self.assertLessEqual({"MEMORY", "INFO_HASH", "TARGET_SERIAL", "TORRENT", "TARGET"}, keys)
        self.assertNotIn("TOKEN", keys)


class DnsmasqTest(Case):
    def test_without_serve_dhcp_it_has_no_addresses_to_give(self):
        text = dnsmasq.configuration(here(), "/run/x", "http://10.77.0.1:6970", secure_boot=False)
        ranges = [line for line in text.splitlines() if line.startswith("dhcp-range")]
        self.assertEqual(ranges, ["dhcp-range=10.77.0.0,proxy,255.255.255.0"])
        self.assertIn("snponly.efi", text)
        for option in ("dhcp-range=10.0.0.1,10.0.0.9", "dhcp-authoritative", "conf-file=/x", "a\nb"):
            self.assertRaises(Refusal, dnsmasq.checked_extra, option)

    def test_ranges_are_of_the_interface(self):
        self.assertEqual(interface.dhcp_range("10.77.0.100-10.77.0.150", here()), ("10.77.0.100", "10.77.0.150"))
        for text in ("10.77.1.1-10.77.1.9", "10.77.0.9-10.77.0.2", "10.77.0.1-10.77.0.9", "10.77.0.5", "x-y", "10.77.0.5-10.77.0.7\ndhcp-x"):
            with self.assertRaises(Refusal, msg=text):
                interface.dhcp_range(text, here())
        self.assertRaisesRegex(Refusal, "no IPv4 address", interface.parse, "eth9", "[]")


class ImageTest(Case):
    """The image that is built of this machine's kernel."""

    @staticmethod
    def build(directory):
        run(NETBOOT, "build", "--level", "1", "--add", "/usr/bin/sha256sum:/usr/local/bin/identity", "--module", "tun", "-o", directory, timeout_s=300, env={**os.environ, "EZIO_BIN_DIR": BIN_DIR})

    @classmethod
    def setUpClass(cls):
        cls.directory = os.path.join(runner.scratch().dir("image"), "netboot")
        cls.build(cls.directory)
        cls.first = run("sh", "-c", "zstd -dc initrd.img | cpio -t --quiet", cwd=cls.directory, timeout_s=60).stdout.splitlines()
        listing = run("unsquashfs", "-d", "usr", "-l", "rest.img", cwd=cls.directory, timeout_s=60).stdout.splitlines()
        cls.rest = [name for name in listing if name.startswith("usr/")]
        cls.version = json.loads(read(cls.directory, "image.json"))["kernel"]

    def test_it_is_small_enough_and_its_kernel_is_the_distributions(self):
        total = sum(os.path.getsize(os.path.join(self.directory, name)) for name in ("vmlinuz", "initrd.img", "rest.img"))
        self.assertLess(total, 100 << 20)
        with open(f"/boot/vmlinuz-{self.version}", "rb") as ours, open(os.path.join(self.directory, "vmlinuz"), "rb") as theirs:
            self.assertEqual(ours.read(), theirs.read())
        for name in ("vmlinuz", "shimx64.efi", "grubx64.efi"):
            self.assertTrue(kernel.is_signed(os.path.join(self.directory, name)), name)
        self.assertFalse(kernel.is_signed(os.path.join(self.directory, "snponly.efi")))

    def test_modules_have_all_that_they_need(self):
        prefix = f"usr/lib/modules/{self.version}/"
        tree = modules.ModuleTree(f"/lib/modules/{self.version}")
        first, there = ({name.removeprefix(prefix) for name in names if name.startswith(prefix)} for names in (self.first, self.first + self.rest))
        for part in (first, there):
            for path in part & set(tree.needs):
                self.assertLessEqual(set(tree.needs[path]), part, path)
        early, names = ({modules.module_name(path) for path in part} | tree.builtin for part in (first, there))
        self.assertLessEqual({"e1000e", "r8169", "ixgbe", "virtio_net", "asix", "xhci_pci", "usbhid", "loop", "squashfs", "overlay", "tun"}, early)
        self.assertLessEqual({"ahci", "nvme", "e1000e", "r8169", "ixgbe", "virtio_net", "usb_storage", "usbhid", "xfs", "btrfs", "vfat", "megaraid_sas", "tun"},
                             names)
        self.assertIn("modules.alias.bin", there)

    def test_programs_run_inside_it(self):
        """In a chroot of what machines get: no library, interpreter or tool is of this machine."""
        root = self.temp_dir("root")
        self.unpack(root)
        for argv in (["ezio-peer", "--help"], ["sfdisk", "--version"], ["e2fsck", "-V"], ["resize2fs"], ["xfs_growfs", "-V"],
                     ["btrfs", "version"], ["blkid", "-V"], ["modprobe", "--version"], ["identity", "--version"],
                     ["sh", "-n", "/usr/lib/ezio/run"]):
            done = run("chroot", root, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/usr/local/bin", *argv, check=False)
            self.assertNotIn(done.returncode, (126, 127), f"{argv}: {done.stderr}")
            self.assertNotRegex(done.stderr, "not found|error while loading")
        self.assertTrue(os.access(os.path.join(root, "init"), os.X_OK) or os.path.islink(os.path.join(root, "init")))
        self.assertIn("/nvme.ko", run("chroot", root, "/usr/sbin/modprobe", "-S", self.version, "-n", "-v", "nvme").stdout)

    def test_the_first_part_alone_reaches_the_server_and_takes_only_its_own_rest(self):
        root = self.temp_dir("root")
        self.unpack(root, rest=False)
        for argv in (["udhcpc", "--help"], ["modprobe", "--version"], ["mount", "--help"], ["sh", "-n", "/usr/lib/ezio/rest"]):
            done = run("chroot", root, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin", *argv, check=False)
            self.assertNotIn(done.returncode, (126, 127), f"{argv}: {done.stderr}")
        self.assertIn("/e1000e.ko", run("chroot", root, "/usr/sbin/modprobe", "-S", self.version, "-n", "-v", "e1000e").stdout)
        sums = json.loads(read(self.directory, "image.json"))["sha256"]
        self.assertEqual(read(root, "usr/lib/ezio/rest.sha256").strip(), sums["rest.img"])

    def unpack(self, root, rest=True):
        run("sh", "-c", f"zstd -dc initrd.img | (cd {root} && cpio -idm --quiet)", cwd=self.directory, timeout_s=60)
        if rest:
            run("unsquashfs", "-f", "-q", "-n", "-d", os.path.join(root, "usr"), "rest.img", cwd=self.directory, timeout_s=60)

    def test_the_same_server_makes_the_same_image_and_replaces_the_old_one(self):
        before = read(self.directory, "image.json")
        inode = os.stat(self.directory).st_ino
        self.build(self.directory)
        self.assertEqual(read(self.directory, "image.json"), before)
        self.assertNotEqual(os.stat(self.directory).st_ino, inode)
        self.assertEqual(os.listdir(os.path.dirname(self.directory)), ["netboot"], "nothing is left beside it")

    def test_only_an_image_of_ours_is_replaced(self):
        other = self.temp_dir("other")
        with open(os.path.join(other, "letters.txt"), "w", encoding="utf-8") as file:
            file.write("mine")
        done = run(NETBOOT, "build", "-o", other, check=False, env={**os.environ, "EZIO_BIN_DIR": BIN_DIR})
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(os.listdir(other), ["letters.txt"])


class CpioTest(Case):
    def test_the_same_entries_make_the_same_bytes_that_cpio_reads(self):
        texts = []
        for order in (("b", "a"), ("a", "b")):
            archive = cpio.Archive()
            for name in order:
                archive.file(f"dir/{name}", name.encode() * 5, 0o755)
            archive.link("link", "dir/a")
            path = self.temp_file("x.cpio")
            with open(path, "wb") as out:
                archive.write(out)
            with open(path, "rb") as file:
                texts.append(file.read())
        self.assertEqual(texts[0], texts[1])
        target = self.temp_dir("out")
        run("sh", "-c", f"cpio -idm --quiet <{path}", cwd=target)
        self.assertEqual(read(target, "link"), "aaaaa")
        self.assertRaises(ValueError, archive.file, "../x", b"")


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def check():
    require_built()
    require_programs("dnsmasq", "busybox", "zstd", "cpio", "depmod", "mksquashfs")


if __name__ == "__main__":
    runner.main(check)
