"""A moving average of a network's weights, which generalises better than the last ones (Polyak & Juditsky, 1992)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The exponential moving average of all weights and float buffers (norm statistics), and the newest of the rest.

    After step t (from 1): average += (1 - d) * (weights - average), d = min(decay, (1 + t) / (10 + t)), so that a short
    run is not ruled by its first weights (as in TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.live = tensors(network)
        self.kept = [t.detach().clone() for t in self.live]
        self.floats = [i for i, t in enumerate(self.live) if t.is_floating_point()]
        self.others = [i for i, t in enumerate(self.live) if not t.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after one step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
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


def tensors(network: nn.Module) -> list[Tensor]:
    """All parameters and buffers, each once, in a fixed order."""
    return [*network.parameters(), *network.buffers()]


@torch.no_grad()
def exchange(one: list[Tensor], other: list[Tensor]) -> None:
    """Swap the contents of two lists of tensors."""
    for a, b in zip(one, other, strict=True):
        held = a.clone()
        a.copy_(b)
        b.copy_(held)
