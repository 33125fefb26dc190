"""The image that is cloned, the targets, and their comparison."""
import os
import random
import shutil

from .procs import MIB, Failed, run

BLOCK = 4096
MOST_GAP_BLOCKS = 8
NAME = "disk"


def scattered(total, count):
    """`count` extents of (offset, length), a block to about twice the mean, with small gaps; as ezio-bench lays them
    out. The same for the same arguments."""
    if count == 1:
        return [(0, total)]
    rng = random.Random(count)
    extents, offset, left = [], 0, total // BLOCK
    for remaining in range(count, 0, -1):
        # The mean of what is left keeps the sum on its way; each of the others must get a block.
        most = min(2 * (left // remaining) - 1, left - (remaining - 1))
        blocks = left if remaining == 1 else rng.randint(1, most)
        offset += rng.randint(1, MOST_GAP_BLOCKS) * BLOCK
        extents.append((offset, blocks * BLOCK))
        offset += blocks * BLOCK
        left -= blocks
    return extents


def random_bytes(path, size, seed):
    rng = random.Random(seed)
    with open(path, "wb") as file:
        for offset in range(0, size, MIB):
            file.write(rng.randbytes(min(MIB, size - offset)))


class Content:
    """What an image is filled with: random bytes, or those of a file, one part after the other."""

    def __init__(self, path):
        self._path, self._offset = path, 0

    def fill(self, path, size, seed):
        if self._path is None:
            random_bytes(path, size, seed)
            return
        with open(self._path, "rb") as source, open(path, "wb") as file:
            source.seek(self._offset)
            for offset in range(0, size, MIB):
                chunk = source.read(min(MIB, size - offset))
                if len(chunk) < min(MIB, size - offset):
                    raise Failed(f"{self._path} has fewer bytes than the image")
                file.write(chunk)
        self._offset += size


def zeros(path, size):
    """Overwrites what is there: in a virtual machine new memory costs more than all else."""
    with open(path, "r+b" if os.path.exists(path) else "wb") as file:
        for offset in range(0, size, MIB):
            file.write(bytes(min(MIB, size - offset)))
        file.truncate()


class Form:
    """How bytes lie in a directory: as the image of a device, or as files named by their offset, as clients of
    files have them. Of an image with one extent both are the same file."""

    def __init__(self, directory, extents):
        self.directory, self.extents = directory, extents
        self.files = os.path.join(directory, NAME)
        self.image = self.file(0) if extents[0][0] == 0 else os.path.join(directory, f"{NAME}.img")
        os.makedirs(self.files, exist_ok=True)

    def file(self, offset):
        return os.path.join(self.files, f"{offset:032x}")

    def places(self, as_image):
        """(path, offset in it, length) of each extent, in the torrent's order."""
        for offset, length in self.extents:
            yield (self.image, offset, length) if as_image else (self.file(offset), 0, length)

    @property
    def image_size(self):
        return sum(self.extents[-1])


class Source(Form):
    """kind: what the seeder of ezio serves from, "image", a "device" with the image, or "dir"."""

    def __init__(self, directory, total, extents, kind, content=None):
        super().__init__(directory, extents)
        self.total, self.as_image = total, kind != "dir"
        self.packed = os.path.join(directory, f"{NAME}.ezio")  # made where a program serves it
        content = Content(content)
        for number, (path, _, length) in enumerate(self.places(False)):
            content.fill(path, length, number)
        if self.image != self.file(0):
            self._make_image()
        self.path = {"image": self.image, "dir": self.files}.get(kind) or self._attach()

    def _attach(self):
        """A loop device that goes when this process does, however that ends: detached while it is held open."""
        device = run("losetup", "--find", "--show", "--read-only", self.image).strip()
        self._held = os.open(device, os.O_RDONLY)
        run("losetup", "--detach", device)
        return device

    def _make_image(self):
        """The gaps are holes."""
        with open(self.image, "wb") as image:
            for offset, _ in self.extents:
                with open(self.file(offset), "rb") as file:
                    image.seek(offset)
                    shutil.copyfileobj(file, image, MIB)

    def pack(self, ezio_torrent):
        """A packed image of it, once."""
        if not os.path.exists(self.packed):
            run(ezio_torrent, "pack", self.files, "-o", self.packed)
        return self.packed

    def torrent(self, ezio_torrent, path, piece_kib, announce):
        run(ezio_torrent, "create", "--dir", self.files, "--name", NAME, "--announce", announce, "--piece-length",
            f"{piece_kib}KiB", "-o", path)
        return path


class Target(Form):
    """What one host writes to; it is there before, full of zeros, as a disk is."""

    def prepare(self, as_image):
        self.as_image = as_image
        if as_image:
            self._remove(self.files if self.image != self.file(0) else None)
            zeros(self.image, self.image_size)
            return
        self._remove(self.image if self.image != self.file(0) else None)
        os.makedirs(self.files, exist_ok=True)
        for path, _, length in self.places(False):
            zeros(path, length)

    @staticmethod
    def _remove(path):
        """A form that this run does not use."""
        if path and os.path.isdir(path):
            shutil.rmtree(path)
        elif path and os.path.exists(path):
            os.unlink(path)

    def equals(self, source):
        """Every extent; of an image also what is between them."""
        if self.as_image:
            return _same(self.image, source.image)
        return all(_same(path, source.file(offset)) for (path, _, _), (offset, _) in
                   zip(self.places(False), self.extents))


def _same(path, other):
    if os.path.getsize(path) != os.path.getsize(other):
        return False
    with open(path, "rb") as one, open(other, "rb") as two:
        while chunk := two.read(MIB):
            if one.read(MIB) != chunk:
                return False
    return True
