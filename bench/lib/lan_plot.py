"""Axes and shapes of a hand-made SVG."""
import math
from xml.sax.saxutils import escape


def nice_step(span, most):
    """The smallest of 1, 2, 5 times a power of ten that divides span into at most so many."""
    if span <= 0:
        return 1
    power = 10 ** math.floor(math.log10(span / most))
    return next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= most)


class Axis:
    """Values to pixels."""

    def __init__(self, least, most, start, end):
        self.least, self.most = least, max(most, least + 1e-9)
        self._start, self._end = start, end

    def __call__(self, value):
        share = (value - self.least) / (self.most - self.least)
        return self._start + min(max(share, 0), 1) * (self._end - self._start)

    def ticks(self, most):
        step = nice_step(self.most - self.least, most)
        first = math.ceil(self.least / step)
        return [index * step for index in range(first, math.floor(self.most / step + 1e-9) + 1)]


def use_of_link(seconds, sent, rate_mbit):
    """(start, end, share of the rate) between the samples of a counter."""
    for i in range(1, len(seconds)):
        elapsed = seconds[i] - seconds[i - 1]
        if elapsed > 0:
            share = (sent[i] - sent[i - 1]) * 8 / (elapsed * rate_mbit * 1e6)
            yield seconds[i - 1], seconds[i], min(max(share, 0), 1)


class Drawing:
    def __init__(self, width):
        self.width, self._shapes = width, []

    def _add(self, shape):
        self._shapes.append(shape)

    def text(self, x, y, text, kind):
        self._add(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(str(text))}</text>')

    def line(self, x, y, other_x, other_y, kind):
        self._add(f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{other_x:.1f}" y2="{other_y:.1f}"/>')

    def polyline(self, points, kind):
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._add(f'<polyline class="{kind}" points="{text}"/>')

    def rectangle(self, left, top, right, bottom, kind, opacity=None):
        visible = "" if opacity is None else f' fill-opacity="{opacity:.2f}"'
        self._add(f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                  f'height="{bottom - top:.1f}"{visible}/>')

    def frame(self, left, top, right, bottom):
        self.rectangle(left, top, right, bottom, "frame")

    def dot(self, x, y, kind):
        self._add(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')

    def document(self, height, style):
        page = f'<rect class="page" width="{self.width}" height="{height:.0f}"/>'
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {height:.0f}" '
                f'width="{self.width}" height="{height:.0f}">\n<style>{style}</style>\n'
                + "\n".join([page, *self._shapes]) + "\n</svg>\n")
