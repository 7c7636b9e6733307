"""Training: a task, a recipe, the loop. Names are imported on first use, so that `Recipe` does not need torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.train.evaluation import evaluate, predict_logits
    from nasmyth.train.init import initialise
    from nasmyth.train.loop import Fitted, fit
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.split import Split, random_split, stratified_split
    from nasmyth.train.split_scores import SplitScores, paired_difference, score_split
    from nasmyth.train.task import Task

__all__ = [
    "Fitted",
    "Recipe",
    "Split",
    "SplitScores",
    "Task",
    "evaluate",
    "fit",
    "initialise",
    "is_task",
    "paired_difference",
    "predict_logits",
    "random_split",
    "score_split",
    "stratified_split",
]

__getattr__, __dir__ = contents(
    __name__,
    {
        "evaluation": ("evaluate", "predict_logits"),
        "init": ("initialise",),
        "loop": ("Fitted", "fit"),
        "recipe": ("Recipe",),
        "split": ("Split", "random_split", "stratified_split"),
        "split_scores": ("SplitScores", "paired_difference", "score_split"),
        "task": ("Task",),
    },
)


def is_task(given: Any) -> TypeGuard[Task]:
    """Whether this is a `Task`. Imports nothing to find out: whoever has a task has imported torch."""
    module = sys.modules.get(f"{__name__}.task")
    return module is not None and isinstance(given, module.Task)
