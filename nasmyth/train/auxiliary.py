"""Losses that layers add to that of the task: the balance of experts, for example.

    with auxiliary_losses(network) as extra:        # in a loop of your own
        loss = task_loss(network(x), y) + sum(extra)

A layer that has some has an attribute `auxiliary_losses`, None in its class. While somebody listens it is a list, and each
forward pass in training puts a scalar on it, weighted already; a layer that is passed twice puts two. `fit` listens, and
`run.loss` takes what has come since it was last asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def auxiliary_losses(network: nn.Module) -> Iterator[list[Tensor]]:
    """A list on which the layers put what they add to the loss; clear it after each step."""
    losses: list[Tensor] = []
    layers: list[Any] = [layer for layer in network.modules() if hasattr(layer, "auxiliary_losses")]
    before = [layer.auxiliary_losses for layer in layers]
    for layer in layers:
        layer.auxiliary_losses = losses
    try:
        yield losses
    finally:
        for layer, heard in zip(layers, before, strict=True):
            layer.auxiliary_losses = heard
