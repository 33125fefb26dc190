"""A block device that lies: the faulty_disk program (tests/faulty) under a loop device with direct I/O."""
import os
import subprocess

from .proc import wait_until
from .sandbox import CannotRun

_SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.environ.get("EZIO_FAULTY_DISK", os.path.join(_SOURCE_ROOT, "build", "tests", "faulty", "faulty_disk"))


def require_faulty_disk():
    if not os.access(PROGRAM, os.X_OK):
        raise CannotRun(f"{PROGRAM} is not built")
    if not os.path.exists("/dev/fuse"):
        raise CannotRun("no /dev/fuse")


class FaultyDisk:
    """Its bytes lie in `backing`, a file that exists. path: the device."""

    def __init__(self, case, backing, sector=512, name="faulty", discards=False):
        self.backing = backing
        self.mount = case.temp_dir(f"{name}-mount")
        self.process = case.spawn(name, [PROGRAM, backing, self.mount, *(["discards"] if discards else [])])
        case.addCleanup(self._unmount)
        self.control = os.path.join(self.mount, "control")
        wait_until(lambda: os.path.exists(self.control), 10, self.process.describe)
        self.loop = case.loop(os.path.join(self.mount, "disk"), sector=sector, direct=True)
        self.path = self.loop.path

    def command(self, text):
        with open(self.control, "w", encoding="ascii") as file:
            file.write(text)

    def struck(self):
        """How many requests rules have struck."""
        with open(self.control, encoding="ascii") as file:
            return int(file.read().split()[1])

    def _unmount(self):
        # Without the process whatever hangs in it fails, and the loop device can go.
        self.process.kill()
        subprocess.run(["umount", "--lazy", self.mount], check=False, timeout=20, capture_output=True)
