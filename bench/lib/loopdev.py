"""A loop device over a file of its own."""
import os

from .procs import run


class LoopDevice:
    """With direct I/O to the backing file. Leaving the block gives device and file back."""

    def __init__(self, backing, size):
        self.backing = backing
        with open(backing, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        self.path = None

    def __enter__(self):
        self.path = run("losetup", "--find", "--show", "--direct-io=on", self.backing).strip()
        return self.path

    def __exit__(self, *_):
        if self.path:
            run("losetup", "--detach", self.path)
        os.unlink(self.backing)
