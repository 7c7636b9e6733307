"""What a network's answer means: classes, or values in the units of the target.

`encode` turns raw targets into what training reads; `module()` turns the network's last layer into the answer, as a
plain `nn.Module` that is exported together with the network. The module classes use nothing but torch and their own
constructor arguments: their source can be pasted into a file that imports torch alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasmyth.errors import DataError, nearest
from nasmyth.forms.class_scores import ClassScores
from nasmyth.forms.form import IGNORED
from nasmyth.forms.raw import tensor_of, text_of
from nasmyth.forms.value_scores import ValueScores
from nasmyth.units import is_number


class AnswerClasses(nn.Module):
    """Logits, N C or N ... C, to labels (int64, N ...) and probabilities (float, N ... C)."""

    def forward(self, logits):
        return logits.argmax(-1), logits.softmax(-1)


class AnswerValues(nn.Module):
    """Standardised values, N k, to values in the units of the target, N k: z * std + mean."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def forward(self, z):
        return z * self.std + self.mean


class Classes(ClassScores):
    """One of several classes. `names[i]` is the class that index i means."""

    names: tuple[str, ...]
    type: str = "text"
    """What the labels were: "text", "int", "float" or "bool"."""
    positions: tuple[int, ...] = ()
    """Axes of an example each of whose positions has an answer of its own, such as (length,) or (nodes,)."""

    def check(self) -> None:
        try:
            sound = all(isinstance(label, str) or math.isfinite(label) for label in self.labels)
        except (KeyError, ValueError, TypeError, OverflowError):
            sound = False
        if not sound:
            raise DataError(f"classes {list(self.names)[:5]} are no labels of type {self.type!r}")

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes as the labels that they were: 3, not "3"."""
        return tuple(map(_LABELS[self.type], self.names))

    @property
    def unlabelled(self) -> Classes:
        """In which type labels are given back changes nothing of what is learned."""
        return self.replace(type="text")

    def encode(self, raw: Any) -> Tensor:
        """Labels to class indices: int64, N. Raises DataError for a label that is missing or not among the names.

        Of positions: int64, N ..., and a label that is missing does not count.
        """
        places: dict[Any, int] = {name: i for i, name in enumerate(self.names)}
        labels = np.asarray(raw, dtype=object)
        if self.positions:
            if labels.shape[1:] != self.positions:
                raise DataError(f"labels of shape {labels.shape}: give one for each of {self.positions} positions")
            places[None] = IGNORED
        texts = [text_of(v) for v in labels.reshape(-1)]
        for row, text in enumerate(texts):
            if text not in places:
                hint = nearest(text, self.names) if text else "; drop the rows without a label"
                raise DataError(f"row {row}: label {text!r} is not one of the classes {list(self.names)[:20]}{hint}")
        return torch.tensor([places[t] for t in texts], dtype=torch.int64).reshape(len(labels), *self.positions)

    def module(self) -> AnswerClasses:
        """Logits N C to (labels int64 N, probabilities float N C)."""
        return AnswerClasses()


def _truth(name: str) -> bool:
    return {"True": True, "False": False}[name]


_LABELS: dict[str, Callable[[str], Any]] = {"text": str, "int": int, "float": float, "bool": _truth}


def label_type(labels: Any) -> str:
    """What `Classes.type` is of these labels, by their own type or, of objects, by that of each."""
    kind = getattr(getattr(labels, "dtype", None), "kind", "O")
    if kind in "biuf":
        return {"b": "bool", "f": "float"}.get(kind, "int")
    if kind != "O":
        return "text"
    known = [label for label in labels if text_of(label) is not None]
    kinds = {"bool": (bool, np.bool_), "int": (int, np.integer), "float": (int, float, np.number)}
    for name, types in kinds.items():
        alike = all(isinstance(v, types) and (name == "bool" or not isinstance(v, bool)) for v in known)
        if known and alike:
            return name
    return "text"


class Values(ValueScores):
    """One or more numbers. `mean` and `std` are those of the training targets."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    positions: tuple[int, ...] = ()
    """Axes of a field each of whose positions has numbers of its own, such as (height, width)."""

    def encode(self, raw: Any) -> Tensor:
        """Targets to float32, N k, in their own units. Raises DataError for text, NaN and infinities, with the row.

        Of a field: N ... k, or N ... for one number, and NaN where a position does not count.
        """
        if not self.positions:
            return _targets(raw, self.names)
        y = tensor_of(raw).float()
        y = y.unsqueeze(-1) if self.size == 1 and tuple(y.shape[1:]) == self.positions else y
        if tuple(y.shape[1:]) != self.shape or bool(y.isinf().any()):
            raise DataError(f"targets of shape {tuple(y.shape)}: give finite numbers, (N, {str(self.shape)[1:]}")
        return y

    def standardise(self, values: Tensor) -> Tensor:
        """Values in the units of the target, N k, to standardised ones: (values - mean) / std."""
        return (values - values.new_tensor(self.mean)) / values.new_tensor(self.std)

    def module(self) -> AnswerValues:
        """Standardised values N k to values N k in the units of the target."""
        return AnswerValues(list(self.mean), list(self.std))


def fit_classes(labels: Any) -> Classes:
    """The classes that occur, in the order of numbers if all are numbers, else of text. Missing labels are left out."""
    labels = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else labels
    labels = labels if hasattr(labels, "dtype") else np.asarray(labels, dtype=object)
    names = {text for text in map(text_of, np.asarray(labels, dtype=object)) if text is not None}
    order: Any = _as_number if all(map(is_number, names)) else str
    return Classes(tuple(sorted(names, key=order)), label_type(labels))


def fit_values(targets: Any, names: Sequence[str] = ("target",)) -> Values:
    """The Values whose mean and standard deviation are those of the training targets, N or N k."""
    if len(targets) == 0:
        raise DataError("no training targets: give at least one row")
    y = _targets(targets, tuple(names)).double()
    std = y.std(0, correction=0)
    constant = [name for name, s in zip(names, std.tolist(), strict=True) if s == 0]
    if constant:
        raise DataError(f"target {constant[0]!r} has the same value in every training row: there is nothing to learn")
    return Values(tuple(names), tuple(y.mean(0).tolist()), tuple(std.tolist()))


def _targets(raw: Any, names: Sequence[str]) -> Tensor:
    try:
        y = np.asarray(raw.detach().cpu() if isinstance(raw, Tensor) else raw).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"targets that are not numbers ({error}): give numbers, or use classes") from None
    y = y.reshape(len(y), math.prod(y.shape[1:]))
    if y.shape[1] != len(names):
        raise DataError(f"{y.shape[1]} target columns for {len(names)} names {list(names)}")
    with np.errstate(over="ignore"):
        single = y.astype(np.float32)
    bad = np.argwhere(~np.isfinite(single))
    if len(bad):
        row, column = bad[0].tolist()
        raise DataError(
            f"target {names[column]!r}, row {row}: {y[row, column]} ({len(bad)} such in all); drop these rows or fill them"
        )
    return torch.from_numpy(single)


def _as_number(text: str) -> tuple[float, str]:
    return float(text), text
