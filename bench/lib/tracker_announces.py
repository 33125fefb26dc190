"""Announces a second: wrk against ezio-tracker and opentracker, with a connection each and kept alive."""
import os
import re
import statistics

from .procs import Failed, run
from .report import Row
from .trackers import ADDRESS, EzioTracker, Opentracker, info_hash, peers_told

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "announces.lua")
TORRENT = info_hash(0xA7)
PEERS = 50
CONNECTIONS = 16
MODES = {"close": ("close",), "keep-alive": ()}


def wrk(tracker, seconds, mode):
    """Announces a second that were answered."""
    output = run("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", SCRIPT, f"http://{ADDRESS}:{tracker.port}/",
                 "--", TORRENT, PEERS, *MODES[mode], timeout_s=seconds + 30)
    if re.search(r"Non-2xx|Socket errors: connect [1-9]", output):
        raise Failed(f"{tracker.name} does not answer:\n{output}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", output).group(1))


def check_swarm(tracker):
    """That it did the work: who comes now is told of the peers that announced."""
    if (told := peers_told(tracker.port, TORRENT)) < PEERS - 2:
        raise Failed(f"{tracker.name} tells of {told} peers, of {PEERS}")


def measure(bench):
    """{mode: {tracker: [announces a second of each round]}}."""
    rates = {mode: {EzioTracker.name: [], Opentracker.name: []} for mode in MODES}
    with EzioTracker(bench.program("ezio-tracker")) as ezio, \
            Opentracker(bench.directory("opentracker"), TORRENT) as other:
        for number in range(bench.rounds):
            for mode, results in rates.items():
                for tracker in (ezio, other) if number % 2 == 0 else (other, ezio):
                    results[tracker.name].append(wrk(tracker, bench.wrk_seconds, mode))
                    check_swarm(tracker)
                bench.log(f"{mode}: " + ", ".join(f"{name} {rate[-1]:.0f}/s" for name, rate in results.items()))
    return rates


def announce_section(bench):
    rates = measure(bench)
    medians = {mode: {name: statistics.median(results) for name, results in by_name.items()}
               for mode, by_name in rates.items()}
    best = max(by_name[Opentracker.name] for by_name in medians.values())
    rows = []
    for mode, what, other, bar in (("close", "a connection each", medians["close"][Opentracker.name], 1.0),
                                   ("keep-alive", "kept alive", best, 2.5)):
        rate = medians[mode][EzioTracker.name]
        against = "opentracker" if mode == "close" else "opentracker's best"
        rows.append(Row(f"announces, {CONNECTIONS} connections, {what}",
                        f"{rate:.0f}/s: {rate / other:.2f}× {against} ({other:.0f})", f"≥ {bar}×", rate / other >= bar))
    return rows, {"rounds": rates, "medians": medians, "opentracker_best": best}
