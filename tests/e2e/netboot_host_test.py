"""The scripts of a machine that booted from the network, under busybox' shell, with a made-up machine around them."""
import hashlib
import os
import pty
import shutil
import time

from lib import runner
from lib.case import Case, require_programs
from lib.proc import run

HOST = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "src", "netboot", "host")
MAC = "52:54:00:12:34:56"

CONFIG = "# of a test\nTORRENT=http://s/a.torrent\nTARGET=/dev/sda\nINFO_HASH=abc\nNETBOOT_ACTION=reboot\nNETBOOT_DONE=http://s/done/\n"

LINE = ('{"torrents":[{"name":"a \\"bytes\\":9","state":"leeching","pieces":4,"pieces_verified":1,"bytes":4E6,"bytes_verified":1E6,'
        '"downloaded":5,"pieces_read_back":0,"down_bytes_per_second":2.5E6,"up_bytes_per_second":0E0,"peers":3,"eta_seconds":7.2E1}]}')

FAKES = {
    "ip": "exit 0\n",
    # As the real one: it hands what the server said to its script.
    "udhcpc": 'while [ $# -gt 0 ]; do [ "$1" != -s ] || script=$2; [ "$1" != -i ] || interface=$2; shift; done\n'
              'export interface ip=192.0.2.7 mask=24 siaddr=192.0.2.1 hostname="$FAKE_DHCP_NAME" router= dns=\nexec sh "$script" bound\n',
    "wget": 'for url in "$@"; do :; done\n[ "$2" != -O ] || file=$3\necho "$url" >>"$FAKE/fetched"\n'
            'case $url in */rest.img) if [ "$(grep -c rest.img "$FAKE/fetched")" = 1 ]; then echo "$FAKE_FIRST_REST"; else cat "$FAKE/rest.img"; fi >"$file"; exit ;; esac\n'
            'case $url in */done/*) exit 0 ;; *.d/*) cat "$FAKE/own.conf" ;; *) cat "$FAKE/ezio.conf" ;; esac\n',
    "modprobe": "exit 0\n",
    "mount": 'echo "$*" >>"$FAKE/mounted"\n',
    "hostname": 'echo "$1" >"$FAKE/hostname"\n',
    "sfdisk": 'echo "label: gpt"\necho "$2p1 : start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649"\n'
              'echo "$2p2 : start=4096, size=2048, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B"\n',
    "efibootmgr": 'echo "$*" >>"$FAKE/efi"\n'
                  '[ "$2" != -n ] || [ -n "$FAKE_FORGETS" ] || echo "BootNext: $3" >"$FAKE/next"\n'
                  '[ $# -gt 0 ] || cat "$FAKE/next" 2>/dev/null\n'
                  '[ $# -gt 0 ] || printf "BootOrder: 0001\\nBoot0001* UEFI PXEv4\\nBoot0007* ezio: cloned disk\tHD(2,GPT)\\n"\n',
    "reboot": 'echo reboot >"$FAKE/power"\n',
    "poweroff": 'echo poweroff >"$FAKE/power"\n',
    "ezio-peer": 'echo "$@" >"$FAKE/arguments"\ncp "$2" "$FAKE/peer.conf"\ncat "$FAKE/json"\n'
                 'echo "/dev/sda will be overwritten" >&2\n[ "$FAKE_CODE" = 0 ] || echo "/dev/sda: smaller than the torrent needs" >&2\n'
                 'exit $FAKE_CODE\n',
}


class HostTest(Case):
    def setUp(self):
        super().setUp()
        self.fake = self.temp_dir("fake")
        self.state = os.path.join(self.temp_dir("run"), "ezio")
        os.mkdir(self.state)
        self.bin = os.path.join(self.fake, "bin")
        os.mkdir(self.bin)
        for name in run("busybox", "--list").stdout.split():
            os.symlink("/bin/busybox", os.path.join(self.bin, name))
        for name, text in FAKES.items():
            path = os.path.join(self.bin, name)
            if os.path.lexists(path):
                os.unlink(path)
            write(path, "#!/bin/busybox sh\n" + text, 0o755)
        card = os.path.join(self.fake, "sys/class/net/eth0")
        os.makedirs(os.path.join(card, "device"))
        write(os.path.join(card, "address"), MAC)
        write(os.path.join(card, "carrier"), "1")
        write(os.path.join(self.fake, "json"), LINE + "\n")
        write(os.path.join(self.state, "drivers"), "")
        self.serial = os.path.join(self.fake, "serial.log")
        write(self.serial, "")
        write(os.path.join(self.state, "serial"), self.serial + "\n")
        self.settings(CONFIG)

    def settings(self, text, name="ezio.conf"):
        write(os.path.join(self.fake, name), text)

    def environment(self, code=0, **more):
        return {"PATH": self.bin, "FAKE": self.fake, "FAKE_CODE": str(code), "EZIO_ONCE": "1", "EZIO_STATE": self.state, "EZIO_SHOW": "0",
                "EZIO_EVERY": "1", "EZIO_PAUSE": "0", "EZIO_SYSFS": os.path.join(self.fake, "sys"), "EZIO_RESOLV": os.path.join(self.fake, "resolv"),
                "EZIO_TTY": "/dev/null", "EZIO_CMDLINE": os.path.join(self.fake, "cmdline"), "LC_ALL": "C", **more}

    def run_host(self, code=0, scripts=HOST, cmdline="quiet BOOTIF=01-52-54-00-12-34-56 ezio.conf=http://s/ezio.conf", **more):
        write(os.path.join(self.fake, "cmdline"), cmdline + "\n")
        done = run("/bin/busybox", "sh", os.path.join(scripts, "run"), timeout_s=60, check=False, env=self.environment(code, **more))
        self.errors = done.stderr
        return done

    def fact(self, name):
        path = os.path.join(self.state, name)
        return read(path).strip() if os.path.exists(path) else None

    def faked(self, name):
        path = os.path.join(self.fake, name)
        return read(path) if os.path.exists(path) else None

    def test_a_clone_that_is_verified_is_green_and_reboots(self):
        self.run_host(FAKE_DHCP_NAME="lab-07")
        self.assertEqual(self.fact("result"), "done", self.errors)
        self.assertEqual(self.faked("power"), "reboot\n")
        self.assertEqual(self.faked("hostname"), "lab-07\n")
        self.assertEqual(self.faked("peer.conf"), "TORRENT=http://s/a.torrent\nTARGET=/dev/sda\nINFO_HASH=abc\n")
        self.assertIn("http://s/done/52-54-00-12-34-56\n", self.faked("fetched"))
        self.assertEqual(self.fact("progress"), "leeching 25.0 2.5 0.0 3 72")
        serial = read(self.serial)
        for line in ("first block", "leeching 25.0 %", "EZIO DONE: lab-07"):
            self.assertIn(line, serial)

    def test_firmware_is_told_to_boot_from_the_disk_once(self):
        self.run_host()
        self.assertIsNone(self.faked("efi"), "not where it is a BIOS")
        os.makedirs(os.path.join(self.fake, "sys/firmware/efi"))
        self.run_host()
        self.assertEqual(self.faked("efi").splitlines(), [
            "", "-q -B -b 0007", "-q -C -d /dev/sda -p 2 -L ezio: cloned disk -l \\EFI\\BOOT\\BOOTX64.EFI", "", "-q -n 0007", ""])
        self.assertTrue(self.faked("fetched").endswith("/done/52-54-00-12-34-56?bootnext\n"))

    def test_firmware_that_forgets_is_not_relied_on(self):
        os.makedirs(os.path.join(self.fake, "sys/firmware/efi"))
        self.run_host(FAKE_FORGETS="1")
        self.assertTrue(self.faked("fetched").endswith("/done/52-54-00-12-34-56\n"), "the server offers it no boot loader then")
        self.assertIn("the firmware takes no note of the disk", read(self.serial))

    def test_the_rest_of_another_image_is_never_used(self):
        """It is fetched again instead: who builds anew while machines boot gives both parts in the end."""
        scripts = os.path.join(self.temp_dir("lib"), "ezio")
        shutil.copytree(HOST, scripts)
        write(os.path.join(self.fake, "rest.img"), "what was built with it")
        write(os.path.join(scripts, "rest.sha256"), hashlib.sha256(b"what was built with it").hexdigest() + "\n")
        write(os.path.join(scripts, "drivers"), '#!/bin/busybox sh\n: >"$EZIO_STATE/drivers.$1"\n', 0o755)
        self.run_host(scripts=scripts, FAKE_FIRST_REST="of another one")
        fetched = self.faked("fetched").split()
        self.assertEqual([url for url in fetched if "rest" in url], ["http://s/rest.img"] * 2)
        self.assertIn("http://s/rest.img is of another boot image", read(self.serial))
        self.assertEqual(self.faked("mounted").splitlines(), [
            f"-t squashfs -o loop,ro {self.state}/rest.img /rest", "-t overlay -o ro,lowerdir=/rest:/usr overlay /usr"])
        self.assertEqual(self.fact("result"), "done", self.errors)

    def test_a_failure_stays_with_its_reason_and_never_reboots(self):
        self.run_host(code=4)
        self.assertEqual(self.fact("result"), "failed")
        self.assertIn("exit code 4, the disk was refused: /dev/sda: smaller than the torrent needs", self.fact("phase"))
        self.assertIn("EZIO FAILED: exit code 4", read(self.serial))
        self.assertIsNone(self.faked("power"))
        self.assertNotIn("done/", self.faked("fetched"))

    def test_a_failure_that_the_peer_cannot_tell_is_told_to_the_page(self):
        self.settings(CONFIG.replace("=abc", "=" + "a1" * 20) + "NETBOOT_PAGE=http://s/announce\n")
        self.run_host(code=3)
        told = [line for line in self.faked("fetched").splitlines() if "/announce?" in line]
        self.assertEqual(len(told), 2)
        self.assertIn("info_hash=" + "%a1" * 20 + "&peer_id=-EB0000-525400123456&", told[1])
        self.assertIn("state=failed", told[1])
        self.assertIn("".join(f"%{byte:02x}" for byte in b"exit code 3, the torrent"), told[1])
        self.run_host(code=4)
        self.assertEqual(self.faked("fetched").count("/announce?"), 2, "what the peer tells is not told twice")

    def test_settings_are_data_and_what_is_not_known_is_refused(self):
        for line, reason in (("CONFIG=/etc/passwd", "CONFIG has no place here"), ("DRY_RUN=true", "DRY_RUN has no place here"),
                             ("NETBOOT_NAME=$(touch /tmp/x)", "no host name"), ("NETBOOT_NOSUCH=1", "does not know NETBOOT_NOSUCH"),
                             ("rubbish", "not KEY=value"), ("a b=1", "no key"), ("MEMORY=\x1b[2J", "control character"),
                             ("NETBOOT_ACTION=explode", "there are reboot")):
            self.settings(CONFIG + line + "\n")
            self.run_host()
            self.assertEqual(self.fact("result"), "failed", line)
            self.assertIn(reason, self.fact("phase"), line)
            self.assertIsNone(self.faked("arguments"), f"nothing was cloned: {line}")

    def test_shell_in_a_value_reaches_the_peer_as_it_is(self):
        value = "`reboot` $(reboot) ; reboot * \\n 'x\" %s"
        self.settings(CONFIG + f"TARGET_MODEL={value}\r\n")
        self.run_host()
        self.assertIn(f"TARGET_MODEL={value}\n", self.faked("peer.conf"))
        self.assertEqual(self.fact("result"), "done")

    def test_a_machine_that_is_named_takes_its_own_file(self):
        self.settings("NETBOOT_HOST=52-54-00-12-34-56\n" + CONFIG)
        self.settings("TORRENT=http://s/b.torrent\nTARGET=/dev/sdb\nNETBOOT_NAME=own\nNETBOOT_ACTION=poweroff\n", "own.conf")
        self.run_host()
        self.assertIn("/dev/sdb", self.faked("peer.conf"))
        self.assertNotIn("/dev/sda", self.faked("peer.conf"))
        self.assertEqual(self.faked("power"), "poweroff\n")
        self.assertEqual(self.faked("hostname"), "own\n")

    def test_the_command_line_goes_over_the_file(self):
        self.run_host(cmdline="BOOTIF=01-52:54:00:12:34:56 ezio.conf=http://s/ezio.conf ezio.action=poweroff")
        self.assertEqual(self.faked("power"), "poweroff\n")
        for cmdline, reason in (("ezio.conf=http://s/ezio.conf ezio.action=explode", "ezio.action=explode"),
                                ("ezio.conf=https://s/ezio.conf", "only http:// and tftp://")):
            self.run_host(cmdline=cmdline)
            self.assertEqual(self.fact("result"), "failed")
            self.assertIn(reason, self.fact("phase"))

    def test_small_machines_take_half_of_their_memory_unless_told(self):
        meminfo = os.path.join(self.fake, "meminfo")
        write(meminfo, "MemTotal: 999999 kB\nMemAvailable:   204800 kB\n")
        self.run_host(EZIO_MEMINFO=meminfo)
        self.assertIn("--memory=100", self.faked("arguments"))
        self.settings(CONFIG + "MEMORY=64\n")
        self.run_host(EZIO_MEMINFO=meminfo)
        self.assertNotIn("--memory", self.faked("arguments"))

    def test_the_menu_asks_before_and_after(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        write(os.path.join(self.fake, "cmdline"), "ezio.conf=http://s/ezio.conf ezio.action=menu\n")
        process = self.spawn("host", ["/bin/busybox", "sh", os.path.join(HOST, "run")], env=self.environment(EZIO_TTY=os.ttyname(slave)))
        shown = b""

        def wait_shown(text):
            nonlocal shown
            deadline = time.monotonic() + 30
            while text not in shown and time.monotonic() < deadline:
                shown += os.read(master, 4096)
            self.assertIn(text, shown)
            shown = shown.partition(text)[2]

        wait_shown(b"Overwrites /dev/sda")
        self.assertIsNone(self.faked("arguments"))
        wait_shown(b"Number and Enter")
        os.write(master, b"9\n")
        wait_shown(b"Number and Enter")
        os.write(master, b"1\n")
        wait_shown(b"when it is cloned?")
        os.write(master, b"2\n")
        process.wait(30)
        self.assertEqual(self.faked("power"), "poweroff\n")

    def screen(self):
        return run("/bin/busybox", "sh", os.path.join(HOST, "screen"), env=self.environment()).stdout

    def test_the_screen_shows_how_far_it_is_and_how_it_ended(self):
        self.run_host(code=0)
        for name, text in (("progress", "leeching 50.0 2.5 0.1 3 72"), ("name", "lab-07")):
            write(os.path.join(self.state, name), text + "\n")
        os.unlink(os.path.join(self.state, "result"))
        shown = self.screen()
        for text in ("lab-07   192.0.2.7   52-54-00-12-34-56", "disk /dev/sda", "[" + "#" * 37 + "." * 37 + "]", "50.0 %", "1:12 left"):
            self.assertIn(text, shown)
        self.assertNotIn("[1;37;4", shown, "no banner before the end")
        for result, colour in (("done", "42"), ("failed", "41")):
            write(os.path.join(self.state, "result"), result + "\n")
            self.assertIn(f"\x1b[1;37;{colour}m", self.screen())
        self.assertLessEqual(self.screen().count("\n"), 25, "fits the console")

    def test_drivers_of_the_network_come_first(self):
        for number, alias in enumerate(("pci:v1d1sv1sd1bc0Csc03i30", "pci:v1d1sv1sd1bc01sc08i02", "pci:v1d1sv1sd1bc02sc00i00", "acpi:X:")):
            directory = os.path.join(self.fake, "sys/devices", f"d{number}")
            os.makedirs(directory)
            write(os.path.join(directory, "modalias"), alias + "\n")
        os.unlink(os.path.join(self.state, "drivers"))
        modprobe = os.path.join(self.bin, "fake-modprobe")
        write(modprobe, '#!/bin/busybox sh\necho "$@" >>"$FAKE/loaded"\n', 0o755)
        run("/bin/busybox", "sh", os.path.join(HOST, "drivers"), env=self.environment(EZIO_MODPROBE=modprobe), timeout_s=30)
        self.assertEqual(self.faked("loaded").split()[3:], ["pci:v1d1sv1sd1bc02sc00i00", "pci:v1d1sv1sd1bc01sc08i02", "acpi:X:",
                                                             "pci:v1d1sv1sd1bc0Csc03i30"])
        self.assertIsNotNone(self.fact("drivers"))


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


if __name__ == "__main__":
    runner.main(lambda: require_programs("busybox"))
