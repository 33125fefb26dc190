"""`ezio-netboot serve`: all that a room needs of its server, as one command in the foreground."""
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from . import bootfiles, dnsmasq, interface, settings
from .build import MANIFEST, PARTS
from .children import Children, code_of, end_text
from .programs import need, own
from .refusal import FAILED, REFUSED, TORRENT, USAGE, Refusal
from .web import Server

CONSOLES = ["quiet", "loglevel=4", "console=ttyS0,115200n8", "console=tty0"]
TRACKER_SECONDS = 20  # in which the tracker has to answer
GOODBYE_SECONDS = 180  # after the end of a deployment: so long its last machines may still ask where to boot from
_TOLD = re.compile(r"sent \S+/pxelinux\.cfg/01-([0-9a-f-]{17}) to ")


class Plan:
    """What is served, checked before anything is started."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.image = os.path.abspath(arguments.dir)
        self._check_image()
        self.interface = interface.look_up(arguments.interface)
        self.serve_dhcp = interface.dhcp_range(arguments.serve_dhcp, self.interface) if arguments.serve_dhcp else None
        self.secure_boot = bool(self.serve_dhcp) or arguments.secure_boot
        self.tracker_url = f"http://{self.interface.address}:{arguments.tracker_port}"
        self.web_url = f"http://{self.interface.address}:{arguments.http_port}"
        self._check_pairs()
        self.keys = settings.peer_keys()
        self.info_hashes = [info_hash(path) for path in arguments.torrent]
        self.common = self._common_settings()
        self.words = CONSOLES + [f"ezio.conf={self.web_url}/ezio.conf"] + arguments.append
        for word in self.words:
            bootfiles.quoted(word)
        self.dnsmasq_extra = [dnsmasq.checked_extra(text) for text in arguments.dnsmasq_option]

    def _check_image(self):
        if not os.path.exists(os.path.join(self.image, MANIFEST)):
            raise Refusal(f"{self.image} holds no boot image: make one with ezio-netboot build -o {self.image}")
        lacking = [name for name in PARTS.values() if not os.path.exists(os.path.join(self.image, name))]
        if lacking:
            raise Refusal(f"{self.image} lacks {' '.join(lacking)}: make it anew with ezio-netboot build -o {self.image}")
        closed = dnsmasq.readable_by_all(self.image)
        if closed:
            raise Refusal(f"{closed} lets nobody but its owner in, and dnsmasq gives up root: chmod a+x {closed}")

    def _check_pairs(self):
        torrents, targets, sources = self.arguments.torrent, self.arguments.target, self.arguments.source
        if len(targets) != len(torrents):
            raise Refusal(f"{len(torrents)} --torrent and {len(targets)} --target: give them in pairs", USAGE)
        if sources and len(sources) != len(torrents):
            raise Refusal(f"{len(torrents)} --torrent and {len(sources)} --source: give one for each, or none "
                          "where somebody else seeds", USAGE)
        self.names = [settings.torrent_file_name(path) for path in torrents]
        for path, name in zip(torrents, self.names):
            if any(other != path and os.path.basename(other) == name for other in torrents):
                raise Refusal(f"two torrents are called {name}", USAGE)
        for target in targets:
            settings.checked_target(target)

    def _common_settings(self):
        pairs = []
        for name, target in zip(self.names, self.arguments.target):
            pairs += [("TORRENT", f"{self.tracker_url}/torrents/{name}"), ("TARGET", target)]
        # One pin for each torrent, however many targets it has.
        pairs += [("INFO_HASH", pin) for pin in dict(zip(self.names, self.info_hashes)).values()]
        pairs += [("NETBOOT_ACTION", self.arguments.action), ("NETBOOT_DONE", f"{self.web_url}/done/"),
                  ("NETBOOT_PAGE", f"{self.tracker_url}/announce")]
        for line in self.arguments.set:
            key, value = settings.checked_setting(line, "--set", self.keys)
            if key in settings.PAIR or key in settings.OF_THE_SERVER or key in ("NETBOOT_ACTION", "INFO_HASH"):
                raise Refusal(f"--set {key}: it follows from the other flags", USAGE)
            pairs.append((key, value))
        return pairs


def info_hash(path):
    done = subprocess.run([own("ezio-torrent"), "show", path, "--json"], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Refusal(done.stderr.strip() or f"{path}: ezio-torrent cannot read it", TORRENT)
    return json.loads(done.stdout)["info_hash"]


class Room:
    """A directory of this run: links to the image, what is written for machines, and the children that serve it."""

    def __init__(self, plan, say):
        self.plan = plan
        self._say = say
        self.done = set()  # machines that have said so
        self.told = set()  # those of them that have asked where to boot from since
        self.root = tempfile.mkdtemp(prefix="ezio-netboot-", dir="/run" if os.access("/run", os.W_OK) else None)
        os.chmod(self.root, 0o755)
        self.children = Children(self._hear, self.root)

    def _hear(self, name, line):
        self._say(f"{name}: {line}")
        told = _TOLD.search(line) if name == "dnsmasq" else None
        if told:
            self.told.add(told.group(1))

    def prepare(self):
        for name in (*PARTS.values(), *bootfiles.BIOS, *bootfiles.UEFI, *bootfiles.IPXE):
            os.symlink(os.path.join(self.plan.image, name), os.path.join(self.root, name))
        for name in ("pxelinux.cfg", "grub", "boot.ipxe.d", "done", "torrents"):
            os.mkdir(os.path.join(self.root, name))
        web = self.plan.web_url
        self._put("pxelinux.cfg/default",
                  bootfiles.pxelinux_config(f"{web}/vmlinuz", f"{web}/initrd.img", self.plan.words))
        self._put("grub/grub.cfg", bootfiles.grub_config(self.plan.interface.address, self.plan.words))
        self._put("boot.ipxe", bootfiles.ipxe_script(web, self.plan.words))
        macs = settings.write(self.root, self.plan.common, self.plan.arguments.hosts, self.plan.keys)
        if macs:
            self._say(f"{len(macs)} machines have settings of their own")
        for path, name in zip(self.plan.arguments.torrent, self.plan.names):
            shutil.copyfile(path, os.path.join(self.root, "torrents", name))
        self._put("dnsmasq.conf", dnsmasq.configuration(
            self.plan.interface, self.root, web, self.plan.serve_dhcp, self.plan.secure_boot, dnsmasq_user(),
            "\n".join(self.plan.dnsmasq_extra)))

    def _put(self, name, text):
        path = os.path.join(self.root, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def note_done(self, mac, address, needs_nothing):
        """Its next boots are from its own disk. needs_nothing: its firmware knows about the next one already."""
        if needs_nothing:
            self.told.add(mac)
        self.done.add(mac)
        self._put(f"pxelinux.cfg/01-{mac}", bootfiles.PXELINUX_LOCAL)
        self._put(f"done/{mac}", dnsmasq.host_done(mac))
        self._put(f"boot.ipxe.d/{mac}", bootfiles.IPXE_LOCAL)
        self.children.events.put(("line", "boot", f"{mac} ({address}) is done: it boots from its own disk now"))

    def start(self):
        self._start_tracker()
        try:
            self.web = Server(self.plan.interface.address, self.plan.arguments.http_port, self.root, self.note_done,
                              self.told.add)
        except OSError as error:
            raise Refusal(f"cannot listen on {self.plan.web_url}: {error.strerror}", FAILED) from None
        self.web.start()
        self._start_seeder()
        self.children.start("dnsmasq", [need("dnsmasq", "dnsmasq-base"), "-k", "--log-facility=-", "-C",
                                        os.path.join(self.root, "dnsmasq.conf")])
        way = f"DHCP {'-'.join(self.plan.serve_dhcp)}" if self.plan.serve_dhcp else "beside your DHCP server"
        self._say(f"machines on {self.plan.interface.name} may boot now ({way}); the page: {self.plan.tracker_url}/")

    def _start_tracker(self):
        plan, given = self.plan, self.plan.arguments
        argv = [own("ezio-tracker"), "--listen", plan.tracker_url.removeprefix("http://"), "--dir", os.path.join(self.root, "torrents"),
                "--announce-url", f"{plan.tracker_url}/announce"]
        for flag in ("expect", "expect_hosts", "state", "log", "report", "on_complete", "token_file", "interval"):
            value = getattr(given, flag)
            if value is not None:
                argv += [f"--{flag.replace('_', '-')}", value]
        if given.exit_when_done:
            argv.append("--exit-when-done")
        self.children.start("tracker", argv)
        deadline = time.monotonic() + TRACKER_SECONDS
        while not answers(f"{plan.tracker_url}/healthz"):
            event = self.children.next_event(0.1)
            if event:
                raise Ended(event)
            if time.monotonic() > deadline:
                raise Refusal(f"the tracker does not answer at {plan.tracker_url} within {TRACKER_SECONDS} s", FAILED)

    def _start_seeder(self):
        given = self.plan.arguments
        if not given.source:
            self._say("no --source: somebody else has to seed")
            return
        argv = [own("ezio-peer"), "--seed"]
        for name, path, source in zip(self.plan.names, given.torrent, given.source):
            argv += [path, source]
        argv += ["--tracker", f"{self.plan.tracker_url}/announce", "--json", "--memory", given.memory]
        if given.upload_limit is not None:
            argv += ["--upload-limit", given.upload_limit]
        self.children.start("seeder", argv, quiet_stdout=True)

    def run(self):
        """Until a signal or the first child's end; the exit code."""
        while True:
            event = self.children.next_event(3600)
            if event is None:
                continue
            raise Ended(event)

    def say_goodbye(self):
        """The last machines are on their way to their reboot: until all who are expected have said that they are done, and have been
        told to boot from their own disks; for a while. Those that do not reboot do not ask."""
        expected = self.plan.arguments.expect or 0
        asks = self.plan.arguments.action == "reboot"
        deadline = time.monotonic() + GOODBYE_SECONDS
        while (len(self.done) < expected or asks and self.done - self.told) and time.monotonic() < deadline:
            event = self.children.next_event(0.5)
            if event and event[0] == "signal":
                return

    def close(self):
        self.children.stop()


class Ended(Exception):
    def __init__(self, event):
        super().__init__(str(event))
        self.event = event


def answers(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def dnsmasq_user():
    for name in ("dnsmasq", "nobody"):
        try:
            pwd.getpwnam(name)
            return name
        except KeyError:
            continue
    return "root"


def serve(arguments, say):
    if os.geteuid() != 0:
        raise Refusal("needs root: TFTP and DHCP have ports below 1024")
    room = Room(Plan(arguments), say)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda number, _: room.children.events.put(("signal", "", number)))
    try:
        room.prepare()
        room.start()
        room.run()
    except Ended as end:
        return conclusion(room, end.event, say)
    finally:
        room.close()
    return FAILED


def conclusion(room, event, say):
    kind, name, status = event
    if kind == "signal":
        say(f"ends by {signal.Signals(status).name}; {len(room.done)} machines have said that they are done")
        return 128 + status
    if name == "tracker" and room.plan.arguments.exit_when_done and status in (0, 6):
        say("the deployment is over: " + ("every host is verified" if status == 0 else "not every host is verified"))
        room.say_goodbye()
        return status
    reason = room.children.last_line(name)
    say(f"{name} {end_text(status)}{': ' + reason if reason else ''}; the others are ended")
    code = code_of(status)
    return code if code in (TORRENT, REFUSED) else FAILED
