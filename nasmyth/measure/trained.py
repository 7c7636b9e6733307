"""What only training tells. Each is a figure of `nasmyth.train.evaluate` on a network that has been trained.

accuracy(network, task)                  on the validation split
accuracy(network, task, split="test")    touched once, at the end

Where a training was done for it, they are among what that told (`needs.training`), and are not measured again.
"""

from __future__ import annotations

from typing import Any

from nasmyth.errors import DataError
from nasmyth.measure.measure import Direction, Measure, measures

NEEDS = ("trained", "task", "split")

_CLASSES, _NUMBERS = "classification", "regression"


def _figure(name: str, unit: str, direction: Direction, what: str, *kinds: str) -> Measure:
    def suits(task: Any) -> None:
        if task.kind not in kinds:
            raise DataError(f"{name} is no figure of a {task.kind}, and {task.name} is one; write {task.objective}")

    def evaluate(network: Any, task: Any, split: str = "valid") -> float:
        from nasmyth.train import evaluate as run

        suits(task)
        return float(run(network, task, split=split)[name])

    evaluate.suits = suits  # type: ignore[attr-defined]  # asked before a search, so that nothing is trained in vain
    evaluate.__doc__ = what
    evaluate.__qualname__ = f"{__name__}.{name}"
    return Measure(name, evaluate, unit=unit, direction=direction, needs=NEEDS, stochastic=True)


accuracy = _figure(
    "accuracy", "1", "max", "The share of examples whose most probable class is the right one.", _CLASSES
)
loss = _figure(
    "loss", "1", "min", "Mean cross-entropy in nats, or mean squared error of standardised targets.", _CLASSES, _NUMBERS
)
ece = _figure(
    "ece", "1", "min", "Expected calibration error: how far confidence and accuracy are apart, in 15 bins.", _CLASSES
)
brier = _figure("brier", "1", "min", "Mean squared error of the probabilities, summed over classes: 0 to 2.", _CLASSES)
rmse = _figure("rmse", "raw", "min", "Root of the mean squared error, in the target's own unit.", _NUMBERS)
mae = _figure("mae", "raw", "min", "Mean absolute error, in the target's own unit.", _NUMBERS)
r2 = _figure(
    "r2", "1", "max", "The share of the target's variance that is explained: 1 is perfect, 0 is the mean.", _NUMBERS
)

for _measure in (accuracy, loss, ece, brier, rmse, mae, r2):
    measures.add(_measure.name, _measure)
