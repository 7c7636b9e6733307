"""Whether a score may drop candidates that were never trained: only if it ranked those that were better than counting does.

    trust = trusted({"synflow": [...], "naswot": [...]}, truths, {"params": [...], "macs": [...]})
    trust.name, trust.chance      ("naswot", 0.99), or None for trust: train what you can

Training-free scores that beat counts on one space lose to them on another (White et al. 2022, "A deeper look at zero-cost
proxies", ICLR blog track; Krishnakumar et al. 2022, arXiv:2210.03230). So a search trusts none by its name: it asks the
trainings that it has made anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from nasmyth.bench.ranking import above, finite_first, gain, taus, weights
from nasmyth.errors import DataError
from nasmyth.intervals import Interval

LEAST = 10
"""Trained networks below which no score is trusted: resamples of fewer say too little of chance."""
DRAWS = 4000


class Trust(NamedTuple):
    """The score to go by, and the chance that it ranks better than every baseline, and than no order at all."""

    name: str
    chance: float
    gain: Interval
    """By how much its Kendall tau is above that of the best baseline, with its 95 % interval."""


def trusted(
    scores: Mapping[str, Iterable[float]],
    truths: Iterable[float],
    baselines: Mapping[str, Iterable[float]],
    *,
    chance: float = 0.95,
    seed: int = 0,
) -> Trust | None:
    """The score that ranks trained networks better than all baselines; None where none surely does.

    A value a trained network, in one order everywhere; more is better (`oriented`), and what is not finite ranks last. Networks
    without a truth are left out. chance: asked of a single score. Of k scores, the luckiest is to be surer: 1 - (1 - chance)
    / k (Bonferroni). Raises DataError for values of another length than the truths.
    """
    y = np.array([float(value) for value in truths])
    known = np.isfinite(y)
    ours, theirs = _read(scores, known), _read(baselines, known)
    if not ours or known.sum() < LEAST:
        return None
    drawn = weights(int(known.sum()), DRAWS, seed)
    tau = {name: np.nan_to_num(taus(x, y[known], drawn)) for name, x in (theirs | ours).items()}
    to_beat = np.max([np.zeros(DRAWS), *(tau[name] for name in theirs)], axis=0)
    found = {name: above(tau[name], to_beat) for name in ours}
    best = max(found, key=lambda name: found[name])
    if found[best] < 1 - (1 - chance) / len(ours):
        return None
    against = theirs or {"no order": np.zeros(int(known.sum()))}
    gains = [gain(ours[best], x, y[known], drawn).difference for x in against.values()]
    return Trust(best, found[best], min(gains))


def _read(values: Mapping[str, Iterable[float]], known: np.ndarray) -> dict[str, np.ndarray]:
    """Those of the networks whose truth is known."""
    found = {}
    for name, given in values.items():
        x = finite_first(given)
        if len(x) != len(known):
            raise DataError(f"{name}: {len(x)} values of {len(known)} networks; give one for each, NaN where it failed")
        found[name] = x[known]
    return found
