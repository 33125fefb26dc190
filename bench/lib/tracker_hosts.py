"""What a large deployment costs the tracker: a thousand hosts that report every five seconds, and open pages.

With --state the tracker begins with a long day behind it: as many past hosts as it keeps, and full rate curves. Both
are bounded (HostLimits::hosts, RateCurve::max_points), so that no later hour of a deployment can be larger."""
import base64
import contextlib
import heapq
import json
import multiprocessing
import os
import random
import selectors
import socket
import statistics
import time

from .procs import MIB, Failed
from .report import Row
from .trackers import ADDRESS, EzioTracker, fetch, info_hash, percent

HOSTS = 1000
PAGES = 10
REPORT_S = 5
ANNOUNCES_OF_REPORTS = 12  # each that many-th asks for peers: the interval is 60 s
PIECES = 4096
PIECE_BYTES = 4 * MIB
TORRENT = info_hash(0xA8)
KEPT_HOSTS = 5000  # HostLimits::hosts
KEPT_OF_TORRENT = 2000  # HostLimits::hosts_a_torrent
PAST_HOSTS = KEPT_HOSTS - HOSTS - 1  # of other torrents; the one is today's first
CURVE_POINTS = 240  # RateCurve::max_points
CURVE_S = 86400
MOST_CPU, MOST_P99_S, MOST_MEMORY = 0.05, 0.010, 64 * MIB


class Host:
    """One that clones, as it tells its tracker: the parameters are those of src/bt/wire/host_report.cpp."""

    def __init__(self, number):
        self.number = number
        self.address = f"127.1.{number // 250}.{number % 250 + 1}"
        self.told = 0
        self.have = number * PIECES // (2 * HOSTS)

    def query(self):
        self.have = min(self.have + 8, PIECES)
        event = "" if self.told else "&event=started"
        wanted = 0 if self.told % ANNOUNCES_OF_REPORTS else 100
        self.told += 1
        left = (PIECES - self.have) * PIECE_BYTES
        return (f"/announce?info_hash={percent(TORRENT)}&peer_id=-EZ0100-{self.number:012d}&port=6881"
                f"&uploaded={self.have * PIECE_BYTES}&downloaded={self.have * PIECE_BYTES}&left={left}&compact=1"
                f"&numwant={wanted}&key={self.number:08X}{event}{self._report() if not event else ''}")

    def _report(self):
        return (f"&host=lab-{self.number:04d}&state=leeching&pieces={PIECES}&have={self.have}&fetched={self.have}"
                f"&down={random.randrange(100_000_000, 120_000_000)}&up={random.randrange(100_000_000, 120_000_000)}"
                f"&version=0.1.0&map={self._map()}&target=%2Fdev%2Fnvme0n1&model=SAMSUNG%20MZVL2512HCJQ-00B00"
                f"&serial=S675NX0T{self.number:06d}&target_state=leeching")

    def _map(self):
        share = 255 * self.have // PIECES
        return base64.urlsafe_b64encode(bytes(min(255, share + part % 3) for part in range(64))).decode().rstrip("=")


def past_host(number):
    began = time.time() - CURVE_S + number
    return {"id": f"{number + 1:016x}", "peer_id": f"{number:040x}", "key": "", "reports": True, "leecher": True,
            "addresses": [f"127.2.{number // 250}.{number % 250 + 1}:6881"], "lost": False, "ended": True,
            "uploaded": 1 << 34, "downloaded": 1 << 34, "left": 0, "first_seen": began, "last_seen": began + 600,
            "finished": began + 600,
            "report": {"host": f"hall-{number:04d}", "state": "failed" if number % 10 == 0 else "done",
                       "pieces": PIECES, "have": PIECES, "reused": 0, "fetched": PIECES, "zeroed": 0,
                       "verified": PIECES, "version": "0.1.0",
                       "error": "/dev/nvme0n1: Input/output error at byte 1234567890" if number % 10 == 0 else "",
                       "map": base64.urlsafe_b64encode(bytes([255] * 64)).decode().rstrip("="),
                       "targets": [{"path": "/dev/nvme0n1", "model": "SAMSUNG MZVL2512HCJQ-00B00",
                                    "serial": f"S675NX0T{number:06d}", "state": "done", "error": ""}]}}


def curve():
    """A rate through a whole day."""
    now = time.time()
    step = CURVE_S / CURVE_POINTS
    return [[now - CURVE_S + step * point, 1e11 + point] for point in range(CURVE_POINTS)]


def write_history(path):
    """A state file (--state) with everything that a tracker keeps but the hosts that are to come."""
    past = [past_host(number) for number in range(PAST_HOSTS)]
    shares = {info_hash(0xB0 + number): past[start:start + KEPT_OF_TORRENT]
              for number, start in enumerate(range(0, len(past), KEPT_OF_TORRENT))}
    # Today's torrent has a host that is over, with which it keeps its curve.
    shares[TORRENT] = [{**past_host(KEPT_HOSTS), "addresses": ["127.1.0.1:6881"]}]
    torrents = [{"info_hash": torrent, "completed": len(hosts), "calls_a_point": CURVE_S // CURVE_POINTS,
                 "curve": curve(), "hosts": hosts} for torrent, hosts in shares.items()]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"ezio_tracker_state": 1, "saved": time.time(), "torrents": torrents}, file)


def read_events(port, count, frames, stop):
    """Pages, in a process of their own: they read whatever comes."""
    selector = selectors.DefaultSelector()
    for _ in range(count):
        page = socket.create_connection((ADDRESS, port), 10)
        page.sendall(f"GET /events HTTP/1.1\r\nHost: {ADDRESS}:{port}\r\n\r\n".encode("ascii"))
        page.setblocking(False)
        selector.register(page, selectors.EVENT_READ)
    while not stop.is_set():
        for key, _ in selector.select(0.2):
            part = key.fileobj.recv(1 << 20)
            if not part:
                selector.unregister(key.fileobj)
            frames.value += part.count(b"event: ")


@contextlib.contextmanager
def open_pages(port, count):
    """Yields a number: the frames that they have read."""
    context = multiprocessing.get_context("fork")
    frames, stop = context.Value("Q", 0), context.Event()
    pages = context.Process(target=read_events, args=(port, count, frames, stop), daemon=True)
    pages.start()
    try:
        yield frames
    finally:
        stop.set()
        pages.join(10)
        if pages.is_alive():
            pages.kill()


class Crowd:
    """Hosts that report at times of their own. A latency is counted from when the announce was due."""

    def __init__(self, tracker, count):
        self._tracker = tracker
        now = time.monotonic()
        self._due = [(now + random.uniform(0, REPORT_S), number, Host(number)) for number in range(count)]
        heapq.heapify(self._due)

    def announce(self, seconds):
        """Latencies, in seconds."""
        latencies = []
        end = time.monotonic() + seconds
        while self._due[0][0] < end:
            due, number, host = heapq.heappop(self._due)
            query = host.query()
            time.sleep(max(0, due - time.monotonic()))
            if b"5:peers" not in (body := fetch(self._tracker.port, query, host.address)):
                raise Failed(f"an announce was refused: {body[:200]!r}")
            latencies.append(time.monotonic() - due)
            heapq.heappush(self._due, (due + REPORT_S, number, host))
        return latencies


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def check_history(tracker, hosts):
    """That everything was there, to the brim."""
    torrents = json.loads(fetch(tracker.port, "/stats"))["torrents"]
    past = sum(len(torrent["hosts"]) for torrent in torrents if torrent["info_hash"] != TORRENT)
    today = next(torrent for torrent in torrents if torrent["info_hash"] == TORRENT)
    shortest = min(len(torrent["rate_curve"]) for torrent in torrents)
    if past < PAST_HOSTS or len(today["hosts"]) <= hosts or shortest < CURVE_POINTS / 2:
        raise Failed(f"the history was not kept: {past} past hosts, {len(today['hosts'])} of today, "
                     f"{shortest} points of a curve")


def measure_round(bench, history):
    flags = []
    if history:
        state = os.path.join(bench.directory(), "state.json")
        write_history(state)
        flags = ["--state", state]
    with EzioTracker(bench.program("ezio-tracker"), *flags) as tracker, open_pages(tracker.port, PAGES) as frames:
        crowd = Crowd(tracker, bench.hosts)
        crowd.announce(2 * REPORT_S)  # all have come, and reported
        began, cpu, read = time.monotonic(), tracker.cpu_seconds(), frames.value
        latencies = crowd.announce(bench.host_seconds)
        passed = time.monotonic() - began
        cpu = tracker.cpu_seconds() - cpu
        if frames.value - read < PAGES * (passed - 2):
            raise Failed(f"{PAGES} pages were sent {frames.value - read} frames in {passed:.0f} s")
        if history:
            check_history(tracker, bench.hosts)
        return {"cpu_share": cpu / passed, "p50_s": percentile(latencies, 0.5), "p99_s": percentile(latencies, 0.99),
                "max_s": max(latencies), "announces_per_s": len(latencies) / passed,
                "memory_bytes": tracker.process.peak_resident()}


def median_of(rounds):
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def rows_of(label, hosts, median, memory):
    what = f"{hosts} hosts that report every {REPORT_S} s, {PAGES} pages{label}"
    yield Row(f"{what}: CPU", f"{100 * median['cpu_share']:.1f} % of a core", f"≤ {100 * MOST_CPU:.0f} %",
              median["cpu_share"] <= MOST_CPU)
    yield Row("… latency of an announce, p99", f"{1000 * median['p99_s']:.1f} ms (median {1000 * median['p50_s']:.1f})",
              f"≤ {1000 * MOST_P99_S:.0f} ms", median["p99_s"] <= MOST_P99_S)
    yield Row("… peak resident memory", f"{memory / MIB:.0f} MiB", f"≤ {MOST_MEMORY / MIB:.0f} MiB",
              memory <= MOST_MEMORY)


def hosts_section(bench):
    rounds = {"fresh": [], "a day": []}
    for _ in range(bench.rounds):
        for label, results in rounds.items():
            results.append(one := measure_round(bench, label == "a day"))
            bench.log(f"{label}: {100 * one['cpu_share']:.1f} % CPU, p99 {1000 * one['p99_s']:.1f} ms, "
                      f"{one['memory_bytes'] / MIB:.0f} MiB")
    medians = {label: median_of(results) for label, results in rounds.items()}
    rows = []
    for label, text in (("fresh", ""), ("a day", f", and a day of history ({KEPT_HOSTS} hosts)")):
        memory = max(one["memory_bytes"] for one in rounds[label])
        rows += rows_of(text, bench.hosts, medians[label], memory)
    return rows, {"hosts": bench.hosts, "pages": PAGES, "rounds": rounds, "medians": medians}
