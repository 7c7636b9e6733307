"""A moving average of a network's weights, which generalises better than the last ones (Polyak & Juditsky, 1992)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nasmyth.record import Value
from nasmyth.train.ranges import within

if TYPE_CHECKING:
    from torch import Tensor, nn


class Averaging(Value, abstract=True):
    """How weights are averaged. One of your own is a class with a method `decay_at`."""

    def decay_at(self, step: int) -> float:
        """How much of the average is kept after step number `step`, from 1; the rest is the newest weights."""
        raise NotImplementedError(f"{type(self).__name__} has no decay_at(step), which returns a share from 0 to 1")


class EMA(Averaging):
    """The exponential moving average. After step t (from 1) its decay is min(decay, (1 + t) / (10 + t)), so that a short
    run is not ruled by its first weights (as in TensorFlow's ExponentialMovingAverage)."""

    decay: float

    def check(self) -> None:
        within(self, "decay", below=1.0)

    def decay_at(self, step: int) -> float:
        return min(self.decay, (1 + step) / (10 + step))


class Average:
    """The average of all weights and float buffers (norm statistics), and the newest of the rest."""

    def __init__(self, network: nn.Module, rule: Averaging) -> None:
        self.rule = rule
        self.steps = 0
        self.live = list(named_tensors(network).values())
        self.kept = [t.detach().clone() for t in self.live]
        self.floats = [i for i, t in enumerate(self.live) if t.is_floating_point()]
        self.others = [i for i, t in enumerate(self.live) if not t.is_floating_point()]

    def update(self) -> None:
        """Take in the weights after one step: average += (1 - decay) * (weights - average)."""
        import torch

        self.steps += 1
        decay = self.rule.decay_at(self.steps)
        with torch.no_grad():
            if self.floats:
                kept, live = [self.kept[i] for i in self.floats], [self.live[i] for i in self.floats]
                torch._foreach_lerp_(kept, live, 1.0 - decay)
            for i in self.others:
                self.kept[i].copy_(self.live[i])

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Inside, the network has the averaged weights."""
        exchange(self.live, self.kept)
        try:
            yield
        finally:
            exchange(self.live, self.kept)


def named_tensors(network: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers, each once, by name, in a fixed order."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def exchange(one: list[Tensor], other: list[Tensor]) -> None:
    """Swap the contents of two lists of tensors."""
    import torch

    with torch.no_grad():
        for a, b in zip(one, other, strict=True):
            held = a.clone()
            a.copy_(b)
            b.copy_(held)


def copy_into(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Copy tensors into others of the same shapes."""
    import torch

    with torch.no_grad():
        for target, source in zip(targets, sources, strict=True):
            target.copy_(source)
