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

    from nasmyth.forms.metric import Metric

SLOW = 50
"""Times what a mean costs: so many fewer resamples tell an interval."""


def classifies(name: str, task: Any) -> None:
    """Raise DataError unless the task is a classification."""
    if task.kind != "classification":
        raise DataError(f"{name} is a figure of classifiers, and {task.name} is a {task.kind}; leave it out")


def answers(network: Any, task: Any, split: str) -> tuple[Tensor, Tensor]:
    """Logits N C, in float64, and the class indices N."""
    import torch

    from nasmyth.forms import stored
    from nasmyth.forms.metric import Metric
    from nasmyth.train import predict_logits

    examples = getattr(task, split)
    raw = predict_logits(network, task.inputs, examples.x)
    y = stored.moved(stored.section(examples.y, slice(None)), "cpu")
    both = Metric("answers", "max", lambda pred, y: torch.cat((y[:, None].double(), pred.double()), 1), lambda c, w: w)
    found = task.outputs.gather(both, raw, y)
    return found[:, 1:], found[:, 0].long()


def _measure(name: str, about: str, error: str, seen: Callable[[Any, Any, str], tuple[Tensor, Tensor]]) -> Measure:
    """`error`: the function of logits and classes that tells it, of what is `seen` of a network on a split."""

    def examples(network: Any, task: Any, split: str = "valid") -> tuple[Metric, Tensor]:
        import torch

        from nasmyth.forms import calibration
        from nasmyth.forms.metric import Metric, repeated

        function = getattr(calibration, error)
        logits, y = seen(network, task, split)
        value = repeated(lambda rows: float(function(rows[:, 1:], rows[:, 0].long())))
        return Metric(name, "min", lambda pred, _: pred, value, width=SLOW), torch.cat((y[:, None].double(), logits), 1)

    def evaluate(network: Any, task: Any, split: str = "valid") -> float:
        classifies(name, task)
        metric, columns = examples(network, task, split)
        return metric.told(columns)

    evaluate.__doc__ = about
    evaluate.__qualname__ = f"{__name__}.{name}"
    evaluate.suits = lambda task: classifies(name, task)  # type: ignore[attr-defined]
    evaluate.examples = examples  # type: ignore[attr-defined]
    made = Measure(name, evaluate, unit="1", needs=NEEDS, stochastic=True)
    measures.add(name, made)
    return made


def _scaled(network: Any, task: Any, split: str) -> tuple[Tensor, Tensor]:
    """Answers whose logits were divided by a temperature that no example of theirs was fitted on."""
    from nasmyth.forms.calibration import temperature

    logits, y = answers(network, task, split)
    if split != "valid":
        return logits / temperature(*answers(network, task, "valid")), y
    scaled = logits.clone()  # each half takes the temperature of the other
    for half, other in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        if len(y[half]) and len(y[other]):
            scaled[half] = logits[half] / temperature(logits[other], y[other])
    return scaled, y


ece_scaled = _measure(
    "ece_scaled",
    "Expected calibration error after the logits were divided by one temperature, fitted on the validation split.",
    "ece",
    _scaled,
)
ece_adaptive = _measure(
    "ece_adaptive", "Expected calibration error over bins that hold equally many examples.", "adaptive_ece", answers
)
ece_classwise = _measure(
    "ece_classwise",
    "Expected calibration error of the probability of every class, the mean over classes.",
    "classwise_ece",
    answers,
)
