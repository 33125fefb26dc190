"""`ezio`, of either generation: with torrents on the command line of the first, without them the daemon."""
import argparse
import sys

from . import daemon_options, first_generation, process_title, programs


def parser():
    arguments = argparse.ArgumentParser(
        prog="ezio", allow_abbrev=False,
        description="Clones disks over BitTorrent for Clonezilla. With -T and -L: seeds or clones these torrents, and ends"
                    " when all is done (version 1). Without: a daemon that ezio_add_torrent.py adds torrents to"
                    " (version 2).")
    arguments.add_argument("-v", "--version", action="version", version=f"ezio {programs.VERSION}")
    arguments.add_argument("-l", "--listen", default=None, metavar="ADDR:PORT",
                           help="names the daemon to the helpers (their -a): its socket, not a port that is opened")
    first_generation.add_arguments(arguments.add_argument_group("torrents on the command line"))
    daemon_options.add_arguments(arguments.add_argument_group("the daemon"))
    arguments.add_argument("positional", nargs="*", metavar="TORRENT PATH", help=argparse.SUPPRESS)
    return arguments


def main(argv=None):
    arguments = parser()
    options = arguments.parse_intermixed_args(argv)
    try:
        if first_generation.is_meant(options):
            first_generation.become_peer(first_generation.peer_arguments(options))
        process_title.begin_with("ezio")
        programs.set_process_name("ezio")
        from . import daemon  # asyncio takes a while to load, and the first generation needs none
        return daemon.main(options)
    except ValueError as error:
        arguments.error(str(error))
    except (programs.ProgramMissing, OSError) as error:
        print(f"ezio: {error}", file=sys.stderr)
        return 1
    return 0
