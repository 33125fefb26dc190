"""The programs that can clone a room: how each serves the image, receives it, and says that it is complete."""
import json
import os
import re
import time
import urllib.request

from .clients import ARIA2_LEECH, ARIA2_SEED, aria2_argv, control_file, libtorrent_argv
from .lan_base import sandbox
from .procs import Failed, Process, run

TRACKER_PORT, PEER_PORT = 6969, 6881
ANNOUNCE_INTERVAL_S = 5
READY_S = 60


class Tracker:
    """ezio-tracker, on a host of its own."""

    def __init__(self, program, host):
        self._host = host
        self.url = f"http://{host.address}:{TRACKER_PORT}"
        self.process = start(host, program, "--listen", f"{host.address}:{TRACKER_PORT}", "--interval",
                             ANNOUNCE_INTERVAL_S)
        self.process.wait_line(r"http://[^/]+/announce", 20)

    def peers(self):
        def get():
            with urllib.request.urlopen(f"{self.url}/stats", timeout=10) as reply:
                return json.load(reply)["peers"]
        return self._host.call(get)


class Gate:
    """Holds processes back until all of them are there: each takes a while to make, more so beside those that run."""

    def __init__(self):
        self.read_end, self._write_end = os.pipe()
        self.held = []

    def open(self):
        """Returns when."""
        os.close(self._write_end)
        os.close(self.read_end)
        now = time.monotonic()
        for process in self.held:
            process.started = now
        return now


def start(host, *argv, gate=None, **kwargs):
    """A program on a host; behind a gate its start waits for that."""
    setup = sandbox.child_setup(host.fd)
    if gate is None:
        return Process(*argv, setup=setup, **kwargs)
    process = Process("sh", "-c", 'read -r _; exec "$@" </dev/null', "sh", *argv, setup=setup, stdin=gate.read_end,
                      **kwargs)
    gate.held.append(process)
    return process


class Program:
    """Of one run. Subclasses have seed() and leech(), which start a process on a host."""
    protocol = "tcp"
    by_torrent = True
    as_image = False  # which form of a target they write
    complete = None  # in a line of their output

    def __init__(self, label):
        self.label = label

    def ready(self, tracker, process):
        """Whether a seed can be found."""
        return tracker.peers() > 0

    def completed(self, process):
        """When it said so, or None."""
        found = process.first_line(self.complete)
        return found and found[0]

    def claims(self, process):
        """What it says itself of its work."""
        return {}


class Ezio(Program):
    as_image = True
    complete = r": complete: "

    def __init__(self, label, directory, flags=()):
        super().__init__(label)
        self.peer, self.flags = os.path.join(directory, "ezio-peer"), flags

    def _peer(self, host, role, torrent, path, gate=None, *flags):
        return start(host, self.peer, role, torrent, path, "--listen", f"{host.address}:{PEER_PORT}", "--linger",
                     "forever", "--json", *flags, *self.flags, gate=gate)

    def seed(self, host, torrent, source):
        return self._peer(host, "--seed", torrent, source.path)

    def leech(self, host, torrent, target, gate=None):
        # How the room shares the work is compared, with programs that do not look at their target again.
        return self._peer(host, "--leech", torrent, target.image, gate, "--create", "--no-read-back")

    def claims(self, process):
        lines = [text for _, text in process.lines if text.startswith("{")]
        return json.loads(lines[-1])["torrents"][0] if lines else {}


class EzioPacked(Ezio):
    """Whose seeder serves a packed image."""

    def __init__(self, label, directory, flags=()):
        super().__init__(label, directory, flags)
        self._ezio_torrent = os.path.join(directory, "ezio-torrent")

    def seed(self, host, torrent, source):
        return self._peer(host, "--seed", torrent, source.pack(self._ezio_torrent))


class Libtorrent(Program):
    complete = r"^complete$"

    def seed(self, host, torrent, source):
        return start(host, *libtorrent_argv("seed", torrent, source.directory, host.address))

    def leech(self, host, torrent, target, gate=None):
        return start(host, *libtorrent_argv("leech", torrent, target.directory, host.address), gate=gate)


class Aria2(Program):
    # It says nothing of its own when it goes on to seed, but runs a program: with a number, a count and a path.
    complete = r"^[0-9a-f]{16} \d+ /"

    def __init__(self, label, ezio_torrent):
        super().__init__(label)
        self._ezio_torrent = ezio_torrent

    def _client(self, host, torrent, directory, flags, gate=None):
        return start(host, *aria2_argv(torrent, directory, host.address, "--seed-ratio=0.0",
                                       "--on-bt-download-complete=/bin/echo", *flags),
                     gate=gate, env={"HOME": directory})

    def seed(self, host, torrent, source):
        return self._client(host, torrent, source.directory, ARIA2_SEED)

    def leech(self, host, torrent, target, gate=None):
        # Its own notes of a download that has got nothing yet: without them it would start by truncating the file.
        with open(target.files + ".aria2", "wb") as file:
            file.write(control_file(json.loads(run(self._ezio_torrent, "show", "--json", torrent))))
        return self._client(host, torrent, target.directory, ARIA2_LEECH, gate)


class Udpcast(Program):
    """One sender, one stream by multicast to all. Its rate is ours to say: over the link's it only loses."""
    protocol = "udp"
    by_torrent = False
    as_image = True
    complete = r"Transfer complete"
    share_of_link = 0.99
    sender_flags, receiver_flags = (), ()
    control_group, data_group = "239.77.0.1", "239.77.0.2"

    def __init__(self, label, receivers, slowest):
        super().__init__(label)
        self._receivers, self._slowest = receivers, slowest

    def seed(self, host, torrent, source):
        host.run("ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")
        rate = round(self._slowest * 1000 * self.share_of_link)
        return start(host, "udp-sender", "--file", source.image, *self.sender_flags, "--interface", "eth0", "--full-duplex",
                     "--nopointopoint", "--mcast-rdv-address", self.control_group, "--mcast-data-address",
                     self.data_group, "--max-bitrate", f"{rate}k", "--min-receivers", self._receivers, "--nokbd",
                     "--no-progress")

    def ready(self, tracker, process):
        return process.first_line(r"^(UDP|Udp.)sender") is not None

    def leech(self, host, torrent, target, gate=None):
        host.run("ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")
        with open(target.image, "r+b") as file:  # by name it would truncate the file
            return start(host, "udp-receiver", *self.receiver_flags, "--interface", "eth0", "--mcast-rdv-address", self.control_group,
                         "--nokbd", "--no-progress", stdout=file, gate=gate)


class UdpcastZstd(Udpcast):
    """The same of a compressed stream, as Clonezilla sends its images."""
    sender_flags, receiver_flags = ("--pipe", "zstd -3 -c"), ("--pipe", "zstd -d -c")


def check_programs(directory):
    """ezio's programs are there."""
    for name in ("ezio-peer", "ezio-tracker", "ezio-torrent"):
        if not os.access(os.path.join(directory, name), os.X_OK):
            raise Failed(f"{os.path.join(directory, name)} is not there: --build or --bin says where it is")


def tail(process):
    """The end of its output without the progress, for a message."""
    lines = [text for _, text in process.lines if not re.match(r"\{", text)]
    return "\n".join(lines[-15:])
