"""What one would otherwise take for a table: scikit-learn's HistGradientBoosting on the same split, with default settings.

It learns from the training split as a network does: numbers as they are (NaN where missing), categories as codes. Validation is
not learned from, and early stopping is off, so that it is the usual hundred rounds. The test split's answers are read for the
scores alone.
"""

from __future__ import annotations

import pickle
import time
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from nasmyth.train import Task

ROUNDS = 100
"""Of boosting: scikit-learn's default."""
TRIED = 4
"""Rounds after which the time of all is known."""
MOST_CODES = 255
"""Codes that scikit-learn takes for a category; a column of more is ordered by them."""
ROWS_TIMED = 20
LEAST = 1e-7
"""Probability that stands for none, so that the loss is finite."""


def boosted(task: Task, goal: str, seconds: float, seed: int = 0) -> dict[str, Any]:
    """Scores of gradient boosting on validation and test, its size in bytes (pickled) and its latency (one row), plain data.

    goal: the score that the design is after, which is told first. seconds: the most that it may take; where the first rounds
    show that it would take longer, {"skipped": why}, and so where scikit-learn is missing or the task is no table.
    """
    if not suits(task):
        return {"skipped": "only tables of one answer a row are boosted"}
    try:
        import sklearn
    except ImportError:
        return {"skipped": "scikit-learn is not installed"}
    start = time.perf_counter()
    models, needed = _trained(task, seconds, seed)
    if models is None:
        return {"skipped": f"it would take about {needed:.3g} s, and has {seconds:.3g} s"}
    took = time.perf_counter() - start
    scores = {split: _scores(models, task, split) for split in ("valid", "test")}
    return {
        "name": "HistGradientBoosting", "version": sklearn.__version__, "goal": goal, **scores,
        "size": len(pickle.dumps(models)), "latency": _latency(models, task), "seconds": took,
    }  # fmt: skip


def suits(task: Task) -> bool:
    """Whether the task is a table that it can learn."""
    from nasmyth.forms.inputs import TableInput
    from nasmyth.forms.outputs import Classes, Values

    return isinstance(task.inputs, TableInput) and isinstance(task.outputs, (Classes, Values))


def _trained(task: Task, seconds: float, seed: int) -> tuple[list[Any] | None, float]:
    """A model for each target; None, and the seconds that it would take, where that is too long."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task.classes else HistGradientBoostingRegressor
    columns = task.inputs.columns  # type: ignore[attr-defined]
    categories = [c.kind == "category" and len(c.vocabulary) < MOST_CODES for c in columns]
    x, y = _rows(task, "train"), task.train.y.numpy().reshape(len(task.train), -1)
    models: list[Any] = []
    start = time.perf_counter()
    for target in y.T:
        settings = {"early_stopping": False, "random_state": seed, "categorical_features": categories}
        model = kind(max_iter=TRIED, warm_start=True, **settings).fit(x, target)
        needed = (time.perf_counter() - start) / (len(models) * ROUNDS + TRIED) * ROUNDS * y.shape[1]
        if needed > seconds:
            return None, needed
        models.append(model.set_params(max_iter=ROUNDS).fit(x, target))
    return models, time.perf_counter() - start


def _rows(task: Task, split: str) -> np.ndarray:
    from nasmyth.forms import stored

    rows: np.ndarray = stored.section(getattr(task, split).x, slice(None)).numpy()
    return rows


def _answers(models: list[Any], task: Task, rows: np.ndarray) -> np.ndarray:
    """Log probabilities, N C, of all classes of the task, or values, N k."""
    import numpy as np

    if not task.classes:
        return np.stack([model.predict(rows) for model in models], 1)
    found = np.full((len(rows), len(task.classes)), np.log(LEAST))
    found[:, models[0].classes_] = np.log(np.clip(models[0].predict_proba(rows), LEAST, 1.0))
    return found


def _scores(models: list[Any], task: Task, split: str) -> dict[str, float]:
    import torch

    told = torch.from_numpy(_answers(models, task, _rows(task, split))).float()
    raw = told if task.classes else task.outputs.standardise(told)  # type: ignore[attr-defined]
    return task.score(raw, getattr(task, split).y)


def _latency(models: list[Any], task: Task) -> float:
    """Seconds that the answer to one row takes, the median of a few."""
    rows, times = _rows(task, "valid")[:1], []
    for _ in range(ROWS_TIMED):
        start = time.perf_counter()
        _answers(models, task, rows)
        times.append(time.perf_counter() - start)
    return median(times)
