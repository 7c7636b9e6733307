"""Several answers of one network, its heads: losses are summed with weights, and each head is scored by itself.

    Heads((("kind", Classes(("cat", "dog"))), ("age", Values(("age",), (3.0,), (1.5,)))), weights=(1.0, 0.5))

The network gives all that the heads need side by side along its last axis, in their order, or a dict with one tensor for each.
Targets are a dict. The first head is the one by which networks are compared: its scores have their usual names, those of the
others begin with the name of their head.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.form import AnswerForm
from nasmyth.forms.metric import Metric


class AnswerHeads(nn.Module):
    """The network's output, cut into heads, to the answers of each, in order."""

    def __init__(self, heads, sizes):
        super().__init__()
        self.heads, self.sizes = nn.ModuleList(heads), list(sizes)

    def forward(self, pred):
        return tuple(head(part) for head, part in zip(self.heads, pred.split(self.sizes, -1), strict=True))


class Heads(AnswerForm):
    """A dict of answers. `weights`: of their losses, 1 each if left out."""

    heads: tuple[Any, ...]
    weights: tuple[float, ...] = ()

    def check(self) -> None:
        named = all(isinstance(h, tuple) and len(h) == 2 and isinstance(h[1], AnswerForm) for h in self.heads)
        if not named or not self.heads or len(dict(self.heads)) < len(self.heads):
            raise DataError(
                "heads are pairs of a name and an answer, such as (('kind', Classes(...)), ('age', Values(...)))"
            )
        if self.weights and len(self.weights) != len(self.heads):
            raise DataError(f"{len(self.weights)} weights for {len(self.heads)} heads: give one for each, or none")
        if len({self._answer(i).shape[:-1] for i in range(len(self.heads))}) > 1:
            raise DataError("heads of different positions: all answer the same positions of an example")

    def _answer(self, i: int) -> AnswerForm:
        answer: AnswerForm = self.heads[i][1]
        return answer

    @property
    def first(self) -> Any:
        return self.heads[0][1]

    @property
    def kind(self) -> str:  # type: ignore[override]  # of the first
        return str(self.first.kind)

    @property
    def objective(self) -> str:  # type: ignore[override]
        return str(self.first.objective)

    @property
    def direction(self) -> str:  # type: ignore[override]
        return str(self.first.direction)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.first.names)

    @property
    def labels(self) -> tuple[Any, ...]:
        return tuple(self.first.labels)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.first.classes)

    @property
    def positions(self) -> tuple[int, ...]:
        return tuple(self.first.positions)

    @property
    def size(self) -> int:
        """How many outputs all heads need together."""
        return sum(answer.size for _, answer in self.heads)

    @property
    def unlabelled(self) -> Heads:
        return self.replace(heads=tuple((name, answer.unlabelled) for name, answer in self.heads))

    def check_output(self, pred: Any, who: str = "the answer") -> None:
        """Raise DataError unless a network's output has what each head needs."""
        if isinstance(pred, dict):
            for name, part in self.split(pred).items():
                dict(self.heads)[name].check_output(part, f"{who}, head {name!r},")
        else:
            super().check_output(pred, who)

    def split(self, pred: Any) -> dict[str, Any]:
        """The output of each head."""
        names = [name for name, _ in self.heads]
        if isinstance(pred, dict):
            missing = [name for name in names if name not in pred]
            if missing:
                raise DataError(f"the network answers with {sorted(pred)}, and head {missing[0]!r} is missing")
            return {name: pred[name] for name in names}
        return dict(zip(names, pred.split([answer.size for _, answer in self.heads], -1), strict=True))

    def encode(self, raw: Any) -> dict[str, Tensor]:
        """A dict of raw targets to a dict of stored ones."""
        missing = [name for name, _ in self.heads if name not in raw]
        if missing:
            raise DataError(f"targets of {list(raw)}: there are none for the head {missing[0]!r}")
        return {name: answer.encode(raw[name]) for name, answer in self.heads}

    def module(self) -> AnswerHeads:
        """The network's output to the answer of each head, in order."""
        return AnswerHeads([answer.module() for _, answer in self.heads], [answer.size for _, answer in self.heads])

    def loss(self, pred: Any, target: dict[str, Tensor], smoothing: float = 0.0) -> Tensor:
        """The weighted sum of the heads' losses, a scalar."""
        weights = self.weights or (1.0,) * len(self.heads)
        outputs = self.split(pred)
        pairs = zip(self.heads, weights, strict=True)
        losses = [weight * answer.loss(outputs[name], target[name], smoothing) for (name, answer), weight in pairs]
        return torch.stack(losses).sum()

    def meter(self, also: Iterable[str] = ()) -> _Meter:
        return _Meter(self, also)

    def metric(self, name: str) -> Metric | None:
        """That of the first head; the loss, which is of all of them, has none."""
        found: Metric | None = None if name == "loss" else self.first.metric(name)
        return found

    def gather(self, metric: Metric, pred: Any, y: Any) -> Tensor:
        found: Tensor = self.first.gather(metric, *self._one(pred, y))
        return found

    def counted(self, y: dict[str, Any]) -> int:
        """How many answers of the first head count."""
        return int(self.first.counted(y[self.heads[0][0]]))

    def validate(self, y: Any, what: str) -> None:
        """Raise DataError unless there are targets for each head."""
        if not isinstance(y, dict) or set(y) != {name for name, _ in self.heads}:
            raise DataError(
                f"{what}: targets are a dict with one tensor for each of {[name for name, _ in self.heads]}"
            )
        for name, answer in self.heads:
            answer.validate(y[name], f"{what}, head {name!r}")
        if len({len(one) for one in y.values()}) > 1:
            raise DataError(f"{what}: heads have targets for different numbers of examples")

    def learnable(self, name: str, train: Any, others: dict[str, Any]) -> None:
        for head, answer in self.heads:
            answer.learnable(f"{name}, head {head!r}", train[head], {s: y[head] for s, y in others.items()})

    def varied(self, y: dict[str, Any], count: int) -> Tensor:
        places: Tensor = self.first.varied(y[self.heads[0][0]], count)
        return places

    # chance, and what a report shows, are those of the first head

    def chance(self, train: Any, y: Any, goal: str = "") -> dict[str, Any]:
        name = self.heads[0][0]
        return dict(self.first.chance(train[name], y[name], *((goal,) if goal else ())))

    def constant(self, metric: Metric, train: Any, y: Any) -> Tensor:
        name = self.heads[0][0]
        found: Tensor = self.first.constant(metric, train[name], y[name])
        return found

    def doubt(self, train: Any) -> str:
        return str(self.first.doubt(train[self.heads[0][0]]))

    def _one(self, raw: Any, y: Any) -> tuple[Tensor, Tensor]:
        name = self.heads[0][0]
        return self.split(raw)[name], y[name]

    def each(self, raw: Any, y: Any) -> Tensor:
        found: Tensor = self.first.each(*self._one(raw, y))
        return found

    def picture(self, raw: Any, y: Any) -> dict[str, Any]:
        return dict(self.first.picture(*self._one(raw, y)))

    def worst(self, raw: Any, y: Any) -> tuple[Tensor, int]:
        found: tuple[Tensor, int] = self.first.worst(*self._one(raw, y))
        return found

    def said(self, raw: Any, y: Any, place: int) -> dict[str, Any]:
        return dict(self.first.said(*self._one(raw, y), place))


class _Meter:
    """The scores of all heads."""

    def __init__(self, outputs: Heads, also: Iterable[str] = ()) -> None:
        self.outputs = outputs
        asked = tuple(name for name in also if outputs.metric(name) is not None)
        self.meters = {name: answer.meter() for name, answer in outputs.heads}
        if asked:
            self.meters[outputs.heads[0][0]] = outputs.first.meter(asked)

    def update(self, pred: Any, y: dict[str, Tensor]) -> None:
        for name, part in self.outputs.split(pred).items():
            self.meters[name].update(part, y[name])

    def compute(self) -> dict[str, float]:
        found = {name: meter.compute() for name, meter in self.meters.items()}
        first, *others = found
        weights = self.outputs.weights or (1.0,) * len(found)
        loss = sum(weight * scores["loss"] for weight, scores in zip(weights, found.values(), strict=True))
        more = {f"{name}_{score}": value for name in others for score, value in found[name].items()}
        return {**found[first], **more, "loss": loss}
