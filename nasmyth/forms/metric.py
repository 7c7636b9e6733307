"""A metric: a score as a function of examples and of how much each of them weighs.

With weights of one it is the score of a split; with the counts of a resample it is the score of that resample. So the
figure and its interval come from one definition, and a score that is no mean over examples (F1, AUROC, R2) has an interval
as sound as that of one which is: the bootstrap over examples (Efron and Tibshirani 1993, chapters 6 and 13).

    columns(pred, y)         what it needs to know of each answer that counts, M k: gathered batch by batch
    value(columns, weights)  the score under each row of weights, R M: R numbers; NaN where it is not defined
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

RESAMPLES, FEWEST = 1000, 200
"""Of a bootstrap: usually, and of so many examples that this would take seconds."""
WORK = 2e7
"""Resamples, times examples, times classes: no more than that, which takes a second."""
CHUNK = 1 << 22
"""Weights that are held at once: 32 MiB."""


@dataclass(frozen=True)
class Metric:
    """A score of one kind of answers. See the top of this file.

    width: how many numbers it holds for an example, or a resample. matched: it is the share of right answers among examples
    that are the same whatever is answered, and columns are (right, counted). levels: whether the same answer to every
    example shows what takes no skill. takes: what there has to be among the targets, or it is not defined.
    """

    name: str
    direction: str
    columns: Callable[[Tensor, Tensor], Tensor]
    value: Callable[[Tensor, Tensor], Tensor]
    width: int = 1
    matched: bool = False
    levels: bool = True
    takes: str = ""

    def told(self, columns: Tensor) -> float:
        """The score of all examples, each counting once."""
        if not len(columns):
            return float("nan")
        return float(self.value(columns, torch.ones(1, len(columns), dtype=torch.float64)))


class Gathered:
    """Several metrics over batches: `update(pred, y)` with what counts alone, then `compute()`."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = list(metrics)
        self.parts: dict[str, list[Tensor]] = {one.name: [] for one in self.metrics}
        self.finite = True

    def update(self, pred: Tensor, y: Tensor) -> None:
        """Add a batch."""
        if self.metrics and len(y):
            self.finite = self.finite and bool(pred.isfinite().all())
            for one in self.metrics:
                self.parts[one.name].append(one.columns(pred, y).cpu())

    def compute(self) -> dict[str, float]:
        """The scores of all batches so far. NaN where predictions were not finite, or a score is not defined."""
        known = self.finite and all(self.parts.values())
        return {one.name: one.told(torch.cat(self.parts[one.name])) if known else float("nan") for one in self.metrics}


def by_example(name: str, direction: str, each: Tensor) -> tuple[Metric, Tensor]:
    """The metric, and its columns, of what has a figure for each example and is their mean."""
    right_or_wrong = bool(((each == 0) | (each == 1)).all())
    columns = torch.stack((each.double(), torch.ones_like(each, dtype=torch.float64)), 1)
    return Metric(name, direction, _as_they_are, share, matched=right_or_wrong), columns


def repeated(function: Callable[[Tensor], float]) -> Callable[[Tensor, Tensor], Tensor]:
    """The value of a metric that a function of its columns gives: weights are counts, and examples stand there so often."""

    def value(columns: Tensor, weights: Tensor) -> Tensor:
        found = [function(columns.repeat_interleave(row.long(), 0)) for row in weights]
        return torch.tensor(found, dtype=torch.float64)

    return value


def _as_they_are(pred: Tensor, y: Tensor) -> Tensor:
    return pred


def mean(values: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean of each column: values M k, weights R M, gives R k."""
    return (weights @ values.double()) / weights.sum(1, keepdim=True)


def share(columns: Tensor, weights: Tensor) -> Tensor:
    """What is right of what counts: columns (right, counted)."""
    right, counted = (weights @ columns.double()).unbind(1)
    return right / counted


def mean_defined(values: Tensor) -> Tensor:
    """The mean over the last axis of what is a number; NaN if nothing is."""
    return values.nansum(-1) / (~values.isnan()).sum(-1)


def resampled(metric: Metric, several: Sequence[Tensor], seed: int = 0) -> Tensor:
    """The score of each of some columns, told of the same examples, on the same resamples of these: S R.

    Resamples in which one of them is not defined are left out. Of very many examples some are resampled, and deviations
    from their score are scaled to those of all (Bickel, Götze and van Zwet 1997, Statistica Sinica 7).
    """
    generator = torch.Generator().manual_seed(seed)
    whole, most = len(several[0]), int(WORK / FEWEST / metric.width)
    if whole > most:
        some = torch.randperm(whole, generator=generator)[:most]
        parts = [columns[some] for columns in several]
        drawn = _drawn(metric, parts, generator)
        told, ours = (
            torch.tensor([[metric.told(one)] for one in each], dtype=torch.float64) for each in (several, parts)
        )
        return told + (drawn - ours) * math.sqrt(most / whole)
    return _drawn(metric, several, generator)


def _drawn(metric: Metric, several: Sequence[Tensor], generator: torch.Generator) -> Tensor:
    n = len(several[0])
    count = max(FEWEST, min(RESAMPLES, int(WORK / (max(1, n) * metric.width))))
    rows = max(1, CHUNK // max(1, n, metric.width))
    found = []
    for start in range(0, count if n else 0, rows):
        drawn = torch.randint(n, (min(rows, count - start), n), generator=generator)
        weights = torch.zeros(drawn.shape, dtype=torch.float64).scatter_add_(1, drawn, torch.ones_like(drawn).double())
        found.append(torch.stack([metric.value(columns, weights) for columns in several]))
    drawn = torch.cat(found, 1) if found else torch.zeros(len(several), 0, dtype=torch.float64)
    return drawn[:, drawn.isfinite().all(0)]


def standard_error(metric: Metric, columns: Tensor, seed: int = 0) -> float:
    """By how much the score would differ on other examples: NaN where resamples do not tell."""
    drawn = resampled(metric, [columns], seed)[0]
    return float(drawn.std()) if len(drawn) > 1 else float("nan")


def level(metric: Metric, columns: Tensor) -> dict[str, Any]:
    """What a constant answer scores: {"score", "direction", "value", "error"}, NaN where that is not defined."""
    return {
        "score": metric.name,
        "direction": metric.direction,
        "value": metric.told(columns),
        "error": standard_error(metric, columns),
    }
