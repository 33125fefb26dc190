#!/usr/bin/python3
"""A room that boots from the network, under qemu: a BIOS machine and a UEFI one with Secure Boot clone a Debian and boot from it; a third one
has too small a disk. Real PXE, DHCP of another server beside ezio-netboot's, on a bridge in a namespace.

Takes minutes: there is no KVM to count on. Run by scripts/test as a stage of its own.
"""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import debian_disk
from lib import netlab, runner, sandbox
from lib.case import require_programs
from lib.ezio import BIN_DIR, EzioCase, create_torrent, require_built
from lib.proc import run, wait_until
from machine import Machine

NETBOOT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "src", "netboot", "ezio-netboot")
MIB = 1 << 20
BIOS_MAC, UEFI_MAC, SMALL_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"
# Under emulation, on a machine that does other things besides.
CLONE_SECONDS = 600
BOOT_SECONDS = 240

# Made before the tests are cut off from the network.
_prepared = None


class NetbootTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.lab = netlab.Lab()
        self.addCleanup(self.lab.close)
        self.server = self.lab.host("server")

    def tap(self, name):
        self.lab.switch.run("ip", "tuntap", "add", name, "mode", "tap")
        self.lab.switch.run("ip", "link", "set", name, "master", "br0", "up")
        return name

    def empty_disk(self, name, size):
        path = self.temp_file(name)
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def other_dhcp(self):
        """The DHCP server that a network has already. It knows nothing of booting."""
        host = self.lab.host("router")
        leases = self.temp_file("leases")
        self.spawn("dhcp", ["dnsmasq", "-k", "-C", "/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces", "--user=root",
                            "--dhcp-range=10.77.0.100,10.77.0.150,255.255.255.0,1h", f"--dhcp-leasefile={leases}",
                            "--log-facility=-", "--log-dhcp"], netns=host)

    def serve(self, torrent, image, *flags):
        return self.spawn("ezio-netboot", [NETBOOT, "serve", "--dir", _prepared.image, "--interface", "eth0", "--torrent", torrent,
                                           "--source", image, "--append", "loglevel=6", *flags],
                          netns=self.server, env={"EZIO_BIN_DIR": BIN_DIR})

    def stats(self):
        return self.http_json(self.server, self.server.address, 6969, "/stats")

    def host_named(self, name):
        hosts = [host for torrent in self.stats()["torrents"] for host in torrent["hosts"]]
        return next((host for host in hosts if host["name"] == name), None)

    def wait_line(self, machine, pattern, seconds):
        def look():
            if not machine.process.running() and not machine.serial.find(pattern):
                raise AssertionError(f"{machine.name} has ended; no line {pattern!r}:\n{machine.serial.tail()}")
            return machine.serial.find(pattern)
        return wait_until(look, seconds, lambda: f"{machine.name}: a line {pattern!r}; there is\n{machine.serial.tail()}",
                          interval_s=0.5)

    def describe_processes(self):
        return super().describe_processes() + "".join(
            f"\n{machine.name}:\n{machine.serial.tail(100)}" for machine in getattr(self, "machines", []))

    def test_a_room_clones_and_boots_from_its_disks(self):
        torrent = create_torrent(self.temp_file("lab.torrent"), "--image", _prepared.disk, name="lab",
                                 announce=["http://10.77.0.1:6969/announce"])
        hosts = self.temp_dir("hosts")
        for mac, text in ((BIOS_MAC, "NETBOOT_NAME=bios-01\nTARGET=/dev/nvme0n1\n"), (UEFI_MAC, "NETBOOT_NAME=uefi-01\n"),
                          (SMALL_MAC, "NETBOOT_NAME=small-01\nTARGET=serial=small-01\n")):
            with open(os.path.join(hosts, mac + ".conf"), "w", encoding="utf-8") as file:
                file.write(text)
        self.other_dhcp()
        serve = self.serve(torrent, _prepared.disk, "--target", "/dev/vda", "--hosts", hosts, "--expect", "3", "--set", "REUSE=off")
        self.wait_listening(self.server, 6969, 30)
        wait_until(lambda: "may boot now" in serve.stdout(), 30, lambda: serve.output())

        small = Machine(self, "small-01", self.tap("tap3"), SMALL_MAC, self.empty_disk("small", 64 * MIB), "e1000, AHCI")
        bios = Machine(self, "bios-01", self.tap("tap1"), BIOS_MAC, self.empty_disk("bios", debian_disk.DISK_BYTES), "e1000, NVMe")
        uefi = Machine(self, "uefi-01", self.tap("tap2"), UEFI_MAC, self.empty_disk("uefi", debian_disk.DISK_BYTES + 64 * MIB), "virtio",
                       uefi=True)
        self.machines = [small, bios, uefi]

        with self.subTest("too small a disk is red, with its reason"):
            _, line = self.wait_line(small, "EZIO FAILED", BOOT_SECONDS)
            self.assertIn("exit code 4", line)
            host = wait_until(lambda: self.host_named("small-01"), 30, "the page knows small-01")
            self.assertEqual(host["state"], "failed")
            self.assertIn("small", host["error"])
            self.assertTrue(small.process.running(), "a failure stays on the screen")
            self.screenshot(small, "small")
            small.process.stop()
        for machine in (bios, uefi):
            self.wait_line(machine, "EZIO DONE", CLONE_SECONDS)
        for machine, mode, root in ((bios, "BIOS", "/dev/nvme0n1p3"), (uefi, "UEFI", "/dev/vda3")):
            _, line = self.wait_line(machine, debian_disk.MARKER, BOOT_SECONDS)
            self.assertIn(f"{mode} root={root}", line)
            self.assertEqual(machine.process.wait(60), 0)
        self.report(bios, uefi)
        self.assertEqual(self.host_named("bios-01")["state"], "done")
        self.assertEqual(serve.stop(), 143)

    def screenshot(self, machine, name):
        directory = os.environ.get("EZIO_SCREENSHOTS")
        if directory:
            run("socat", "-", f"unix-connect:{machine.monitor}", input=f"screendump {directory}/{name}.ppm\n")

    def report(self, *machines):
        """What power-on to the first block took, for people."""
        for machine in machines:
            kernel = machine.serial.find(r"ezio-netboot: kernel|Linux version")
            marks = [("our first line", "ezio-netboot: kernel"), ("address", "^address "), ("first block", "^first block"), ("done", "EZIO DONE"),
                     ("cloned system", debian_disk.MARKER)]
            for what, pattern in marks:
                found = machine.serial.find(pattern)
                print(f"# {machine.name}: {what} {found[0]:.0f} s after power-on: {found[1]}" if found else f"# {machine.name}: no {what}")
            if kernel:
                print(f"# {machine.name}: kernel's first line {kernel[0]:.0f} s", flush=True)


class Prepared:
    """The boot image and the disk to clone: in EZIO_NETBOOT_CACHE, where they are kept, or a directory of this run."""

    def __init__(self):
        self._kept = os.environ.get("EZIO_NETBOOT_CACHE")
        self.directory = self._kept or tempfile.mkdtemp(prefix="ezio-netboot-test-", dir="/var/tmp")
        os.makedirs(self.directory, exist_ok=True)
        os.chmod(self.directory, 0o755)
        self.image = os.path.join(self.directory, "image")
        self.disk = os.path.join(self.directory, "disk.img")

    def make(self):
        print("# building the boot image", flush=True)
        run(NETBOOT, "build", "-o", self.image, timeout_s=600, env={**os.environ, "EZIO_BIN_DIR": BIN_DIR})
        if os.path.exists(self.disk):
            return
        print("# making a Debian to clone", flush=True)
        root = os.path.join(self.directory, "root")
        debian_disk.make_root(root)
        debian_disk.make_disk(root, self.disk + ".new", self.directory)
        os.rename(self.disk + ".new", self.disk)
        shutil.rmtree(root)

    def remove(self):
        if not self._kept:
            shutil.rmtree(self.directory, ignore_errors=True)


def check():
    require_built()
    if not os.path.exists("/dev/net/tun"):
        raise sandbox.CannotRun("no /dev/net/tun: machines have no network")


def main():
    global _prepared
    try:
        require_built()
        require_programs("qemu-system-x86_64", "dnsmasq", "debootstrap", "busybox", "grub-mkimage", "mcopy", "mkfs.vfat")
    except sandbox.CannotRun as error:
        print(f"1..0 # SKIP {error}")
        sys.exit(0)
    _prepared = Prepared()
    try:
        _prepared.make()
        runner.main(check)
    finally:
        _prepared.remove()


if __name__ == "__main__":
    main()
