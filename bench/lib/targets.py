"""What asking the target costs and saves: reading it back, sampling a blank one, a second run where little has changed."""
import os
import random
import statistics

from .limits import fio
from .loopdev import LoopDevice
from .procs import MIB, Process, run
from .report import Row

PIECE = 1 * MIB
LINK_MB_S = 125  # 1 Gbit/s
LONGEST_S = 900


def make_image(path, size):
    run("sh", "-c", 'openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 </dev/zero 2>/dev/null | head -c "$1" >"$2"', "sh",
        size, path)


class Room:
    """An image, its torrent, and a seeder of it on loopback."""

    def __init__(self, bench, directory, size):
        self.bench, self.size = bench, size
        self.image, self.torrent = (os.path.join(directory, name) for name in ("disk.img", "disk.torrent"))
        make_image(self.image, size)
        run(bench.program("ezio-torrent"), "create", "--image", self.image, "--name", "disk", "--piece-length",
            f"{PIECE >> 10}KiB", "--announce", "http://127.0.0.1:1/announce", "-o", self.torrent)

    def __enter__(self):
        self.seed = Process(self.bench.program("ezio-peer"), "--seed", self.torrent, self.image, "--listen", "127.0.0.1:0")
        self.address = self.seed.wait_line(r"listening on (\S+)", 20)[1].group(1)
        return self

    def __exit__(self, *_):
        self.seed.stop()

    def clone(self, target, *flags, also=()):
        """Seconds from the leecher's start to its completion."""
        more = [word for other in also for word in (self.torrent, other)]
        with Process(self.bench.program("ezio-peer"), "--leech", self.torrent, target, *more, "--peer", self.address, "--listen",
                     "127.0.0.1:0", "--linger", "0", *flags) as leecher:
            done, _ = leecher.wait_line(r": complete: ", LONGEST_S)
        return done - leecher.started


def overwrite(path, size):
    """With zeros, as a disk that nobody has used."""
    with open(path, "r+b" if os.path.exists(path) else "wb") as file:
        for _ in range(size // MIB):
            file.write(bytes(MIB))


def change(path, size, share):
    """Of so many pieces a byte each."""
    count = size // PIECE
    with open(path, "r+b") as file:
        for piece in random.Random(1).sample(range(count), int(count * share)):
            file.seek(piece * PIECE + 4711)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0xFF]))


def read_back_row(bench, directory, size):
    ours, theirs = [], []
    with LoopDevice(os.path.join(bench.disk_directory("target"), "backing"), size) as device:
        with Room(bench, directory, size) as room:
            room.clone(device)  # all is right from here on: what is left is to look at it
            for _ in range(bench.runs):
                ours.append(room.clone(device, "--reuse", "all"))
                theirs.append(fio(bench, device, size, "read"))
    rate, limit = size / statistics.median(ours), statistics.median(theirs)
    bench.log(f"reading a target: {rate / limit:.2f}x fio")
    yield Row("reading and hashing a loop device, as before and after a clone, start to end",
              f"{rate / 1e6:.0f} MB/s: {rate / limit:.2f}× fio ({limit / 1e6:.0f})", "≥ 0.9×", rate / limit >= 0.9)


def blank_row(bench, room, target):
    seconds = {"auto": [], "off": []}
    for _ in range(max(bench.runs, 3) if bench.runs > 1 else 1):
        for mode, results in seconds.items():
            overwrite(target, room.size)
            results.append(room.clone(target, "--reuse", mode, "--no-read-back"))
    auto, off = (statistics.median(seconds[mode]) for mode in ("auto", "off"))
    bench.log(f"blank target: auto {auto / off:.3f}x off")
    yield Row("blank target, `--reuse auto` beside `off`", f"{auto:.2f} s: {auto / off:.3f}× ({off:.2f})", "≤ 1.02×",
              auto / off <= 1.02)


def changed_row(bench, room, target):
    link = ("--download-limit", LINK_MB_S)
    whole, part = [], []
    for _ in range(bench.runs):
        overwrite(target, room.size)
        whole.append(room.clone(target, *link))
        change(target, room.size, 0.05)
        part.append(room.clone(target, *link))
        run("cmp", room.image, target)
    ratio = statistics.median(whole) / statistics.median(part)
    bench.log(f"5 % changed: {ratio:.1f}x as fast")
    yield Row("5 % of the pieces changed, at 1 Gbit/s, read back", f"{statistics.median(part):.1f} s: {ratio:.1f}× as fast as "
              f"the whole ({statistics.median(whole):.1f})", "≥ 10×", ratio >= 10)


def two_targets_rows(bench, room, target, second):
    for label, link in (("at 1 Gbit/s", ("--download-limit", LINK_MB_S)), ("in RAM", ())):
        one, two = [], []
        for _ in range(bench.runs):
            overwrite(target, room.size)
            overwrite(second, room.size)
            one.append(room.clone(target, *link))
            overwrite(target, room.size)
            two.append(room.clone(target, *link, also=[second]))
            run("cmp", room.image, second)
        ratio = statistics.median(two) / statistics.median(one)
        bench.log(f"two targets {label}: {ratio:.2f}x one")
        yield Row(f"two targets of one download, {label}, read back", f"{statistics.median(two):.2f} s: {ratio:.2f}× the time of "
                  f"one ({statistics.median(one):.2f})", "≤ 1.15×", ratio <= 1.15)


def target_section(bench):
    size = min(bench.size, 2 << 30)
    directory = bench.directory("target")
    yield from read_back_row(bench, directory, size)
    target = os.path.join(directory, "target.img")
    with Room(bench, directory, size) as room:
        yield from blank_row(bench, room, target)
        yield from changed_row(bench, room, target)
        yield from two_targets_rows(bench, room, target, os.path.join(directory, "second.img"))
    bench.remove(directory)
