"""Watches a run from outside, the same for every program: bytes on each link, and what has come to each target."""
import bisect
import dataclasses
import itertools
import os

MOST_POINTS = 2048  # of an image, so that looking stays cheap
MARK = 8  # bytes; the image is random, the targets were zeros
NOTHING = bytes(MARK)
MOST_OPEN = 64


class Points:
    """Where the pieces of a torrent begin and end on the device: (extent, offset in it), both for each."""

    def __init__(self, extents, piece_bytes):
        ends = list(itertools.accumulate(length for _, length in extents))
        total = ends[-1]
        pieces = -(-total // piece_bytes)
        step = -(-pieces // MOST_POINTS)

        def place(position):
            extent = bisect.bisect_right(ends, position)
            return extent, position - (ends[extent] - extents[extent][1])

        self.pieces = [(place(index * piece_bytes), place(min(total, (index + 1) * piece_bytes) - MARK))
                       for index in range(0, pieces, step)]


class Progress:
    """How much of one target is there: both ends of a piece have been written."""

    def __init__(self, points, target):
        self._points = points
        self._places = list(target.places(target.as_image))
        self._missing = set(range(len(points.pieces)))
        self._files = {}

    def _read(self, extent, offset):
        path, base, _ = self._places[extent]
        fd = self._files.get(path)
        if fd is not None:
            return os.pread(fd, MARK, base + offset)
        fd = os.open(path, os.O_RDONLY)
        mark = os.pread(fd, MARK, base + offset)
        if len(self._files) < MOST_OPEN:
            self._files[path] = fd
        else:
            os.close(fd)
        return mark

    def look(self):
        """The share that is there, 0 to 1."""
        there = {index for index in self._missing
                 if all(self._read(*place) not in (NOTHING, b"") for place in self._points.pieces[index])}
        self._missing -= there
        return 1 - len(self._missing) / len(self._points.pieces)

    def forget(self):
        """Makes void what is there: a host that returns begins anew, and each piece is seen to come again."""
        for piece in self._points.pieces:
            for extent, offset in piece:
                path, base, _ = self._places[extent]
                with open(path, "r+b", buffering=0) as file:
                    os.pwrite(file.fileno(), NOTHING, base + offset)
        self._missing = set(range(len(self._points.pieces)))

    @property
    def missing(self):
        return self._missing

    def close(self):
        for fd in self._files.values():
            os.close(fd)


@dataclasses.dataclass
class Sample:
    at: float  # seconds since the leechers' start
    traffic: dict  # by host
    progress: dict  # by leecher


class Watch:
    """Samples of a whole run."""

    def __init__(self, room, points, targets):
        self._room = room
        self._progress = {name: Progress(points, target) for name, target in targets.items()}
        self._count = len(points.pieces)
        self.samples = []

    def sample(self, at):
        self.samples.append(Sample(at, self._room.traffic(),
                                   {name: progress.look() for name, progress in self._progress.items()}))

    def forget(self, name):
        self._progress[name].forget()

    def union_complete(self):
        """Whether the leechers could do without the seeder, as of the last sample."""
        missing = [progress.missing for progress in self._progress.values()]
        return not set.intersection(*missing)

    def close(self):
        for progress in self._progress.values():
            progress.close()


def cpu_times():
    """(busy, all) jiffies of this machine."""
    with open("/proc/stat", encoding="ascii") as file:
        values = [int(field) for field in file.readline().split()[1:9]]
    idle = values[3] + values[4]
    return sum(values) - idle, sum(values)
