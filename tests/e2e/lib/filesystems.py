"""File systems as partclone sees them: make, fill, dump, check, list."""
import os
import shutil

from . import tree
from .extents import read_torrent_info
from .loopdev import LoopDevice
from .proc import run

MIB = 1 << 20


class FileSystem:
    """One kind of file system that the kernel mounts. Devices are given by path and are not mounted."""
    size = 128 * MIB
    mount_type = ""

    def __init__(self, name, partclone, mkfs, fsck):
        self.name = name
        self.partclone = partclone
        self.mkfs_command = mkfs
        self.fsck_command = fsck

    def mkfs(self, device):
        run(*self.mkfs_command, device)

    def mount(self, device, directory, read_only=False):
        options = ["-o", "ro"] if read_only else []
        run("mount", "-t", self.mount_type, *options, device, directory)

    def fill(self, device, source_tree, scratch):
        directory = scratch.dir("mnt")
        self.mount(device, directory)
        try:
            run("cp", "-r", f"{source_tree}/.", directory)
            self.add_specials(directory)
            for name in tree.every_third_small(directory):
                os.unlink(os.path.join(directory, name))
        finally:
            run("umount", directory)

    def add_specials(self, directory):
        os.symlink("small00/nowhere", os.path.join(directory, "a symlink"))
        os.mkdir(os.path.join(directory, "empty directory"), mode=0o700)
        with open(os.path.join(directory, "sparse"), "wb") as file:
            file.truncate(3 * MIB)
            file.seek(MIB)
            file.write(b"in the middle")

    def fsck(self, device):
        run(*self.fsck_command, device)

    def listing(self, device, scratch):
        directory = scratch.dir("mnt")
        self.mount(device, directory, read_only=True)
        try:
            return tree.listing(directory)
        finally:
            run("umount", directory)


class Ext4(FileSystem):
    mount_type = "ext4"

    def __init__(self, name, block_size):
        super().__init__(name, "partclone.extfs", ["mkfs.ext4", "-q", "-F", "-b", str(block_size)],
                         ["e2fsck", "-f", "-n"])


class Xfs(FileSystem):
    mount_type = "xfs"
    size = 320 * MIB

    def __init__(self):
        super().__init__("xfs", "partclone.xfs", ["mkfs.xfs", "-q", "-f", "-s", "size=512"],
                         ["xfs_repair", "-n"])


class Btrfs(FileSystem):
    mount_type = "btrfs"
    size = 160 * MIB

    def __init__(self):
        super().__init__("btrfs", "partclone.btrfs", ["mkfs.btrfs", "-q", "-f"],
                         ["btrfs", "check", "--readonly"])


class Vfat(FileSystem):
    """Filled and read with mtools, as not every kernel here has the driver. Clusters of 512 bytes."""
    size = 96 * MIB

    def __init__(self):
        super().__init__("vfat", "partclone.vfat", ["mkfs.vfat", "-F", "32", "-s", "1"], ["fsck.vfat", "-n"])

    def fill(self, device, source_tree, scratch):
        tops = [os.path.join(source_tree, name) for name in sorted(os.listdir(source_tree))]
        run("mcopy", "-i", device, "-s", "-Q", *tops, "::", timeout_s=300)
        run("mdel", "-i", device, *[f"::{name}" for name in tree.every_third_small(source_tree)])

    def listing(self, device, scratch):
        directory = scratch.dir("vfat")
        run("mcopy", "-i", device, "-s", "-n", "-Q", "::*", directory, timeout_s=300)
        files = tree.listing(directory)
        shutil.rmtree(directory)
        return files


class Ntfs(FileSystem):
    """Through ntfs-3g (FUSE).

    Checked with ntfsresize's consistency check, which accounts for every cluster. ntfsfix -n would also want
    the backup boot sector, which lies behind the last cluster and which partclone does not dump.
    """
    mount_type = "ntfs-3g"
    size = 96 * MIB

    def __init__(self):
        super().__init__("ntfs", "partclone.ntfs", ["mkntfs", "-q", "-F", "-f"],
                         ["ntfsresize", "--info", "--force", "--no-progress-bar"])

    def mount(self, device, directory, read_only=False):
        run("ntfs-3g", "-o", "ro" if read_only else "rw", device, directory)

    def add_specials(self, directory):
        os.mkdir(os.path.join(directory, "empty directory"))


_ALL = (Ext4("ext4", 4096), Ext4("ext4_1k", 1024), Xfs(), Btrfs(), Vfat(), Ntfs())
FILE_SYSTEMS = {fs.name: fs for fs in _ALL}


class Capture:
    """A filled file system in an image file, and its partclone dump in a directory called `name`."""

    def __init__(self, file_system, source_tree, scratch, name=None):
        self.fs = file_system
        self.name = name or file_system.name
        self.image = scratch.file(f"{self.name}.img")
        self.parent = scratch.dir("dump")
        self.directory = os.path.join(self.parent, self.name)
        self.info = os.path.join(self.directory, "torrent.info")
        os.mkdir(self.directory)
        with open(self.image, "wb") as file:
            file.truncate(file_system.size)
        with LoopDevice(self.image) as loop:
            file_system.mkfs(loop.path)
            file_system.fill(loop.path, source_tree, scratch)
            file_system.fsck(loop.path)
            self.listing = file_system.listing(loop.path, scratch)
            run(file_system.partclone, "-q", "-c", "-T", "-s", loop.path, "-O", f"{self.directory}/",
                "-L", os.path.join(self.parent, "partclone.log"), timeout_s=300)
        self.extents = read_torrent_info(self.info)
        self.size = file_system.size

    def used_bytes(self):
        return sum(length for _, length in self.extents)
