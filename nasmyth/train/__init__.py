"""Training: a task, a recipe, the loop. Names are imported on first use, so that `Recipe` does not need torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.train.augment import Augmentation, Crop, Flip, Mixup
    from nasmyth.train.average import EMA, Averaging
    from nasmyth.train.evaluation import evaluate, predict_logits
    from nasmyth.train.init import initialise
    from nasmyth.train.judgement import Judgement, difference, judge
    from nasmyth.train.loop import Fitted, fit
    from nasmyth.train.optimizers import SGD, AdamW, Optimizer
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.schedules import ConstantRate, Cosine, MultiStep, OneCycle, Schedule
    from nasmyth.train.state import TrainingState
    from nasmyth.train.steps import Step, Supervised
    from nasmyth.train.task import Split, Task, random_split, stratified_split

__all__ = [
    "EMA",
    "SGD",
    "AdamW",
    "Augmentation",
    "Averaging",
    "ConstantRate",
    "Cosine",
    "Crop",
    "Fitted",
    "Flip",
    "Judgement",
    "Mixup",
    "MultiStep",
    "OneCycle",
    "Optimizer",
    "Recipe",
    "Schedule",
    "Split",
    "Step",
    "Supervised",
    "Task",
    "TrainingState",
    "difference",
    "evaluate",
    "fit",
    "initialise",
    "is_task",
    "judge",
    "predict_logits",
    "random_split",
    "stratified_split",
]

__getattr__, __dir__ = contents(
    __name__,
    {
        "augment": ("Augmentation", "Crop", "Flip", "Mixup"),
        "average": ("EMA", "Averaging"),
        "evaluation": ("evaluate", "predict_logits"),
        "init": ("initialise",),
        "judgement": ("Judgement", "difference", "judge"),
        "loop": ("Fitted", "fit"),
        "optimizers": ("SGD", "AdamW", "Optimizer"),
        "recipe": ("Recipe",),
        "schedules": ("ConstantRate", "Cosine", "MultiStep", "OneCycle", "Schedule"),
        "state": ("TrainingState",),
        "steps": ("Step", "Supervised"),
        "task": ("Split", "Task", "random_split", "stratified_split"),
    },
)


def is_task(given: Any) -> TypeGuard[Task]:
    """Whether this is a `Task`. Imports nothing to find out: whoever has a task has imported torch."""
    module = sys.modules.get(f"{__name__}.task")
    return module is not None and isinstance(given, module.Task)
