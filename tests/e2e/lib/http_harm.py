"""Clients that mean harm to a tracker's HTTP server. Each is at it from its making until stop(), opens again what is
closed on it, and counts its deeds, so that a test can tell that it did them."""
import contextlib
import itertools
import multiprocessing
import os
import random
import selectors
import signal
import socket
import threading
import time
import urllib.parse

from . import sandbox

SERVER = "127.0.0.1"


def connect(port, source, timeout_s=5, receive_buffer=None):
    client = socket.socket()
    try:
        if receive_buffer is not None:  # so that who does not read is felt soon
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.bind((source, 0))
        client.settimeout(timeout_s)
        client.connect((SERVER, port))
    except OSError:
        client.close()
        raise
    return client


def addresses(count, network=0):
    """Of the loopback network, none of them 127.0.0.1."""
    return [f"127.{10 + network}.{number // 250}.{number % 250 + 1}" for number in range(count)]


class Crowd:
    """Holds `count` connections, in turn from the sources; begin() is what each starts with, more() what it goes on
    with, `pause_s` after another. What comes is read unless `reads` is false."""

    begin = more = None
    reads = True
    pause_s = 1
    receive_buffer = None

    def __init__(self, port, count, sources):
        self.port, self.count = port, count
        self._sources = itertools.cycle(sources)
        self.deeds = 0  # connections made, and what was sent on them
        self.most_open = 0
        self._open = {}  # socket: when it goes on
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(60)

    def _run(self):
        while not self._stop.is_set():
            for _ in range(200):
                if len(self._open) >= self.count or not self._enter():
                    break
            self.most_open = max(self.most_open, len(self._open))
            self._listen()
            self._go_on()
        for client in list(self._open):
            self._leave(client)

    def _enter(self):
        try:
            client = connect(self.port, next(self._sources), receive_buffer=self.receive_buffer)
        except OSError:
            return False
        client.setblocking(False)
        self._open[client] = time.monotonic() + random.uniform(0, self.pause_s)
        self._selector.register(client, selectors.EVENT_READ)
        self.deeds += 1
        if self.begin:
            self._send(client, self.begin())
        return True

    def _leave(self, client):
        del self._open[client]
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()

    def _listen(self):
        if not self.reads:
            time.sleep(0.02)
            return
        for key, _ in self._selector.select(0.02):
            try:
                if not key.fileobj.recv(1 << 16):
                    self._leave(key.fileobj)
            except BlockingIOError:
                pass
            except OSError:
                self._leave(key.fileobj)

    def _go_on(self):
        now = time.monotonic()
        for client in [client for client, due in self._open.items() if due <= now] if self.more else ():
            self._open[client] = now + self.pause_s
            self._send(client, self.more())

    def _send(self, client, data):
        try:
            client.send(data)
            self.deeds += 1
        except BlockingIOError:
            pass  # it takes no more: so much the worse for it
        except OSError:
            self._leave(client)


class Silent(Crowd):
    """Says nothing, ever."""


class SlowLoris(Crowd):
    """A header without an end, a line now and then."""

    def begin(self):
        return b"GET /stats HTTP/1.1\r\nHost: x\r\n"

    def more(self):
        return b"X-%d: %d\r\n" % (random.randrange(1 << 30), random.randrange(1 << 30))


class RandomBytes(Crowd):
    pause_s = 0.2

    def begin(self):
        return random.randbytes(random.randrange(1, 4096))

    more = begin


class HugeHeader(Crowd):
    """One line that never ends, or lines without number."""

    pause_s = 0.05

    def begin(self):
        return b"GET /announce HTTP/1.1\r\nX: " if random.random() < 0.5 else b"GET /announce HTTP/1.1\r\n"

    def more(self):
        return b"y" * 65536 if random.random() < 0.5 else b"X-Y: z\r\n" * 8192


class PercentGarbage(Crowd):
    """Escapes that are none, in every place that is decoded, as much of it as a head may have."""

    pause_s = 0.05

    def begin(self):
        def garbage(length):
            return "".join(random.choice(("%", "%%", "%zz", "%0", "%00", "%ff", "&", "=", "+", "%25", "%C3%28"))
                           for _ in range(length))
        path = random.choice(("/announce?", "/scrape?", "/torrents/", "/stats?token=", "/announce?info_hash=",
                              "/announce?state=leeching&target="))
        return f"GET {path}{garbage(random.randrange(4000))} HTTP/1.1\r\nHost: x\r\n\r\n".encode("ascii")

    more = begin


class LatePages(Crowd):
    """Opens /events, in large numbers before any is read, and then reads for good."""

    def begin(self):
        return b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"

    def _listen(self):
        if len(self._open) >= self.count:
            super()._listen()


class DeafPages(Crowd):
    """Opens /events and does not read."""

    reads = False
    receive_buffer = 4096

    def begin(self):
        return b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"


class DeafAskers(Crowd):
    """Asks for ever more, and reads nothing of it."""

    reads = False
    receive_buffer = 4096
    pause_s = 0.2

    def __init__(self, *arguments, path="/stats"):
        self._requests = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode("ascii") * 64
        super().__init__(*arguments)

    def begin(self):
        return self._requests

    more = begin


def announce_request(info_hash, peer_id, port, extra=""):
    def quoted(text):
        return urllib.parse.quote_from_bytes(text, safe="")
    return (f"GET /announce?info_hash={quoted(info_hash)}&peer_id={quoted(peer_id)}&port={port}&left=1{extra} "
            "HTTP/1.1\r\nHost: x\r\n\r\n").encode("ascii")


class Flood:
    """Pipelines what request() makes over kept-alive connections, one for each source, from a process of its own: it
    is to be as fast as the tracker."""

    batch = 50

    def __init__(self, port, sources):
        self.port, self._sources = port, sources
        context = multiprocessing.get_context("fork")
        self._replies = context.Value("Q", 0)
        self._process = context.Process(target=self._run, args=(os.getpid(),), daemon=True)
        self._process.start()

    @property
    def deeds(self):
        """Replies that came."""
        return self._replies.value

    def request(self):
        raise NotImplementedError

    def stop(self):
        self._process.kill()
        self._process.join(10)

    def _run(self, parent):
        sandbox.libc.prctl(sandbox.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            return
        random.seed()
        clients = {}
        for source in itertools.cycle(self._sources):
            try:
                client = clients.get(source) or clients.setdefault(source, connect(self.port, source, timeout_s=30))
                self._ask(client)
            except OSError:
                if client := clients.pop(source, None):
                    client.close()
                time.sleep(0.001)

    def _ask(self, client):
        client.sendall(b"".join(self.request() for _ in range(self.batch)))
        missing = self.batch
        while missing > 0:
            part = client.recv(1 << 20)
            if not part:
                raise ConnectionError("closed")
            count = part.count(b"HTTP/1.1 ")  # one that is cut in two is not counted
            missing -= count
            self._replies.value += count
            if part.endswith((b"e", b"\n")) and missing < 5:
                break


class FakePeers(Flood):
    """Each announce is another peer's."""

    info_hash = b"\xa9" * 20

    def request(self):
        return announce_request(self.info_hash, random.randbytes(20), random.randrange(1, 65536), "&numwant=0")


class FakeSwarms(Flood):
    """Each announce is another peer's, of another torrent."""

    def request(self):
        return announce_request(random.randbytes(20), random.randbytes(20), random.randrange(1, 65536))


class FatReports(Flood):
    """Each announce is another host's, whose report is as long as the head of a request may be."""

    batch = 4
    _target = f"&target={'%22' * 256}&model={'m' * 64}&serial={'s' * 64}&target_state=failed&target_error={'e' * 256}"

    def request(self):
        report = f"&state=leeching&host=h{random.randrange(1 << 30)}&error={'e' * 256}" + self._target * 11
        torrent = bytes([random.randrange(4)]) * 20
        return announce_request(torrent, random.randbytes(20), random.randrange(1, 65536), report)
