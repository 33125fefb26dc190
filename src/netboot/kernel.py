"""The distribution's kernel on this server: which one, where, and whether it is signed."""
import os
import re
import struct

from .refusal import Refusal


class Kernel:
    def __init__(self, version, root="/"):
        self.version = version
        self.image = os.path.join(root, "boot", f"vmlinuz-{version}")
        self.modules = os.path.join(root, "lib/modules", version)
        self.firmware = os.path.join(root, "lib/firmware")


def version_key(version):
    """6.1.0-9 before 6.1.0-10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|[^\d.-]+", version)]


def installed(root="/"):
    """Versions that have an image and modules, the newest first."""
    boot = os.path.join(root, "boot")
    names = os.listdir(boot) if os.path.isdir(boot) else []
    versions = [name.removeprefix("vmlinuz-") for name in names if name.startswith("vmlinuz-")]
    there = [v for v in versions if os.path.exists(os.path.join(root, "lib/modules", v, "modules.dep"))]
    return sorted(there, key=version_key, reverse=True)


def choose(version=None, root="/"):
    versions = installed(root)
    if version is not None:
        if version not in versions:
            raise Refusal(f"no kernel {version} with modules here; there are: {' '.join(versions) or 'none'}")
        return Kernel(version, root)
    # A cloud kernel has no drivers of real machines.
    for candidate in versions:
        if "cloud" not in candidate:
            return Kernel(candidate, root)
    raise Refusal("no kernel in /boot with its modules in /lib/modules: apt install linux-image-amd64")


def is_signed(path):
    """Whether a PE image (kernel, shim, grub) carries a signature: its certificate table is not empty."""
    with open(path, "rb") as file:
        head = file.read(4096)
    try:
        if head[:2] != b"MZ":
            return False
        pe, = struct.unpack_from("<I", head, 0x3c)
        if head[pe:pe + 4] != b"PE\0\0":
            return False
        magic, = struct.unpack_from("<H", head, pe + 24)
        directories = pe + 24 + (112 if magic == 0x20b else 96)
        size, = struct.unpack_from("<I", head, directories + 4 * 8 + 4)
        return size > 0
    except struct.error:
        return False
