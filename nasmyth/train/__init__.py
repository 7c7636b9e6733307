"""Training: a task, a recipe, the loop. Names are imported on first use, so that `Recipe` does not need torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.train.augment import Augmentation, Crop, Cutout, Flip
    from nasmyth.train.average import EMA, Averaging
    from nasmyth.train.criticality import Criticality, critical, next_variance
    from nasmyth.train.distort import RandAugment
    from nasmyth.train.evaluation import evaluate, predict_logits
    from nasmyth.train.init import initialise
    from nasmyth.train.loop import Fitted, fit
    from nasmyth.train.mixing import CutMix, Mixup
    from nasmyth.train.optimizers import SGD, AdamW, Muon, Optimizer
    from nasmyth.train.orders import OrderSearch, order_losses
    from nasmyth.train.rates import rate_scale
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.schedules import ConstantRate, Cosine, MultiStep, OneCycle, Schedule, WarmupStableDecay
    from nasmyth.train.shards import ShardedExperts, ShardedOptimizer
    from nasmyth.train.split import Split, random_split, stratified_split
    from nasmyth.train.split_scores import SplitScores, paired_difference, score_split
    from nasmyth.train.state import TrainingState
    from nasmyth.train.steps import Step, Supervised
    from nasmyth.train.task import Task

__all__ = [
    "EMA",
    "SGD",
    "AdamW",
    "Augmentation",
    "Averaging",
    "ConstantRate",
    "Cosine",
    "Criticality",
    "Crop",
    "CutMix",
    "Cutout",
    "Fitted",
    "Flip",
    "Mixup",
    "MultiStep",
    "Muon",
    "OneCycle",
    "Optimizer",
    "OrderSearch",
    "RandAugment",
    "Recipe",
    "Schedule",
    "ShardedExperts",
    "ShardedOptimizer",
    "Split",
    "SplitScores",
    "Step",
    "Supervised",
    "Task",
    "TrainingState",
    "WarmupStableDecay",
    "critical",
    "evaluate",
    "fit",
    "initialise",
    "is_task",
    "next_variance",
    "order_losses",
    "paired_difference",
    "predict_logits",
    "random_split",
    "rate_scale",
    "score_split",
    "stratified_split",
]

__getattr__, __dir__ = contents(
    __name__,
    {
        "augment": ("Augmentation", "Crop", "Cutout", "Flip"),
        "average": ("EMA", "Averaging"),
        "criticality": ("Criticality", "critical", "next_variance"),
        "distort": ("RandAugment",),
        "evaluation": ("evaluate", "predict_logits"),
        "init": ("initialise",),
        "loop": ("Fitted", "fit"),
        "mixing": ("CutMix", "Mixup"),
        "optimizers": ("SGD", "AdamW", "Muon", "Optimizer"),
        "orders": ("OrderSearch", "order_losses"),
        "rates": ("rate_scale",),
        "recipe": ("Recipe",),
        "schedules": ("ConstantRate", "Cosine", "MultiStep", "OneCycle", "Schedule", "WarmupStableDecay"),
        "shards": ("ShardedExperts", "ShardedOptimizer"),
        "split": ("Split", "random_split", "stratified_split"),
        "split_scores": ("SplitScores", "paired_difference", "score_split"),
        "state": ("TrainingState",),
        "steps": ("Step", "Supervised"),
        "task": ("Task",),
    },
)


def is_task(given: Any) -> TypeGuard[Task]:
    """Whether this is a `Task`. Imports nothing to find out: whoever has a task has imported torch."""
    module = sys.modules.get(f"{__name__}.task")
    return module is not None and isinstance(given, module.Task)
