"""Child processes with logs, deadlines and peak memory."""
import os
import re
import signal
import subprocess
import time

from . import sandbox

SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error: |SUMMARY: \w+Sanitizer")


def wait_until(condition, timeout_s, what, interval_s=0.05):
    """Returns the condition's first true value; fails after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what() if callable(what) else what}")
        time.sleep(interval_s)


def run(*argv, timeout_s=120, check=True, netns=None, **kwargs):
    """Runs a command to its end; returns CompletedProcess with text in stdout and stderr."""
    argv = [str(a) for a in argv]
    if "input" not in kwargs:
        kwargs["stdin"] = subprocess.DEVNULL
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=timeout_s,
                          preexec_fn=sandbox.child_setup(netns.fd if netns else None), **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


class _MeasuredPopen(subprocess.Popen):
    """Popen that keeps the child's rusage."""
    rusage = None

    def _try_wait(self, wait_flags):
        try:
            pid, status, rusage = os.wait4(self.pid, wait_flags)
        except ChildProcessError:
            return self.pid, 0
        if pid == self.pid:
            self.rusage = rusage
        return pid, status


class Process:
    """A running program. stdout and stderr go to files; pass tty=fd to give it a terminal as stdout."""

    def __init__(self, name, argv, log_dir, netns=None, env=None, cwd=None, tty=None,
                 before_exec=None):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.stdout_path = os.path.join(log_dir, f"{name}.out")
        self.stderr_path = os.path.join(log_dir, f"{name}.err")
        self.started = time.monotonic()
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.popen = _MeasuredPopen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out if tty is None else tty, stderr=err, cwd=cwd,
                env={**os.environ, **(env or {})},
                preexec_fn=sandbox.child_setup(netns.fd if netns else None, before_exec))

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def stdout(self):
        return _read(self.stdout_path)

    def stderr(self):
        return _read(self.stderr_path)

    def output(self):
        return self.stdout() + self.stderr()

    def wait(self, timeout_s):
        """The exit code, as a shell would say it (a signal is 128 + its number). Fails after timeout_s."""
        try:
            code = self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout_s} s") from None
        self.check_sanitizers()
        return code if code >= 0 else 128 - code

    def send(self, signum):
        if self.running():
            self.popen.send_signal(signum)

    def stop(self, timeout_s=20):
        """SIGTERM, and the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self):
        """SIGKILL, as a power cut would: no goodbye to anyone."""
        self.send(signal.SIGKILL)
        self.popen.wait(10)

    def check_sanitizers(self):
        for text in (self.stderr(), self.stdout()):
            if SANITIZER_REPORT.search(text):
                raise AssertionError(f"{self.name}: sanitizer report:\n{text[-4000:]}")

    def peak_memory_bytes(self):
        """Of a finished process."""
        return self.popen.rusage.ru_maxrss * 1024

    def cpu_seconds(self):
        """User and system time of a finished process."""
        return self.popen.rusage.ru_utime + self.popen.rusage.ru_stime

    def describe(self):
        state = "running" if self.running() else f"exit {self.popen.returncode}"
        output = self.stdout()[-1500:] + self.stderr()[-3000:]
        tail = "".join(f"    {line}\n" for line in output.splitlines())
        return f"{self.name} ({state}): {' '.join(self.argv)}\n{tail}"


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
