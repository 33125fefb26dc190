"""Whole disks with a partition table and filled partitions, as image files."""
import json
import os
import random

from .loopdev import LoopDevice
from .proc import run

MIB = 1 << 20
SECTOR = 512


class Part:
    """A partition to be: what `fill(device)` makes of it, and what it must look like in a clone."""

    def __init__(self, size_mib, kind, fs=None, fill=None, name=None):
        self.size_mib, self.kind, self.fs, self.fill, self.name = size_mib, kind, fs, fill, name
        self.listing = None

    def script_line(self, number):
        size = f"size={self.size_mib}MiB, " if self.size_mib else ""
        return f"{number} : {size}type={self.kind}" + (f", name=\"{self.name}\"" if self.name else "")


class Disk:
    """`parts` by number. Boot code and the gap behind the first sectors hold random bytes."""

    def __init__(self, path, label, parts, size_mib, scratch, tree, sector=SECTOR):
        self.path, self.label, self.parts, self.sector = path, label, parts, sector
        with open(path, "wb") as file:
            file.truncate(size_mib * MIB)
        with LoopDevice(path, sector=sector) as loop:
            script = f"label: {label}\n" + "\n".join(part.script_line(number) for number, part in parts.items()) + "\n"
            run("sfdisk", "-q", "--no-reread", loop.path, input=script)
        self._fill_gap()
        with LoopDevice(path, sector=sector, partitions=True) as loop:
            for number, part in parts.items():
                if part.fs:
                    device = loop.partition(number)
                    part.fs.mkfs(device)
                    part.fs.fill(device, tree, scratch)
                    part.fs.fsck(device)
                    part.listing = part.fs.listing(device, scratch)
                elif part.fill:
                    part.fill(loop.partition(number))

    def _fill_gap(self):
        rng = random.Random(7)
        first = min(entry["start"] for entry in self.table()["partitions"]) * self.sector
        begin = 40 * self.sector if self.label == "gpt" else self.sector
        with open(self.path, "r+b") as file:
            file.write(rng.randbytes(440))
            file.seek(begin)
            file.write(rng.randbytes(min(first - begin, 200 * 1024)))

    def table(self, path=None):
        with LoopDevice(path or self.path, sector=self.sector, read_only=True) as loop:
            table = json.loads(run("sfdisk", "-J", loop.path).stdout)["partitiontable"]
        for entry in table["partitions"]:
            del entry["node"]
        del table["device"]
        return table

    def size(self):
        return os.path.getsize(self.path)

    def check_clone(self, path, scratch):
        """Table, boot code, file systems and their trees are the disk's; the space that a larger one has is usable."""
        own, cloned = self.table(), self.table(path)
        last = own.pop("lastlba", None), cloned.pop("lastlba", None)
        if own != cloned:
            raise AssertionError(f"partition tables differ: {own} and {cloned}")
        if last[0] is not None:
            grown = (os.path.getsize(path) - self.size()) // self.sector
            if last[1] != last[0] + grown:
                raise AssertionError(f"the last usable sector is {last[1]}, not {last[0] + grown}")
        with LoopDevice(path, sector=self.sector, read_only=True) as loop:
            complaints = run("sfdisk", "--verify", loop.path)
        if "o errors detected" not in complaints.stdout + complaints.stderr or "backup" in complaints.stderr:
            raise AssertionError(f"sfdisk complains: {complaints.stdout}{complaints.stderr}")
        self._check_gap(path)
        with LoopDevice(path, sector=self.sector, partitions=True) as loop:
            for number, part in self.parts.items():
                if part.fs:
                    device = loop.partition(number)
                    part.fs.fsck(device)
                    if part.fs.listing(device, scratch) != part.listing:
                        raise AssertionError(f"the files of partition {number} differ")

    def _check_gap(self, path):
        first = min(entry["start"] for entry in self.table()["partitions"]) * self.sector
        with open(self.path, "rb") as own, open(path, "rb") as cloned:
            a, b = own.read(first), cloned.read(first)
        begin = 40 * self.sector
        if a[:440] != b[:440] or a[begin:] != b[begin:]:
            raise AssertionError("boot code or the gap behind it differs")


def random_bytes(seed):
    """Fills a partition with bytes that are no file system."""
    def fill(device):
        with open(device, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            file.write(random.Random(seed).randbytes(size))
    return fill


def swap(device):
    run("mkswap", device)
