"""One torrent of the daemon: an ezio-peer that is started, followed by what it prints, and ended."""
import asyncio
import collections
import json
import os
import signal
import time

from . import programs

MAX_LINE_BYTES = 1 << 20  # of ezio-peer's --json
# Names of states that upstream's helpers give numbers to; those of ezio-peer that mean the same.
DOWNLOADING, FINISHED, SEEDING = 3, 4, 5
EXIT_REFUSED = 4


class Job:
    """key: the info-hash. say(text): into the daemon's log. over(job): its peer has ended."""

    def __init__(self, key, name, size, pieces, request, say, over):
        self.key, self.name, self.size, self.pieces, self.request = key, name, size, pieces, request
        self.say, self.over = say, over
        self.memory_mib, self.port = 0, 0
        self.paused = False
        self.exit_code = None  # of a peer that has ended otherwise than by our own wish
        self.reason = ""
        self.told = asyncio.Event()  # that it runs, or why not
        self.started = time.monotonic()
        self.finished_at = self.last_upload_at = self.last_download_at = None
        self._snapshot = {}
        self._before = {"uploaded": 0, "downloaded": 0}  # of peers that were paused
        self._errors = collections.deque(maxlen=20)
        self._process = None
        self._reader = None
        self._ending = False

    # What it is ---------------------------------------------------------------------------------------------

    @property
    def running(self):
        return self._process is not None

    @property
    def failed(self):
        return self.exit_code not in (None, 0)

    @property
    def finished(self):
        return self.finished_at is not None

    def refuse(self, code, reason):
        """It has never run."""
        self.exit_code, self.reason = code, reason
        self.told.set()

    def status(self):
        now = time.monotonic()
        latest = self._snapshot
        running = latest if self.running else {}
        return {
            "hash": self.key, "name": self.name, "save_path": self.request["path"], "seeding": self.request["seeding"],
            "progress": 1.0 if self.finished else min(latest.get("bytes_verified", 0) / (self.size or 1), 1.0),
            "download_rate": running.get("down_bytes_per_second", 0), "upload_rate": running.get("up_bytes_per_second", 0),
            "num_peers": running.get("peers", 0), "total": self.size, "num_pieces": latest.get("pieces_verified", 0),
            "total_done": self.size if self.finished else latest.get("bytes_verified", 0),
            "total_payload_download": self._total("downloaded"), "total_payload_upload": self._total("uploaded"),
            "state": self._state_number(), "phase": self._phase(), "is_finished": self.finished, "is_paused": self.paused,
            "is_failed": self.failed, "exit_code": self.exit_code, "error": self.reason,
            "active_time": int(now - self.started), "finished_time": _since(self.finished_at, now, 0),
            "seeding_time": _since(self.finished_at, now, 0), "last_upload": _since(self.last_upload_at, now, -1),
            "last_download": _since(self.last_download_at, now, -1),
        }

    def _total(self, what):
        return self._before[what] + self._snapshot.get(what, 0)

    def _phase(self):
        """For people."""
        if self.failed:
            return "failed"
        if self.paused:
            return "complete" if self.finished else "paused"
        return self._snapshot.get("state", "starting")

    def _state_number(self):
        if not self.finished:
            return DOWNLOADING
        return SEEDING if self.running else FINISHED

    # What becomes of it ---------------------------------------------------------------------------------------

    def _arguments(self, create):
        role = "--seed" if self.request["seeding"] else "--leech"
        arguments = [role, self.request["torrent"], self.request["path"], "--json", "--info-hash", self.key,
                     "--memory", str(self.memory_mib), "--linger", "forever"]
        if self.port:
            arguments += ["--listen", f"0.0.0.0:{self.port}"]
        if role == "--leech":
            arguments.append("--allow-removable")  # Clonezilla has asked twice which disk it is to be
            if create:
                arguments.append("--create")
            if self._before["downloaded"]:
                arguments += ["--reuse", "all"]  # some of it is there, perhaps none of the samples
        return arguments

    async def start(self, create):
        self.paused, self.exit_code, self.reason, self._ending = False, None, "", False
        self._snapshot = {**self._snapshot, "state": "starting"}
        if not self.request["seeding"]:
            self.finished_at = None  # what the target holds is asked of it anew
        self.told.clear()
        # By its path: what the scripts end because its command line begins with "ezio" is the daemon, which ends this.
        self._process = await asyncio.create_subprocess_exec(
            os.path.abspath(programs.find("ezio-peer")), *self._arguments(create), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=MAX_LINE_BYTES,
            start_new_session=True, preexec_fn=programs.die_with_parent)  # ^C is for the daemon, which ends them
        self._reader = asyncio.create_task(self._follow(self._process))

    async def pause(self):
        """Ends its peer; the target holds what is there."""
        self.paused = True
        await self.end()

    async def end(self):
        if self._process is None:
            return
        self._ending = True
        try:
            self._process.send_signal(signal.SIGTERM)
        except ProcessLookupError:
            pass
        await asyncio.shield(self._reader)

    async def _follow(self, process):
        await asyncio.gather(self._read_snapshots(process.stdout), self._read_messages(process.stderr))
        code = await process.wait()
        self._process = None
        for what in self._before:
            self._before[what] += self._snapshot.pop(what, 0)
        self._conclude(code if code >= 0 else 128 - code)
        self.told.set()
        self.over(self)

    def _conclude(self, code):
        # A leecher that is ended when it is complete has 0, as one that was never ended.
        if self._ending and code == 143:
            return
        if code == 0:
            self.finished_at = self.finished_at or time.monotonic()
            return
        self.exit_code = code
        self.reason = self._errors[-1] if self._errors else f"ezio-peer ended with {code}"
        self.say(f"{self.name}: failed with {self.exit_code}: {self.reason}")

    async def _read_snapshots(self, stream):
        while line := await _line(stream):
            try:
                latest = json.loads(line)["torrents"][0]
            except (ValueError, LookupError, TypeError):
                continue
            if isinstance(latest, dict):
                self._take(latest)

    def _take(self, latest):
        now = time.monotonic()
        for what, moment in (("uploaded", "last_upload_at"), ("downloaded", "last_download_at")):
            if latest.get(what, 0) > self._snapshot.get(what, 0):
                setattr(self, moment, now)
        self._snapshot = latest
        # "finished" and its exit code of 0 are also said of what was ended half-way.
        if not self.finished and latest.get("state") in ("complete", "seeding"):
            self.finished_at = now
        self.told.set()

    async def _read_messages(self, stream):
        while line := await _line(stream):
            text = line.decode(errors="replace").rstrip()
            if text.startswith("ezio-peer: "):
                self._errors.append(text.removeprefix("ezio-peer: "))
            self.say(text)


async def _line(stream):
    """The next one; of one that is too long, what follows it."""
    while True:
        try:
            return await stream.readline()
        except ValueError:
            continue


def _since(moment, now, never):
    return never if moment is None else int(now - moment)
