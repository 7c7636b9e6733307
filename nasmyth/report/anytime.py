"""Anytime curves: what several strategies had found after each query, on shared axes, as an SVG file of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

from nasmyth.bench.protocol import Anytime, interval
from nasmyth.files import write_text
from nasmyth.report.svg import Axis, Frame, axis, image, tag, words

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Told apart by colour-blind readers, too (Okabe and Ito 2008)."""
STYLE = """
svg { font: 13px system-ui, sans-serif; background: #fff; color: #222 }
.grid { stroke: #ddd } .mark { stroke: #888 } .tick { fill: #555 } .title { fill: #222; font-weight: 600 }
.end { text-anchor: end } .middle { text-anchor: middle } polyline { fill: none; stroke-width: 2 }
.chance { stroke: #888; stroke-dasharray: 5 4 } polygon { stroke: none; opacity: .15 }
"""


def plot(found: Sequence[Anytime], chance: Sequence[tuple[float, float]] = ()) -> str:
    """The curves: means over seeds with their 95 % bands, by number of queries. `chance` is drawn dashed."""
    curves = [(one.strategy, _mean_curve(one)) for one in found]
    values = [y for _, curve in curves for _, mean, half in curve for y in (mean - half, mean + half)]
    queries = max(len(run) for one in found for run in one.best)
    objective = found[0].objective
    better = "more" if objective.direction == "max" else "less"
    frame = Frame(
        Axis(1.0, float(max(2, queries)), True, "queries"),
        axis(
            [*_middle(values), *(y for _, y in chance)],
            f"{objective.name} ({better} is better)",
            "{:g}".format,
            log=False,
        ),
    )
    parts = [tag("style", STYLE), tag("rect", width="100%", height="100%", fill="#fff"), frame.axes()]
    parts.append(frame.line(chance, "chance"))
    for i, (name, curve) in enumerate(curves):
        colour = COLOURS[i % len(COLOURS)]
        band = [
            *((x, mean + half) for x, mean, half in curve),
            *((x, mean - half) for x, mean, half in reversed(curve)),
        ]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (frame.at(*point) for point in band))
        parts.append(tag("polygon", points=corners, fill=colour))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (frame.at(x, mean) for x, mean, _ in curve))
        parts.append(tag("polyline", tag("title", words(name)), points=line, stroke=colour))
        parts.append(
            tag("text", words(name), x=frame.width - 24, y=frame.height - 68 - 17 * i, fill=colour, class_="end")
        )
    label = f"{objective.name} found by {', '.join(name for name, _ in curves)} after each of {queries} queries"
    return image("".join(parts), label, xmlns="http://www.w3.org/2000/svg")


def save(path: str | os.PathLike[str], found: Sequence[Anytime], chance: Sequence[tuple[float, float]] = ()) -> None:
    """Write `plot` to a file. Raises ExportError if it cannot be written."""
    write_text(path, plot(found, chance))


def _mean_curve(one: Anytime) -> list[tuple[float, float, float]]:
    """(queries, mean, half of the interval) where every seed has found something; a search that ended keeps its best."""
    longest = max(len(run) for run in one.best)
    points: list[tuple[float, float, float]] = []
    for at in range(longest):
        reached = [run[min(at, len(run) - 1)] for run in one.best]
        if not any(math.isnan(value) for value in reached):
            mean, half = interval(reached)
            points.append((float(at + 1), mean, 0.0 if math.isnan(half) else half))
    return points


def _middle(values: Sequence[float]) -> list[Any]:
    """Without the lowest and highest twentieth, so that the first queries do not set the scale."""
    ranked = sorted(values)
    cut = len(ranked) // 20
    return ranked[cut : len(ranked) - cut] or [0.0, 1.0]
