"""The curve of a training, and the weights that were best in validation: those are what the network ends with.

After the highest score, weights whose score validation cannot tell from it, since it is less than a standard error lower, are
better if their loss is less. Else the luckiest of many looks would be taken, which mostly comes before the learning rate has
fallen: of six trainings on Fashion-MNIST with 1,200 examples in validation two ended with weights of epoch 10 of 15 and 17, and
one point less on test than the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nasmyth.train.average import copy_into, exchange, named_tensors

if TYPE_CHECKING:
    from nasmyth.train.state import Progress
    from nasmyth.train.task import Task


class Selection:
    """Keeps the best of what it is shown."""

    def __init__(self, network: nn.Module, task: Task) -> None:
        self.task = task
        self.names = list(named_tensors(network))
        self.live = list(named_tensors(network).values())
        self.curve: list[Mapping[str, float]] = []
        self.best: Mapping[str, float] | None = None
        """Of the weights that are kept."""
        self.peak: Mapping[str, float] | None = None
        """The highest score, and of equal ones that of least loss; `since_best` counts looks since then."""
        self.since_best = 0
        self.weights: list[Tensor] = []
        self.last: list[Tensor] = []

    def see(self, scores: dict[str, float], within_epoch: bool) -> None:
        """Scores of the weights that are in the network now; they are remembered if they are the best.

        What is seen within an epoch, because the training ends there, is kept aside: going on would not have seen it.
        """
        self.since_best += 1
        if not math.isfinite(scores["loss"]) or not self._wins(scores):
            return
        self.best = scores
        if within_epoch:
            self.last = [t.detach().clone() for t in self.live]
        elif self.weights:
            copy_into(self.weights, self.live)
        else:
            self.weights = [t.detach().clone() for t in self.live]

    def _wins(self, scores: dict[str, float]) -> bool:
        """Whether these are to be kept. Moves the peak."""
        if self.peak is None or self.best is None or self.task.better(scores, self.peak):  # type: ignore[arg-type]
            self.peak, self.since_best = scores, 0
            return True
        least = self.task.oriented(self.peak) - self.task.unsure(self.peak)
        return self.task.oriented(scores) >= least and scores["loss"] < self.best["loss"]

    def take_up(self, progress: Progress, weights: Mapping[str, Tensor] | None) -> None:
        """Go on from an earlier part of the training."""
        self.curve, self.best, self.since_best = list(progress.curve), progress.best, progress.since_best
        for seen in self.curve:
            if math.isfinite(seen["loss"]) and self.task.better(seen, self.peak):  # type: ignore[arg-type]
                self.peak = seen
        if weights is not None:
            self.weights = [
                torch.empty_like(t).copy_(weights[name]) for name, t in zip(self.names, self.live, strict=True)
            ]

    def put_best(self) -> dict[str, Tensor]:
        """Leave the best weights in the network; gives those that were in it. Without any best, it keeps what it has."""
        if self.last:
            exchange(self.live, self.last)
            held, self.last = self.last, []
        else:
            held = [t.detach().clone() for t in self.live]
            if self.weights:
                copy_into(self.live, self.weights)
        return dict(zip(self.names, held, strict=True))

    def restore(self) -> None:
        """The best weights into the network, after an interruption."""
        if self.last or self.weights:
            copy_into(self.live, self.last or self.weights)

    def kept(self) -> dict[str, Tensor] | None:
        """The best weights of whole epochs, by name: its own tensors, not copies."""
        return dict(zip(self.names, self.weights, strict=True)) if self.weights else None
