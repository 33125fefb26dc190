"""The picture of a run: each host's progress over time, and below it how much each uplink was used."""
import math

from .lan_plot import Axis, Drawing, use_of_link
from .lan_result import middle_run, shown

WIDTH, LEFT, RIGHT = 960, 70, 150
PROGRESS_HEIGHT, GAP = 260, 64
MOST_BINS = 200
STYLE = """
  text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #1f2937 }
  .page { fill: #ffffff } .title { font-size: 17px; font-weight: 600 } .note { fill: #6b7280; font-size: 12px }
  .small { font-size: 11px } .end { text-anchor: end } .middle { text-anchor: middle }
  .grid { stroke: #e5e7eb } .frame { stroke: #9ca3af; fill: none } .cell { fill: #1d4ed8 } .empty { fill: #f3f4f6 }
  .cell, .empty { shape-rendering: crispEdges }
  .host, .stock, .last, .ideal { fill: none; stroke-width: 1.5; stroke-linejoin: round }
  .host { stroke: #1d4ed8; stroke-opacity: .55 } .stock { stroke: #7e22ce } .last { stroke: #c2410c; stroke-width: 2 }
  .ideal { stroke: #6b7280; stroke-dasharray: 5 4 } .event { stroke: #b91c1c; stroke-dasharray: 2 3 }
  .dot { fill: #1d4ed8 } .dot-last { fill: #c2410c } .say-event { fill: #b91c1c } .say-last { fill: #c2410c }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb } .page { fill: #111827 } .note { fill: #9ca3af } .grid { stroke: #374151 }
    .frame { stroke: #6b7280 } .cell { fill: #60a5fa } .empty { fill: #1f2937 } .host { stroke: #60a5fa }
    .stock { stroke: #d8b4fe } .last { stroke: #fb923c } .ideal { stroke: #9ca3af } .event { stroke: #f87171 }
    .dot { fill: #60a5fa } .dot-last { fill: #fb923c } .say-event { fill: #f87171 } .say-last { fill: #fb923c }
  }
"""


def picture(options, results):
    """The middle run of each program, one below the other."""
    drawing = Drawing(WIDTH)
    top = 16
    labels = list(dict.fromkeys(run["program"] for run in results))
    end = max(run["timeline"]["seconds"][-1] for run in (middle_run(results, label) for label in labels))
    for label in labels:
        top = Block(drawing, options, middle_run(results, label), end).draw(top) + GAP
    return drawing.document(top - GAP + 20, STYLE)


class Block:
    """One run."""

    def __init__(self, drawing, options, run, end):
        self.drawing, self.options, self.run = drawing, options, run
        self.time = Axis(0, max(end, run["ideal_s"] or 0), LEFT, WIDTH - RIGHT)
        finished = [host for host in run["hosts"] if host["completed_s"] is not None and not host["killed_for_good"]]
        self.last = max(finished, key=lambda host: host["completed_s"], default=None)

    def draw(self, top):
        """Returns where it ends."""
        self._title(top)
        bottom = top + 64 + PROGRESS_HEIGHT
        self._progress(top + 64, bottom)
        end = self._uplinks(bottom + 58)
        self._events(top + 64, bottom, bottom + 58, end)
        return end + 34

    def _title(self, top):
        options, run = self.options, self.run
        self.drawing.text(LEFT, top + 16, f"{run['program']}: {options.image_mib} MiB to {options.hosts} hosts, "
                          f"{options.rate:g} Mbit/s each", "title")
        self.drawing.text(LEFT, top + 36, " · ".join((
            f"last finisher {shown(run['last_s'], '.1f')} s, first {shown(run['first_s'], '.1f')} s, "
            f"ideal {shown(run['ideal_s'], '.1f')} s", f"efficiency {shown(run['efficiency'], '.2f')}",
            f"the seeder sent {run['seed_sent']:.2f} images", f"machine {run['machine_busy']:.0%} busy")), "note")

    def _time_axis(self, top, bottom, grid):
        for second in self.time.ticks(8):
            x = self.time(second)
            if grid:
                self.drawing.line(x, top, x, bottom, "grid")
            self.drawing.text(x, bottom + 16, f"{second:g}", "middle small")
        self.drawing.text(WIDTH - RIGHT + 14, bottom + 16, "seconds", "note")

    # Progress -----------------------------------------------------------------------------------------------

    def _progress(self, top, bottom):
        share = Axis(0, 1, bottom, top)
        self._time_axis(top, bottom, True)
        for percent in range(0, 101, 25):
            self.drawing.line(LEFT, share(percent / 100), WIDTH - RIGHT, share(percent / 100), "grid")
            self.drawing.text(LEFT - 8, share(percent / 100) + 4, f"{percent} %", "end small")
        ideal = self.run["ideal_s"]
        if ideal:
            self.drawing.polyline([(self.time(0), share(0)), (self.time(ideal), share(1))], "ideal")
        for host in sorted(self.run["hosts"], key=lambda host: host is self.last):
            self._host_line(host, share)
        self.drawing.frame(LEFT, top, WIDTH - RIGHT, bottom)
        self._legend(top)

    def _host_line(self, host, share):
        timeline, done = self.run["timeline"], host["completed_s"]
        end = host["killed_s"] if host["killed_for_good"] else done
        points = [(host["joined_s"], 0.0)]
        for at, part in zip(timeline["seconds"], timeline["progress"][host["host"]]):
            if at > host["joined_s"] and (end is None or at < end):
                points.append((at, part))
        if done is not None:
            points.append((done, 1.0))
            self.drawing.dot(self.time(done), share(1), "dot-last" if host is self.last else "dot")
        self.drawing.polyline([(self.time(at), share(part)) for at, part in points], self._line_class(host))

    def _line_class(self, host):
        if host is self.last:
            return "last"
        return "host" if host["program"] == self.run["program"] else "stock"

    def _legend(self, top):
        entries = [("ideal", "ideal")]
        if self.last:
            entries.append(("last", f"last: {self.last['host']}"))
        stock = {host["program"] for host in self.run["hosts"] if host["program"] != self.run["program"]}
        entries += [("host", "each host")] + ([("stock", ", ".join(sorted(stock)))] if stock else [])
        for i, (kind, text) in enumerate(entries):
            y = top + 10 + 20 * i
            self.drawing.line(WIDTH - RIGHT + 14, y, WIDTH - RIGHT + 38, y, kind)
            self.drawing.text(WIDTH - RIGHT + 46, y + 4, text, "small")

    # Uplinks ------------------------------------------------------------------------------------------------

    def _uplinks(self, top):
        """A row for each host, the seeder first."""
        rows = [self.run["seed"], *self.run["hosts"]]
        height = max(8, min(20, 320 // len(rows)))
        self.drawing.text(LEFT, top - 10, "use of each uplink", "note")
        self.drawing.text(WIDTH - RIGHT + 14, top - 10, "mean", "note")
        for i, host in enumerate(rows):
            self._uplink(host, top + i * height, height)
        bottom = top + height * len(rows)
        self.drawing.frame(LEFT, top, WIDTH - RIGHT, bottom)
        self._time_axis(top, bottom, False)
        self._scale(bottom)
        return bottom

    def _uplink(self, host, y, height):
        seconds, sent = self.run["timeline"]["seconds"], self.run["timeline"]["sent"][host["host"]]
        step = math.ceil(len(seconds) / MOST_BINS)
        self.drawing.rectangle(LEFT, y, WIDTH - RIGHT, y + height - 1, "empty")
        for start, end, share in use_of_link(seconds[::step], sent[::step], host["rate_mbit"]):
            if share >= 0.01:
                self.drawing.rectangle(self.time(start), y, self.time(end), y + height - 1, "cell", share)
        if height >= 11:
            self.drawing.text(LEFT - 8, y + height - 5, host["host"], "end small")
        # Until the last one had the image; after that there is nothing to send.
        until = self.run["room_s"] or seconds[-1]
        mean = sent[-1] * 8 / (host["rate_mbit"] * 1e6 * until)
        if height >= 11:
            self.drawing.text(WIDTH - RIGHT + 14, y + height - 5, f"{mean:.0%}", "small")

    def _scale(self, bottom):
        for i, percent in enumerate((0, 25, 50, 75, 100)):
            x = LEFT + 62 * i
            self.drawing.rectangle(x, bottom + 24, x + 14, bottom + 34, "empty")
            self.drawing.rectangle(x, bottom + 24, x + 14, bottom + 34, "cell", percent / 100)
            self.drawing.text(x + 18, bottom + 33, f"{percent}%", "small note")

    def _events(self, *spans):
        for index, event in enumerate(self.run["events"]):
            x = self.time(event["seconds"])
            self.drawing.line(x, spans[0], x, spans[1], "event")
            self.drawing.line(x, spans[2], x, spans[3], "event")
            self.drawing.text(x + 4, spans[1] - 8 - 14 * (index % 6), event["what"], "small say-event")
