"""Many scores as one: the sum of the logarithms of ranks, without any label (AZ-NAS, Lee and Ham 2024, arXiv:2403.19232,
equation 9).

    score_i = sum over scores s of log( rank of i among n by s / n ),    the best of all has rank n, the worst 1

The logarithm asks for networks that are bad by nothing: a low rank in one score costs more than a high one in another
brings. Ranks are those within what is compared, so the value of one candidate depends on the others: `aggregated` ranks a whole
sample. As a measure of single candidates it needs a sample to be ranked in, and keeps the values of that:

    best = rank_aggregate("naswot,jacov,vkdnw,params", among=space, task=task, sample=200)
    best(graph) ; Study(..., maximize=best)

What failed or is not finite ranks last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasmyth.measure.measure import find

Columns = Mapping[str, Sequence[float]]


def aggregated(columns: Columns, directions: Mapping[str, str] | None = None) -> Any:
    """Sum of log ranks of each candidate, an array N: more is better. columns: {score: its value for each candidate}.

    directions: "min" or "max" by score; those of the registered measures unless said.
    """
    total: Any = 0.0
    for name, values in columns.items():
        told = (directions or {}).get(name) or find(name).direction
        total = total + np.log(shares(values, told))
    return total


def shares(values: Sequence[float], direction: str = "max") -> Any:
    """Ranks over N, of ties the mean one: in (0, 1], the best nearest to 1. What is not finite shares the lowest."""
    given = _upward(values, direction)
    order = np.argsort(given, kind="stable")
    ordered = given[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]]
    group = np.cumsum(first) - 1
    ends = np.r_[np.flatnonzero(first)[1:], len(given)]
    starts = np.flatnonzero(first)
    ranks = np.empty(len(given))
    ranks[order] = ((starts + 1 + ends) / 2)[group]
    return ranks / len(given)


def _upward(values: Sequence[float], direction: str) -> Any:
    given = np.asarray(values, dtype=float) * (1.0 if direction == "max" else -1.0)
    return np.where(np.isfinite(given), given, -math.inf)
