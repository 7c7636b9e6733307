"""What only training tells: the scores of answers. Each is a figure of `nasmyth.train.evaluate` on a network that has been
trained, and a goal that a search can have.

accuracy(network, task)                  on the validation split
accuracy(network, task, split="test")    touched once, at the end
recall("malignant"), f1("malignant")     of one class, by its label: "recall:malignant" as text
quantile_loss(0.9)                       "quantile_loss:0.9"

Where a training was done for it, they are among what that told (`needs.training`), and are not measured again. What scores
there are is a table (`nasmyth/forms/scores.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from nasmyth.errors import DataError, UnitError
from nasmyth.forms.scores import LABEL, QUANTILE, SCORES, goals, parted, quantile
from nasmyth.measure.measure import Family, Measure, measures

NEEDS = ("trained", "task", "split")


def judged_by(task: Any, goal: str) -> Any:
    """The task whose trainings are judged by this goal, where that is a score of its answers; else as it is."""
    return task.judged_by(goal) if goal == "loss" or task.outputs.metric(goal) is not None else task


def _figure(name: str, about: str) -> Measure:
    score = SCORES[parted(name)[0]]

    def suits(task: Any) -> None:
        if task.kind not in score.kinds:
            written = goals(task.kind, *task.classes[:1])
            raise DataError(f"{name} is no figure of a {task.kind}, and {task.name} is one; write {written}")
        task.outputs.metric(name)  # which refuses a class that there is not

    def evaluate(network: Any, task: Any, split: str = "valid") -> float:
        from nasmyth.train import evaluate as run

        suits(task)
        return float(run(network, task, split=split, also=(name,))[name])

    evaluate.suits = suits  # type: ignore[attr-defined]  # asked before a search, so that nothing is trained in vain
    evaluate.defined = lambda task, split: task.check_defined(name, split)  # type: ignore[attr-defined]
    evaluate.__doc__ = about
    evaluate.__qualname__ = f"{__name__}.{name}"
    return Measure(name, evaluate, unit=score.unit, direction=score.direction, needs=NEEDS, stochastic=True)


def _of_class(family: str) -> Callable[[Any], Measure]:
    about = SCORES[family].about.replace(" of each class against the others", "").replace(", the mean over classes", "")
    made = cache(lambda label: _figure(f"{family}:{label}", f"{about.rstrip('.')}: of the class {label!r}."))

    def of(label: Any) -> Measure:
        name = str(label).strip()
        if not name:
            raise UnitError(f"{family}: say of which class, such as '{family}:{LABEL}'")
        return made(name)

    of.__qualname__ = family
    return of


def _quantile_loss(share: Any) -> Measure:
    return _of_quantile(quantile(share))


@cache
def _of_quantile(share: float) -> Measure:
    about = SCORES["quantile_loss"].about.replace("a quantile", f"the quantile {share!r}")
    return _figure(f"quantile_loss:{share!r}", about)


def _registered(name: str) -> Any:
    """A measure, or what gives one of each class."""
    score = SCORES[name]
    of = _quantile_loss if score.of == QUANTILE else _of_class(name)
    if not score.alone:
        return measures.add(name, Family(name, of, score.of, score.about, score.cure))
    made = _figure(name, score.about)
    made.of = of if score.of else None
    return measures.add(name, made)


accuracy, balanced_accuracy = map(_registered, ("accuracy", "balanced_accuracy"))
f1, f1_micro, recall, precision = map(_registered, ("f1", "f1_micro", "recall", "precision"))
auroc, average_precision = map(_registered, ("auroc", "average_precision"))
loss, log_loss, ece, brier = map(_registered, ("loss", "log_loss", "ece", "brier"))
rmse, mae, median_error, quantile_loss, r2 = map(_registered, ("rmse", "mae", "median_error", "quantile_loss", "r2"))
