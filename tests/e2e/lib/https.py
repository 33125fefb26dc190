"""A TLS front for an HTTP server, as a room's web server would be, and the CA that vouches for it."""
import http.client
import http.server
import os
import ssl
import threading

from .proc import run

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Ca:
    def __init__(self, case):
        self.directory = case.temp_dir("ca")
        self.pem = self._path("ca.pem")
        run("openssl", "req", "-x509", *EC, "-days", "30", "-subj", "/CN=room", "-keyout", self._path("ca.key"),
            "-out", self.pem)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def server_context(self, address):
        with open(self._path("ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName=IP:{address}\n")
        run("openssl", "req", *EC, "-subj", "/CN=server", "-keyout", self._path("key"), "-out", self._path("csr"))
        run("openssl", "x509", "-req", "-in", self._path("csr"), "-CA", self.pem, "-CAkey", self._path("ca.key"),
            "-CAcreateserial", "-days", "30", "-extfile", self._path("ext"), "-out", self._path("pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._path("pem"), self._path("key"))
        return context


class TlsFront:
    """Passes GETs on to host:port, on loopback. Counts what it answered by the first part of the path."""

    def __init__(self, case, ca, port):
        self.answered = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", handler.path)
                reply = connection.getresponse()
                body = reply.read()
                first = handler.path.split("?")[0].split("/")[1]
                self.answered[first] = self.answered.get(first, 0) + 1
                handler.send_response(reply.status)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # who does not trust us hangs up
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = ca.server_context("127.0.0.1").wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        case.addCleanup(thread.join)
        case.addCleanup(self.server.server_close)
        case.addCleanup(self.server.shutdown)
