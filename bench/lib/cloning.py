"""The 1 to 1 clone, by ezio-peer and by others, and the clones of scattered extents."""
import json
import os
import re
import shutil
import statistics
import time
import urllib.request

from .clients import Aria2, Ezio, Libtorrent
from .procs import GB, MIB, Failed, Process, run
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


def peers_known(tracker_url):
    with urllib.request.urlopen(f"{tracker_url}/stats", timeout=10) as reply:
        return json.load(reply)["peers"]


def clone_once(bench, client, data):
    """One clone: seconds from the leecher's start to its completion, CPU seconds and peak memory of both."""
    target = bench.directory(f"target-{client.name}")
    torrent = os.path.join(target, "disk.torrent")
    with Process(bench.program("ezio-tracker"), "--listen", "127.0.0.1:0") as tracker:
        url = tracker.wait_line(r"(http://[^/]+)/announce", 20)[1].group(1)
        run(bench.program("ezio-torrent"), "create", "--dir", os.path.dirname(data.path), "--name", data.name,
            "--announce", f"{url}/announce", "-o", torrent)
        with client.seed(torrent, data) as seed:
            end = time.monotonic() + 60
            while peers_known(url) == 0:
                if time.monotonic() > end:
                    raise Failed(f"{client.name}: the seed does not announce itself\n{seed.output()[-2000:]}")
                time.sleep(0.05)
            with client.leech(torrent, data, target) as leecher:
                done, _ = leecher.wait_line(client.complete, LONGEST_S)
                memory = {"seed": seed.peak_resident(), "leecher": leecher.peak_resident()}
    run("cmp", data.path, client.target_file(data, target))
    shutil.rmtree(target)
    return {"seconds": done - leecher.started, "memory": memory,
            "cpu": {"seed": seed.cpu_seconds, "leecher": leecher.cpu_seconds}}


def clone_section(bench):
    clients = [Ezio(bench.programs), Libtorrent(), Aria2()]
    runs = {client.name: [] for client in clients}
    data = Data(bench.directory("source"), bench.size)
    for _ in range(bench.runs):
        for client in clients:
            result = clone_once(bench, client, data)
            bench.log(f"clone by {client.name}: {data.size / result['seconds'] / 1e6:.0f} MB/s")
            runs[client.name].append(result)
    shutil.rmtree(data.parent)
    return clone_rows(bench, runs)


def clone_rows(bench, runs):
    def median(name, value):
        return statistics.median(value(result) for result in runs[name])

    def rate(name):
        return bench.size / median(name, lambda result: result["seconds"]) / 1e6

    def cpu(name, side):
        return median(name, lambda result: result["cpu"][side]) / bench.size * GB

    def memory(name, side):
        return max(result["memory"][side] for result in runs[name]) / MIB

    ours = rate("ezio-peer")
    yield Row("clone 1→1, ezio-peer", f"{ours:.0f} MB/s")
    for name, bar in (("libtorrent", 4.0), ("aria2c", 6.0)):
        yield Row(f"clone 1→1, {name}", f"{rate(name):.0f} MB/s: {ours / rate(name):.1f}×", f"≥ {bar:.1f}×",
                  ours / rate(name) >= bar)
    for side, bar in (("leecher", 1.5), ("seed", 0.6)):
        others = ", ".join(f"{name} {cpu(name, side):.2f}" for name in ("libtorrent", "aria2c"))
        yield Row(f"CPU-seconds per GB, {side}", f"{cpu('ezio-peer', side):.2f} ({others})", f"≤ {bar}",
                  cpu("ezio-peer", side) <= bar)
    for side in ("leecher", "seed"):
        yield Row(f"peak resident memory, {side}", f"{memory('ezio-peer', side):.0f} MiB", "≤ 320 MiB",
                  memory("ezio-peer", side) <= 320)


def ezio_bench_clone(bench, size_mib, extents):
    report = bench.ezio_bench("clone", "--dir", bench.scratch, "--size", size_mib, "--extents", extents)
    bench.log(f"clone of {extents} extents, {size_mib} MiB: {report['last_bytes_per_second'] / 1e6:.0f} MB/s")
    return report["last_bytes_per_second"]


def extents_section(bench):
    for name, count, mean, bar in EXTENT_CASES:
        size_mib = min(count * mean, bench.size) // MIB
        scaled = min(count, size_mib * MIB // mean)
        rates = {extents: [] for extents in ("contiguous", scaled)}
        for _ in range(bench.runs):
            for extents, results in rates.items():
                results.append(ezio_bench_clone(bench, size_mib, extents))
        whole, scattered = (statistics.median(results) for results in rates.values())
        label = name if scaled == count else re.sub(r"^[\d,]+", str(scaled), name)
        yield Row(f"clone 1→1 of {label}", f"{scattered / 1e6:.0f} MB/s: {scattered / whole:.2f}× the contiguous "
                  f"{whole / 1e6:.0f}", f"≥ {bar}×", scattered / whole >= bar)
