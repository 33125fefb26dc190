"""Figures of a run, medians of runs, and the table."""
import statistics

from .lan_run import ideal_seconds
from .procs import MIB

MEDIANS = ("first_s", "last_s", "room_s", "efficiency", "seed_sent", "duplicate", "cpu_s_per_gb", "machine_busy")


def rounded(value, digits=3):
    return None if value is None else round(value, digits)


def host_figures(run, host):
    """Of one leecher or the seeder; shares of the image are named as such."""
    size = run.options.image_mib * MIB
    first, last = (run.watch.samples[i].traffic[host.name] for i in (0, -1))
    claims = host.program.claims(host.process)
    figures = {
        "host": host.name, "program": host.program.label, "rate_mbit": host.rate, "rack": host.rack,
        "sent": rounded((last.sent_payload(host.program.protocol)
                         - first.sent_payload(host.program.protocol)) / size),
        "cpu_s": rounded(host.cpu_seconds(), 2),
        "claims": {key: claims[key] for key in ("downloaded", "uploaded", "wasted", "duplicate",
                                                "downloaded_from_seeds", "downloaded_from_leechers") if key in claims},
    }
    if host.target is not None:
        duplicate = claims.get("duplicate", claims.get("wasted"))
        figures.update(
            joined_s=rounded(host.join), killed_s=rounded(host.killed), started_s=rounded(host.started),
            completed_s=rounded(host.completed), seconds=rounded(host.seconds),
            ideal_s=rounded(ideal_seconds(run.options, host)),
            killed_for_good=host.gone, equal=host.equal,
            efficiency=rounded(host.seconds and ideal_seconds(run.options, host) / host.seconds),
            duplicate=rounded(None if duplicate is None else duplicate / size))
    return figures


def timeline(run):
    """Seconds; bytes sent and received by each host until then; each leecher's share of the image."""
    samples = run.watch.samples
    first = samples[0].traffic
    names = [host.name for host in run.hosts]
    return {
        "seconds": [rounded(sample.at) for sample in samples],
        "sent": {name: [sample.traffic[name].sent_bytes - first[name].sent_bytes for sample in samples]
                 for name in names},
        "received": {name: [sample.traffic[name].received_bytes - first[name].received_bytes for sample in samples]
                     for name in names},
        "progress": {host.name: [rounded(sample.progress[host.name], 4) for sample in samples]
                     for host in run.leechers},
    }


def run_figures(run):
    """Everything about one run."""
    hosts = [host_figures(run, host) for host in run.leechers]
    seed = host_figures(run, run.seed)
    finished = [host for host in hosts if host["seconds"] is not None and not host["killed_for_good"]]
    duplicates = [host["duplicate"] for host in hosts if host["duplicate"] is not None]
    busy, whole = run.busy
    cpu = sum(host["cpu_s"] for host in hosts) + seed["cpu_s"]
    return {
        "program": run.program.label, "run": run.number,
        "ideal_s": max((host["ideal_s"] for host in finished), default=None),
        "first_s": min((host["seconds"] for host in finished), default=None),
        "last_s": max((host["seconds"] for host in finished), default=None),
        "room_s": max((host["completed_s"] for host in finished), default=None),
        "efficiency": min((host["efficiency"] for host in finished), default=None),
        "seed_sent": seed["sent"],
        "duplicate": rounded(statistics.mean(duplicates)) if duplicates else None,
        "cpu_s_per_gb": rounded(cpu / (len(hosts) * run.options.image_mib * MIB / 1e9), 2),
        "machine_busy": rounded(busy / whole if whole else 0.0),
        "seed": seed, "hosts": hosts,
        "events": [{"seconds": rounded(at), "what": text} for at, text in run.events],
        "timeline": timeline(run),
    }


def medians(runs):
    """One of each program, in the order of their first runs."""
    result = []
    for label in dict.fromkeys(run["program"] for run in runs):
        mine = [run for run in runs if run["program"] == label]
        row = {"program": label, "runs": len(mine), "ideal_s": mine[0]["ideal_s"]}
        for key in MEDIANS:
            values = [run[key] for run in mine if run[key] is not None]
            row[key] = rounded(statistics.median(values)) if values else None
        result.append(row)
    return result


def middle_run(runs, label):
    """The run of a program whose last finisher is the median one."""
    mine = sorted((run for run in runs if run["program"] == label), key=lambda run: run["last_s"] or 0)
    return mine[(len(mine) - 1) // 2]


def shown(value, form):
    return "-" if value is None else format(value, form)


def table(rows):
    columns = (("program", "program", ""), ("ideal s", "ideal_s", ".1f"), ("first s", "first_s", ".1f"),
               ("last s", "last_s", ".1f"), ("efficiency", "efficiency", ".3f"), ("seed sent", "seed_sent", ".2f"),
               ("duplicate", "duplicate", ".3f"), ("CPU-s/GB", "cpu_s_per_gb", ".2f"),
               ("machine busy", "machine_busy", ".0%"))
    return aligned([[title for title, _, _ in columns]]
                   + [[shown(row[key], form) for _, key, form in columns] for row in rows])


def host_table(run):
    """Each host of one run."""
    lines = [["host", "program", "Mbit/s", "started", "seconds", "efficiency", "sent", "duplicate", "CPU s", "clone"]]
    for host in [run["seed"], *run["hosts"]]:
        clone = {True: "equal", False: "DIFFERS", None: "-"}[host.get("equal")]
        lines.append([host["host"], host["program"], shown(host["rate_mbit"], "g"),
                      shown(host.get("started_s"), ".1f"), shown(host.get("seconds"), ".2f"),
                      shown(host.get("efficiency"), ".3f"), shown(host["sent"], ".2f"),
                      shown(host.get("duplicate"), ".3f"), shown(host["cpu_s"], ".2f"), clone])
    events = [f"{event['seconds']:.1f} s: {event['what']}" for event in run["events"]]
    return "\n".join([aligned(lines), *events])


def aligned(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)
