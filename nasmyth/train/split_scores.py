"""The last look: a trained network on examples that nothing was chosen by, and whether it beats another there.

Two networks are compared example by example: the interval of the difference comes from a paired bootstrap (Efron and
Tibshirani 1993, chapter 13), which needs no assumption on how the errors are spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nasmyth.forms import stored
from nasmyth.train.evaluation import predict_logits
from nasmyth.train.task import Task

RESAMPLES = 1000


@dataclass(frozen=True)
class SplitScores:
    """What a network does on a split. `each` is one number an answer that counts: 1 or 0 for right or wrong, or a squared
    error."""

    scores: dict[str, float]
    each: Tensor
    picture: dict[str, Any]
    """{"confusion": rows of counts, true class by predicted class, "classes": names} or
    {"residuals": {"actual": [...], "predicted": [...], "name": target}}, plain JSON data."""
    raw: Any
    """What the last layer gave, N C or N ... C."""


class Difference(NamedTuple):
    """By how much one network is better than another: the value, its standard error and its 95 % interval."""

    value: float
    error: float
    low: float
    high: float


def score_split(network: nn.Module, task: Task, split: str = "test") -> SplitScores:
    """Scores of a network on a split, and what they are made of."""
    examples = getattr(task, split)
    raw = predict_logits(network, task.inputs, examples.x)
    y = stored.moved(stored.section(examples.y, slice(None)), "cpu")
    outputs = task.outputs
    return SplitScores(task.score(raw, y), outputs.each(raw, y), outputs.picture(raw, y), raw)


def paired_difference(ours: SplitScores, theirs: SplitScores, goal: str, seed: int = 0) -> Difference:
    """By how much `ours` is better (accuracy) or smaller (rmse) than `theirs`.

    A positive number is in favour of `ours`. Other goals are compared by accuracy or rmse, whichever the task has.
    """
    generator = torch.Generator().manual_seed(seed)
    squared = goal in ("rmse", "mae", "r2") or "rmse" in ours.scores
    pairs = torch.stack([ours.each, theirs.each])

    def gain(sample: Tensor) -> Tensor:
        mine, other = sample.mean(1).sqrt() if squared else sample.mean(1)
        return other - mine if squared else mine - other

    n = pairs.shape[1]
    drawn = torch.stack([gain(pairs[:, torch.randint(n, (n,), generator=generator)]) for _ in range(RESAMPLES)])
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=drawn.dtype)).tolist()
    error = float(drawn.std()) if squared else matched_error(pairs)
    return Difference(float(gain(pairs)), error, low, high)


def matched_error(pairs: Tensor) -> float:
    """The standard error of a difference of two shares of the same examples; pairs, 2 N, of ones and zeros.

    Half an example is added to each way in which the two can differ (Agresti and Min 2005, Statistics in Medicine 24):
    two networks that differ in a single example of few have shown nothing yet, which resampling does not see.
    """
    n = pairs.shape[1]
    wins, losses = (((pairs[a] > pairs[b]).sum().item() + 0.5) for a, b in ((0, 1), (1, 0)))
    return math.sqrt(wins + losses - (wins - losses) ** 2 / (n + 2)) / (n + 2)
