"""What the best network gets wrong on the test split: a confusion matrix, or residuals.

A study's result may hold {"confusion": [[...]], "classes": [...]} with a row for each true class and a column for each
answer; or {"residuals": {"actual": [...], "predicted": [...], "name": "price"}}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from nasmyth.report.facts import number
from nasmyth.report.svg import Frame, axis, image, mark
from nasmyth.report.tradeoff import MOST_POINTS

MOST_CLASSES = 30
"""More classes than this are shown as the pairs that are most often confused, without the matrix."""
MOST_PAIRS = 10


def confusion(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Rows of (class, cells, share right), and the pairs most often confused; None if the result holds no matrix."""
    counts = result.get("confusion")
    if not counts:
        return None
    names = [str(name) for name in result.get("classes") or range(len(counts))]
    rows = []
    for i, row in enumerate(counts):
        total = sum(row)
        cells = [
            {"count": n, "share": n / total if total else 0.0, "right": i == j, "answer": names[j]}
            for j, n in enumerate(row)
        ]
        rows.append({"name": names[i], "cells": cells, "total": total, "right": row[i] / total if total else 0.0})
    wrong = [(n, names[i], names[j]) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j and n]
    pairs = [
        {"count": n, "true": true, "answer": answer}
        for n, true, answer in sorted(wrong, key=lambda p: -p[0])[:MOST_PAIRS]
    ]
    return {
        "names": names,
        "rows": rows if len(names) <= MOST_CLASSES else [],
        "pairs": pairs,
        "wrong": sum(n for n, _, _ in wrong),
        "total": sum(map(sum, counts)),
    }


def residuals(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The plot of predicted against actual values, one for each target; None if the result holds none."""
    held = result.get("residuals")
    if not held:
        return None
    several = held if isinstance(held, list) else [held]
    drawn = [scatter(one["actual"], one["predicted"], str(one.get("name", "value"))) for one in several]
    return {"plots": [Markup(plot) for plot in drawn if plot]}


def scatter(actual: Sequence[float], predicted: Sequence[float], name: str) -> str:
    """Predicted against actual values (at most MOST_POINTS, evenly taken), with the line where they agree."""
    pairs = [(a, p) for a, p in zip(actual, predicted, strict=False) if number(a) and number(p)]
    if not pairs:
        return ""
    shown = pairs[:: max(1, math.ceil(len(pairs) / MOST_POINTS))]
    both = [v for pair in shown for v in pair]
    frame = Frame(
        axis(both, f"actual {name}", "{:g}".format, log=False),
        axis(both, f"predicted {name}", "{:g}".format, log=False),
    )
    ends = (max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high))
    parts = [frame.axes(), frame.line([(ends[0], ends[0]), (ends[1], ends[1])], "ideal")]
    for a, p in shown:
        tip = f"actual {a:.5g}, predicted {p:.5g}"
        parts.append(mark("circle", *frame.at(a, p), 3, class_="point residual", data_tip=tip))
    return image("".join(parts), f"predicted against actual {name} for {len(shown)} examples")
