"""Answers that are rotations: unit quaternions (w, x, y, z), of which q and -q are the same, judged by the angle between them.

The angle between rotations p and q is 4 atan2(|p - q|, |p + q|) for the sign of q that is nearer: unlike 2 acos |p . q|, it is
as precise near 0 as elsewhere, and its gradient is bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.form import AnswerForm
from nasmyth.forms.metric import Gathered, Metric, mean
from nasmyth.forms.raw import tensor_of
from nasmyth.forms.stored import Rows, blocks

NEAR = 1e-3
"""How far from length 1 a target may be."""


class AnswerRotations(nn.Module):
    """Four numbers, N ... 4, to unit quaternions whose w is not negative."""

    def forward(self, pred):
        unit = pred / pred.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        return torch.where(unit[..., :1] < 0, -unit, unit)


class Rotations(AnswerForm):
    """A rotation of each example, or of each of its `positions`, as a unit quaternion (w, x, y, z).

    A network gives four numbers, of which the direction counts. Where a position does not count, targets are NaN.
    """

    kind: ClassVar[str] = "regression"
    objective: ClassVar[str] = "angle"
    direction: ClassVar[str] = "min"

    positions: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return ("w", "x", "y", "z")

    @property
    def size(self) -> int:
        return 4

    def encode(self, raw: Any) -> Tensor:
        """Quaternions to float32, N ... 4. Raises DataError for what has another length than 1."""
        y = tensor_of(raw).float()
        self.validate(y, "targets")
        return y

    def module(self) -> AnswerRotations:
        return AnswerRotations()

    def flat(self, pred: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What counts alone, M 4."""
        pred, y = pred.reshape(-1, 4), y.reshape(-1, 4)
        kept = ~y.isnan().any(1)
        return pred[kept], y[kept]

    def loss(self, pred: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean angle between what is answered and what counts, in radians, a scalar."""
        pred, target = self.flat(pred, target)
        return angles(pred, target).sum() / max(1, len(target))

    def meter(self, also: Iterable[str] = ()) -> _Meter:
        return _Meter(self, also)

    def metric(self, name: str) -> Metric | None:
        """Angle: the mean angle in degrees."""
        return Metric("angle", "min", _degrees, _mean_of_one) if name == "angle" else None

    def gather(self, metric: Metric, pred: Tensor, y: Tensor) -> Tensor:
        return metric.columns(*self.flat(pred, y))

    def counted(self, y: Any) -> int:
        return sum(int((~block.isnan().any(-1)).sum()) for block in blocks(y))

    def validate(self, y: Any, what: str) -> None:
        """Raise DataError unless these are unit quaternions."""
        fine = isinstance(y, (Tensor, Rows)) and tuple(y.shape[1:]) == self.shape and y.dtype == torch.float32
        if not fine:
            got = f"shape {tuple(y.shape)} and type {y.dtype}" if hasattr(y, "dtype") else "another kind"
            raise DataError(
                f"{what}: targets of {got}, expected (N, {', '.join(map(str, self.shape))}) and torch.float32: "
                "quaternions (w, x, y, z)"
            )
        start = 0
        for block in blocks(y):
            length = block.norm(dim=-1).flatten(1) if self.positions else block.norm(dim=-1, keepdim=True)
            off = ~((length - 1).abs() <= NEAR)
            if self.positions:
                off &= ~length.isnan()
            if bool(off.any()):
                row = int(off.any(1).nonzero()[0])
                raise DataError(
                    f"{what}, row {start + row}: a quaternion of length {float(length[row][off[row]][0]):.4g}, and that of a "
                    "rotation is 1; divide each by its length"
                )
            start += len(block)

    def learnable(self, name: str, train: Any, others: dict[str, Any]) -> None:
        """Raise DataError if nothing counts in a split."""
        for split, y in {"train": train, **others}.items():
            if not self.counted(y):
                raise DataError(f"{name}: no target of the {split} split counts: all are NaN")

    def varied(self, y: Any, count: int) -> Tensor:
        return torch.arange(min(count, len(y)))

    def chance(self, train: Any, y: Any) -> dict[str, Any]:
        """What is scored by always saying the mean rotation of training (Markley et al. 2007)."""
        said = self._mean(train)
        off = torch.cat([self._off(said, block) for block in blocks(y)])
        error = float(off.std()) / math.sqrt(len(off)) if len(off) > 1 else float("nan")
        return {"score": self.objective, "direction": self.direction, "value": float(off.mean()), "error": error,
                "answer": said.tolist()}  # fmt: skip

    def constant(self, metric: Metric, train: Any, y: Any) -> Tensor:
        said = self._mean(train)
        return torch.cat([self._off(said, block).unsqueeze(1) for block in blocks(y)])

    def _off(self, said: Tensor, y: Tensor) -> Tensor:
        return _degrees(*self.flat(said.float().expand(y.shape), y)).flatten()

    def _mean(self, y: Any) -> Tensor:
        """The rotation whose squared chords to all others are least: the first eigenvector of the sum of q q'."""
        total = torch.zeros(4, 4, dtype=torch.float64)
        for block in blocks(y):
            kept = self.flat(block, block)[1].double()
            total += kept.T @ kept
        return torch.linalg.eigh(total).eigenvectors[:, -1]

    # --- what a report shows ------------------------------------------------------------------------------------------

    def each(self, raw: Tensor, y: Tensor) -> Tensor:
        """The squared angle of each answer that counts, in degrees."""
        return _degrees(*self.flat(raw, y)).flatten().square()

    def picture(self, raw: Any, y: Any) -> dict[str, Any]:
        return {}

    def worst(self, raw: Tensor, y: Tensor) -> tuple[Tensor, int]:
        """Places in the flat row of answers, the largest angles first, and how many there are."""
        known = ~y.reshape(-1, 4).isnan().any(1)
        off = angles(raw.reshape(-1, 4), y.reshape(-1, 4)).where(known, torch.tensor(-1.0))
        count = int(known.sum())
        return off.argsort(descending=True, stable=True)[:count], count

    def said(self, raw: Tensor, y: Tensor, place: int) -> dict[str, Any]:
        """One answer as plain data: {"true", "answer"}."""
        answer: Tensor = self.module()(raw).reshape(-1, 4)[place]
        return {"true": y.reshape(-1, 4)[place].tolist(), "answer": answer.tolist()}


def angles(pred: Tensor, target: Tensor) -> Tensor:
    """The angles in radians, 0 to pi, between the rotations that quaternions of any length stand for, ... 4."""
    p = pred / pred.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    q = torch.where((p * target).sum(-1, keepdim=True) < 0, -target, target)
    # lengths with a floor: that of a difference has no gradient at 0
    apart, together = ((p - q).square().sum(-1) + 1e-14).sqrt(), (p + q).norm(dim=-1)
    return 4 * torch.atan2(apart, together)


def _degrees(pred: Tensor, y: Tensor) -> Tensor:
    return torch.rad2deg(angles(pred.double(), y.double())).unsqueeze(1)


def _mean_of_one(columns: Tensor, weights: Tensor) -> Tensor:
    return mean(columns, weights)[:, 0]


class _Meter:
    """The mean angle in degrees, and the loss."""

    TOLD = ("angle", "loss")

    def __init__(self, outputs: Rotations, also: Iterable[str] = ()) -> None:
        self.outputs = outputs
        self.total, self.count = 0.0, 0
        metrics = [outputs.metric(name) for name in dict.fromkeys(also) if name not in self.TOLD]
        self.also = Gathered(one for one in metrics if one is not None)

    def update(self, pred: Tensor, y: Tensor) -> None:
        pred, y = self.outputs.flat(pred, y)
        off = _degrees(pred, y)
        self.total += float(off.sum())
        self.count += len(off)
        self.also.update(pred, y)

    def compute(self) -> dict[str, float]:
        if not self.count:
            raise ValueError("no answer was scored: call update(pred, y) first, with targets that count")
        angle = self.total / self.count
        return {"angle": angle, "loss": math.radians(angle), **self.also.compute()}
