"""`ezio-netboot build`: a directory with kernel, initramfs and boot loaders, replaced as a whole."""
import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import tempfile

from . import bootfiles, cpio, squashfs
from .initramfs import Contents
from .kernel import choose, is_signed
from .programs import need
from .refusal import FAILED, Refusal

MANIFEST = "image.json"
PARTS = {"kernel": "vmlinuz", "initrd": "initrd.img", "rest": "rest.img"}
MOST_BYTES = 100 << 20  # of all parts
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def build(arguments, say):
    """Makes the image; say(line) tells what is done."""
    kernel = choose(arguments.kernel)
    output = os.path.abspath(arguments.output)
    check_replaceable(output)
    os.makedirs(os.path.dirname(output), exist_ok=True)
    say(f"kernel {kernel.version}" + ("" if is_signed(kernel.image) else ", which is not signed"))
    work = tempfile.mkdtemp(prefix=f".{os.path.basename(output)}.new-", dir=os.path.dirname(output))
    try:
        manifest = make(kernel, work, arguments, say)
        os.chmod(work, 0o755)
        replace(work, output)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    kernel_mb, initrd_mb, rest_mb = (manifest[f"{part}_bytes"] / 1e6 for part in ("kernel", "initrd", "rest"))
    say(f"{output}: {kernel_mb + initrd_mb:.1f} MB to load (kernel {kernel_mb:.1f}, initramfs {initrd_mb:.1f}), {rest_mb:.1f} to fetch "
        f"then, {manifest['modules']} modules")
    return 0


def check_replaceable(output):
    """Only what an earlier build made, or nothing, is replaced."""
    if os.path.isdir(output):
        if os.listdir(output) and not os.path.exists(os.path.join(output, MANIFEST)):
            raise Refusal(f"{output} holds something that is no boot image of ours: give another directory")
    elif os.path.lexists(output):
        raise Refusal(f"{output} is no directory")


def make(kernel, directory, arguments, say):
    archive = cpio.Archive(int(os.environ.get("SOURCE_DATE_EPOCH", "0")))
    contents = Contents(archive, kernel)
    contents.collect(arguments.module, arguments.add)
    shutil.copyfile(kernel.image, os.path.join(directory, "vmlinuz"))
    rest = os.path.join(directory, "rest.img")
    squashfs.write(contents.rest(), rest, arguments.level)
    compress(contents.initramfs(rest), os.path.join(directory, "initrd.img"), arguments.level)
    bootfiles.copy_into(directory)
    for note in contents.notes:
        say(note)
    unsigned = bootfiles.unsigned(directory)
    if unsigned:
        say(f"not signed, so that Secure Boot will refuse it: {' '.join(unsigned)}")
    manifest = describe(kernel, directory, contents, unsigned)
    total = sum(manifest[f"{part}_bytes"] for part in PARTS)
    if total > MOST_BYTES:
        raise Refusal(f"the image would be {total >> 20} MiB, more than {MOST_BYTES >> 20}: leave some of --add or --module out", FAILED)
    with open(os.path.join(directory, MANIFEST), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")
    for name in os.listdir(directory):
        os.chmod(os.path.join(directory, name), 0o644)
    return manifest


def compress(archive, path, level):
    """zstd: a fraction of the time of xz to unpack on a slow machine, and not much larger. How many threads there are does not show in the bytes."""
    zstd = need("zstd", "zstd")
    with open(path, "wb") as out:
        process = subprocess.Popen([zstd, "-q", "-c", f"-{level}", "-T0"], stdin=subprocess.PIPE, stdout=out)
        try:
            archive.write(process.stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass
        if process.wait() != 0:
            raise Refusal(f"zstd failed ({process.returncode})", FAILED)


def describe(kernel, directory, contents, unsigned):
    def digest(name):
        with open(os.path.join(directory, name), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    names = sorted(os.listdir(directory))
    return {
        "kernel": kernel.version,
        **{f"{part}_bytes": os.path.getsize(os.path.join(directory, name)) for part, name in PARTS.items()},
        "modules": len(contents.module_paths),
        "unsigned": unsigned,
        "notes": contents.notes,
        "sha256": {name: digest(name) for name in names},
    }


def replace(new, output):
    """The new directory takes the place of the old one in one step; the old one is left in `new`."""
    if not os.path.isdir(output):
        os.rename(new, output)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(output), _RENAME_EXCHANGE) != 0:
        error = ctypes.get_errno()
        raise Refusal(f"cannot replace {output}: {os.strerror(error)}", FAILED)
