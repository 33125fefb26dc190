"""Where ezio-peer, ezio-torrent and ezio-tracker are, and how they are run."""
import ctypes
import os
import shutil
import signal
import subprocess

try:
    from .installed import BIN_DIR, VERSION  # written by the installation
except ImportError:
    BIN_DIR, VERSION = None, "from the source tree"

USAGE_ERROR = 2  # exit codes are those of ezio-peer, see docs/PEER.md

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_libc = ctypes.CDLL(None, use_errno=True)


class ProgramMissing(Exception):
    pass


def find(name):
    """The path of one of our programs: EZIO_BIN_DIR, where the installation put it, or PATH."""
    for directory in (os.environ.get("EZIO_BIN_DIR"), BIN_DIR):
        if directory and os.access(os.path.join(directory, name), os.X_OK):
            return os.path.join(directory, name)
    found = shutil.which(name)
    if found is None:
        raise ProgramMissing(f"{name} is not installed (and EZIO_BIN_DIR does not say where it is)")
    return found


def run(name, *arguments, timeout_s=60):
    """One of our programs to its end; (exit code, stdout, last line of stderr without the program's name)."""
    done = subprocess.run([find(name), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=timeout_s, check=False)
    return done.returncode, done.stdout, reason_of(name, done.stderr)


def reason_of(name, stderr):
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("Run with --help")]
    return lines[-1].removeprefix(f"{name}: ") if lines else f"{name} gave no reason"


def set_process_name(name):
    """What ps and pkill see (comm)."""
    _libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def die_with_parent():
    """For preexec_fn: whoever kills the parent outright leaves no child that goes on writing to a disk."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
