"""Peers that mean harm, or are broken, beside an honest seed: the clone completes, and nothing grows without bound."""
import os
import random
import socket
import struct
import threading
import time

from lib import runner
from lib.ezio import SANITIZED, EzioCase, require_built
from lib.proc import run
from lib.rawimage import MIB, RawImage
from lib.swarm import info_hash_hex

SEED_PORT, LEECH_PORT, TRAP_PORT = 7001, 7002, 7003
INTERESTED, REQUEST, HAVE, UNCHOKE, PIECE, HAVE_ALL = b"\x02", b"\x06", b"\x04", b"\x01", b"\x07", b"\x0e"
MOST_BYTES = 320 * MIB


def message(kind, payload=b""):
    return struct.pack(">I", 1 + len(payload)) + kind + payload


class Attack:
    """Connections to our programs, each worked by a thread, until closed. What happens to them is the attackers' affair."""

    def __init__(self, info_hash):
        self.info_hash, self.over, self.threads, self.sockets = info_hash, threading.Event(), [], []
        self.sent = 0

    def handshake(self, peer_id=None):
        reserved = b"\0\0\0\0\0\0\0\x04"  # BEP 6
        return b"\x13BitTorrent protocol" + reserved + self.info_hash + (peer_id or random.randbytes(20))

    def run(self, work, *arguments):
        thread = threading.Thread(target=self._quietly, args=(work, *arguments), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _quietly(self, work, *arguments):
        while not self.over.is_set():
            try:
                work(*arguments)
            except OSError:
                time.sleep(0.2)

    def connect(self, port):
        found = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.sockets.append(found)
        return found

    def send_for_ever(self, peer, data):
        peer.settimeout(1)
        while not self.over.is_set():
            try:
                self.sent += peer.send(data)
            except socket.timeout:
                continue

    def close(self):
        self.over.set()
        for found in self.sockets:
            found.close()
        for thread in self.threads:
            thread.join(10)

    # ---- what they do

    def flood(self, port, data, first=b""):
        """Sends the same again and again, and reads nothing."""
        peer = self.connect(port)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.sendall(self.handshake() + message(b"\x0f") + first)
        self.send_for_ever(peer, data)

    def be_silent(self, port):
        peer = self.connect(port)
        self.over.wait(60)
        peer.close()

    def drip(self, server):
        """Says that it has everything, and sends a byte of a block now and then."""
        peer, _ = server.accept()
        self.sockets.append(peer)
        peer.recv(68, socket.MSG_WAITALL)
        peer.sendall(self.handshake() + message(HAVE_ALL) + message(UNCHOKE))
        while not self.over.is_set():
            length = struct.unpack(">I", peer.recv(4, socket.MSG_WAITALL))[0]
            body = peer.recv(length, socket.MSG_WAITALL) if length else b""
            if body[:1] != REQUEST:
                continue
            piece, begin, size = struct.unpack(">III", body[1:13])
            peer.sendall(struct.pack(">I", 9 + size) + PIECE + struct.pack(">II", piece, begin) + b"x")
            while not self.over.wait(1):
                peer.sendall(b"x")

    def steal(self, port, leecher_port):
        """Claims the id of the seed, at the leecher."""
        seed = self.connect(port)
        seed.sendall(self.handshake())
        identity = seed.recv(68, socket.MSG_WAITALL)[48:]
        seed.close()
        peer = self.connect(leecher_port)
        peer.sendall(self.handshake(identity) + message(HAVE_ALL))
        self.over.wait(1)
        peer.close()


class HostileTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=48)
        self.attack = Attack(bytes.fromhex(info_hash_hex(self.image.torrent)))
        self.addCleanup(self.attack.close)

    def clone_beside(self, *attacks, peers=(), seconds=4):
        """A clone that takes some seconds, and these at work all the time; afterwards all is as it should be."""
        seeder = self.seed(self.image.torrent, self.image.path, port=SEED_PORT,
                           flags=["--upload-limit", str(48 * 1.05 / seconds)])
        target = self.temp_file("target.img")
        started = time.monotonic()
        leecher = self.leech(self.image.torrent, target, port=LEECH_PORT, peers=[f"127.0.0.1:{SEED_PORT}", *peers],
                             flags=["--linger", "0"])
        for port in (SEED_PORT, LEECH_PORT):
            self.wait_listening(None, port)
        for work, *arguments in attacks:
            self.attack.run(work, *arguments)
        leecher.wait_exit(0, timeout_s=120)
        print(f"# {time.monotonic() - started:.1f} s beside them, {seconds} s without", flush=True)
        self.attack.close()
        seeder.process.stop()
        run("cmp", self.image.path, target)
        if not SANITIZED:
            for process in (seeder.process, leecher.process):
                self.assertLessEqual(process.peak_memory_bytes(), MOST_BYTES, process.name)

    def test_requests_that_are_rejected_and_answers_that_nobody_reads(self):
        data = message(REQUEST, struct.pack(">III", 0, 0, 16384)) * 1000
        self.clone_beside(*[(self.attack.flood, port, data) for port in (SEED_PORT, LEECH_PORT) for _ in range(3)])
        self.assertGreater(self.attack.sent, MIB)

    def test_requests_of_one_byte_that_nobody_reads(self):
        data = message(REQUEST, struct.pack(">III", 0, 5, 1)) * 1000
        self.clone_beside(*[(self.attack.flood, port, data, message(INTERESTED))
                            for port in (SEED_PORT, LEECH_PORT) for _ in range(3)])
        self.assertGreater(self.attack.sent, 10_000)

    def test_haves_without_end(self):
        data = message(HAVE, struct.pack(">I", 3)) * 1000
        self.clone_beside((self.attack.flood, SEED_PORT, data), (self.attack.flood, LEECH_PORT, data))
        self.assertGreater(self.attack.sent, MIB)

    def test_five_hundred_silent_connections(self):
        self.clone_beside(*[(self.attack.be_silent, port) for port in (SEED_PORT, LEECH_PORT) for _ in range(250)])

    def test_a_byte_now_and_then(self):
        with socket.create_server(("127.0.0.1", TRAP_PORT)) as server:
            self.clone_beside((self.attack.drip, server), peers=[f"127.0.0.1:{TRAP_PORT}"], seconds=25)

    def test_somebody_with_the_seeds_id(self):
        self.clone_beside((self.attack.steal, SEED_PORT, LEECH_PORT))

    def test_garbage(self):
        self.clone_beside(*[(self.attack.flood, port, os.urandom(100_000)) for port in (SEED_PORT, LEECH_PORT)])


if __name__ == "__main__":
    runner.main(require_built)
