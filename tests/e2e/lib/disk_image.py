"""Images of whole disks with a partition table and real file systems, and what became of copies of them."""
import json
import os
import shutil

from .filesystems import FILE_SYSTEMS, MIB
from .loopdev import LoopDevice
from .proc import run


class DiskImage:
    """A disk whose last partition is a filled file system. `layout`: sfdisk's script, partitions in order."""

    def __init__(self, case, name, layout, last, file_system, size, source_tree, sector=512):
        self.name, self.last, self.size, self.sector = name, last, size, sector
        self.fs = FILE_SYSTEMS[file_system]
        self.path = case.scratch.file(f"{name}.img")
        self.scratch = case.scratch
        with open(self.path, "wb") as file:
            file.truncate(size)
        with LoopDevice(self.path, partitions=True, sector=sector) as disk:
            run("sfdisk", "--quiet", "--no-tell-kernel", disk.path, input=layout)
            part = disk.partition(last)
            self.fs.mkfs(part)
            self.fs.fill(part, source_tree, case.scratch)
            self.fs.fsck(part)
            self.listing = self.fs.listing(part, case.scratch)
        os.sync()


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


def assert_grown(case, image, path):
    """The copy's last partition goes to the end of its disk, its file system fills it and holds what it held."""
    size = os.path.getsize(path)
    with LoopDevice(path, partitions=True, sector=image.sector) as disk:
        entries, whole = table(disk.path)
        last = entries[image.last]
        sector = whole["sectorsize"]
        end = (last["start"] + last["size"]) * sector
        case.assertLessEqual(end, size)
        case.assertLess(size - end, 3 * MIB, "the partition does not go to the end of the disk")
        run("sfdisk", "--verify", disk.path)
        device = disk.partition(image.last)
        image.fs.fsck(device)
        case.assertEqual(image.fs.listing(device, image.scratch), image.listing)
        slack = last["size"] * sector - file_system_bytes(device, image.fs.name, image.scratch)
        case.assertGreaterEqual(slack, 0)
        case.assertLess(slack, MIB, "the file system does not fill its partition")
        return entries
