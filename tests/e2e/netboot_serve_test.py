"""One command for a room: `ezio-netboot serve` in a namespace, with clients of its DHCP, TFTP and HTTP in others. No machine boots here."""
import os
import re
import signal

from lib import netlab, runner
from lib.case import require_programs
from lib.ezio import BIN_DIR, EzioCase, create_torrent, require_built
from lib.proc import run, wait_until

NETBOOT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "src", "netboot", "ezio-netboot")
HOST = os.path.join(os.path.dirname(NETBOOT), "host")
FILES = ("vmlinuz", "initrd.img", "rest.img", "lpxelinux.0", "ldlinux.c32", "shimx64.efi", "grubx64.efi", "mmx64.efi", "snponly.efi", "image.json")
MAC = "52-54-00-12-34-56"
# udhcpc hands what it was told to this.
LEASE_SCRIPT = '#!/bin/sh\n[ "$1" != bound ] || { echo "$ip $siaddr $boot_file$bootfile"; ip address add "$ip/$mask" dev "$interface"; }\n'


class ServeTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.lab = netlab.Lab()
        self.addCleanup(self.lab.close)
        self.server, self.client = self.lab.host("server"), self.lab.host("client")
        self.image = self.temp_dir("netboot")
        for name in FILES:
            with open(os.path.join(self.image, name), "w", encoding="utf-8") as file:
                file.write(f"this is {name}\n")
        self.source = self.temp_file("source.img")
        with open(self.source, "wb") as file:
            file.write(os.urandom(2 << 20))
        self.torrent = create_torrent(self.temp_file("lab.torrent"), "--image", self.source, name="lab", announce=["http://127.0.0.1:9/announce"])

    def argv(self, *flags, torrent=None, image=None, target="/dev/sda"):
        return [NETBOOT, "serve", "--dir", image or self.image, "--interface", "eth0", "--torrent", torrent or self.torrent,
                *(["--target", target] if target else []), *flags]

    def serve(self, *flags):
        process = self.spawn("ezio-netboot", self.argv("--source", self.source, *flags), netns=self.server, env={"EZIO_BIN_DIR": BIN_DIR})
        wait_until(lambda: "may boot now" in process.stdout() or not process.running(), 30, process.output)
        wait_until(lambda: "seeder: listening" in process.stdout() or not process.running(), 30, process.output)
        self.assertTrue(process.running(), process.output())
        return process

    def get(self, path):
        return self.http_get(self.client, self.server.address, 6970, path)

    def tftp(self, path):
        """The file's bytes, or None."""
        place = os.path.join(self.temp_dir("tftp"), "file")
        done = run("busybox", "tftp", "-g", "-r", path, "-l", place, self.server.address, netns=self.client, check=False, timeout_s=30)
        if done.returncode != 0:
            return None
        with open(place, "rb") as file:
            return file.read()

    def ask_dhcp(self, name="machine", arch=0):
        """What a machine without an address is told; "" when nobody gives it one."""
        host = self.lab.host(name)
        host.run("ip", "address", "flush", "dev", "eth0")
        script = self.temp_file("lease.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write(LEASE_SCRIPT)
        os.chmod(script, 0o755)
        done = run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "4", "-T", "4", "-s", script, "-V", f"PXEClient:Arch:{arch:05}:UNDI:002001",
                   "-x", f"0x5d:{arch:04x}", "-O", "bootfile", netns=host, check=False, timeout_s=60)
        return done.stdout.strip()

    def pids_of_children(self, process):
        listed = run("ps", "-o", "pid=", "--ppid", process.pid).stdout.split()
        # Beside them there is a process of its own that watches over them.
        return [int(pid) for pid in listed if "ezio-netboot\0" not in read(f"/proc/{pid}/cmdline")]

    def test_all_that_a_room_needs_and_nothing_when_it_ends(self):
        process = self.serve()
        status, text = self.get("/ezio.conf")
        self.assertEqual(status, 200)
        conf = dict(line.split("=", 1) for line in text.decode().splitlines() if not line.startswith("#"))
        self.assertEqual((conf["TORRENT"], conf["TARGET"]), ("http://10.77.0.1:6969/torrents/lab.torrent", "/dev/sda"))
        self.assertRegex(conf["INFO_HASH"], "^[0-9a-f]{40}$")
        self.assertEqual(self.get("/vmlinuz"), (200, b"this is vmlinuz\n"))
        for path in ("/", "/torrents/", "/image.json", "/dnsmasq.conf", "/../../etc/passwd", "/ezio.conf.d/..%2fx", "/ezio.conf.d/" + MAC):
            self.assertEqual(self.get(path)[0], 404, path)
        self.assertEqual(self.tftp("lpxelinux.0"), b"this is lpxelinux.0\n")
        self.assertEqual(self.tftp("grubx64.efi"), b"this is grubx64.efi\n")
        self.assertIn(b"ezio.conf=http://10.77.0.1:6970/ezio.conf", self.tftp("pxelinux.cfg/default"))
        self.assertIn(b"ezio.conf=http://10.77.0.1:6970/ezio.conf", self.tftp("grub/grub.cfg"))
        self.assertEqual(self.http_json(self.client, self.server.address, 6969, "/stats")["torrents"][0]["name"], "lab")
        root = os.path.dirname(re.search(r"sent (/run/ezio-netboot-\S+)/lpxelinux.0", process.output()).group(1) + "/x")
        children = self.pids_of_children(process)
        self.assertEqual(len(children), 3)
        self.assertEqual(process.stop(), 143)
        self.assertEqual([pid for pid in children if os.path.exists(f"/proc/{pid}")], [])
        self.assertFalse(os.path.exists(root))

    def test_it_gives_no_address_unless_told(self):
        process = self.serve()
        self.assertEqual(self.ask_dhcp(), "")
        process.stop()
        self.serve("--serve-dhcp", "10.77.0.100-10.77.0.150")
        self.assertRegex(self.ask_dhcp(), r"^10\.77\.0\.1[0-5]\d 10\.77\.0\.1 lpxelinux\.0$")

    def test_a_machine_that_is_done_boots_from_its_own_disk(self):
        self.serve()
        self.assertIsNone(self.tftp(f"pxelinux.cfg/01-{MAC}"))
        self.assertEqual(self.get(f"/done/{MAC}")[0], 200)
        self.assertIn(b"LOCALBOOT", self.tftp(f"pxelinux.cfg/01-{MAC}"))
        self.assertIn(b"exit", self.get(f"/boot.ipxe.d/{MAC}")[1])
        for text in ("x", "..", MAC + "%0a", "../../x"):
            self.assertEqual(self.get(f"/done/{text}")[0], 400, text)
        self.assertIsNone(self.tftp("pxelinux.cfg/01-52-54-00-00-00-09"))

    def test_a_uefi_machine_that_is_done_is_offered_no_boot_loader(self):
        """Firmware goes on to the disk only when the network has nothing for it."""
        self.serve("--serve-dhcp", "10.77.0.100-10.77.0.150")
        self.assertRegex(self.ask_dhcp(arch=7), r"^10\.77\.0\.1[0-5]\d 10\.77\.0\.1 shimx64\.efi$")
        mac = re.search(r"link/ether (\S+)", self.lab.host("machine").run("ip", "link", "show", "eth0").stdout).group(1)
        self.assertEqual(self.get(f"/done/{mac}?bootnext")[0], 200)
        wait_until(lambda: not self.ask_dhcp(arch=7).endswith("shimx64.efi"), 30, "no boot loader is offered")
        self.assertRegex(self.ask_dhcp(arch=7), r"^10\.77\.0\.1[0-5]\d ")

    def test_a_machine_that_was_refused_its_settings_is_red_on_the_page(self):
        """What the host's script says is what the tracker understands."""
        self.serve()
        state = self.temp_dir("state")
        _, conf = self.get("/ezio.conf")
        for name, text in (("peer.conf", conf.decode()), ("page-url", "http://10.77.0.1:6969/announce\n"), ("mac", MAC + "\n"), ("name", "lab-07\n")):
            with open(os.path.join(state, name), "w", encoding="utf-8") as file:
                file.write(text)
        script = f"lib={HOST}; . $lib/common; . $lib/page; tell_page \"ezio.conf:7 is not KEY=value: 100% & wrong\""
        run("busybox", "sh", "-c", script, netns=self.client, env={**os.environ, "EZIO_STATE": state})
        torrent, = self.http_json(self.client, self.server.address, 6969, "/stats")["torrents"]
        host = next(host for host in torrent["hosts"] if host["name"] == "lab-07")
        self.assertEqual((host["state"], host["error"]), ("failed", "ezio.conf:7 is not KEY=value: 100% & wrong"))

    def test_one_that_dies_ends_all_and_is_named(self):
        process = self.serve()
        seeder = next(pid for pid in self.pids_of_children(process) if "ezio-peer" in read(f"/proc/{pid}/cmdline"))
        others = [pid for pid in self.pids_of_children(process) if pid != seeder]
        os.kill(seeder, signal.SIGKILL)
        self.assertEqual(process.wait(30), 1)
        self.assertIn("seeder was ended by SIGKILL", process.stdout())
        self.assertEqual([pid for pid in others if os.path.exists(f"/proc/{pid}")], [])

    def test_children_end_even_with_a_command_that_is_killed(self):
        process = self.serve()
        children = self.pids_of_children(process)
        root = re.search(r"TFTP root is (/run/ezio-netboot-\S+)", process.output()).group(1)
        process.kill()
        wait_until(lambda: not [pid for pid in children if os.path.exists(f"/proc/{pid}")], 10, "the children end")
        wait_until(lambda: not os.path.exists(root), 10, "its directory goes")

    def test_the_end_of_a_deployment_is_its_exit_code(self):
        process = self.serve("--expect", "1", "--exit-when-done")
        target = self.temp_file("target.img")
        leecher = self.leech("http://10.77.0.1:6969/torrents/lab.torrent", target, host=self.client, flags=["--linger", "0"])
        leecher.wait_exit(0)
        self.assertEqual(self.get(f"/done/{MAC}")[0], 200)
        wait_until(lambda: f"{MAC} (10.77.0.2) is done" in process.output(), 30, process.output)
        # It stays for the machine's reboot.
        self.assertIn(b"LOCALBOOT", self.tftp(f"pxelinux.cfg/01-{MAC}"))
        self.assertEqual(process.wait(60), 0, process.output())
        self.assertIn("every host is verified", process.stdout())

    def test_what_cannot_be_served_is_refused_before_anything_starts(self):
        bad = self.temp_file("bad.torrent")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("no torrent")
        cases = [
            (4, "holds no boot image", self.argv(image=self.temp_dir("empty"))),
            (2, "give them in pairs", self.argv(target=None) + ["--target", "/dev/sda", "--target", "/dev/sdb"]),
            (2, "give a device", self.argv(target="/etc/passwd")),
            (3, "bad.torrent", self.argv(torrent=bad)),
            (2, "machines take no 'NOSUCH'", self.argv("--set", "NOSUCH=1")),
            (4, "is not in 10.77.0.0/24", self.argv("--serve-dhcp", "10.1.0.1-10.1.0.9")),
            (4, "there is no such interface", [*self.argv(), "--interface", "eth7"]),
            (2, "kernel's command line", self.argv("--append", "a b")),
        ]
        for code, reason, argv in cases:
            done = run(*argv, netns=self.server, check=False, env={**os.environ, "EZIO_BIN_DIR": BIN_DIR}, timeout_s=30)
            self.assertEqual((done.returncode, reason in done.stderr), (code, True), f"{reason}: {done.stderr}")
        self.assertEqual(run("ss", "-Hltnu", netns=self.server).stdout.strip(), "")

    def test_a_port_that_is_taken_is_said(self):
        self.tracker(host=self.server, port=6969)
        done = run(*self.argv("--source", self.source), netns=self.server, check=False, env={**os.environ, "EZIO_BIN_DIR": BIN_DIR}, timeout_s=60)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("tracker ended with 1", done.stdout)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def check():
    require_built()
    require_programs("dnsmasq", "busybox")


if __name__ == "__main__":
    runner.main(check)
