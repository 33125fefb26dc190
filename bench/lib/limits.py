"""What one part of the work costs, beside the program that sets the limit: hash, create, network, disk."""
import json
import os
import re
import statistics

from .loopdev import LoopDevice
from .procs import GB, MIB, NO_SHA_NI, Process, run, timed
from .report import Row


def openssl_speed(env=None):
    """Bytes per second of SHA-1 on one core."""
    output = run("openssl", "speed", "-seconds", "1", "-bytes", "1048576", "sha1", env=env)
    return float(re.search(r"^sha1\s+([\d.]+)k", output, re.MULTILINE).group(1)) * 1000


def hash_section(bench):
    for what, env, bar in (("without SHA-NI", NO_SHA_NI, 4.0), ("with all this CPU has", {}, None)):
        ours, theirs = [], []
        for _ in range(bench.runs):
            report = bench.ezio_bench("hash", "--seconds", bench.seconds / 3, env=env)
            rows = {row["name"]: row for row in report["results"] if row["threads"] == 1}
            ours.append(rows[report["default"]]["bytes_per_second"])
            theirs.append(openssl_speed(env))
        ratio = statistics.median(ours) / statistics.median(theirs)
        bench.log(f"hash {what}: {ratio:.1f}x")
        yield Row(f"SHA-1, one core, {what}: {report['default']}",
                  f"{statistics.median(ours) / GB:.2f} GB/s: {ratio:.1f}× `openssl speed` "
                  f"({statistics.median(theirs) / GB:.2f})", f"≥ {bar}×" if bar else "", ratio >= bar if bar else None)


def create_section(bench):
    """Torrents of an image that is in the page cache."""
    directory = bench.directory("create")
    image, torrent, other = (os.path.join(directory, name) for name in ("disk.img", "disk.torrent", "other.torrent"))
    run("sh", "-c", 'openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 </dev/zero 2>/dev/null | head -c "$1" >"$2"', "sh",
        bench.size, image)

    def create():
        return timed(bench.program("ezio-torrent"), "create", "--image", image, "--name", "disk", "--piece-length", "16MiB",
                     "--announce", "http://127.0.0.1/announce", "-o", torrent, env=env)

    def check():
        return timed(bench.program("ezio-torrent"), "check", torrent, image, env=env)

    def mktorrent():
        if os.path.exists(other):
            os.unlink(other)
        return timed("mktorrent", "-t", "2", "-l", "24", "-a", "http://127.0.0.1/announce", "-o", other, image,
                     env=env)

    for what, env in (("", {}), (", without SHA-NI", NO_SHA_NI)):
        seconds = {create: [], check: [], mktorrent: []}
        for _ in range(bench.runs):
            for work, results in seconds.items():
                results.append(work())
        rates = {work: bench.size / statistics.median(results) for work, results in seconds.items()}
        for work, command in ((create, "ezio-torrent create --image"), (check, "ezio-torrent check")):
            ratio = rates[work] / rates[mktorrent]
            bench.log(f"{command}{what}: {ratio:.1f}x")
            yield Row(f"`{command}`, page-cached{what}", f"{rates[work] / GB:.2f} GB/s: {ratio:.1f}× `mktorrent -t 2` "
                      f"({rates[mktorrent] / GB:.2f})", "≥ 2×", ratio >= 2)
    bench.remove(directory)


def iperf3(bench, port=15201):
    """Bytes per second of a single stream on loopback."""
    with Process("iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", port, "--forceflush") as server:
        server.wait_line("listening", 10)
        output = run("iperf3", "-c", "127.0.0.1", "-p", port, "-t", max(1, round(bench.seconds)), "-J")
    return json.loads(output)["end"]["sum_received"]["bits_per_second"] / 8


def net_section(bench):
    ours, theirs = {}, []
    for _ in range(bench.runs):
        for row in bench.ezio_bench("net", "--seconds", bench.seconds)["results"]:
            ours.setdefault(row["block_bytes"], []).append(row["bytes_per_second"])
        theirs.append(iperf3(bench))
    limit = statistics.median(theirs)
    for block, results in ours.items():
        rate = statistics.median(results)
        bench.log(f"net, {block >> 10} KiB: {rate / limit:.2f}x")
        judged = block == MIB  # what our own peers ask each other for
        yield Row(f"`ezio-bench net`, one connection, blocks of {block >> 10} KiB", f"{rate / 1e6:.0f} MB/s: "
                  f"{rate / limit:.2f}× iperf3 ({limit / 1e6:.0f})", "≥ 0.6×" if judged else "",
                  rate / limit >= 0.6 if judged else None)


def fio(bench, device, size, operation):
    """Bytes per second of fio with io_uring, the writer's setting."""
    output = run("fio", "--name=limit", f"--filename={device}", f"--rw={operation}", "--ioengine=io_uring",
                 "--direct=1", "--bs=1M", "--iodepth=16", f"--size={size}", "--end_fsync=1", "--output-format=json")
    job = json.loads(output)["jobs"][0]["write" if operation == "write" else "read"]
    return job["io_bytes"] / (job["runtime"] / 1000)


def disk_section(bench):
    """The writer on a loop device over a file on a real file system, and fio on the same device."""
    size = min(bench.size, 2 << 30)
    ours, theirs, scattered = [], [], []
    with LoopDevice(os.path.join(bench.disk_directory("disk"), "backing"), size) as device:
        fio(bench, device, size, "write")  # the backing file gets its blocks
        for _ in range(bench.runs):
            report = bench.ezio_bench("disk", device, "--destroy", "--size", size // MIB, "--seconds", 60)
            rows = report["results"]
            ours += [row["bytes_per_second"] for row in rows
                     if (row["layout"], row["depth"], row["request_bytes"]) == ("contiguous", 16, MIB)]
            scattered.append(rows[-1]["bytes_per_second"])
            theirs.append(fio(bench, device, size, "write"))
    rate, limit = statistics.median(ours), statistics.median(theirs)
    bench.log(f"disk: {rate / limit:.2f}x fio")
    yield Row(f"writer on a loop device ({report['storage']})", f"{rate / 1e6:.0f} MB/s: {rate / limit:.2f}× fio "
              f"({limit / 1e6:.0f})", "≥ 0.95×", rate / limit >= 0.95)
    yield Row("the same, extents of 4–64 KiB", f"{statistics.median(scattered) / 1e6:.0f} MB/s")
