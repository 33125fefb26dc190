"""The programs that are compared: how each seeds and leeches one torrent, and says that it is complete."""
import json
import os
import struct
import sys

from .procs import Process, run

HERE = os.path.dirname(os.path.abspath(__file__))
SEED, LEECHER = "127.0.0.1", "127.0.0.2"  # libtorrent takes two programs at one address for one


class Ezio:
    name = "ezio-peer"
    complete = r": complete: "

    def __init__(self, programs, env):
        self.program, self.env = os.path.join(programs, "ezio-peer"), env

    def _peer(self, role, torrent, path, address, *flags):
        return Process(self.program, role, torrent, path, "--listen", f"{address}:0", "--linger", "forever", *flags,
                       env=self.env)

    def seed(self, torrent, data):
        return self._peer("--seed", torrent, data.path, SEED)

    def leech(self, torrent, data, target):
        # As the others, which do not look at their target again either.
        return self._peer("--leech", torrent, os.path.join(target, data.file_name), LEECHER, "--create",
                          "--no-read-back")

    def target_file(self, data, target):
        return os.path.join(target, data.file_name)


def libtorrent_argv(role, torrent, parent, address):
    return sys.executable, os.path.join(HERE, "lt_client.py"), role, torrent, parent, address


class Libtorrent:
    name = "libtorrent"
    complete = r"^complete$"

    def __init__(self, env):
        self.env = env

    def _client(self, role, torrent, parent, address):
        return Process(*libtorrent_argv(role, torrent, parent, address), env=self.env)

    def seed(self, torrent, data):
        return self._client("seed", torrent, data.parent, SEED)

    def leech(self, torrent, data, target):
        return self._client("leech", torrent, target, LEECHER)

    def target_file(self, data, target):
        return os.path.join(target, data.name, data.file_name)


def control_file(torrent):
    """aria2's *.aria2 file of a torrent of which it has nothing (technical notes in its manual), version 1."""
    info_hash = bytes.fromhex(torrent["info_hash"])
    bitfield = bytes((torrent["piece_count"] + 7) // 8)
    bittorrent, uploaded, in_flight = 1, 0, 0
    return (struct.pack(">HII", 1, bittorrent, len(info_hash)) + info_hash
            + struct.pack(">IQQI", torrent["piece_length"], torrent["total_length"], uploaded, len(bitfield))
            + bitfield + struct.pack(">I", in_flight))


def aria2_argv(torrent, parent, address, *flags):
    return (
        "aria2c", f"--dir={parent}", f"--interface={address}", "--listen-port=20000-29999", "--no-conf=true",
        "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
        "--bt-require-crypto=false", "--bt-min-crypto-level=plain", "--disable-ipv6=true",
        "--file-allocation=none", "--disk-cache=256M", "--bt-max-peers=0", "--max-upload-limit=0",
        "--summary-interval=0", "--show-console-readout=false", "--console-log-level=notice",
        "--auto-save-interval=0", *flags, torrent)


# Believes what is there, as the others do.
ARIA2_SEED = ("--check-integrity=false", "--allow-overwrite=true", "--bt-seed-unverified=true", "--seed-ratio=0.0")
ARIA2_LEECH = ("--continue=true", "--check-integrity=false")


class Aria2:
    name = "aria2c"
    complete = r"Download complete|Seeding is over|\(OK\)"

    def __init__(self, programs, env):
        self._ezio_torrent, self.env = os.path.join(programs, "ezio-torrent"), env

    def _client(self, torrent, parent, address, *flags):
        return Process(*aria2_argv(torrent, parent, address, *flags),
                       env={**self.env, "HOME": os.path.dirname(parent)})

    def seed(self, torrent, data):
        return self._client(torrent, data.parent, SEED, *ARIA2_SEED)

    def leech(self, torrent, data, target):
        # Its own notes of a download that has got nothing yet: without them it would start by truncating the file.
        with open(os.path.join(target, f"{data.name}.aria2"), "wb") as file:
            file.write(control_file(json.loads(run(self._ezio_torrent, "show", "--json", torrent))))
        return self._client(torrent, target, LEECHER, *ARIA2_LEECH, "--seed-time=0")

    def target_file(self, data, target):
        return os.path.join(target, data.name, data.file_name)
