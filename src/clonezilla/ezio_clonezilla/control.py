"""How the daemon and its helpers speak: a Unix socket, a JSON object a line each way.

    {"command": "add", "torrent": "/srv/sda1.torrent", "path": "/dev/sda1", "seeding": true, …}
    {"ok": true, …}   or   {"ok": false, "code": 4, "error": "why"}

The socket lies in a directory that only its owner may enter. An address (ADDR:PORT) selects it by its port, so that two
daemons can live side by side. Nothing listens on that port, and nobody on another machine can ask for anything.
"""
import json
import os
import socket

from . import runtime

DEFAULT_ADDRESS = "127.0.0.1:50051"
MAX_REQUEST_BYTES = 64 << 10
MAX_PATH_BYTES = 4096
CONNECTION_LIMIT = 32
IDLE_S = 30  # so long for a request

# What each command may carry: kind, and what it is when left out (REQUIRED: it must not be).
REQUIRED = object()
COMMANDS = {
    "add": {"torrent": ("path", REQUIRED), "path": ("path", REQUIRED), "seeding": ("bool", False),
            "sequential": ("bool", False), "connections": ("int", 0), "uploads": ("int", 0)},
    "status": {"hashes": ("hashes", [])},
    "pause": {"hash": ("hash", REQUIRED)},
    "resume": {"hash": ("hash", REQUIRED)},
    "version": {},
    "shutdown": {},
}


class BadRequest(Exception):
    pass


class Address:
    """ADDR:PORT of this machine. ValueError where it is none, or another machine's."""

    def __init__(self, text):
        host, colon, port = text.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{text} is not ADDR:PORT")
        self.text, self.port = text, int(port)
        if not _is_here(host.strip("[]")):
            raise ValueError(f"{text}: the daemon is asked on its own machine only")

    def socket_path(self):
        return os.path.join(runtime.directory(), f"control-{self.port}")


def _is_here(host):
    """Whether an address is one of this machine's."""
    try:
        addresses = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(address)
                return True
        except OSError:
            continue
    return False


def parse_request(line):
    """(command, arguments) of a line; BadRequest says what is wrong with it."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRequest("a request is a JSON object in one line") from None
    if not isinstance(request, dict):
        raise BadRequest("a request is a JSON object")
    command = request.pop("command", None)
    if not isinstance(command, str) or command not in COMMANDS:
        raise BadRequest(f"a command is one of {', '.join(COMMANDS)}")
    fields = COMMANDS[command]
    for name in request:
        if name not in fields:
            raise BadRequest(f"{command} has no {name[:40]!r}")
    return command, {name: _value(command, name, request.get(name, default), kind)
                     for name, (kind, default) in fields.items()}


def _value(command, name, value, kind):
    if value is REQUIRED:
        raise BadRequest(f"{command} needs {name}")
    if not _CHECKS[kind](value):
        raise BadRequest(f"{name} of {command} is no {_KINDS[kind]}")
    return value


def _is_path(value):
    return isinstance(value, str) and value.startswith("/") and "\0" not in value and \
        len(os.fsencode(value)) <= MAX_PATH_BYTES and value.isprintable()


def _is_hash(value):
    return isinstance(value, str) and 0 < len(value) <= 128 and value.isprintable()


_CHECKS = {
    "path": _is_path,
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31,
    "hash": _is_hash,
    "hashes": lambda value: isinstance(value, list) and len(value) <= 1000 and all(map(_is_hash, value)),
}
_KINDS = {"path": "absolute path of at most 4096 printable bytes", "bool": "true or false",
          "int": "number from 0 to 2^31", "hash": "name of a torrent", "hashes": "list of at most 1000 hashes"}


def encode(reply):
    return json.dumps(reply, ensure_ascii=True).encode() + b"\n"
