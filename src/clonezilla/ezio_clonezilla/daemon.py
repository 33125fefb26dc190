"""The daemon: takes torrents from its helpers and has an ezio-peer for each."""
import asyncio
import json
import os
import signal
import socket
import struct
import sys

from . import control, programs, runtime
from .job import EXIT_REFUSED, Job
from .memory import Budget

MAX_TORRENTS = 64
SHOW_S = 60    # for ezio-torrent to read a torrent
START_S = 20   # so long an "add" waits for the peer to run or to refuse; then it goes on by itself
EXIT_TORRENT = 3


class Refusal(Exception):
    def __init__(self, reason, code):
        super().__init__(reason)
        self.code = code


def say(text):
    """Into the log. Whoever reads it may have gone away: that must not end a clone."""
    try:
        print(text, flush=True)
    except OSError:
        pass


class Daemon:
    def __init__(self, options):
        self.options = options
        self.jobs = {}  # by info-hash; of what is no torrent, by its path
        self.budget = Budget(options.cache_size)
        self.ending = asyncio.Event()
        self.ended_by = None  # a signal's number
        self.connections = 0
        self._ports = {}

    # Commands -----------------------------------------------------------------------------------------------

    async def add(self, torrent, path, seeding, sequential, connections, uploads):  # noqa: ARG002 (accepted)
        request = {"torrent": torrent, "path": path, "seeding": seeding}
        try:
            about = await self.read_torrent(torrent)
        except Refusal as refusal:
            self.keep_refused(torrent, os.path.basename(torrent), request, refusal)
            raise
        key, name = about["info_hash"], about["name"]
        present = self.jobs.get(key)
        if present and not present.failed:
            raise Refusal(f"{name} has been added already, for {present.request['path']}", EXIT_REFUSED)
        if present is None and len(self.jobs) >= MAX_TORRENTS:
            raise Refusal(f"{MAX_TORRENTS} torrents are the most", EXIT_REFUSED)
        job = Job(key, name, about["total_length"], about["piece_count"], request, say, self.over)
        job.memory_mib = self.budget.take(key, about["piece_length"])
        job.port = self.take_port(key)
        self.jobs[key] = job
        say(f"{name}: {'seeding' if seeding else 'cloning to'} {path}, with {job.memory_mib} MiB")
        await self.start(job)
        return {"hash": key, "name": name}

    async def start(self, job):
        """Refusal where the peer ends at once."""
        if self.ending.is_set():
            raise Refusal("ezio is ending", EXIT_REFUSED)
        await job.start(self.options.files)
        try:
            await asyncio.wait_for(job.told.wait(), START_S)
        except asyncio.TimeoutError:
            say(f"{job.name}: {job.request['path']} takes long to answer")
        if job.failed:
            raise Refusal(job.reason, job.exit_code)

    async def read_torrent(self, torrent):
        process = await asyncio.create_subprocess_exec(
            programs.find("ezio-torrent"), "show", torrent, "--json", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, preexec_fn=programs.die_with_parent)
        try:
            output, errors = await asyncio.wait_for(process.communicate(), SHOW_S)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
            raise Refusal(f"{torrent} could not be read in {SHOW_S} s", EXIT_TORRENT) from None
        if process.returncode != 0:
            raise Refusal(programs.reason_of("ezio-torrent", errors.decode(errors="replace")), EXIT_TORRENT)
        return json.loads(output)

    def keep_refused(self, key, name, request, refusal):
        """So that who follows the torrents hears of it: the scripts do not look at what "add" says."""
        if key in self.jobs or len(self.jobs) < MAX_TORRENTS:
            job = self.jobs[key] = Job(key, name, 0, 0, request, say, self.over)
            job.refuse(refusal.code, str(refusal))
        say(f"{name}: refused: {refusal}")

    async def status(self, hashes):
        chosen = self.jobs.values() if not hashes else [self.find(one) for one in hashes]
        return {"torrents": [job.status() for job in chosen], "version": programs.VERSION}

    async def pause(self, hash):  # noqa: A002 (the protocol's name)
        job = self.find(hash)
        say(f"{job.name}: paused")
        await job.pause()
        return {}

    async def resume(self, hash):  # noqa: A002
        job = self.find(hash)
        if not job.size:  # of what is no torrent
            raise Refusal(job.reason, job.exit_code)
        if not job.running:
            say(f"{job.name}: goes on")
            job.memory_mib = self.budget.take(job.key, 0)
            await self.start(job)
        return {}

    async def version(self):
        return {"version": programs.VERSION}

    async def shutdown(self):
        say("told to shut down")
        self.ending.set()
        return {}

    def find(self, key):
        if key not in self.jobs:
            raise Refusal(f"there is no torrent {key}", EXIT_REFUSED)
        return self.jobs[key]

    # What they share ------------------------------------------------------------------------------------------

    def over(self, job):
        self.budget.give_back(job.key)

    def take_port(self, key):
        """The n-th torrent's: the first that was told, and those after it."""
        if not self.options.port:
            return 0
        self._ports.pop(key, None)
        taken = set(self._ports.values())
        self._ports[key] = next(port for port in range(self.options.port, 1 << 16) if port not in taken)
        return self._ports[key]

    # Connections ----------------------------------------------------------------------------------------------

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            if self.connections <= control.CONNECTION_LIMIT and _is_ours(writer):
                await self.converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def converse(self, reader, writer):
        """Requests until the client goes. One that cannot be taken is answered, and the last."""
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), control.IDLE_S)
            except asyncio.TimeoutError:
                return
            except ValueError:  # over the limit
                line = None
            if line == b"":
                return
            reply, lasting = await self.answer(line)
            writer.write(control.encode(reply))
            await asyncio.wait_for(writer.drain(), control.IDLE_S)
            if not lasting:
                return

    async def answer(self, line):
        """(reply, whether more may come)."""
        try:
            if line is None or not line.endswith(b"\n"):
                raise control.BadRequest(f"a request is a line of at most {control.MAX_REQUEST_BYTES} bytes")
            command, arguments = control.parse_request(line)
        except control.BadRequest as error:
            return {"ok": False, "code": programs.USAGE_ERROR, "error": str(error)}, False
        try:
            return {"ok": True, **await getattr(self, command)(**arguments)}, True
        except Refusal as refusal:
            return {"ok": False, "code": refusal.code, "error": str(refusal)}, True
        except (OSError, programs.ProgramMissing) as error:
            say(f"{command}: {error}")
            return {"ok": False, "code": 1, "error": str(error)}, True

    # The end ------------------------------------------------------------------------------------------------

    async def end(self):
        """Ends all, and tells the truth about them."""
        await asyncio.gather(*(job.end() for job in self.jobs.values()))
        code = 0
        for job in self.jobs.values():
            if job.failed:
                code = code or job.exit_code
            elif not job.finished:
                say(f"{job.name}: ended before it was complete")
                code = code or (128 + self.ended_by if self.ended_by else 1)
        return code


def _is_ours(writer):
    """Only who may do the same without us: the daemon's own user, and root."""
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", peer)[1] in (0, os.geteuid())


def listen(path):
    """The control socket; OSError where another daemon has it. One that was left behind is replaced."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(path)
        server.close()
        raise OSError(f"{path}: an ezio runs already for this address")
    except (FileNotFoundError, ConnectionRefusedError):
        pass
    if os.path.lexists(path):
        os.unlink(path)
    server.bind(path)
    os.chmod(path, 0o600)
    return server


async def run(options, address):
    path = address.socket_path()
    daemon = Daemon(options)
    loop = asyncio.get_running_loop()

    def signalled(number):
        daemon.ended_by = daemon.ended_by or number
        daemon.ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        # A shell has those that a script runs in the background ignore the terminal's ^C.
        if signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, signalled, number)
    server = await asyncio.start_unix_server(daemon.serve, sock=listen(path), limit=control.MAX_REQUEST_BYTES)
    try:
        say(f"ezio {programs.VERSION}: takes torrents from ezio_add_torrent.py -a {address.text}")
        await daemon.ending.wait()
    finally:
        server.close()
        os.unlink(path)
    return await daemon.end()


def main(options):
    address = control.Address(options.listen or control.DEFAULT_ADDRESS)
    try:
        return asyncio.run(run(options, address))
    except runtime.RuntimeFault as error:
        print(f"ezio: {error}", file=sys.stderr)
        return 1
