"""The part of the image that machines fetch over HTTP: a squashfs of /usr, of which only what is used is ever unpacked."""
import io
import os
import stat
import subprocess
import tarfile

from .programs import need
from .refusal import FAILED, Refusal


def write(archive, path, level):
    """All of the archive, whose paths begin with "usr/", as seen from there. By way of a tar: nothing is laid out on this server's disk."""
    time = str(archive.mtime)
    argv = [need("mksquashfs", "squashfs-tools"), "-", path, "-tar", "-quiet", "-no-progress", "-reproducible", "-mkfs-time", time,
            "-all-time", time, "-no-xattrs", "-b", "256K", "-comp", "zstd", "-Xcompression-level", str(level)]
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}  # it takes that or the flag
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment) as process:
        try:
            _tar(archive, process.stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise Refusal(f"mksquashfs failed ({process.returncode}): {said}", FAILED)


def _tar(archive, out):
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for path, mode, data, _ in archive.entries():
            if not path.startswith("usr/"):
                continue
            entry = tarfile.TarInfo(path.removeprefix("usr/"))
            entry.mode, entry.mtime = stat.S_IMODE(mode), archive.mtime
            if stat.S_ISDIR(mode):
                entry.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(mode):
                entry.type, entry.linkname = tarfile.SYMTYPE, data.decode()
            else:
                entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data) if entry.isreg() else None)
