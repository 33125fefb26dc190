"""`ezio` as of version 1: all torrents in one process, which becomes ezio-peer."""
import argparse
import os
import sys

from . import programs, runtime

# MiB. A leecher needs a piece of partclone's and a few buffers for each torrent. More than the most is of no use
# to ezio-peer, and Clonezilla asks for half of what is free.
LEAST_FOR_ALL, LEAST_FOR_ONE = 64, 20
USUAL, MOST = 256, 1024

# What only this generation has, by its name in the parsed options.
OWN = ("torrent", "save_path", "upload", "from_files", "cache", "ratio", "timeout", "contact", "maxu", "maxc",
       "sequential", "positional")


def is_meant(options):
    return any(getattr(options, name) not in (None, False, []) for name in OWN)


def add_arguments(parser):
    parser.add_argument("-T", "--torrent", action="append", default=[], metavar="TORRENT", help="a torrent; repeatable")
    parser.add_argument("-L", "--save_path", action="append", default=[], metavar="PATH",
                        help="the device, image or directory of the torrent before it; one for each")
    parser.add_argument("-U", "--upload", action="store_true", help="seed from PATH (else clone to it)")
    parser.add_argument("-f", dest="from_files", action="store_true", help="with -U: PATH is a directory of slices")
    parser.add_argument("--cache", type=_whole_number, metavar="KiB", help="memory for all buffers together")
    for flag, name, what in (("-e", "ratio", "a ratio to upload"), ("-t", "timeout", "minutes to wait for peers"),
                             ("-k", "contact", "failures of a tracker"), ("-m", "maxu", "a number of uploads"),
                             ("-c", "maxc", "a number of connections")):
        parser.add_argument(flag, f"--{name}", type=_whole_number, metavar="N", help=f"{what}: accepted, has no effect")
    parser.add_argument("-s", "--sequential", action="store_true", help="accepted, has no effect")


def _whole_number(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below zero")
    return value


def memory_mib(cache_kib, torrents):
    wanted = USUAL if cache_kib is None else min(cache_kib // 1024, MOST)
    return max(wanted, LEAST_FOR_ALL + LEAST_FOR_ONE * torrents)


def peer_arguments(options):
    """What to run ezio-peer with. ValueError: what is wrong with the command line."""
    torrents, paths, positional = list(options.torrent), list(options.save_path), options.positional
    if len(positional) == 2:  # ezio TORRENT PATH, as the first versions had it
        torrents.append(positional[0])
        paths.append(positional[1])
    elif positional:
        raise ValueError(f"unexpected {' '.join(positional)}: each torrent is -T TORRENT -L PATH")
    if not torrents or len(torrents) != len(paths):
        raise ValueError(f"{len(torrents)} torrents (-T) for {len(paths)} paths (-L): each torrent needs its own")
    if options.from_files and not options.upload:
        raise ValueError("-f without -U: cannot clone to a directory of slices, only to a device or image")
    arguments = ["--seed" if options.upload else "--leech"]
    for torrent, path in zip(torrents, paths):
        arguments += [torrent, path]
    arguments += ["--memory", str(memory_mib(options.cache, len(torrents)))]
    if not options.upload:
        arguments.append("--allow-removable")  # Clonezilla has asked twice which disk it is to be
    return arguments


def become_peer(arguments):
    """Does not return. One process, so that killing `ezio` leaves nothing behind; its name is `ezio`."""
    program = programs.find("ezio-peer")
    try:
        named = runtime.link("ezio", os.path.abspath(program))
    except (runtime.RuntimeFault, OSError) as error:
        print(f"ezio: {error}; goes on as ezio-peer", file=sys.stderr)
        named = program
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(named, ["ezio", *arguments])
