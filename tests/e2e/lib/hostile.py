"""Peers that speak the wire protocol and mean harm: each keeps at one process of ours from a thread of its own.

They come from other addresses than the honest peers, reconnect with a new id whenever they are thrown out, and count
what they did, so that a test can tell that they did it."""
import random
import socket
import struct
import threading
import time

PROTOCOL = b"\x13BitTorrent protocol"
FAST, EXTENSIONS = 0x04, 0x10
CHOKE, UNCHOKE, INTERESTED, HAVE, REQUEST, PIECE, HAVE_ALL, REJECT, EXTENDED = 0, 1, 2, 4, 6, 7, 14, 16, 20
BLOCK = 16384


def message(number, body=b""):
    return struct.pack(">IB", 1 + len(body), number) + body


def random_id():
    return random.randbytes(20)


class Wire:
    """One connection, with its handshake done."""

    def __init__(self, port, info_hash, source, peer_id, to="127.0.0.1", receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer is not None:  # so that who does not read is felt soon
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.bind((source, 0))
            self.socket.settimeout(10)
            self.socket.connect((to, port))
            self.socket.sendall(PROTOCOL + bytes([0, 0, 0, 0, 0, EXTENSIONS, 0, FAST]) + info_hash + peer_id)
            self.their_id = self._exactly(68)[48:]
        except BaseException:
            self.socket.close()
            raise

    def send(self, *messages):
        self.socket.sendall(b"".join(messages))

    def receive(self):
        """(number, body) of the next message; keep-alives are passed over."""
        while True:
            length, = struct.unpack(">I", self._exactly(4))
            if length > 0:
                frame = self._exactly(length)
                return frame[0], frame[1:]

    def wait_for(self, number):
        while True:
            got, body = self.receive()
            if got == number:
                return body

    def _exactly(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("closed by the other side")
            data += part
        return bytes(data)


class HostilePeer:
    """attack() runs on a new connection until it is thrown out; then again. `deeds` counts what it managed to do."""

    receive_buffer = None

    def __init__(self, port, info_hash, source="127.0.0.66"):
        self.port, self.info_hash, self.source = port, info_hash, source
        self.deeds = self.connections = 0
        self._stop = threading.Event()
        self._wire = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def peer_id(self):
        return random_id()

    def attack(self, wire):
        raise NotImplementedError

    def stopped(self, wait_s=0):
        return self._stop.wait(wait_s) if wait_s else self._stop.is_set()

    def stop(self):
        self._stop.set()
        if (wire := self._wire) is not None:
            try:
                wire.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is gone already
        self._thread.join(15)

    def _run(self):
        while not self.stopped(0.01):
            try:
                self._wire = Wire(self.port, self.info_hash, self.source, self.peer_id(),
                                  receive_buffer=self.receive_buffer)
            except OSError:
                continue  # not there yet, or not let in
            self.connections += 1
            try:
                self.attack(self._wire)
            except (OSError, struct.error):
                pass
            finally:
                self._wire.socket.close()


class Drip(HostilePeer):
    """Sends the header of a block it was asked for, and then a byte now and then."""

    def attack(self, wire):
        wire.send(message(HAVE_ALL), message(UNCHOKE))
        span = wire.wait_for(REQUEST)
        begin, length = span[:8], struct.unpack(">I", span[8:])[0]
        wire.send(struct.pack(">IB", 9 + length, PIECE) + begin)
        self.deeds += 1
        while not self.stopped(1):
            wire.send(b"\0")


class RejectFlood(HostilePeer):
    """Asks without being interested, so that each REQUEST is to be answered by a REJECT, and reads none."""

    receive_buffer = 4096

    def attack(self, wire):
        flood = message(REQUEST, struct.pack(">III", 0, 0, BLOCK)) * 4096
        while not self.stopped():
            wire.send(flood)
            self.deeds += 4096


class TinyRequests(HostilePeer):
    """Is unchoked, asks for a byte at a time, and reads nothing of it."""

    receive_buffer = 4096

    def attack(self, wire):
        wire.send(message(INTERESTED))
        wire.wait_for(UNCHOKE)
        flood = b"".join(message(REQUEST, struct.pack(">III", 0, i, 1)) for i in range(4096))
        while not self.stopped():
            wire.send(flood)
            self.deeds += 4096


class HaveFlood(HostilePeer):
    def attack(self, wire):
        flood = message(HAVE, struct.pack(">I", 0)) * 16384
        while not self.stopped():
            wire.send(flood)
            self.deeds += 16384


class Unasked(HostilePeer):
    """Sends blocks that nobody asked for."""

    def attack(self, wire):
        wire.send(message(HAVE_ALL), message(UNCHOKE),
                  message(PIECE, struct.pack(">II", 1, 1) + bytes(BLOCK)))  # at no block's beginning
        self.deeds += 1
        while True:
            wire.receive()


class Flapping(HostilePeer):
    """Unchokes and chokes without end, and rejects whatever it is asked for."""

    def attack(self, wire):
        wire.send(message(HAVE_ALL))
        wire.socket.settimeout(0.001)
        while not self.stopped():
            wire.send(message(UNCHOKE), message(CHOKE))
            self.deeds += 1
            try:
                wire.socket.recv(1 << 16)
            except TimeoutError:
                pass


class EndlessHellos(HostilePeer):
    """Introduces itself again and again, each time listening elsewhere."""

    def attack(self, wire):
        while not self.stopped():
            for port in range(1, 65536, 61):
                hello = b"d1:md11:ezio_noticei1ee1:pi%de4:reqqi1e1:v64:%se" % (port, b"x" * 64)
                wire.send(message(EXTENDED, b"\0" + hello))
                self.deeds += 1


class Liar(HostilePeer):
    """Answers whatever it is asked with wrong bytes."""

    def attack(self, wire):
        wire.send(message(HAVE_ALL), message(UNCHOKE))
        while True:
            span = wire.wait_for(REQUEST)
            length, = struct.unpack(">I", span[8:])
            wire.send(message(PIECE, span[:8] + random.randbytes(length)))
            self.deeds += 1


class Spoiler(HostilePeer):
    """Spoils one block of a piece that the honest send the rest of, and is gone before it comes out."""

    def attack(self, wire):
        wire.send(message(HAVE_ALL), message(UNCHOKE))
        span = wire.wait_for(REQUEST)
        length, = struct.unpack(">I", span[8:])
        wire.send(message(PIECE, span[:8] + random.randbytes(length)))
        self.deeds += 1


class IdThief(HostilePeer):
    """Goes by the id of the peer that listens at `owner_port`."""

    def __init__(self, port, info_hash, owner_port, **kwargs):
        self.owner_port = owner_port
        super().__init__(port, info_hash, **kwargs)

    def peer_id(self):
        wire = Wire(self.owner_port, self.info_hash, self.source, random_id())
        wire.socket.close()
        return wire.their_id

    def attack(self, wire):
        wire.send(message(HAVE_ALL), message(UNCHOKE))
        self.deeds += 1
        while True:
            wire.receive()


class SilentCrowd:
    """Holds that many connections on which nothing is ever said; those that are closed are opened again."""

    def __init__(self, port, count, source="127.0.0.66"):
        self.port, self.count, self.source = port, count, source
        self.deeds = 0
        self._sockets = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(15)

    def _open(self):
        connection = socket.socket()
        try:
            connection.bind((self.source, 0))
            connection.settimeout(5)
            connection.connect(("127.0.0.1", self.port))
        except OSError:
            connection.close()
            return None
        connection.setblocking(False)
        return connection

    @staticmethod
    def _is_open(connection):
        try:
            return bool(connection.recv(1))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _run(self):
        while not self._stop.wait(0.05):
            for connection in [c for c in self._sockets if not self._is_open(c)]:
                connection.close()
                self._sockets.remove(connection)
            while len(self._sockets) < self.count and not self._stop.is_set():
                connection = self._open()
                if connection is None:
                    break
                self._sockets.append(connection)
            self.deeds = max(self.deeds, len(self._sockets))
        for connection in self._sockets:
            connection.close()
