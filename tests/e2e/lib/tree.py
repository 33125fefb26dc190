"""Real files of this machine, to fill file systems with, and listings to compare trees by."""
import hashlib
import os
import re
import shutil
import stat

_ROOTS = ("/usr/bin", "/usr/lib/python3", "/usr/lib/python3.11", "/usr/share/perl5", "/usr/sbin",
          "/usr/share/doc", "/usr/lib/x86_64-linux-gnu")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,60}$")


def _candidates():
    for root in _ROOTS:
        for directory, subdirs, names in os.walk(root):
            subdirs.sort()
            for name in sorted(names):
                path = os.path.join(directory, name)
                if _SAFE.match(name) and stat.S_ISREG(os.lstat(path).st_mode):
                    yield path


def make_tree(destination, small_files=500, large_bytes=24 << 20):
    """Copies small files and large ones into numbered directories; names that every file system takes."""
    small, large = 0, 0
    for number, path in enumerate(_candidates()):
        size = os.path.getsize(path)
        is_small = 0 < size <= 16 << 10
        is_large = 64 << 10 <= size <= 4 << 20
        if is_small and small < small_files:
            small += 1
            directory = f"small{small // 50:02d}"
        elif is_large and large < large_bytes:
            large += size
            directory = f"large{large >> 22:02d}"
        elif small >= small_files and large >= large_bytes:
            break
        else:
            continue
        os.makedirs(os.path.join(destination, directory), exist_ok=True)
        copy = os.path.join(destination, directory, f"{number:05d}-{os.path.basename(path)}".rstrip("."))
        shutil.copyfile(path, copy)
    if small < small_files // 2 or large < large_bytes // 2:
        raise AssertionError(f"too few files on this machine: {small} small, {large} bytes of large ones")


def every_third_small(root):
    """Paths relative to root of files that are deleted again after filling, so that used blocks have gaps."""
    names = [os.path.join(directory, name) for directory in sorted(os.listdir(root))
             if directory.startswith("small")
             for name in sorted(os.listdir(os.path.join(root, directory)))]
    return names[::3]


def listing(root):
    """What a user sees in a tree: {relative path: (type, mode, size or target, checksum)}."""
    seen = {}
    for directory, subdirs, names in os.walk(root):
        for name in subdirs + names:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
            if stat.S_ISLNK(status.st_mode):
                entry = (kind, 0, os.readlink(path), "")
            elif stat.S_ISREG(status.st_mode):
                entry = (kind, mode, status.st_size, checksum(path))
            else:
                entry = (kind, mode, 0, "")
            seen[os.path.relpath(path, root)] = entry
    return seen


def checksum(path):
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
