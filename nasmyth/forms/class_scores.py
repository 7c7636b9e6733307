"""Answers that are classes, of an example or of each of its positions: what is lost, scored and shown.

Logits are N ... C and targets int64 N ..., where IGNORED marks what does not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.class_metrics import class_metric
from nasmyth.forms.form import IGNORED, AnswerForm
from nasmyth.forms.meters import ClassMeter
from nasmyth.forms.metric import Gathered, Metric, level
from nasmyth.forms.stored import Rows, blocks

MOST_IN_MATRIX = 256
"""Of more classes no matrix of who is taken for whom is kept."""
DOMINANT = 0.9
"""The share of training that may be of one class before accuracy is doubted."""


class ClassScores(AnswerForm, abstract=True):
    """What `Classes` loses, scores and shows."""

    kind: ClassVar[str] = "classification"
    objective: ClassVar[str] = "accuracy"
    direction: ClassVar[str] = "max"
    if TYPE_CHECKING:

        @property
        def positions(self) -> tuple[int, ...]: ...

    @property
    def size(self) -> int:
        """How many outputs the network needs, for each position."""
        return len(self.names)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.names

    def loss(self, pred: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean cross-entropy over what counts, a scalar, of logits with indices, or with probabilities like the logits."""
        if not self.positions:
            return F.cross_entropy(pred, target, label_smoothing=smoothing)
        pred = pred.flatten(0, -2)
        if target.is_floating_point():
            return F.cross_entropy(pred, target.flatten(0, -2), label_smoothing=smoothing)
        y = target.flatten()
        total = F.cross_entropy(pred, y, reduction="sum", label_smoothing=smoothing, ignore_index=IGNORED)
        return total / (y != IGNORED).sum().clamp(min=1)  # a batch in which nothing counts loses nothing

    def meter(self, also: Iterable[str] = ()) -> _Meter:
        return _Meter(self, also)

    def metric(self, name: str) -> Metric | None:
        return class_metric(name, self.names)

    def gather(self, metric: Metric, pred: Tensor, y: Tensor) -> Tensor:
        return metric.columns(*self.flat(pred, y))

    def flat(self, pred: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What counts alone, as logits M C and indices M."""
        if not self.positions:
            return pred, y
        kept = y.flatten() != IGNORED
        return pred.flatten(0, -2)[kept], y.flatten()[kept]

    def counted(self, y: Any) -> int:
        """How many answers count."""
        return len(y) if not self.positions else sum(int((block != IGNORED).sum()) for block in blocks(y))

    # --- what can be learned --------------------------------------------------------------------------------------------

    def validate(self, y: Any, what: str) -> None:
        """Raise DataError unless these are indices of the classes."""
        fine = isinstance(y, (Tensor, Rows)) and tuple(y.shape[1:]) == self.positions and y.dtype == torch.int64
        low, high = _extremes(y) if fine else (0, 0)
        if fine and high < self.size and (low >= 0 or (self.positions and self._marked(y))):
            return
        got = (
            f"targets of shape {tuple(y.shape)} and type {y.dtype}"
            if hasattr(y, "dtype")
            else "targets of another kind"
        )
        raise DataError(
            f"{what}: {got} from {low} to {high}, expected torch.int64 indices of {self.size} classes"
            f"{f' for each of {self.positions} positions' if self.positions else ''}; make them with outputs.encode(raw)"
        )

    def _marked(self, y: Any) -> bool:
        return not any(bool(((block < 0) & (block != IGNORED)).any()) for block in blocks(y))

    def learnable(self, name: str, train: Any, others: dict[str, Any]) -> None:
        """Raise DataError if training has one class only, or lacks one that another split has."""
        seen = self._counts(train) > 0
        if int(seen.sum()) < 2:
            only = self.names[int(seen.nonzero().flatten()[0])] if bool(seen.any()) else "none"
            raise DataError(f"{name}: every training example is of one class, {only!r}; give at least two classes")
        for split, y in others.items():
            unseen = [self.names[i] for i in torch.nonzero((self._counts(y) > 0) & ~seen).flatten().tolist()]
            if unseen:
                raise DataError(
                    f"{name}: {split} has labels that never occur in training: {', '.join(map(repr, unseen[:10]))}; "
                    f"drop these examples, or split with stratified_split"
                )

    def _counts(self, y: Any) -> Tensor:
        found = torch.zeros(self.size, dtype=torch.int64)
        for block in blocks(y):
            kept = block.flatten().cpu()
            found += torch.bincount(kept[kept != IGNORED], minlength=self.size)
        return found

    def varied(self, y: Any, count: int) -> Tensor:
        """The places of `count` examples, or one more, among which are two classes."""
        first = torch.arange(min(count, len(y)))
        if self.positions or isinstance(y, Rows):
            return first
        other = torch.nonzero(y != y[0]).flatten()[:1]
        return torch.cat([first, other]) if bool((y[first] == y[0]).all()) else first

    def chance(self, train: Any, y: Any, goal: str = objective) -> dict[str, Any]:
        """What is scored by always saying the class that training has most of, as sure as its share is; see
        `nasmyth.train.chance`."""
        counts, metric = self._counts(train), self.metric(goal)
        most = int(counts.argmax())
        answer = {"answer": self.names[most], "share": int(counts[most]) / max(1, int(counts.sum()))}
        if goal != self.objective and metric is not None and metric.levels:
            return {**level(metric, self.constant(metric, train, y)), **answer}
        held = self._counts(y)
        n = int(held.sum())
        hit = int(held[most]) / n if n else float("nan")
        # of so few examples that none or all are of that class, the shares would have no error: half an example is added
        share = (hit * n + 0.5) / (n + 1)
        error = math.sqrt(share * (1 - share) / n) if n else float("nan")
        return {"score": self.objective, "direction": self.direction, "value": hit, "error": error, **answer}

    def constant(self, metric: Metric, train: Any, y: Any) -> Tensor:
        logits = self._counts(train).double().clamp(min=1e-9).log()
        return torch.cat(
            [self.gather(metric, logits.expand(*block.shape, self.size), block.cpu()) for block in blocks(y)]
        )

    def doubt(self, train: Any) -> str:
        """A word on accuracy where one class has nearly all of training."""
        counts = self._counts(train)
        most, share = int(counts.argmax()), float(counts.max()) / max(1, int(counts.sum()))
        if share < DOMINANT:
            return ""
        rare = f", or average_precision:{self.names[1 - most]}" if self.size == 2 else ""
        return (
            f"{100 * share:.3g} % of the training examples are of one class, {self.names[most]!r}: an accuracy of "
            f"{share:.3g} takes no skill; --maximize balanced_accuracy{rare} says more"
        )

    # --- what a report shows --------------------------------------------------------------------------------------------

    def each(self, raw: Tensor, y: Tensor) -> Tensor:
        """1 or 0 for each answer that counts, right or wrong."""
        pred, y = self.flat(raw, y)
        return (pred.argmax(1) == y).double()

    def picture(self, raw: Tensor, y: Tensor) -> dict[str, Any]:
        """{"confusion": rows of counts, true class by predicted class, "classes": names}."""
        n = self.size
        if n > MOST_IN_MATRIX:
            return {}
        pred, y = self.flat(raw, y)
        counts = torch.bincount(y * n + pred.argmax(1), minlength=n * n).reshape(n, n)
        return {"confusion": counts.tolist(), "classes": list(self.names)}

    def worst(self, raw: Tensor, y: Tensor) -> tuple[Tensor, int]:
        """Places in the flat row of answers, the wrong ones that are surest first, and how many are wrong at all."""
        sure, predicted = raw.softmax(-1).amax(-1).flatten(), raw.argmax(-1).flatten()
        wrong = torch.nonzero((predicted != y.flatten()) & (y.flatten() != IGNORED)).flatten()
        return wrong[sure[wrong].argsort(descending=True, stable=True)], len(wrong)

    def said(self, raw: Tensor, y: Tensor, place: int) -> dict[str, Any]:
        """One answer as plain data: {"true", "answer", "sure"}."""
        logits = raw.reshape(-1, self.size)[place]
        return {"true": self.names[int(y.flatten()[place])], "answer": self.names[int(logits.argmax())],
                "sure": round(float(logits.softmax(0).max()), 4)}  # fmt: skip


class _Meter(ClassMeter):
    """Of what counts alone."""

    def __init__(self, outputs: ClassScores, also: Iterable[str] = ()) -> None:
        super().__init__(outputs.size)
        self.outputs = outputs
        metrics = [outputs.metric(name) for name in dict.fromkeys(also) if name not in self.TOLD]
        self.also = Gathered(one for one in metrics if one is not None)

    def update(self, pred: Tensor, y: Tensor) -> None:
        pred, y = self.outputs.flat(pred, y)
        super().update(pred, y)
        self.also.update(pred, y)

    def compute(self) -> dict[str, float]:
        return {**super().compute(), **self.also.compute()}


def _extremes(y: Any) -> tuple[int, int]:
    found = [(int(block.min()), int(block.max())) for block in blocks(y) if block.numel()]
    return min((low for low, _ in found), default=0), max((high for _, high in found), default=0)
