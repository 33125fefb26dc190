"""Programs that are run and metered: CPU time, peak memory, lines of output as they come."""
import ctypes
import os
import re
import signal
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
GB = 1e9
MIB = 1 << 20
# Hides the SHA extensions from OpenSSL (libtorrent, mktorrent, and so ours) and from Nettle (aria2): what is left is
# what CPUs without them do.
NO_SHA_NI = {"OPENSSL_ia32cap": "~0x0:~0x20000000", "NETTLE_FAT_OVERRIDE": "vendor:intel"}
LIBC = ctypes.CDLL(None)


def family(pid):
    """The process and its children."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [pid, *map(int, children.read().split())]
    except OSError:
        return [pid]


def peak_resident(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            return int(re.search(r"VmHWM:\s*(\d+) kB", status.read()).group(1)) * 1024
    except (OSError, AttributeError):
        return 0  # it has ended


class Failed(Exception):
    """A program did not do what it was run for."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(*argv, timeout_s=900, env=None, codes=(0,)):
    """Runs a program to its end; returns its standard output."""
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=timeout_s, env={**os.environ, **(env or {})}, preexec_fn=die_with_parent)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{argv[0]}: {error}") from error
    if done.returncode not in codes:
        raise Failed(f"{' '.join(argv)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(*argv, **kwargs):
    """Seconds that a program takes."""
    start = time.monotonic()
    run(*argv, **kwargs)
    return time.monotonic() - start


class Process:
    """A running program with its output, standard error included. Leaving the block ends it.

    setup is called in the child before its program starts, stdout is a file for what is no text."""

    def __init__(self, *argv, env=None, setup=die_with_parent, stdin=subprocess.DEVNULL, stdout=None):
        self.argv = [str(word) for word in argv]
        self.started = time.monotonic()
        self.lines = []  # (time, text)
        self.rusage = None
        self.code = None  # once waited for; of a signal its negative number
        self._asked_to_end = False
        self._news = threading.Condition()
        self._closed = False
        self.popen = subprocess.Popen(self.argv, stdin=stdin,
                                      stdout=subprocess.PIPE if stdout is None else stdout,
                                      stderr=subprocess.STDOUT if stdout is None else subprocess.PIPE,
                                      env={**os.environ, **(env or {})}, preexec_fn=setup)
        self._pipe = self.popen.stdout or self.popen.stderr
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _read(self):
        for line in self._pipe:
            self._note((time.monotonic(), line.decode("utf-8", "replace").rstrip("\n")))
        self._note(None)

    def _note(self, line):
        with self._news:
            if line is None:
                self._closed = True
            else:
                self.lines.append(line)
            self._news.notify_all()

    def first_line(self, pattern):
        """(time, match) of the first line of output so far that matches, or None."""
        return next(((when, match) for when, text in list(self.lines) if (match := re.search(pattern, text))), None)

    def wait_line(self, pattern, timeout_s):
        """(time, match) of the first line of output that matches."""
        with self._news:
            self._news.wait_for(lambda: self.first_line(pattern) or self._closed, timeout_s)
            if found := self.first_line(pattern):
                return found
        raise Failed(f"{' '.join(self.argv)}: no {pattern!r} in its output\n{self.output()[-2000:]}")

    def output(self):
        return "\n".join(text for _, text in self.lines)

    def peak_resident(self):
        """Bytes, of it and its children together; read while it runs."""
        return sum(peak_resident(pid) for pid in family(self.popen.pid))

    def ask_to_end(self):
        """By SIGTERM, once: a second one asks some programs to hurry."""
        if self.rusage is None and not self._asked_to_end:
            os.kill(self.popen.pid, signal.SIGTERM)
            self._asked_to_end = True

    def ended(self):
        """Whether it is over; from then on code and cpu_seconds are there."""
        if self.rusage is None:
            pid, status, rusage = os.wait4(self.popen.pid, os.WNOHANG)
            if pid:
                self._note_end(status, rusage)
        return self.rusage is not None

    def kill(self):
        """As a power cut would."""
        if not self.ended():
            os.kill(self.popen.pid, signal.SIGKILL)
            self._note_end(*os.wait4(self.popen.pid, 0)[1:])

    def stop(self, patience_s=10):
        """Ends it by SIGTERM, later by SIGKILL."""
        self.ask_to_end()
        end = time.monotonic() + patience_s
        while not self.ended():
            if time.monotonic() > end:
                self.kill()
            time.sleep(0.01)

    def _note_end(self, status, rusage):
        self.code = os.waitstatus_to_exitcode(status)
        self.popen.returncode = self.code  # waited for here, not by Popen
        self.rusage = rusage
        self._reader.join()
        self._pipe.close()

    @property
    def cpu_seconds(self):
        return self.rusage.ru_utime + self.rusage.ru_stime
