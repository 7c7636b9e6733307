"""Training: a task, a recipe, the loop. Names are imported on first use, so that `Recipe` does not need torch."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from nasmyth.train.evaluation import evaluate, predict_logits
    from nasmyth.train.init import initialise
    from nasmyth.train.judgement import Judgement, difference, judge
    from nasmyth.train.loop import Fitted, fit
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.task import Split, Task, random_split, stratified_split

__all__ = [
    "Fitted",
    "Judgement",
    "Recipe",
    "Split",
    "Task",
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

_HOME = {
    "Fitted": "loop",
    "Judgement": "judgement",
    "Recipe": "recipe",
    "Split": "task",
    "Task": "task",
    "difference": "judgement",
    "evaluate": "evaluation",
    "fit": "loop",
    "initialise": "init",
    "judge": "judgement",
    "predict_logits": "evaluation",
    "random_split": "task",
    "stratified_split": "task",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def is_task(given: Any) -> TypeGuard[Task]:
    """Whether this is a `Task`. Imports nothing to find out: whoever has a task has imported torch."""
    module = sys.modules.get(f"{__name__}.task")
    return module is not None and isinstance(given, module.Task)
