"""The options of bench/lan, and what makes no sense of them."""
import argparse
import dataclasses
import os
import re

from .lan_base import ROOT

PROGRAMS = ("ezio", "udpcast", "udpcast-zstd", "aria2", "libtorrent")
COMPRESS = ("auto", "always", "never", "packed")
STOCK = ("libtorrent", "aria2")
MOST_HOSTS = 200  # of the lab's /24


@dataclasses.dataclass(frozen=True)
class Kill:
    """A host, by its name, that is gone from `at` on and starts again at `back`."""
    host: str
    at: float
    back: float | None = None


def seconds(text):
    value = float(text)
    if not 0 <= value < 1e6:
        raise ValueError(text)
    return value


def parse_join(text):
    """The seconds at which the last so many leechers start."""
    try:
        return [seconds(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not SECONDS,…") from None


def host_name(text):
    return "seed" if text == "seed" else f"h{int(text)}"


def parse_kill(text):
    """HOST@SECONDS[:RETURN_SECONDS]"""
    found = re.fullmatch(r"(seed|[1-9]\d{0,3})@([\d.]+)(?::([\d.]+))?", text)
    try:
        kill = Kill(host_name(found[1]), seconds(found[2]), seconds(found[3]) if found[3] else None)
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST@SECONDS[:RETURN_SECONDS], HOST being 1, 2, … or "
                                         "seed") from None
    if kill.back is not None and kill.back <= kill.at:
        raise argparse.ArgumentTypeError(f"{text!r}: it cannot return before it is killed")
    return kill


def parse_cut(text):
    if text == "once":
        return text
    try:
        return seconds(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither once nor SECONDS") from None


def parse_programs(text):
    programs = text.split(",")
    if unknown := set(programs) - set(PROGRAMS):
        raise argparse.ArgumentTypeError(f"no program {', '.join(sorted(unknown))}; there are {', '.join(PROGRAMS)}")
    if len(set(programs)) != len(programs):
        raise argparse.ArgumentTypeError("a program is named twice")
    return programs


def parse_compress(text):
    modes = text.split(",")
    if unknown := set(modes) - set(COMPRESS):
        raise argparse.ArgumentTypeError(f"not {', '.join(sorted(unknown))} but {', '.join(COMPRESS)}")
    return modes


def parse_mix(text):
    """{program: how many leechers run it}"""
    mix = {}
    for part in text.split(","):
        found = re.fullmatch(r"(\w+)=([1-9]\d{0,2})", part)
        if not found or found[1] not in STOCK or found[1] in mix:
            raise argparse.ArgumentTypeError(f"{text!r} is not PROGRAM=COUNT,… of {', '.join(STOCK)}")
        mix[found[1]] = int(found[2])
    return mix


def parse_bin(text):
    """(label, directory) of DIR or LABEL=DIR"""
    label, equals, directory = text.partition("=")
    if not equals:
        label, directory = os.path.basename(os.path.normpath(text)), text
    if not label or not directory:
        raise argparse.ArgumentTypeError(f"{text!r} is not [LABEL=]DIR")
    return label, directory


def number(least, most, kind=int):
    def parse(text):
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return value
    parse.__name__ = "number"  # of argparse's message for what is none
    return parse


def parser(description):
    top = argparse.ArgumentParser(description=description, allow_abbrev=False)
    what = top.add_argument_group("what runs")
    what.add_argument("--program", type=parse_programs, default=["ezio"], metavar="NAME,…",
                      help=f"of {', '.join(PROGRAMS)}, one after the other; default ezio")
    what.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="DIR",
                      help="build directory of ezio; default build")
    what.add_argument("--bin", type=parse_bin, action="append", metavar="[LABEL=]DIR",
                      help="directory with ezio's programs, instead of --build; repeat it to compare versions")
    what.add_argument("--mix", type=parse_mix, default={}, metavar="NAME=COUNT,…",
                      help=f"with ezio: so many of the leechers, the last ones, are {' or '.join(STOCK)}")
    what.add_argument("--memory", type=number(1, 1 << 20), metavar="MIB", help="ezio-peer's --memory")
    what.add_argument("--compress", type=parse_compress, metavar="MODE,…",
                      help=f"ezio once with each of {', '.join(COMPRESS)}: ezio-peer's --compress, or a seeder that "
                           "serves a packed image")
    what.add_argument("--runs", type=number(1, 1000), default=1, metavar="K",
                      help="medians of so many; programs alternate; default 1")
    what.add_argument("--quick", action="store_true", help="3 hosts, 16 MiB, 400 Mbit/s; to see it work")
    what.add_argument("--check", action="store_true",
                      help="clones nothing: iperf3 around the ring of all hosts, to see that the lab is right")

    room = top.add_argument_group("the room")
    room.add_argument("--hosts", type=number(1, MOST_HOSTS), metavar="N", help="leechers; default 8")
    room.add_argument("--rate", type=number(1, 100_000, float), metavar="MBIT",
                      help="of each link, both ways; default 100")
    room.add_argument("--slow-host", type=number(1, 100_000, float), metavar="MBIT", help="leecher 1 has this instead")
    room.add_argument("--queue-ms", type=number(1, 10_000, float), default=20, metavar="MS",
                      help="of each end of a link; default 20")
    room.add_argument("--racks", type=int, choices=(1, 2), default=1,
                      help="2: the second half of the leechers is at a switch of its own")
    room.add_argument("--trunk", type=number(1, 100_000, float), metavar="MBIT", help="between the two racks")

    image = top.add_argument_group("the image")
    image.add_argument("--image-mib", type=number(1, 1 << 20), metavar="MIB", help="its data; default 256")
    image.add_argument("--content", metavar="FILE",
                       help="the data are FILE's, a file system's image say; default: random bytes")
    image.add_argument("--piece-kib", type=number(16, 65536), default=1024, metavar="KIB",
                       help="a power of two; default 1024")
    image.add_argument("--extents", type=number(1, 1_000_000), default=1, metavar="N",
                       help="the data lies in so many; default 1")
    image.add_argument("--seed-source", choices=("image", "device", "dir"), default="image",
                       help="ezio's seeder reads an image, a block device with the image, or a directory of files; default image")

    course = top.add_argument_group("what happens", "Seconds count from the start of the first leechers.")
    course.add_argument("--join", type=parse_join, default=[], metavar="SECONDS,…",
                        help="the last leechers start then: 12,12 means two at 12 s")
    course.add_argument("--join-half", type=number(1, MOST_HOSTS), metavar="K",
                        help="the last K leechers start at half of the ideal time")
    course.add_argument("--kill", type=parse_kill, action="append", default=[], metavar="HOST@SECONDS[:RETURN]",
                        help="its process is killed, and started again; HOST is a leecher's number or seed; repeatable")
    course.add_argument("--cut-seeder", type=parse_cut, metavar="once|SECONDS",
                        help="the seeder's cable is pulled; once: when the leechers together have every piece")
    course.add_argument("--timeout", type=number(1, 1e6, float), metavar="SECONDS",
                        help="of a run; default 60 and twenty times the ideal")

    output = top.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="one object instead of the table")
    output.add_argument("--svg", metavar="FILE", help="a picture: progress of each host, use of each uplink")
    output.add_argument("--keep", metavar="DIR", help="every program's output goes there")
    return top


QUICK = {"hosts": 3, "rate": 400.0, "image_mib": 16}
USUAL = {"hosts": 8, "rate": 100.0, "image_mib": 256}


def faults(options):
    """What cannot be, as messages."""
    if options.piece_kib & (options.piece_kib - 1):
        yield "--piece-kib is a power of two"
    if options.extents > options.image_mib * 256:
        yield "each of the --extents has 4 KiB at least"
    if (options.racks == 2) != (options.trunk is not None):
        yield "--racks 2 and --trunk go together"
    if options.racks == 2 and options.hosts < 2:
        yield "two racks need two leechers"
    if options.join and options.join_half:
        yield "either --join or --join-half"
    if max(len(options.join), options.join_half or 0) >= options.hosts:
        yield "one leecher at least starts at once"
    if sum(options.mix.values()) > options.hosts:
        yield "--mix names more leechers than there are"
    if options.mix and options.program != ["ezio"]:
        yield "--mix is for --program ezio"
    if outside := {kill.host for kill in options.kill} - {"seed", *(f"h{i + 1}" for i in range(options.hosts))}:
        yield f"--kill: no host {', '.join(sorted(outside))}"
    if len({kill.host for kill in options.kill}) != len(options.kill):
        yield "--kill names a host twice"
    if options.bin and len({label for label, _ in options.bin}) != len(options.bin):
        yield "two of --bin have the same label"
    course = options.join or options.join_half or options.kill or options.cut_seeder is not None
    if {"udpcast", "udpcast-zstd"} & set(options.program) and (course or options.extents > 1):
        yield "udpcast can do without --extents, --join, --kill and --cut-seeder only"


def parse(description, argv=None):
    top = parser(description)
    options = top.parse_args(argv)
    for name, value in (QUICK if options.quick else USUAL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    for message in faults(options):
        top.error(message)
    options.bin = options.bin or [("ezio", os.path.join(options.build, "src", "tools"))]
    return options
