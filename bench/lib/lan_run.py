"""One run: a room is made, an image cloned to every host of it, every clone compared."""
import contextlib
import dataclasses
import mmap
import os
import time

from . import lan_programs
from .lan_room import Room
from .lan_watch import Points, Watch, cpu_times
from .procs import MIB, Failed

TICK_S, SAMPLE_S = 0.05, 0.25
TAIL_S = 0.3  # watched after the last one is complete
MEMORY_MIB = 256  # ezio-peer's, if nothing else is said
POPULATE_WRITE = 23  # linux/mman.h; the mmap module has no name for it


@dataclasses.dataclass
class Host:
    """A leecher, or the seeder."""
    name: str
    rate: float
    rack: int
    program: lan_programs.Program
    join: float = 0.0
    target: object = None  # of a leecher
    net: object = None  # its namespace
    lives: list = dataclasses.field(default_factory=list)  # processes: killed ones, then the last
    started: float | None = None  # of the last life; seconds of the run, as all times here
    completed: float | None = None
    killed: float | None = None
    gone: bool = False  # killed for good
    equal: bool | None = None

    @property
    def process(self):
        return self.lives[-1]

    @property
    def seconds(self):
        return None if self.completed is None else self.completed - self.started

    def cpu_seconds(self):
        return sum(process.cpu_seconds for process in self.lives)


def ideal_seconds(options, host):
    """The image through the slowest link on its way to this host."""
    links = [options.rate, host.rate] + ([options.trunk] if host.rack else [])
    return options.image_mib * MIB * 8 / (min(links) * 1e6)


def join_times(options):
    """Of each leecher."""
    late = options.join
    if options.join_half:
        late = [options.image_mib * MIB * 8 / (options.rate * 1e6) / 2] * options.join_half
    return [0.0] * (options.hosts - len(late)) + late


def leecher_programs(options, program, stock):
    """Of each leecher: the last ones are of the mix."""
    mixed = [stock[name] for name, count in options.mix.items() for _ in range(count)]
    return [program] * (options.hosts - len(mixed)) + mixed


def find_memory(size):
    """Has the kernel find and clear so much, or what there is, and takes none of it. Where this is a virtual machine whose
    host takes back what is free, all programs of a run would wait for it at once, and the first run longest; no room of real
    machines does. A kernel that cannot (before 5.14) measures as it is."""
    with open("/proc/meminfo", encoding="ascii") as file:
        available = next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:"))
    with contextlib.suppress(OSError):
        with mmap.mmap(-1, min(size, available * 3 // 4), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            with contextlib.suppress(OSError):  # without huge pages
                memory.madvise(mmap.MADV_HUGEPAGE)
            memory.madvise(POPULATE_WRITE)


class Run:
    """Result is in seed, leechers, watch, events and busy after execute()."""

    def __init__(self, options, number, program, stock, binaries, source, targets, log_dir):
        self.options, self.number, self.program = options, number, program
        self._binaries, self._source, self._log_dir = binaries, source, log_dir
        programs, joins = leecher_programs(options, program, stock), join_times(options)
        self.seed = Host("seed", options.rate, 0, program)
        self.leechers = [
            Host(f"h{i + 1}", options.slow_host if i == 0 and options.slow_host else options.rate,
                 1 if options.racks == 2 and i >= options.hosts // 2 else 0, programs[i], joins[i], targets[i])
            for i in range(options.hosts)]
        self.events = []  # (seconds, text)
        self.watch = self.busy = self._room = self._tracker = self._torrent = self._zero = None
        self._plan = self._make_plan()

    # What is to happen --------------------------------------------------------------------------------------

    def _make_plan(self):
        """(seconds, function) in order."""
        plan = [(host.join, lambda host=host: self._start_late(host, "joins")) for host in self.leechers if host.join]
        for kill in self.options.kill:
            host = next(host for host in self.hosts if host.name == kill.host)
            plan.append((kill.at, lambda host=host, back=kill.back: self._kill(host, back)))
            if kill.back is not None:
                plan.append((kill.back, lambda host=host: self._start_late(host, "returns")))
        if isinstance(self.options.cut_seeder, float):
            plan.append((self.options.cut_seeder, self._cut))
        return sorted(plan, key=lambda step: step[0])

    @property
    def hosts(self):
        return [self.seed, *self.leechers]

    def _now(self):
        return time.monotonic() - self._zero

    def _note(self, text):
        self.events.append((self._now(), text))

    def _start_seed(self):
        self.seed.lives.append(self.seed.program.seed(self.seed.net, self._torrent, self._source))
        self.seed.started = None if self._zero is None else self._now()

    def _start_first(self):
        """The leechers that are there from the beginning, all at once."""
        gate = lan_programs.Gate()
        first = [host for host in self.leechers if not host.join]
        for host in first:
            host.lives.append(host.program.leech(host.net, self._torrent, host.target, gate))
            host.started = 0.0
        self._zero = gate.open()

    def _start_late(self, host, what):
        if host is self.seed:
            self._start_seed()
        else:
            host.lives.append(host.program.leech(host.net, self._torrent, host.target))
            host.started = host.process.started - self._zero
            host.completed = None
        self._note(f"{host.name} {what}")

    def _kill(self, host, back):
        if not host.lives:
            raise Failed(f"{host.name} is to be killed before it has joined")
        host.process.kill()
        host.gone = back is None
        host.killed = self._now()
        if host is not self.seed:
            self.watch.forget(host.name)
        self._note(f"{host.name} killed")

    def _cut(self):
        self._room.unplug(self.seed.net)
        self._note("seed cut off")

    # The course ---------------------------------------------------------------------------------------------

    def execute(self):
        for host in self.leechers:
            host.target.prepare(host.program.as_image)
        self._room = Room(self.options.queue_ms, self.options.racks, self.options.trunk)
        try:
            self._set_up()
            before = cpu_times()
            self._watch_over()
            self.busy = [now - then for now, then in zip(cpu_times(), before)]
        finally:
            self._end()
        for host in self.leechers:
            host.equal = None if host.gone else host.target.equals(self._source)
        if wrong := [host.name for host in self.leechers if host.equal is False]:
            raise Failed(f"{self.program.label}: the clones of {', '.join(wrong)} differ from the image")

    def _set_up(self):
        """Up to the moment when the leechers can start."""
        net = self._room.add("tracker")
        for host in self.hosts:
            host.net = self._room.add(host.name, host.rate, host.rack)
        self._tracker = lan_programs.Tracker(os.path.join(self._binaries, "ezio-tracker"), net)
        self._torrent = self._source.torrent(os.path.join(self._binaries, "ezio-torrent"),
                                             os.path.join(self._source.directory, "disk.torrent"),
                                             self.options.piece_kib, f"{self._tracker.url}/announce")
        find_memory(len(self.hosts) * (self.options.memory or MEMORY_MIB) * MIB)
        self._start_seed()
        end = time.monotonic() + lan_programs.READY_S
        while not self.program.ready(self._tracker, self.seed.process):
            if self.seed.process.ended() or time.monotonic() > end:
                raise Failed(f"{self.program.label}: no seeder\n{lan_programs.tail(self.seed.process)}")
            time.sleep(TICK_S)
        points = Points(self._source.extents, self.options.piece_kib << 10)
        self.watch = Watch(self._room, points, {host.name: host.target for host in self.leechers})

    def _watch_over(self):
        self._start_first()
        limit = self.options.timeout or 60 + 20 * max(ideal_seconds(self.options, host) for host in self.leechers)
        limit += self._plan[-1][0] if self._plan else 0
        last, next_sample = None, 0.0
        while last is None or self._now() < last + TAIL_S:
            if self._now() >= next_sample:
                self._sample()
                next_sample = self._now() + SAMPLE_S
            while self._plan and self._plan[0][0] <= self._now():
                self._plan.pop(0)[1]()
            self._look_at_processes()
            if last is None and not self._plan and self._all_complete():
                last = self._now()
            if self._now() > limit:
                raise Failed(self._too_late(limit))
            time.sleep(TICK_S)
        self._sample()

    def _sample(self):
        self.watch.sample(self._now())
        if self.options.cut_seeder == "once" and self.watch.union_complete():
            if not any("cut" in text for _, text in self.events):
                self._cut()

    def _look_at_processes(self):
        for host in self.leechers:
            if not host.lives or host.gone or host.completed is not None:
                continue
            when = host.program.completed(host.process)
            if when is not None:
                host.completed = when - self._zero
            elif host.process.ended() and host.process.code >= 0:
                raise Failed(f"{host.name} ended with {host.process.code}\n{lan_programs.tail(host.process)}")

    def _all_complete(self):
        return all(host.gone or host.completed is not None for host in self.leechers)

    def _too_late(self, limit):
        late = [host for host in self.leechers if not host.gone and host.completed is None]
        shares = self.watch.samples[-1].progress
        names = ", ".join(f"{host.name} ({shares[host.name]:.0%})" for host in late)
        return f"{self.program.label}: not complete after {limit:.0f} s: {names}\n{lan_programs.tail(late[0].process)}"

    def _end(self):
        processes = [(host.name, process) for host in self.hosts for process in host.lives]
        processes += [("tracker", self._tracker.process)] if self._tracker else []
        for _, process in processes:
            process.ask_to_end()
        for name, process in processes:
            process.stop()
            if self._log_dir:
                with open(os.path.join(self._log_dir, f"{self.program.label}-{self.number}-{name}.log"), "a",
                          encoding="utf-8") as file:
                    file.write(f"{' '.join(process.argv)}\n{process.output()}\n")
        if self.watch:
            self.watch.close()
        self._room.close()
