"""The level of chance: what is scored without looking at the input, by giving the same answer to every example.

The answer is the most frequent class of the training split, or the mean of its targets. A network within one standard
error of that has shown nothing yet.
"""

from __future__ import annotations

from typing import Any

from nasmyth.train.task import Task


def chance(task: Task, split: str = "valid") -> dict[str, Any]:
    """{"score", "direction", "value", "error", "answer", "share"}: the objective on a split, its standard error, and for what
    answer.

    `answer` is the name of a class, and `share` how much of the training split is of it; or the mean, without a share.
    """
    return task.chance(split)
