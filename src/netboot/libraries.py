"""The shared libraries of programs, as the dynamic linker of this server finds them."""
import os
import re

from .programs import output_of
from .refusal import Refusal


def is_dynamic(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF" and b"ld-linux" in file.read(4096)


def libraries_of(path):
    """Paths of the libraries and of the linker itself."""
    if not is_dynamic(path):
        return []
    paths = []
    for line in output_of("ldd", path).decode().splitlines():
        if "not found" in line:
            raise Refusal(f"{path} lacks a library: {line.strip()}")
        found = re.search(r"(?:=> )?(/\S+) \(0x", line)
        if found:
            paths.append(found.group(1))
    return paths


def inner_path(path):
    """Where a file of this server lies in the image: as here, but /bin, /sbin and /lib* are links to those of /usr."""
    path = os.path.abspath(path).lstrip("/")
    first = path.split("/", 1)[0]
    return f"usr/{path}" if first in ("bin", "sbin", "lib", "lib32", "lib64") else path
