"""What only training tells. Each is a figure of `nasmyth.train.evaluate` on a network that has been trained.

accuracy(network, task)                  on the validation split
accuracy(network, task, split="test")    touched once, at the end
"""

from __future__ import annotations

from typing import Any

from nasmyth.measure.measure import Direction, Measure, measures

_NEEDS = ("weights", "data", "labels", "training")


def _figure(name: str, unit: str, direction: Direction, what: str) -> Measure:
    def evaluate(network: Any, task: Any, split: str = "valid") -> float:
        from nasmyth.train import evaluate as run

        return float(run(network, task, split=split)[name])

    evaluate.__doc__ = what
    evaluate.__qualname__ = f"{__name__}.{name}"
    return Measure(name, evaluate, unit=unit, direction=direction, needs=_NEEDS, stochastic=True)


accuracy = _figure("accuracy", "1", "max", "The share of examples whose most probable class is the right one.")
loss = _figure("loss", "1", "min", "Mean cross-entropy in nats, or mean squared error of standardised targets.")
rmse = _figure("rmse", "raw", "min", "Root of the mean squared error, in the target's own unit.")
mae = _figure("mae", "raw", "min", "Mean absolute error, in the target's own unit.")
r2 = _figure("r2", "1", "max", "The share of the target's variance that is explained: 1 is perfect, 0 is the mean.")

for _measure in (accuracy, loss, rmse, mae, r2):
    measures.add(_measure.name, _measure)
