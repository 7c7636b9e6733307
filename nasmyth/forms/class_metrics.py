"""What classifiers are scored by, each as a metric: of all classes, or of one.

Predictions are logits M C and targets indices M, of what counts alone. Conventions are those of scikit-learn: F1 leaves out
classes that are neither there nor answered, balanced accuracy those that are not there; precision is 0 where its class is
never answered. Areas leave out classes that have no example, or all. torchmetrics has most of these, without weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import DataError, nearest
from nasmyth.forms import ranking
from nasmyth.forms.calibration import BINS, bin_of, squared_errors
from nasmyth.forms.metric import Metric, mean, mean_defined, share
from nasmyth.forms.scores import CLASSES, SCORES, parted
from nasmyth.units import is_number

LISTED = 20
"""Classes that an error names."""


def class_metric(name: str, classes: tuple[str, ...]) -> Metric | None:
    """The metric of that name; None if it is none of classes. Raises DataError for a label that no class has."""
    family, label = parted(name)
    if family not in SCORES or CLASSES not in SCORES[family].kinds:
        return None
    direction, size = SCORES[family].direction, len(classes)
    if label:
        if family not in _TIED:
            return None
        place = _place(name, label, classes)
        columns, value = _TIED[family]
        takes = f"examples of {label!r} and of others" if family == "auroc" else f"an example of {label!r}"
        return Metric(name, direction, partial(columns, place), value, matched=family == "recall", takes=takes)
    if family in _COUNTED:
        return Metric(name, direction, _answers, partial(_COUNTED[family], size), width=size)
    if family in _RANKED:
        ranked = partial(_over_classes, _RANKED[family])
        return Metric(name, direction, _ranks, ranked, width=size, takes="examples of two classes")
    if family not in _MEANS:
        return None
    return Metric(name, direction, *_MEANS[family], matched=family == "accuracy", levels=family != "ece")


def _place(name: str, label: str, classes: tuple[str, ...]) -> int:
    if label in classes:
        return classes.index(label)
    equal = [
        i for i, other in enumerate(classes) if is_number(label) and is_number(other) and float(other) == float(label)
    ]
    if len(equal) == 1:
        return equal[0]
    shown = ", ".join(classes[:LISTED]) + (" ..." if len(classes) > LISTED else "")
    family = parted(name)[0]
    other = f"{family}_{label}"
    hint = f"; over all classes, write {other!r}" if other in SCORES else nearest(label, classes)
    raise DataError(f"{name}: no class is called {label!r}{hint} (there are {shown})")


# --- from counts --------------------------------------------------------------------------------------------------


def _answers(pred: Tensor, y: Tensor) -> Tensor:
    """(true, answered): M 2."""
    return torch.stack((y, pred.argmax(1)), 1)


def _counts(size: int, columns: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How many of each class are there, are answered, and are answered rightly: R C each."""
    y, answered = columns.unbind(1)

    def sums(weights: Tensor, classes: Tensor) -> Tensor:
        return weights.new_zeros(len(weights), size).index_add_(1, classes, weights)

    return sums(weights, y), sums(weights, answered), sums(weights * (y == answered), y)


def _balanced(size: int, columns: Tensor, weights: Tensor) -> Tensor:
    there, _, right = _counts(size, columns, weights)
    return mean_defined(right / there)


def _macro_f1(size: int, columns: Tensor, weights: Tensor) -> Tensor:
    there, answered, right = _counts(size, columns, weights)
    return mean_defined(2 * right / (there + answered))


def _micro_f1(size: int, columns: Tensor, weights: Tensor) -> Tensor:
    there, answered, right = (counts.sum(1) for counts in _counts(size, columns, weights))
    return 2 * right / (there + answered)


_COUNTED = {"balanced_accuracy": _balanced, "f1": _macro_f1, "f1_micro": _micro_f1}


# --- means over examples ------------------------------------------------------------------------------------------


def _right(pred: Tensor, y: Tensor) -> Tensor:
    """(right, 1): M 2."""
    right = pred.argmax(1) == y
    return torch.stack((right, torch.ones_like(right)), 1)


def _surprise(pred: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(pred.double(), y, reduction="none")[:, None]


def _squares(pred: Tensor, y: Tensor) -> Tensor:
    return squared_errors(pred.double().softmax(1), y)[:, None]


def _confidence(pred: Tensor, y: Tensor) -> Tensor:
    """(confidence, right): M 2."""
    confidence, answered = pred.double().softmax(1).max(1)
    return torch.stack((confidence, (answered == y).double()), 1)


def _only(columns: Tensor, weights: Tensor) -> Tensor:
    return mean(columns, weights)[:, 0]


def _gaps(columns: Tensor, weights: Tensor) -> Tensor:
    confidence, right = columns.unbind(1)
    held = F.one_hot(bin_of(confidence, BINS), BINS).double()
    return (weights @ (held * (confidence - right)[:, None])).abs().sum(1) / weights.sum(1)


_Parts = tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
_MEANS: dict[str, _Parts] = {
    "accuracy": (_right, share),
    "log_loss": (_surprise, _only),
    "loss": (_surprise, _only),
    "brier": (_squares, _only),
    "ece": (_confidence, _gaps),
}


# --- from ranks ---------------------------------------------------------------------------------------------------


def _ranks(pred: Tensor, y: Tensor) -> Tensor:
    """(index, probabilities): M C + 1."""
    return torch.cat((y[:, None].double(), pred.double().softmax(1)), 1)


def _over_classes(area: Callable[[Tensor, Tensor, Tensor], Tensor], columns: Tensor, weights: Tensor) -> Tensor:
    y, probabilities = columns[:, 0], columns[:, 1:]
    found = [area(column.contiguous(), y == i, weights) for i, column in enumerate(probabilities.unbind(1))]
    return mean_defined(torch.stack(found, 1))


_RANKED = {"auroc": ranking.auroc, "average_precision": ranking.average_precision}


# --- of one class -------------------------------------------------------------------------------------------------


def _found(place: int, pred: Tensor, y: Tensor) -> Tensor:
    """(found, there): M 2."""
    there = y == place
    return torch.stack((there & (pred.argmax(1) == place), there), 1)


def _both(place: int, pred: Tensor, y: Tensor) -> Tensor:
    """(there, answered): M 2."""
    return torch.stack((y == place, pred.argmax(1) == place), 1)


def _rank(place: int, pred: Tensor, y: Tensor) -> Tensor:
    """(there, probability): M 2."""
    return torch.stack(((y == place).double(), pred.double().softmax(1)[:, place]), 1)


def _precision(columns: Tensor, weights: Tensor) -> Tensor:
    there, answered, right = _sums_of_one(columns, weights)
    return torch.where((answered == 0) & (there > 0), 0.0, right / answered)


def _f1(columns: Tensor, weights: Tensor) -> Tensor:
    there, answered, right = _sums_of_one(columns, weights)
    return 2 * right / (there + answered)


def _sums_of_one(columns: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    there, answered = columns.double().unbind(1)
    return weights @ there, weights @ answered, weights @ (there * answered)


def _area(area: Callable[[Tensor, Tensor, Tensor], Tensor], columns: Tensor, weights: Tensor) -> Tensor:
    there, probability = columns.unbind(1)
    return area(probability.contiguous(), there == 1, weights)


_TIED: dict[str, tuple[Callable[[int, Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "recall": (_found, share),
    "precision": (_both, _precision),
    "f1": (_both, _f1),
    "auroc": (_rank, partial(_area, ranking.auroc)),
    "average_precision": (_rank, partial(_area, ranking.average_precision)),
}
