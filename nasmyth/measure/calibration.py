"""Calibration beyond the two figures that every training leaves (`ece`, `brier`): measured where it is asked for.

    ece_scaled(network, task)      what is left of the calibration error once a temperature has been fitted
    ece_adaptive, ece_classwise    with bins of equally many examples; over all classes and not only the likeliest

See `nasmyth/forms/calibration.py` for what they are and where they come from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nasmyth.errors import DataError
from nasmyth.measure.measure import Measure, measures
from nasmyth.measure.trained import NEEDS

if TYPE_CHECKING:
    from torch import Tensor


def classifies(name: str, task: Any) -> None:
    """Raise DataError unless the task is a classification."""
    if task.kind != "classification":
        raise DataError(f"{name} is a figure of classifiers, and {task.name} is a {task.kind}; leave it out")


def answers(network: Any, task: Any, split: str) -> tuple[Tensor, Tensor]:
    """Logits N C, in float64, and the class indices N."""
    from nasmyth.train import predict_logits

    examples = getattr(task, split)
    logits, y = task.outputs.flat(predict_logits(network, task.inputs, examples.x), examples.y.cpu())
    return logits.double(), y


def _measure(name: str, compute: Callable[[Any, Any, str], float]) -> Measure:
    def evaluate(network: Any, task: Any, split: str = "valid") -> float:
        classifies(name, task)
        return float(compute(network, task, split))

    evaluate.__doc__ = compute.__doc__
    evaluate.__qualname__ = f"{__name__}.{name}"
    evaluate.suits = lambda task: classifies(name, task)  # type: ignore[attr-defined]
    made = Measure(name, evaluate, unit="1", needs=NEEDS, stochastic=True)
    measures.add(name, made)
    return made


def _scaled(network: Any, task: Any, split: str) -> float:
    """Expected calibration error after the logits were divided by one temperature, fitted on the validation split."""
    from nasmyth.forms.calibration import ece, temperature

    logits, y = answers(network, task, split)
    if split != "valid":
        return ece(logits / temperature(*answers(network, task, "valid")), y)
    # no example may be scaled by what was fitted on it: each half takes the temperature of the other
    scaled = logits.clone()
    for half, other in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        if len(y[half]) and len(y[other]):
            scaled[half] = logits[half] / temperature(logits[other], y[other])
    return ece(scaled, y)


def _adaptive(network: Any, task: Any, split: str) -> float:
    """Expected calibration error over bins that hold equally many examples."""
    from nasmyth.forms.calibration import adaptive_ece

    return adaptive_ece(*answers(network, task, split))


def _classwise(network: Any, task: Any, split: str) -> float:
    """Expected calibration error of the probability of every class, the mean over classes."""
    from nasmyth.forms.calibration import classwise_ece

    return classwise_ece(*answers(network, task, split))


ece_scaled = _measure("ece_scaled", _scaled)
ece_adaptive = _measure("ece_adaptive", _adaptive)
ece_classwise = _measure("ece_classwise", _classwise)
