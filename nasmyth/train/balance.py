"""Rare classes: logit adjustment (Menon et al. 2021, arXiv:2007.07314, equation 10).

In training, t log(share of the class) is added to the logit of each class. What the network then has to add by itself is
what the example says beyond how common classes are, so that its answers without the addition have all classes weigh the same:
at t = 1 they are those that make balanced accuracy best. Unlike weights of classes it leaves the loss of each example as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
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
    if not task.classes or isinstance(task.train.y, dict):
        raise DataError(f"{task.name}: balance is of classes, and this task has none; leave balance out of the recipe")
    counts: Any = torch.full((len(task.classes),), 0.5, dtype=torch.float64)
    for block in blocks(task.train.y):
        kept = block.flatten().cpu()
        counts += torch.bincount(kept[kept != IGNORED], minlength=len(counts))
    shares: Tensor = (counts / counts.sum()).log().float()
    return shares
