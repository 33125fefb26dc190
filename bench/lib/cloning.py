"""The 1 to 1 clone, by ezio-peer and by others, and the clones of scattered extents."""
import json
import os
import re
import shutil
import statistics
import time
import urllib.request

from .clients import Aria2, Ezio, Libtorrent
from .procs import GB, MIB, NO_SHA_NI, Failed, Process, run
from .report import Row

LONGEST_S = 600
EXTENT_CASES = (  # name, extents, their mean length, bar
    ("341 extents of 4 KiB–16 MiB", 341, 8 << 20, 0.9),
    ("100,000 extents of 4–64 KiB", 100_000, 34 << 10, 0.5),
)


class Data:
    """A torrent's single file of random bytes: an extent at offset 0, where clients of files look for it."""
    name = "disk"
    file_name = "0" * 32

    def __init__(self, parent, size):
        self.parent, self.size = parent, size
        self.path = os.path.join(parent, self.name, self.file_name)
        os.makedirs(os.path.dirname(self.path))
        run("sh", "-c", 'openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 </dev/zero 2>/dev/null | head -c "$1" >"$2"',
            "sh", size, self.path)


class Target:
    """The file that clones overwrite, in turn: it is there before, as a disk is. A new one would charge every clone
    with finding its memory, which in a virtual machine costs more than all else."""

    def __init__(self, bench, data):
        assert data.size % MIB == 0
        self.data, self._directory = data, bench.directory("targets")
        self._file = os.path.join(self._directory, "blank")

    def lend(self, path):
        """Moves it to where a client wants it, with nothing of the data in it."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        zeros = bytes(MIB)
        with open(self._file, "r+b" if os.path.exists(self._file) else "wb") as file:
            for _ in range(self.data.size // MIB):
                file.write(zeros)
        os.rename(self._file, path)

    def take_back(self, path):
        run("cmp", self.data.path, path)
        os.rename(path, self._file)

    def remove(self):
        shutil.rmtree(self._directory)


def peers_known(tracker_url):
    with urllib.request.urlopen(f"{tracker_url}/stats", timeout=10) as reply:
        return json.load(reply)["peers"]


def clone_once(bench, client, data, target_file):
    """One clone: seconds from the leecher's start to its completion, CPU seconds and peak memory of both."""
    target = bench.directory(f"target-{client.name}")
    target_file.lend(client.target_file(data, target))
    torrent = os.path.join(target, "disk.torrent")
    with Process(bench.program("ezio-tracker"), "--listen", "127.0.0.1:0") as tracker:
        url = tracker.wait_line(r"(http://[^/]+)/announce", 20)[1].group(1)
        run(bench.program("ezio-torrent"), "create", "--dir", os.path.dirname(data.path), "--name", data.name,
            "--piece-length", "16MiB", "--announce", f"{url}/announce", "-o", torrent)
        with client.seed(torrent, data) as seed:
            end = time.monotonic() + 60
            while peers_known(url) == 0:
                if time.monotonic() > end:
                    raise Failed(f"{client.name}: the seed does not announce itself\n{seed.output()[-2000:]}")
                time.sleep(0.05)
            with client.leech(torrent, data, target) as leecher:
                done, _ = leecher.wait_line(client.complete, LONGEST_S)
                memory = {"seed": seed.peak_resident(), "leecher": leecher.peak_resident()}
    target_file.take_back(client.target_file(data, target))
    shutil.rmtree(target)
    return {"seconds": done - leecher.started, "memory": memory,
            "cpu": {"seed": seed.cpu_seconds, "leecher": leecher.cpu_seconds}}


def clone_section(bench):
    data = Data(bench.directory("source"), bench.size)
    target = Target(bench, data)
    for what, env in (("", {}), (", without SHA-NI", NO_SHA_NI)):
        clients = [Ezio(bench.programs, env), Libtorrent(env), Aria2(bench.programs, env)]
        runs = {client.name: [] for client in clients}
        for _ in range(bench.runs):
            for client in clients:
                result = clone_once(bench, client, data, target)
                bench.log(f"clone by {client.name}{what}: {data.size / result['seconds'] / 1e6:.0f} MB/s")
                runs[client.name].append(result)
        yield from clone_rows(what, Medians(data.size, runs))
    shutil.rmtree(data.parent)
    target.remove()


class Medians:
    """Of the runs of each client."""

    def __init__(self, size, runs):
        self.size, self.runs = size, runs

    def _median(self, name, value):
        return statistics.median(value(result) for result in self.runs[name])

    def rate(self, name):
        """MB/s"""
        return self.size / self._median(name, lambda result: result["seconds"]) / 1e6

    def cpu(self, name, side):
        """Seconds per GB"""
        return self._median(name, lambda result: result["cpu"][side]) / self.size * GB

    def memory(self, name, side):
        """MiB, the most of all runs"""
        return max(result["memory"][side] for result in self.runs[name]) / MIB


def clone_rows(what, medians):
    ours = medians.rate("ezio-peer")
    yield Row(f"clone 1→1, ezio-peer{what}", f"{ours:.0f} MB/s")
    for name, bar in (("libtorrent", 4.0), ("aria2c", 6.0)):
        ratio = ours / medians.rate(name)
        yield Row(f"clone 1→1, {name}{what}", f"{medians.rate(name):.0f} MB/s: ezio-peer is {ratio:.1f}× as fast",
                  f"≥ {bar:.1f}×", ratio >= bar)
    for side, bar in (("leecher", 1.5), ("seed", 0.6)):
        cpu = medians.cpu("ezio-peer", side)
        others = ", ".join(f"{name} {medians.cpu(name, side):.2f}" for name in ("libtorrent", "aria2c"))
        yield Row(f"CPU-seconds per GB, {side}{what}", f"{cpu:.2f} ({others})", f"≤ {bar}", cpu <= bar)
    for side in ("leecher", "seed"):
        memory = medians.memory("ezio-peer", side)
        yield Row(f"peak resident memory, {side}{what}", f"{memory:.0f} MiB", "≤ 320 MiB", memory <= 320)


def ezio_bench_clone(bench, size_mib, extents):
    report = bench.ezio_bench("clone", "--no-read-back", "--dir", bench.scratch, "--size", size_mib, "--extents", extents)
    bench.log(f"clone of {extents} extents, {size_mib} MiB: {report['last_bytes_per_second'] / 1e6:.0f} MB/s")
    return report["last_bytes_per_second"]


def extents_section(bench):
    for name, count, mean, bar in EXTENT_CASES:
        size_mib = min(count * mean, bench.size) // MIB
        scaled = count if count * mean <= bench.size else size_mib * MIB // mean
        rates = {extents: [] for extents in ("contiguous", scaled)}
        for _ in range(bench.runs):
            for extents, results in rates.items():
                results.append(ezio_bench_clone(bench, size_mib, extents))
        whole, scattered = (statistics.median(results) for results in rates.values())
        label = name if scaled == count else re.sub(r"^[\d,]+", str(scaled), name)
        yield Row(f"clone 1→1 of {label}", f"{scattered / 1e6:.0f} MB/s: {scattered / whole:.2f}× the contiguous "
                  f"{whole / 1e6:.0f}", f"≥ {bar}×", scattered / whole >= bar)
