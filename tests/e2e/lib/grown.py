"""What became of disks whose last partition was to be enlarged."""
import json
import os
import shutil

from .disks import MIB
from .loopdev import LoopDevice
from .proc import run


def table(path):
    """As sfdisk reads it: {number: {"start": …, "size": …, "type": …}} in sectors."""
    found = json.loads(run("sfdisk", "--json", path).stdout)["partitiontable"]
    return {int(entry["node"][len(path):].lstrip("p")): entry for entry in found["partitions"]}, found


def file_system_bytes(device, kind, scratch):
    """How large it says it is, by its own tools."""
    if kind.startswith("ext"):
        fields = dict(line.split(":", 1) for line in run("dumpe2fs", "-h", device).stdout.splitlines() if ":" in line)
        return int(fields["Block count"]) * int(fields["Block size"])
    if kind == "btrfs":
        lines = run("btrfs", "inspect-internal", "dump-super", device).stdout.splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("dev_item.total_bytes"))
    directory = scratch.dir("mnt")
    run("mount", "-o", "ro,nouuid", device, directory)
    try:
        info = run("xfs_io", "-r", "-c", "statfs", directory).stdout
    finally:
        run("umount", directory)
        shutil.rmtree(directory, ignore_errors=True)
    values = dict(line.strip().split(" = ") for line in info.splitlines() if " = " in line)
    return int(values["geom.bsize"]) * int(values["geom.datablocks"])


def assert_grown(case, disk, path):
    """The copy's last partition goes to the end of its disk, its file system fills it and holds what it held."""
    number, last = list(disk.parts.items())[-1]
    size = os.path.getsize(path)
    with LoopDevice(path, partitions=True, sector=disk.sector) as loop:
        entries, whole = table(loop.path)
        entry = entries[number]
        sector = whole["sectorsize"]
        end = (entry["start"] + entry["size"]) * sector
        case.assertLessEqual(end, size)
        case.assertLess(size - end, 3 * MIB, "the partition does not go to the end of the disk")
        run("sfdisk", "--verify", loop.path)
        device = loop.partition(number)
        last.fs.fsck(device)
        case.assertEqual(last.fs.listing(device, case.scratch), last.listing)
        slack = entry["size"] * sector - file_system_bytes(device, last.fs.name, case.scratch)
        case.assertGreaterEqual(slack, 0)
        case.assertLess(slack, MIB, "the file system does not fill its partition")
        return entries
