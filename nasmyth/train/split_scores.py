"""The last look: a trained network on examples that nothing was chosen by, and whether it beats another there.

Two networks are compared on the same examples: the interval of the difference comes from a paired bootstrap (Efron and
Tibshirani 1993, chapter 13), which needs no assumption on how the errors are spread, and serves what is no mean over
examples (F1, AUROC, R2) as well: see `nasmyth/forms/metric.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nasmyth.forms import stored
from nasmyth.forms.metric import Metric, by_example, resampled, standard_error
from nasmyth.train.evaluation import predict_logits
from nasmyth.train.task import Task


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
    goal: str
    direction: str
    metric: Metric | None = None
    """What the goal is computed by, the task's objective unless said; None where it is a figure of the network as a whole."""
    columns: Tensor | None = None
    """What that needs to know of each answer that counts, M k."""

    def judged_by(self, goal: str, direction: str, value: float, made_of: tuple[Metric, Tensor] | None) -> SplitScores:
        """The same by another figure, which has this value, and of what it is made where that is known."""
        metric, columns = made_of or (None, None)
        scores = {**self.scores, goal: value}
        return replace(self, scores=scores, goal=goal, direction=direction, metric=metric, columns=columns)

    @property
    def error(self) -> float:
        """The standard error of the goal, by a bootstrap over the examples; NaN where it cannot be told."""
        if self.metric is None or self.columns is None:
            return math.nan
        return standard_error(self.metric, self.columns)


class Difference(NamedTuple):
    """By how much one network is better than another: the value, its standard error and its 95 % interval."""

    value: float
    error: float
    low: float
    high: float


def score_split(network: nn.Module, task: Task, split: str = "test") -> SplitScores:
    """Scores of a network on a split, and what they are made of."""
    examples, outputs, goal = getattr(task, split), task.outputs, task.objective
    raw = predict_logits(network, task.inputs, examples.x)
    y = stored.moved(stored.section(examples.y, slice(None)), "cpu")
    each, metric = outputs.each(raw, y), outputs.metric(goal)
    if metric is not None:
        made_of: Any = (metric, outputs.gather(metric, raw, y))
    else:
        made_of = by_example(goal, task.direction, each) if task.goal is None else (None, None)
    return SplitScores(task.score(raw, y), each, outputs.picture(raw, y), raw, goal, task.direction, *made_of)


def paired_difference(ours: SplitScores, theirs: SplitScores, goal: str, seed: int = 0) -> Difference:
    """By how much `ours` is better than `theirs` at the goal: a positive number is in favour of `ours`.

    Of what is not made of examples, error and interval are NaN.
    """
    sign = 1.0 if ours.direction == "max" else -1.0
    value = sign * (ours.scores[goal] - theirs.scores[goal])
    if ours.goal != goal or ours.metric is None or ours.columns is None or theirs.columns is None:
        return Difference(value, math.nan, math.nan, math.nan)
    drawn = resampled(ours.metric, [ours.columns, theirs.columns], seed)
    gains = sign * (drawn[0] - drawn[1])
    if len(gains) < 2:
        return Difference(value, math.nan, math.nan, math.nan)
    low, high = torch.quantile(gains, torch.tensor([0.025, 0.975], dtype=gains.dtype)).tolist()
    error = matched_error(_pairs(ours.columns, theirs.columns)) if ours.metric.matched else float(gains.std())
    return Difference(value, error, low, high)


def _pairs(ours: Tensor, theirs: Tensor) -> Tensor:
    """Right or wrong on the examples that count, of both: 2 M."""
    return torch.stack([columns[columns[:, 1] > 0, 0] for columns in (ours, theirs)]).double()


def matched_error(pairs: Tensor) -> float:
    """The standard error of a difference of two shares of the same examples; pairs, 2 N, of ones and zeros.

    Half an example is added to each way in which the two can differ (Agresti and Min 2005, Statistics in Medicine 24):
    two networks that differ in a single example of few have shown nothing yet, which resampling does not see.
    """
    n = pairs.shape[1]
    wins, losses = (((pairs[a] > pairs[b]).sum().item() + 0.5) for a, b in ((0, 1), (1, 0)))
    return math.sqrt(wins + losses - (wins - losses) ** 2 / (n + 2)) / (n + 2)
