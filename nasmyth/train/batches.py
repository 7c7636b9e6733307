"""Batches: which examples come next, and what is known of them while a step is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import DataError


@dataclass(slots=True)
class Batch:
    """Some examples. x: stored input, prepared input once augmentations of stored input are done. y: their answers.

    targets: (weight, answers) pairs; the loss is the weighted sum. One pair, unless an augmentation mixes examples.
    """

    x: Any
    y: Any
    rows: Tensor
    targets: list[tuple[float, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.targets = [(1.0, self.y)]

    def __len__(self) -> int:
        return len(self.rows)


class Order:
    """Which examples come next: all of them in a random order, then again; those that fill no batch wait for another epoch.

    Its place can be written down and taken up again. Of several processes, each takes its share of every batch.
    """

    def __init__(
        self, count: int, batch: int, seed: int, device: torch.device, share: tuple[int, int] = (0, 1)
    ) -> None:
        if not count:
            raise DataError("no examples to draw batches from: the first axis has length 0")
        self.count, self.batch, self.device, self.share = count, min(batch, count), device, share
        self.per_epoch = count // self.batch
        self.generator = torch.Generator().manual_seed(seed)
        self.position = 0
        self._rows: tuple[Tensor, ...] | None = None
        self._start = self.generator.get_state()  # before the order of this epoch was drawn

    def next(self) -> Tensor:
        """The indices of the next batch."""
        if self._rows is None:
            self._start = self.generator.get_state()
            order = torch.randperm(self.count, generator=self.generator)[: self.per_epoch * self.batch]
            self._rows = order.to(self.device).split(self.batch)
        rank, world = self.share
        rows = self._rows[self.position][rank::world]
        self.position += 1
        if self.position == self.per_epoch:
            self.position, self._rows = 0, None
        return rows

    def state_dict(self) -> dict[str, Any]:
        """The generator as it was when this epoch began, and how many of its batches are done."""
        start = self.generator.get_state() if self._rows is None else self._start
        return {"generator": start, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; at the start of the epoch where it has fewer batches than were done."""
        self.generator.set_state(state["generator"])
        self._rows, self.position = None, 0
        if 0 < state["position"] < self.per_epoch:
            self.next()
            self.position = state["position"]


class Stream:
    """Batches of other examples than those that the loop goes through, without end: of a split that a step has for itself.

    Its place is part of the state of the training, if the step hands it over in `start`.
    """

    def __init__(self, order: Order, gather: Callable[[Tensor], Batch]) -> None:
        self.order, self.gather = order, gather

    def next(self) -> Batch:
        """The next batch, prepared and not augmented."""
        return self.gather(self.order.next())

    def state_dict(self) -> dict[str, Any]:
        return self.order.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order.load_state_dict(state)
