"""The place a test program runs in: own mount and network namespaces, own scratch directory, own children.

Everything made here ends with the process, even when it is killed: mounts and network interfaces belong to
namespaces of the process, loop devices clear themselves when closed, children get SIGKILL when the parent
dies. Only the scratch directory can be left behind; the next run removes it (it holds a lock while in use).
"""
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)

SCRATCH_PARENT = os.environ.get("EZIO_TEST_DIR", "/var/tmp")
SCRATCH_PREFIX = "ezio-e2e-"

os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
os.environ["LC_ALL"] = "C.UTF-8"
# A sanitizer's report ends the program at once; the harness looks for the report in the logs.
os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")


class CannotRun(Exception):
    """This machine lacks something that the tests need; the message says what."""


def unshare(flags):
    if libc.unshare(flags) != 0:
        code = ctypes.get_errno()
        raise CannotRun(f"unshare({flags:#x}): {os.strerror(code)}")


def enter_namespaces():
    """Own mounts, own network with only a loopback interface."""
    if os.geteuid() != 0:
        raise CannotRun("needs root: namespaces, loop devices, mounts")
    unshare(CLONE_NEWNS | CLONE_NEWNET)
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise CannotRun(f"cannot make mounts private: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)


def child_setup(netns_fd=None, before_exec=None):
    """For preexec_fn: the child dies with us and lives in the network namespace of netns_fd."""
    parent = os.getpid()

    def setup():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)
        if netns_fd is not None and libc.setns(netns_fd, CLONE_NEWNET) != 0:
            os.write(2, b"setns failed\n")
            os._exit(127)
        if before_exec is not None:
            before_exec()

    return setup


class Scratch:
    """A directory that is removed with the object, or by the next test program when we were killed."""

    def __init__(self):
        self.sweep()
        self.path = tempfile.mkdtemp(prefix=f"{SCRATCH_PREFIX}{os.getpid()}-", dir=SCRATCH_PARENT)
        os.chmod(self.path, 0o755)  # opentracker gives up root and still reads its whitelist here
        self._lock = self._take_lock(self.path)
        self._count = 0

    @staticmethod
    def _take_lock(path):
        fd = os.open(os.path.join(path, ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        return fd

    @classmethod
    def sweep(cls):
        for name in os.listdir(SCRATCH_PARENT):
            path = os.path.join(SCRATCH_PARENT, name)
            if not name.startswith(SCRATCH_PREFIX) or not os.path.isdir(path):
                continue
            pid = name[len(SCRATCH_PREFIX):].split("-")[0]
            if pid.isdigit() and os.path.exists(f"/proc/{pid}"):
                continue  # alive, perhaps between mkdtemp and its lock
            lock = cls._take_lock(path)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)

    def dir(self, name):
        """A new directory with that name in it, to be told apart from its siblings by a number."""
        self._count += 1
        path = os.path.join(self.path, f"{self._count:03d}-{name}")
        os.mkdir(path)
        return path

    def file(self, name):
        return os.path.join(self.dir(name), name)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
