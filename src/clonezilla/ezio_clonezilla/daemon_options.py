"""The command line of the daemon (version 2 of `ezio`)."""
import argparse


def add_arguments(parser):
    parser.add_argument("-F", "--file", dest="files", action="store_true",
                        help="an image file to clone to may be made. Sources need no flag: what they are is seen")
    parser.add_argument("--cache-size", type=_positive, default=512, metavar="MB", help="memory for all torrents together (512)")
    parser.add_argument("-p", "--port", type=_port, default=0, metavar="PORT",
                        help="port for peers of the first torrent; the next ones take the next (6881, or the next free one)")
    parser.add_argument("--aio-threads", type=_positive, metavar="N", help="accepted, has no effect")
    parser.add_argument("--slow-start", action="store_true", help="accepted, has no effect")
    parser.add_argument("--slow-start-period", type=_positive, metavar="S", help="accepted, has no effect")


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def _port(text):
    value = int(text)
    if not 0 <= value < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return value
