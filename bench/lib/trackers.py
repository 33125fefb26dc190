"""The trackers that are measured, each started for a bench, and one announce to see that it answers as it should."""
import contextlib
import os
import re
import socket
import time

from .procs import Failed, Process

ADDRESS = "127.0.0.1"


def info_hash(number):
    return f"{number:02x}" * 20


def percent(hexadecimal):
    return re.sub("..", r"%\g<0>", hexadecimal)


def fetch(port, path, source=ADDRESS, timeout_s=10):
    """The body of the reply. A connection of its own, as ezio-peer has for each announce."""
    with socket.socket() as client:
        client.settimeout(timeout_s)
        client.bind((source, 0))
        client.connect((ADDRESS, port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {ADDRESS}:{port}\r\nConnection: close\r\n\r\n".encode("ascii"))
        reply = bytearray()
        while part := client.recv(1 << 18):
            reply += part
    head, separator, body = bytes(reply).partition(b"\r\n\r\n")
    if not separator or b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
        raise Failed(f"GET {path[:60]}: {bytes(reply[:200])!r}")
    return body


def peers_told(port, torrent):
    """How many peers somebody new is told of."""
    body = fetch(port, f"/announce?info_hash={percent(torrent)}&peer_id=-BENCH0-{0:012d}&port=19999&uploaded=0"
                       "&downloaded=0&left=1&compact=1&event=started")
    found = re.search(rb"5:peers(\d+):", body)
    if not found:
        raise Failed(f"no peers in the reply to an announce: {body[:200]!r}")
    return int(found.group(1)) // 6


class EzioTracker:
    name = "ezio-tracker"

    def __init__(self, program, *flags):
        self.process = Process(program, "--listen", f"{ADDRESS}:0", *flags)
        try:
            self.port = int(self.process.wait_line(r"listening on http://[\d.]+:(\d+)/", 20)[1].group(1))
        except Failed:
            self.process.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        with open(f"/proc/{self.process.popen.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Opentracker:
    """Debian's build, which knows whitelisted torrents only."""

    name = "opentracker"

    def __init__(self, directory, torrent):
        os.chmod(directory, 0o755)  # it reads its list as nobody
        with open(os.path.join(directory, "whitelist.txt"), "w", encoding="ascii") as file:
            file.write(f"{torrent}\n")
        with socket.socket() as probe:
            probe.bind((ADDRESS, 0))
            self.port = probe.getsockname()[1]
        self.process = Process("opentracker", "-i", ADDRESS, "-p", self.port, "-P", self.port, "-d", directory,
                               "-u", "nobody", "-w", "whitelist.txt")
        self._wait_listening()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()

    def _wait_listening(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection((ADDRESS, self.port), 1):
                return
            time.sleep(0.05)
        self.process.stop()
        raise Failed(f"opentracker does not listen: {self.process.output()}")
