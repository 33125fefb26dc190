"""Loop devices with a chosen logical sector size that clear themselves when nobody has them open."""
import errno
import fcntl
import os
import stat
import struct
import time

from .proc import run

LOOP_CTL_GET_FREE = 0x4C82
LOOP_CONFIGURE = 0x4C0A
LO_FLAGS_READ_ONLY = 1
LO_FLAGS_AUTOCLEAR = 4
LO_FLAGS_PARTSCAN = 8  # partitions come and, above all, go with the device
LO_FLAGS_DIRECT_IO = 16

# struct loop_config { u32 fd, block_size; struct loop_info64 info; u64 reserved[8]; }
# struct loop_info64 { u64 device, inode, rdevice, offset, sizelimit; u32 number, encrypt_type,
#                      encrypt_key_size, flags; u8 file_name[64], crypt_name[64], encrypt_key[32];
#                      u64 init[2]; }
_LOOP_CONFIG = struct.Struct("=II" "QQQQQ" "IIII" "64s64s32s" "QQ" "64x")


class LoopDevice:
    """Attached to backing_path until closed. Holds the device open without claiming it."""

    def __init__(self, backing_path, sector=512, read_only=False, partitions=False, direct=False):
        self.backing_path = backing_path
        flags = LO_FLAGS_AUTOCLEAR
        flags |= LO_FLAGS_READ_ONLY if read_only else 0
        flags |= LO_FLAGS_PARTSCAN if partitions else 0
        flags |= LO_FLAGS_DIRECT_IO if direct else 0
        backing = os.open(backing_path, os.O_RDONLY if read_only else os.O_RDWR)
        try:
            self._attach(backing, sector, flags)
        finally:
            os.close(backing)

    def _attach(self, backing, sector, flags):
        config = _LOOP_CONFIG.pack(backing, sector, 0, 0, 0, 0, 0, 0, 0, 0, flags, b"", b"", b"", 0, 0)
        for _ in range(50):
            control = os.open("/dev/loop-control", os.O_RDWR)
            try:
                number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
            finally:
                os.close(control)
            self.number = number
            self.path = f"/dev/loop{number}"
            if not os.path.exists(self.path):  # a container's /dev is not filled by the kernel
                os.mknod(self.path, stat.S_IFBLK | 0o600, os.makedev(7, number))
            fd = os.open(self.path, os.O_RDWR)  # configured through a read-only one it would be read-only
            try:
                fcntl.ioctl(fd, LOOP_CONFIGURE, config)
                self.fd = os.open(self.path, os.O_RDONLY)
                return
            except OSError as error:
                if error.errno != errno.EBUSY:  # somebody else took the free one first
                    raise
            finally:
                os.close(fd)
            time.sleep(0.05)
        raise OSError(errno.EBUSY, "no free loop device")

    def partition(self, number):
        """The device of a partition; of a kernel that cannot read partition tables too."""
        run("partx", "--update", "--nr", number, self.path)
        path = f"{self.path}p{number}"
        if not os.path.exists(path):
            sysfs = f"/sys/block/loop{self.number}/loop{self.number}p{number}/dev"
            with open(sysfs, encoding="ascii") as file:
                major, minor = file.read().strip().split(":")
            os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(int(major), int(minor)))
        return path

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def available():
    """Why loop devices cannot be used here, or None."""
    try:
        fd = os.open("/dev/loop-control", os.O_RDWR)
        os.close(fd)
        return None
    except OSError as error:
        return f"/dev/loop-control: {error.strerror}"
