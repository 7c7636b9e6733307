"""The page of an audit of scores: the table, what speaks against each score, and every score drawn against the truth."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from markupsafe import Markup

from nasmyth.bench.score_table import ScoreAudit, ScoreRow
from nasmyth.files import write_text
from nasmyth.report.page import template
from nasmyth.report.svg import Axis, Frame, axis, image, mark, tag, words
from nasmyth.report.tradeoff import MOST_POINTS, value_axis
from nasmyth.units import show


def render(found: ScoreAudit, command: str = "") -> str:
    """The page as text. command: the line that makes it again."""
    heads, rows = found.table()
    return template("scores.html.j2").render(
        title=f"Scores against {found.objective}", headline=found.headline, heads=heads, rows=rows, command=command,
        warnings=found.warnings, plots=[(row.name, Markup(scatter(found, row))) for row in found.rows], live=None,
    )  # fmt: skip


def save(path: str | os.PathLike[str], found: ScoreAudit, command: str = "") -> Path:
    """Write the page. Raises ExportError if it cannot be written."""
    return write_text(path, render(found, command))


def scatter(found: ScoreAudit, row: ScoreRow) -> str:
    """One score against the truth; what has no value is a cross at the edge where its ranking puts it."""
    places = sorted(found.truths)
    drawn = places[:: max(1, math.ceil(len(places) / MOST_POINTS))]
    known = [row.values[i] for i in drawn if math.isfinite(row.values[i])]
    across = axis(known, f"{row.name} ({row.promises} promises more)", _written(row))
    frame = Frame(across, value_axis(found.objective, found.direction, [found.truths[i] for i in drawn]))
    points = "".join(_point(frame, row, found.keys[i], row.values[i], found.truths[i]) for i in drawn)
    told = f"Kendall's tau {row.kendall}"
    label = f"{found.objective} against {row.name} of {len(drawn)} networks: {told}"
    return image(frame.axes(across=5) + points, label)


def _written(row: ScoreRow) -> Any:
    return (lambda value: show(value, row.unit)) if row.unit not in ("1", "raw") else "{:.4g}".format


def _point(frame: Frame, row: ScoreRow, key: str, value: float, truth: float) -> str:
    lost = not math.isfinite(value)
    x, y = frame.at(_last(frame.x, row) if lost else value, truth)
    tip = f"{key[:8]}: {row.name} {'failed' if lost else f'{value:.4g}'}, truth {truth:.4g}"
    return mark(
        "cross" if lost else "circle", x, y, 5.0, tag("title", words(tip)), class_="point over" if lost else "point residual",
        data_tip=tip,
    )  # fmt: skip


def _last(along: Axis, row: ScoreRow) -> float:
    return along.low if row.promises == "more" else along.high
