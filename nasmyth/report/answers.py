"""What the best network gets wrong on the test split: a confusion matrix, or residuals.

A study's result may hold {"confusion": [[...]], "classes": [...]} with a row for each true class and a column for each
answer; or {"residuals": {"actual": [...], "predicted": [...], "name": "price"}}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from nasmyth.report import plots

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
    drawn = [plots.residuals(one["actual"], one["predicted"], str(one.get("name", "value"))) for one in several]
    return {"plots": [Markup(plot) for plot in drawn if plot]}
