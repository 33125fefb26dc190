"""The programs under one command: started one by one, heard line by line, ended together."""
import ctypes
import os
import queue
import shutil
import signal
import subprocess
import threading
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
END_SECONDS = 10  # between asking a child to end and killing it


def _dies_with_us():
    parent = os.getpid()

    def setup():
        os.setsid()  # a ^C is ours to pass on, in order
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)
    return setup


def code_of(status):
    """As a shell says it."""
    return status if status >= 0 else 128 - status


def end_text(status):
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with {status}"


class Child:
    def __init__(self, name, argv, events, guardian, quiet_stdout):
        self.name = name
        self.last_line = ""
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL if quiet_stdout else subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=_dies_with_us())
        guardian.note("+", self.process.pid)
        self._readers = [threading.Thread(target=self._read, args=(pipe, events), daemon=True)
                         for pipe in (self.process.stdout, self.process.stderr) if pipe]
        for reader in self._readers:
            reader.start()
        self.waiter = threading.Thread(target=self._wait, args=(events, guardian), daemon=True)
        self.waiter.start()

    def _read(self, pipe, events):
        for raw in pipe:
            line = raw.decode(errors="replace").rstrip()
            if line:
                self.last_line = line
                events.put(("line", self.name, line))

    def _wait(self, events, guardian):
        status = self.process.wait()
        guardian.note("-", self.process.pid)
        for reader in self._readers:
            reader.join(2)  # what it said last comes before its end
        events.put(("end", self.name, status))


class Guardian:
    """A process that kills what is left when ours has ended without a word, and removes the directory of the run. (dnsmasq gives up root,
    and with it the signal of the kernel.)"""

    def __init__(self, directory):
        read_end, self._write_end = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.setsid()
                os.close(self._write_end)
                self._watch(read_end)
                shutil.rmtree(directory, ignore_errors=True)
            finally:
                os._exit(0)
        os.close(read_end)

    def note(self, sign, pid):
        """'+' when it is started, '-' when it has ended."""
        os.write(self._write_end, f"{sign}{pid}\n".encode())

    def dismiss(self):
        os.close(self._write_end)
        os.waitpid(self._pid, 0)

    @staticmethod
    def _watch(read_end):
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        alive = set()
        with os.fdopen(read_end) as lines:
            for line in lines:
                (alive.add if line[0] == "+" else alive.discard)(int(line[1:]))
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Children:
    """say(name, line) gets what they print; the directory is removed in the end. Made before there are threads."""

    def __init__(self, say, directory):
        self._guardian = Guardian(directory)
        self.events = queue.Queue()
        self._say = say
        self._children = {}

    def start(self, name, argv, quiet_stdout=False):
        self._children[name] = Child(name, [str(word) for word in argv], self.events, self._guardian, quiet_stdout)

    def last_line(self, name):
        return self._children[name].last_line

    def next_event(self, timeout_s):
        """("end", name, status), ("signal", …) or None; lines are said on the way."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            try:
                event = self.events.get(timeout=max(left, 0))
            except queue.Empty:
                return None
            if event[0] != "line":
                return event
            self._say(event[1], event[2])

    def stop(self):
        """Asks all to end, the last started first, and kills who does not."""
        children = list(self._children.values())[::-1]
        for child in children:
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for child in children:
            try:
                child.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        while self.next_event(0.2):
            pass
        for child in children:
            child.waiter.join()
        self._guardian.dismiss()
