"""Our own programs, run as a user would: EZIO_BIN_DIR says where they are (default: build/src/tools)."""
import json
import os
import re

from . import sandbox
from .case import Case
from .proc import run, wait_until

_SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BIN_DIR = os.environ.get("EZIO_BIN_DIR", os.path.join(_SOURCE_ROOT, "build", "src", "tools"))
SANITIZED = os.environ.get("EZIO_SANITIZED") == "1"  # programs built with a sanitizer: larger and slower


def program(name):
    return os.path.join(BIN_DIR, name)


def require_built(*names):
    """All our programs, or these."""
    for name in names or ("ezio-torrent", "ezio-tracker", "ezio-peer"):
        if not os.access(program(name), os.X_OK):
            raise sandbox.CannotRun(f"{program(name)} is not built")


def create_torrent(output, *source, name, announce=(), public=False, piece_length=None):
    """source: ("--info", PATH), ("--dir", PATH) or ("--image", PATH)."""
    announces = [argument for url in announce for argument in ("--announce", url)]
    run(program("ezio-torrent"), "create", *source, "--name", name, *announces,
        *(["--public"] if public else []), *(["--piece-length", piece_length] if piece_length else []), "-o", output)
    return output


class Tracker:
    """A running ezio-tracker."""

    def __init__(self, case, host=None, address=None, port=6969, directory=None, interval_s=1, flags=()):
        self.case, self.host, self.port = case, host, port
        self.address = address or (host.address if host else "127.0.0.1")
        shown = f"[{self.address}]" if ":" in self.address else self.address
        self.url = f"http://{shown}:{port}"
        self.announce = f"{self.url}/announce"
        argv = [program("ezio-tracker"), "--listen", f"{shown}:{port}", "--interval", interval_s]
        argv += (["--dir", directory] if directory else []) + list(flags)
        self.process = case.spawn("ezio-tracker", argv, netns=host)
        case.wait_listening(host, port)

    def stats(self):
        return self.case.http_json(self.host, self.address, self.port, "/stats")

    def hosts(self):
        """Of the first torrent, as /stats has them."""
        torrents = self.stats()["torrents"]
        return torrents[0]["hosts"] if torrents else []


class Peer:
    """A running ezio-peer with --json on stdout. Image files that are not there yet are made."""

    def __init__(self, case, role, pairs, host=None, port=None, name=None, tracker=None, peers=(), flags=(),
                 json_output=True, before_exec=None, tty=None):
        argv = [program("ezio-peer"), f"--{role}", *[part for pair in pairs for part in pair]]
        if port is not None:
            argv += ["--listen", f"0.0.0.0:{port}"]
        if tracker is not None:
            argv += ["--tracker", tracker]
        for peer in peers:
            argv += ["--peer", peer]
        new = role == "leech" and any(not os.path.exists(path) for _, path in pairs)
        argv += (["--create"] if new else []) + list(flags) + (["--json"] if json_output else [])
        self.port = port
        self.process = case.spawn(name or role, argv, netns=host, before_exec=before_exec, tty=tty)

    def snapshots(self):
        """The JSON objects printed so far. A line still being written is left out."""
        lines = self.process.stdout().split("\n")[:-1]
        return [json.loads(line) for line in lines if line.strip()]

    def fraction(self, index=0):
        """How much of a torrent is verified, 0 to 1, as of the last snapshot."""
        snapshots = self.snapshots()
        if not snapshots:
            return 0.0
        torrent = snapshots[-1]["torrents"][index]
        return torrent["bytes_verified"] / torrent["bytes"]

    def wait_fraction(self, at_least, below, timeout_s=60):
        """Until the first torrent has got that far; fails when it was too fast to be caught there."""
        wait_until(lambda: self.fraction() >= at_least, timeout_s,
                   lambda: f"{self.process.name} at {self.fraction():.2f}, not {at_least}", interval_s=0.1)
        fraction = self.fraction()
        if fraction >= below:
            raise AssertionError(f"{self.process.name} is at {fraction:.2f} already: no half-way to test")

    def wait_exit(self, code, timeout_s=120):
        actual = self.process.wait(timeout_s)
        if actual != code:
            raise AssertionError(f"{self.process.name} exited with {actual}, expected {code}")

    def stderr_line(self, pattern):
        """The first stderr line that matches; fails without one."""
        for line in self.process.stderr().splitlines():
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no line matches {pattern!r} in stderr of {self.process.name}:\n"
                             f"{self.process.stderr()}")


class EzioCase(Case):
    """Shortcuts for tests of our programs."""

    def tracker(self, **kwargs):
        return Tracker(self, **kwargs)

    def seed(self, torrent, source, **kwargs):
        return Peer(self, "seed", [(torrent, source)], **kwargs)

    def leech(self, torrent, target, **kwargs):
        return Peer(self, "leech", [(torrent, target)], **kwargs)

    def run_peer(self, *argv, timeout_s=30, **kwargs):
        """ezio-peer to its end, for runs that fail at the start."""
        return run(program("ezio-peer"), *argv, timeout_s=timeout_s, check=False, **kwargs)
