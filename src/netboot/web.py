"""The HTTP server beside the tracker: kernel, initramfs and ezio.conf for machines that boot, and their word that they are done."""
import http.server
import os
import shutil
import threading

from .refusal import Refusal
from .settings import plain_mac

# Nothing else of the directory is given away.
FILES = {"vmlinuz", "initrd.img", "rest.img", "ezio.conf", "boot.ipxe"}
PER_MACHINE = {"ezio.conf.d", "boot.ipxe.d"}
MOST_CONNECTIONS = 1024  # at once; further ones wait to be accepted
MOST_DONE = 5000  # machines; who invents more is not taken note of


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 60
    protocol_version = "HTTP/1.1"
    server_version = "ezio-netboot"
    sys_version = ""

    def do_GET(self):  # the name is http.server's
        self._answer(body=True)

    def do_HEAD(self):
        self._answer(body=False)

    def _answer(self, body):
        path, _, query = self.path.partition("?")
        path = path.lstrip("/")
        if path.startswith("done/"):
            return self._done(path.removeprefix("done/"), query == "bootnext")
        if path in FILES:
            return self._file(path, body)
        folder, _, name = path.partition("/")
        if folder in PER_MACHINE:
            try:
                mac = plain_mac(name)
            except Refusal:
                return self._text(404, "not found\n")
            self._file(f"{folder}/{mac}", body)
            if folder == "boot.ipxe.d" and self.server.is_done(mac):
                self.server.on_told(mac)
            return None
        return self._text(404, "not found\n")

    def _text(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        return None

    def _file(self, name, body):
        try:
            file = open(os.path.join(self.server.root, name), "rb")
        except OSError:
            return self._text(404, "not found\n")
        with file:
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            if body:
                shutil.copyfileobj(file, self.wfile, 1 << 20)
        return None

    def _done(self, text, needs_nothing):
        try:
            mac = plain_mac(text)
        except Refusal:
            return self._text(400, "no MAC address\n")
        if not self.server.take_done(mac, self.client_address[0], needs_nothing):
            return self._text(503, "too many\n")
        return self._text(200, "noted\n")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # a room that is switched on at once

    def __init__(self, address, port, root, on_done, on_told):
        super().__init__((address, port), Handler)
        self.root = root
        self._on_done = on_done
        self.on_told = on_told
        self._done = set()
        self._lock = threading.Lock()
        self._free = threading.Semaphore(MOST_CONNECTIONS)

    def take_done(self, mac, address, needs_nothing):
        with self._lock:
            if mac not in self._done:
                if len(self._done) >= MOST_DONE:
                    return False
                self._done.add(mac)
                self._on_done(mac, address, needs_nothing)
        return True

    def is_done(self, mac):
        with self._lock:
            return mac in self._done

    def process_request(self, request, client_address):
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request, client_address):
        pass  # machines that go away in the middle of a file

    def start(self):
        threading.Thread(target=self.serve_forever, name="http", daemon=True).start()
