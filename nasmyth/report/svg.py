"""Plot plumbing: elements as escaped text, axes with round ticks, a frame that maps data to the drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nasmyth.markup import tag, words

WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 74, 18, 34, 50
"""Margins in user units: wide enough for the larger letters of a phone."""


def image(
    content: str, label: str, width: float = WIDTH, height: float = HEIGHT, class_: str = "plot", **more: object
) -> str:
    """An `<svg>` that scales to its container; `label` is what a screen reader says."""
    return tag("svg", content, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label, class_=class_, **more)


def mark(shape: str, x: float, y: float, r: float, content: str = "", **attributes: object) -> str:
    """A point of a plot: a "circle", "triangle", "diamond" or "cross" of about the same weight."""
    if shape == "circle":
        return tag("circle", content, cx=round(x, 1), cy=round(y, 1), r=r, **attributes)
    if shape == "cross":
        d = 0.75 * r
        path = f"M{x - d:.1f} {y - d:.1f}l{2 * d:.1f} {2 * d:.1f}m0 {-2 * d:.1f}l{-2 * d:.1f} {2 * d:.1f}"
        return tag("path", content, d=path, **attributes)
    corners = {
        "triangle": ((0, -1.25), (1.15, 0.85), (-1.15, 0.85)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    }[shape]
    points = " ".join(f"{x + r * dx:.1f},{y + r * dy:.1f}" for dx, dy in corners)
    return tag("polygon", content, points=points, **attributes)


def key(content: str) -> str:
    """A mark or a line of a legend, which stands below a plot and never over a curve: 22 by 16 units."""
    return tag("svg", content, viewBox="0 0 22 16", class_="key", aria_hidden="true")


def key_mark(shape: str, class_: str, r: float = 5.5) -> str:
    """The key of a kind of point."""
    return key(mark(shape, 11, 8, r, class_=class_))


def key_line(class_: str) -> str:
    """The key of a kind of line."""
    return key(tag("line", x1=1, x2=21, y1=8, y2=8, class_=class_))


# --- axes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """One axis: its range, whether it is logarithmic, what it is called and how its numbers are written.

    With `top`, the distance to it is what is logarithmic: 0.9 and 0.99 are as far apart as 0.99 and 0.999.
    """

    low: float
    high: float
    log: bool = False
    title: str = ""
    write: Callable[[float], str] = "{:g}".format
    top: float | None = None

    def scaled(self, value: float) -> float:
        """A number that grows evenly along the axis."""
        if self.top is not None:
            return -math.log10(max(self.top - value, 1e-12))
        return math.log10(max(value, 1e-300)) if self.log else value

    def place(self, value: float) -> float:
        """Where a value lies between 0 and 1; values beyond the ends are held there."""
        low, high = self.scaled(self.low), self.scaled(self.high)
        return min(1.0, max(0.0, (self.scaled(value) - low) / (high - low)))

    def ticks(self, most: int = 7) -> list[float]:
        """Round numbers within the range."""
        if self.top is not None:
            left = Axis(self.top - self.high, self.top - self.low, log=True).ticks(most)
            return [round(self.top - tick, 12) for tick in reversed(left)]
        if not self.log:
            return round_ticks(self.low, self.high, most)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            found = [m * 10.0**d for d in decades for m in steps if self.low <= m * 10.0**d <= self.high * (1 + 1e-9)]
            if len(found) <= most:
                break
        return found if len(found) >= 2 else round_ticks(self.low, self.high, most)


def round_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, at most `most` of them."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * m for m in (1, 2, 5, 10, 20) if span / (step * m) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def axis(
    values: Iterable[float], title: str, write: Callable[[float], str], *, log: bool | None = None, pad: float = 0.06
) -> Axis:
    """An axis that holds all values with a little room; logarithmic (unless said) where they span a factor of 20."""
    finite = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if log is None:
        log = low > 0 and high / low >= 20
    if log and low > 0:
        room = (high / low) ** pad if high > low else 2.0
        return Axis(low / room, high * room, True, title, write)
    room = (high - low) * pad or abs(high) * 0.1 or 1.0
    return Axis(max(0.0, low - room) if low >= 0 else low - room, high + room, False, title, write)


def share_axis(values: Iterable[float], title: str, write: Callable[[float], str]) -> Axis:
    """An axis for shares, such as accuracies: by the distance to 1, where that spans a factor of 8."""
    finite = [v for v in values if math.isfinite(v)]
    left = [1.0 - v for v in finite if v < 1.0]
    if not left or max(finite) > 1.0 or max(left) / min(left) < 8:
        return axis(finite, title, write, log=False)
    nearest = min(left) / (2.0 if max(finite) == 1.0 else 1.25)
    return Axis(1.0 - max(left) * 1.15, 1.0 - nearest, False, title, write, top=1.0)


def _told_apart(along: Axis, most: int) -> list[tuple[float, str]]:
    """Ticks with their labels, without those that would read like the one before."""
    found: list[tuple[float, str]] = []
    for tick in along.ticks(most):
        written = along.write(tick)
        if not found or written != found[-1][1]:
            found.append((tick, written))
    return found


@dataclass(frozen=True)
class Frame:
    """A plot's area: maps data to user units and draws the axes."""

    x: Axis
    y: Axis
    width: float = WIDTH
    height: float = HEIGHT

    def at(self, x: float, y: float) -> tuple[float, float]:
        """User units of a point."""
        across, up = self.width - LEFT - RIGHT, self.height - TOP - BOTTOM
        return LEFT + self.x.place(x) * across, self.height - BOTTOM - self.y.place(y) * up

    def axes(self, across: int = 7) -> str:
        """Grid, tick labels (`across` at most below) and titles. Every second label is marked, so that a phone can
        leave it out."""
        parts = []
        base = self.height - BOTTOM
        for tick, written in _told_apart(self.y, 6):
            y = self.at(self.x.low, tick)[1]
            parts.append(tag("line", x1=LEFT, x2=self.width - RIGHT, y1=y, y2=y, class_="grid"))
            parts.append(tag("text", words(written), x=LEFT - 8, y=y + 4, class_="tick end"))
        for i, (tick, written) in enumerate(_told_apart(self.x, across)):
            x = self.at(tick, self.y.low)[0]
            second = " second" if i % 2 else ""
            parts.append(tag("line", x1=x, x2=x, y1=base, y2=base + 5, class_="mark"))
            parts.append(tag("text", words(written), x=x, y=base + 20, class_=f"tick middle{second}"))
        parts.append(tag("line", x1=LEFT, x2=self.width - RIGHT, y1=base, y2=base, class_="mark"))
        parts.append(tag("text", words(self.y.title), x=6, y=17, class_="title"))
        parts.append(tag("text", words(self.x.title), x=self.width - RIGHT, y=self.height - 9, class_="title end"))
        return "".join(parts)

    def line(self, points: Iterable[tuple[float, float]], class_: str) -> str:
        """A line through the points that are finite."""
        placed = [self.at(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in placed), class_=class_) if placed else ""
