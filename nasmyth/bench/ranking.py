"""How well a score ranks networks: agreement of two rankings, how sure that is, and whether one ranks better than another.

    kendall([1, 2, 3], [1, 3, 2])                   1/3: of three pairs two are in order, and one is not
    agreement(scores, truths, weights(len(truths))) Kendall's tau and Spearman's rho, each with its interval
    gain(scores, others, truths, weights(n))        by how much the first ranks better, on the same resamples

All is said by pairs: S[i, j] is 1 where i is above j, -1 where it is below, 0 where they are equal. A resample of the networks
is a vector w of how often each was drawn, so its concordant less its discordant pairs are w S∘T w, and thousands of resamples
are three products of matrices. Copies of one network are no pair. More is better everywhere; what has no value is last
(`finite_first`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nasmyth.errors import DataError
from nasmyth.intervals import Interval

Array = np.ndarray[Any, Any]
Ranking = Sequence[float] | Array
DRAWS = 1000
"""Resamples."""
DENSE = 2000
"""Networks up to which all pairs are resampled. Beyond, the part of a resample that is quadratic in w - 1 is left out: it is of
the order of 1/n beside the linear one (Hoeffding 1948, section 7)."""
BLOCK = 500
"""Rows of pairs that are looked at together."""


def finite_first(values: Iterable[float]) -> Array:
    """As an array in which what is not finite is below all else, and equal among itself."""
    found = np.array([float(value) for value in values], dtype=float)
    found[~np.isfinite(found)] = -np.inf
    return found


# --- agreement ----------------------------------------------------------------------------------------------------------


def kendall(x: Ranking, y: Ranking) -> float:
    """Kendall's tau-b: concordant less discordant pairs, by the geometric mean of the pairs that are not tied in x and in y.

    Kendall 1945, "The treatment of ties in ranking problems". NaN where all of x, or all of y, are equal.
    """
    a, b = _pair(x, y)
    return float(_kendalls(a, b, np.ones((1, len(a))))[0])


def spearman(x: Ranking, y: Ranking) -> float:
    """Spearman's rho: the correlation of the ranks, where ties have the mean of their ranks. NaN where all are equal."""
    a, b = _pair(x, y)
    return float(_spearmans(a, b, np.ones((1, len(a))))[0])


def top(n: int, share: float = 0.1) -> int:
    """How many of n are the top share: at least one."""
    return max(1, round(share * n))


def top_precision(x: Ranking, y: Ranking, share: float = 0.1) -> float:
    """Of the top share by x, how many are in the top share by y.

    What equals the last of the top by y belongs to it. Of those that equal the last of the top by x, as many as there is
    room for are drawn: this is the mean over all draws.
    """
    scores, truths = _pair(x, y)
    k = top(len(scores), share)
    good = truths >= np.partition(truths, -k)[-k]
    last = np.partition(scores, -k)[-k]
    above, equal = scores > last, scores == last
    drawn = (k - above.sum()) / equal.sum()
    return float((good[above].sum() + drawn * good[equal].sum()) / k)


# --- how sure -----------------------------------------------------------------------------------------------------------


def weights(n: int, draws: int = DRAWS, seed: int = 0) -> Array:
    """draws x n: how often each of n networks is in each resample of n, drawn with replacement (Efron 1979)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=draws).astype(np.float32)


class Agreement(NamedTuple):
    """Of a score with the truth, with 95 % intervals by the percentiles of the bootstrap."""

    kendall: Interval
    spearman: Interval


def agreement(x: Ranking, y: Ranking, weights: Array) -> Agreement:
    """Of two rankings. Raises DataError where they are of unequal length."""
    a, b = _pair(x, y)
    return Agreement(
        percentiles(kendall(a, b), _kendalls(a, b, weights)), percentiles(spearman(a, b), _spearmans(a, b, weights))
    )


class Gain(NamedTuple):
    """By how much one score's tau is above another's, and the share of resamples in which it is above."""

    difference: Interval
    chance: float

    @property
    def sure(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.difference.low > 0


def gain(x: Ranking, other: Ranking, y: Ranking, weights: Array) -> Gain:
    """Of ranking y by x instead of by `other`: a paired bootstrap, both on the same networks.

    A resample in which one of them is constant ranks nothing by it: its tau is 0 there.
    """
    ours, theirs = (np.nan_to_num(taus(one, y, weights)) for one in (x, other))
    found = float(np.nan_to_num(kendall(x, y)) - np.nan_to_num(kendall(other, y)))
    return Gain(percentiles(found, ours - theirs), above(ours, theirs))


def taus(x: Ranking, y: Ranking, weights: Array) -> Array:
    """Kendall's tau-b in every resample; NaN where x or y is constant in it."""
    a, b = _pair(x, y)
    return _kendalls(a, b, weights)


def above(ours: Array, theirs: Array) -> float:
    """The share of resamples in which the first is larger; of equals half."""
    return float(np.mean(ours > theirs) + np.mean(ours == theirs) / 2)


def percentiles(value: float, resampled: Array) -> Interval:
    """A value with the middle 95 % of what the resamples gave; NaN where none gave anything."""
    known = resampled[np.isfinite(resampled)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high))


# --- inside -------------------------------------------------------------------------------------------------------------


def _pair(x: Ranking, y: Ranking) -> tuple[Array, Array]:
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise DataError(
            f"rankings of {a.shape} and {b.shape} cannot be compared: give one value a network, in one order"
        )
    if np.isnan(a).any() or np.isnan(b).any():
        raise DataError("a ranking holds a value that is not a number: finite_first(values) puts such last")
    return a, b


def _kendalls(x: Array, y: Array, weights: Array) -> Array:
    """Tau-b for each row of weights."""
    both, ours, theirs = _quadratic(x, y, weights)
    untied = np.sqrt(ours * theirs)
    return np.divide(both, untied, out=np.full(len(both), np.nan), where=untied > 0)


def _quadratic(x: Array, y: Array, weights: Array) -> tuple[Array, Array, Array]:
    """w M w for the signs of pairs in both, and for the pairs untied in x and in y, over rows w of weights."""
    if len(x) <= DENSE:
        s, t = _signs(x, x), _signs(y, y)
        counts = weights.astype(np.float32)  # exact: no sum of a row is above DENSE
        told = [np.einsum("bi,bi->b", counts @ m, counts, dtype=float) for m in (s * t, np.abs(s), np.abs(t))]
        return told[0], told[1], told[2]
    sums = np.zeros((3, len(x)))
    for begin in range(0, len(x), BLOCK):
        rows = slice(begin, begin + BLOCK)
        s, t = _signs(x[rows], x), _signs(y[rows], y)
        sums[:, rows] = [m.sum(1, dtype=float) for m in (s * t, np.abs(s), np.abs(t))]
    told = [2 * weights @ one - one.sum() for one in sums]
    return told[0], told[1], told[2]


def _signs(rows: Array, columns: Array) -> Array:
    """1 where the one of the row is larger, -1 where it is smaller; infinities of one sign are equal."""
    first, second = rows[:, None], columns[None, :]
    return (first > second).astype(np.float32) - (first < second)


def _spearmans(x: Array, y: Array, weights: Array) -> Array:
    """Rho for each row of weights, ranked anew in each."""
    found = []
    for begin in range(0, len(weights), 100):
        w = weights[begin : begin + 100].astype(float)
        a, b = _centred_ranks(x, w), _centred_ranks(y, w)
        both, ours, theirs = ((w * one).sum(1) for one in (a * b, a * a, b * b))
        spread = np.sqrt(ours * theirs)
        found.append(np.divide(both, spread, out=np.full(len(w), np.nan), where=spread > 1e-9))
    return np.concatenate(found)


def _centred_ranks(x: Array, weights: Array) -> Array:
    """Ranks where each value stands as often as its weight says, ties in the middle of theirs; their mean is 0."""
    order = np.argsort(x, kind="stable")
    first = np.flatnonzero(np.concatenate([[True], x[order][1:] != x[order][:-1]]))
    counts = np.add.reduceat(weights[:, order], first, axis=1)
    middle = np.cumsum(counts, axis=1) - counts / 2 - weights.sum(1, keepdims=True) / 2
    ranks = np.empty_like(weights)
    ranks[:, order] = np.repeat(middle, np.diff([*first, len(x)]), axis=1)
    return ranks
