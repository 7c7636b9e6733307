"""Rare classes: logit adjustment (Menon et al. 2021, arXiv:2007.07314, equation 10), and margins by how rare they are (Cao
et al. 2019, arXiv:1906.07413, LDAM).

Adjustment: in training, t log(share of the class) is added to the logit of each class. What the network then has to add by
itself is what the example says beyond how common classes are, so that its answers without the addition have all classes weigh
the same: at t = 1 they are those that make balanced accuracy best. Unlike weights of classes it leaves the loss of each
example as it is.

Margins: in training the logit of the right answer is taken for less than it is, by C / n^(1/4) where n examples have it, so
that rare classes, of which little is seen, are kept further from what divides them from others. Where an example may have
several labels, or none, each of them is a class like that:

    F.binary_cross_entropy_with_logits(less_margin(logits, y, margins(y.sum(0), 1.0)), y)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.form import IGNORED
from nasmyth.forms.stored import blocks

if TYPE_CHECKING:
    from nasmyth.train.task import Task

GOALS = ("balanced_accuracy", "f1")
"""Scores in which all classes weigh the same, however rare."""


def suited(goal: str) -> float:
    """The `balance` of a recipe that suits a goal: 1 where all classes weigh the same, else 0."""
    return 1.0 if goal in GOALS or goal.startswith("recall:") else 0.0


def log_shares(task: Task) -> Tensor:
    """The logarithm of the share of each class in training, C; half an example is added to each. Raises DataError for a
    regression."""
    counts = class_counts(task, "balance") + 0.5
    shares: Tensor = (counts / counts.sum()).log().float()
    return shares


def class_counts(task: Task, setting: str) -> Tensor:
    """How many answers of each class training has, float64 C. Raises DataError for a regression, which names the setting."""
    if not task.classes or isinstance(task.train.y, dict):
        raise DataError(
            f"{task.name}: {setting} is of classes, and this task has none; leave {setting} out of the recipe"
        )
    counts = torch.zeros(len(task.classes), dtype=torch.float64)
    for block in blocks(task.train.y):
        kept = block.flatten().cpu()
        counts += torch.bincount(kept[kept != IGNORED], minlength=len(counts))
    return counts


def margins(counts: Tensor, largest: float) -> Tensor:
    """Each class's margin, C: `largest` for the rarest, and for one with n times its examples `largest` / n^(1/4)."""
    seen = counts.double().clamp(min=1.0)
    return (largest * (seen.min() / seen) ** 0.25).float()


def less_margin(logits: Tensor, target: Tensor, margins: Tensor) -> Tensor:
    """Logits, ... C, of which those of the right answers are lower by their margins.

    target: indices, ..., or what is right of each class, ... C: 1 or 0 of several labels, or probabilities.
    """
    right = target
    if logits.dim() > target.dim():
        right = F.one_hot(target.clamp(min=0), logits.shape[-1])  # what is marked as not counting is not lost either
    return logits - margins * right
