"""The helpers' side: asks the daemon."""
import json
import socket
import sys

from . import control, programs, runtime

REPLY_S = 150  # a device may take its time until it is opened; see --io-timeout of ezio-peer


class DaemonGone(Exception):
    pass


class Refused(Exception):
    def __init__(self, reason, code):
        super().__init__(reason)
        self.code = code


class Client:
    """address: ADDR:PORT, as the daemon's -l. Each request is a connection of its own."""

    def __init__(self, address=None):
        self.address = control.Address(address or control.DEFAULT_ADDRESS)

    def ask(self, command, **arguments):
        """The reply's object. DaemonGone where nobody answers, Refused where the daemon says no."""
        request = control.encode({"command": command, **arguments})
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(REPLY_S)
                connection.connect(self.address.socket_path())
                connection.sendall(request)
                with connection.makefile("rb") as stream:
                    line = stream.readline()
        except (OSError, runtime.RuntimeFault) as error:
            raise DaemonGone(f"no ezio runs for {self.address.text}: {error}") from error
        if not line.endswith(b"\n"):
            raise DaemonGone(f"the ezio of {self.address.text} has ended")
        reply = json.loads(line)
        if not reply["ok"]:
            raise Refused(reply["error"], reply["code"])
        return reply


def add_address(parser):
    parser.add_argument("-a", "--address", default=control.DEFAULT_ADDRESS, metavar="ADDR:PORT",
                        help=f"the daemon's -l ({control.DEFAULT_ADDRESS})")


def run(parser, argv, action):
    """Parses, calls action(client, options) and returns its exit code; what goes wrong is said and is one, too."""
    options = parser.parse_args(argv)
    try:
        client = Client(options.address)
    except ValueError as error:
        parser.error(str(error))
    try:
        return action(client, options) or 0
    except Refused as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return error.code
    except (DaemonGone, programs.ProgramMissing, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
