"""How well scores rank what is there before what is not, under weights: areas under curves, ties included.

The area under the ROC curve is the chance that one of a class is ranked before one of the others, half of the ties (Hanley
and McNeil 1982, Radiology 143). Average precision is the sum of precisions at each threshold times the recall that it adds,
without interpolation. torchmetrics has both, and neither with weights, which a bootstrap over examples needs: a resample is
then a row of a matrix, and the sorting is done once.
"""

from __future__ import annotations

import torch
from torch import Tensor


def auroc(scores: Tensor, there: Tensor, weights: Tensor) -> Tensor:
    """The area under the ROC curve: scores M, there M (bool), weights R M, gives R; NaN without any of both."""
    order = scores.argsort()
    ranked, weights = scores[order], weights[:, order]
    there = there[order]
    places = torch.nonzero(there).flatten()
    absent = _sums(weights * ~there)
    first, after = (torch.searchsorted(ranked, ranked[places], right=right) for right in (False, True))
    present = weights[:, places]
    before = (absent[:, first] + absent[:, after]) / 2
    return (present * before).sum(1) / (present.sum(1) * absent[:, -1])


def average_precision(scores: Tensor, there: Tensor, weights: Tensor) -> Tensor:
    """Average precision: scores M, there M (bool), weights R M, gives R; NaN if nothing is there."""
    order = scores.argsort(descending=True)
    falling, weights = -scores[order], weights[:, order]
    there = there[order]
    places = torch.nonzero(there).flatten()
    after = torch.searchsorted(falling, falling[places], right=True)
    present = weights[:, places]
    precision = _sums(weights * there)[:, after] / _sums(weights)[:, after].clamp(min=1e-300)
    return (present * precision).sum(1) / present.sum(1)


def _sums(weights: Tensor) -> Tensor:
    """Of the first 0, 1, ... all: R M + 1."""
    return torch.cat((weights.new_zeros(len(weights), 1), weights.cumsum(1)), 1)
