"""The level of chance: what is scored without looking at the input, by giving the same answer to every example.

The answer is the most frequent class of the training split, or the mean of its targets. A network within one standard
error of that has shown nothing yet.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasmyth.train.task import Task


def chance(task: Task, split: str = "valid") -> dict[str, Any]:
    """{"score", "value", "error", "answer", "share"}: accuracy or rmse on a split, its standard error, and for what answer.

    `answer` is the name of a class, and `share` how much of the training split is of it; or the mean, without a share.
    """
    y, train = getattr(task, split).y, task.train.y
    if task.classes:
        counts = train.bincount(minlength=len(task.classes))
        most = int(counts.argmax())
        hit = float((y == most).double().mean())
        # of so few examples that none or all are of that class, the shares would have no error: half an example is added
        held = (hit * len(y) + 0.5) / (len(y) + 1)
        return {
            "score": "accuracy", "value": hit, "error": math.sqrt(held * (1 - held) / len(y)),
            "answer": task.classes[most], "share": int(counts[most]) / len(train),
        }  # fmt: skip
    mean = train.double().mean(0)
    squared = (y.double() - mean).square()
    rmse = squared.mean(0).sqrt()
    # delta method: the error of a root is that of what is under it, over twice the root
    spread = squared.std(0, correction=0) / math.sqrt(len(y)) / (2 * rmse).clamp(min=1e-300)
    return {
        "score": "rmse", "value": float(rmse.mean()), "error": float(spread.mean()),
        "answer": mean.tolist() if len(mean) > 1 else float(mean[0]),
    }  # fmt: skip
