#!/usr/bin/python3
"""A room that boots from the network, under qemu: a BIOS machine and a UEFI one with Secure Boot clone a Debian and boot from it;
two more have too small a disk, beside another DHCP server. Real PXE on a bridge in a namespace.

Takes minutes: there is no KVM to count on. Run by scripts/test as a stage of its own.
"""
import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import debian_disk
import evidence
from lib import netlab, runner, sandbox
from lib.case import require_programs
from lib.ezio import BIN_DIR, EzioCase, program, require_built
from lib.proc import run, wait_until
from machine import Lines, Machine

NETBOOT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "src", "netboot", "ezio-netboot")
MIB = 1 << 20
BIOS_MAC, UEFI_MAC, SMALL_MAC, IPXE_MAC = (f"52:54:00:00:00:0{number}" for number in (1, 2, 3, 4))
# Under emulation, on a machine that does other things besides.
CLONE_SECONDS = 900
BOOT_SECONDS = 600

# Made before the tests are cut off from the network.
_prepared = None


class NetbootTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.machines = []
        self.lab = netlab.Lab()
        self.addCleanup(self.lab.close)
        self.server = self.lab.host("server")

    def machine(self, name, mac, disk_bytes, kind, firmware="BIOS"):
        tap = self.tap(f"tap{len(self.machines)}")
        machine = Machine(self, name, tap, mac, self.empty_disk(name, disk_bytes), kind, firmware)
        self.machines.append(machine)
        return machine

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
                                           "--source", image, *flags],
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
            f"\n{machine.name}: {evidence.keep(machine)}\n{machine.serial.tail(100)}" for machine in self.machines)

    def room(self, disk, names, *flags):
        """A served room: hosts named by MAC address, each with lines of its own."""
        torrent = self.temp_file("lab.torrent")
        run(program("ezio-torrent"), "capture", disk, "--name", "lab", "--announce", "http://10.77.0.1:6969/announce", "-o", torrent)
        hosts = self.temp_dir("hosts")
        for mac, lines in names.items():
            with open(os.path.join(hosts, mac + ".conf"), "w", encoding="utf-8") as file:
                file.write(lines)
        serve = self.serve(torrent, disk, "--target", "/dev/vda", "--hosts", hosts, "--expect", str(len(names)),
                           "--set", "MEMORY=64",
                           # For the emulator: a program that is always at the same address is translated once.
                           "--append", "norandmaps", *flags)
        wait_until(lambda: "may boot now" in serve.stdout(), 60, serve.output)
        self.log = Lines(serve.stdout_path, serve.started, serve.pid)
        self.addCleanup(self.log.close)
        return serve

    def test_a_room_clones_and_boots_from_its_disks(self):
        serve = self.room(_prepared.disk, {BIOS_MAC: "NETBOOT_NAME=bios-01\nTARGET=/dev/nvme0n1\n", UEFI_MAC: "NETBOOT_NAME=uefi-01\n"},
                          "--serve-dhcp", "10.77.0.100-10.77.0.150", "--exit-when-done")
        bios = self.machine("bios-01", BIOS_MAC, debian_disk.DISK_BYTES, "e1000, NVMe")
        uefi = self.machine("uefi-01", UEFI_MAC, debian_disk.DISK_BYTES + 64 * MIB, "virtio", "UEFI, Secure Boot")
        for machine in (bios, uefi):
            self.wait_line(machine, "first block", BOOT_SECONDS)
        for machine in (bios, uefi):
            self.wait_line(machine, "EZIO DONE", CLONE_SECONDS)
            self.screenshot(machine)
        for machine, mode, root in ((bios, "BIOS", "/dev/nvme0n1p3"), (uefi, "UEFI", "/dev/vda3")):
            _, line = self.wait_line(machine, debian_disk.MARKER, BOOT_SECONDS)
            self.assertIn(f"{mode} root={root}", line)
            self.assertEqual(machine.process.wait(60), 0)
        self.report(bios, uefi)
        self.assertEqual(serve.wait(240), 0, serve.output()[-2000:])

    def test_a_disk_that_is_too_small_is_red_beside_another_dhcp_server(self):
        self.other_dhcp()
        serve = self.room(_prepared.disk, {SMALL_MAC: "NETBOOT_NAME=small-01\nTARGET=serial=small-01\n", IPXE_MAC: "NETBOOT_NAME=small-02\n"})
        machines = [self.machine("small-01", SMALL_MAC, 64 * MIB, "e1000, AHCI"),
                    self.machine("small-02", IPXE_MAC, 64 * MIB, "virtio", "UEFI")]
        for machine in machines:
            _, line = self.wait_line(machine, "EZIO FAILED", BOOT_SECONDS)
            self.assertIn("exit code 4", line)
            host = wait_until(lambda name=machine.name: self.host_named(name), 30, "the page knows it")
            self.assertEqual(host["state"], "failed")
            self.assertRegex(host["error"], "small|bytes")
            print(f"# {machine.name} on the page: {host['error']}", flush=True)
            self.screenshot(machine)
        for machine in machines:
            self.assertTrue(machine.process.running(), "a failure stays on the screen")
            self.assertIsNone(machine.serial.find("reboot: "))
        # Nobody got an address of ours.
        self.assertNotIn("DHCPOFFER", serve.output())
        self.assertEqual(serve.stop(), 143)

    def screenshot(self, machine):
        """For people, where EZIO_SCREENSHOTS names a directory."""
        directory = os.environ.get("EZIO_SCREENSHOTS")
        if directory:
            time.sleep(5)
            evidence.ask(machine.monitor, f"screendump {directory}/{machine.name}.ppm")

    def report(self, *machines):
        """What each phase took, for people: seconds after power-on by the clock, and what the emulator had computed by then."""
        marks = [("kernel is up", "^ezio-netboot: kernel"), ("address", "^address "), ("drivers", "^loading drivers"), ("cloning", "^cloning"),
                 ("first block", "^first block"), ("verified", "EZIO DONE"), ("firmware again", "reboot: Restarting"),
                 ("cloned system is up", debian_disk.MARKER)]
        for machine in machines:
            serial = machine.serial
            asked = self.log.moment(f"DHCPDISCOVER.* {machine.mac}")[0] + self.log.started - machine.process.started
            up, line = serial.find("^ezio-netboot: kernel")
            started = up - float(re.search(r"after ([\d.]+) s", line).group(1))
            first = serial.find("^first block")[0]
            print(f"# {machine.name}: power-on -> {asked:.0f} s -> firmware's first DHCP request -> {started - asked:.0f} s -> kernel start "
                  f"-> {first - started:.0f} s -> first block; {first - asked:.0f} s beyond firmware time")
            for what, pattern in marks:
                seconds, computed = serial.moment(pattern)
                print(f"#   {what} at {seconds:.0f} s, {computed:.0f} s computed", flush=True)


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
