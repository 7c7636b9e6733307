"""Scores and some labels: a Gaussian process on ranks of scores, around what their sum says without any label.

    predicted = fitted({"params": [...], "jacov": [...]}, labels, encodings)      # labels: NaN where there are none

The mean before any label is the sum of log ranks (`aggregated`), so that few labels only correct it; the process learns where
it is wrong, from the ranks of each score and, where they are given, from encodings of the networks (`space.encode(genome)`,
`Features`). With k labels a slope of SLOPE weighs as FAITH of them. Scores as inputs of a predictor: White et al. 2021,
arXiv:2104.01177 (OMNI).

The process is scikit-learn's. Its amplitude and noise are not fitted, which some ten labels do not bear, but averaged over a
grid, each by its likelihood (Rasmussen and Williams 2006, section 5.2).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasmyth.errors import DataError, require
from nasmyth.measure.scores.aggregate import aggregated, shares

SLOPE, FAITH = 0.8, 16
"""Of the labels' ranks by the sum of log ranks, both with deviation 1, before labels are seen; and what that is worth."""
AMPLITUDES, NOISES = (0.05, 0.2, 0.6), (0.1, 0.2, 0.4)
"""Variances, as shares of that of the labels' ranks."""
LEAST = 3
"""Labels of which anything can be learned."""

Columns = Mapping[str, Sequence[float]]


def fitted(
    columns: Columns,
    labels: Sequence[float],
    encodings: Sequence[Sequence[float]] | None = None,
    directions: Mapping[str, str] | None = None,
    prior: Sequence[float] | None = None,
) -> Any:
    """What is expected of each network, an array N, more being better; its scale is that of ranks, not of the labels.

    columns, directions: as of `aggregated`. labels: N, more being better, NaN where unknown. encodings: N D. prior: what is
    expected without labels, N; the aggregate of these columns unless said. Raises DataError for fewer than three labels, or
    for lengths that differ.
    """
    truth = np.asarray(labels, dtype=float)
    known = np.isfinite(truth)
    before = _normal(aggregated(columns, directions) if prior is None else prior)
    if len({len(truth), len(before), len(truth) if encodings is None else len(encodings)}) > 1:
        raise DataError(
            f"scores of {len(before)} networks and {len(truth)} labels: give one for each, NaN where unknown"
        )
    if known.sum() < LEAST:
        raise DataError(f"{known.sum()} labels are too few to learn from: give {LEAST} or more, or use aggregated(...)")
    inputs = _inputs(columns, encodings)
    target, there = _normal(shares(truth[known])), before[known]
    slope = (target @ there + FAITH * SLOPE) / (there @ there + FAITH)
    return slope * before + _corrected(inputs[known], target - slope * there, inputs)


def _inputs(columns: Columns, encodings: Any) -> Any:
    """Ranks of scores, and encodings: each kind at a mean distance of about one."""
    ranks = np.stack([_normal(shares(values)) for values in columns.values()], 1)
    parts = [ranks] if encodings is None else [ranks, np.asarray(encodings, dtype=float)]
    scaled = [np.apply_along_axis(_normal, 0, part) for part in parts]
    return np.concatenate([part / np.sqrt(2 * part.shape[1]) for part in scaled], 1)


def _normal(values: Any) -> Any:
    """With mean 0 and deviation 1; zeros where all are equal."""
    centred = np.asarray(values, dtype=float) - np.mean(values)
    return centred / (centred.std() or 1.0)


def _corrected(inputs: Any, wrong: Any, wanted: Any) -> Any:
    """What the process says of all, the mean over its amplitudes and noises."""
    gaussian: Any = require("sklearn.gaussian_process", extra="data")
    kernels: Any = require("sklearn.gaussian_process.kernels", extra="data")
    told = []
    for amplitude, noise in itertools.product(AMPLITUDES, NOISES):
        kernel = kernels.ConstantKernel(amplitude) * kernels.RBF(1.0) + kernels.WhiteKernel(noise)
        process = gaussian.GaussianProcessRegressor(kernel, optimizer=None).fit(inputs, wrong)
        told.append((process.log_marginal_likelihood_value_, process.predict(wanted)))
    evidence = np.array([likelihood for likelihood, _ in told])
    weights = np.exp(evidence - evidence.max())
    return np.average([mean for _, mean in told], 0, weights)
