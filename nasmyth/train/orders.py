"""Answers without an order of their own: a training that finds in which order they are best given.

A set has to be answered one element after the other, and in some orders that is easy. `OrderSearch` is a step for `fit`, for
networks that answer by what they answered before and so read the answers in training as an input called `targets`, as
`ops.Pointer` does:

    fitted = fit(network, task, step=OrderSearch(draws=8))
    network.load_state_dict(fitted.state.weights)
    order_losses(network, x, y, orders)                     # what was found: the loss in each of some orders

Validation knows answers in the order in which they are stored, so the weights that it calls best need not be those that the
search has led to: these are the last ones, as above.

(Vinyals 2016, arXiv:1511.06391, section 5.2.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.errors import DataError, SpaceError
from nasmyth.forms.form import IGNORED
from nasmyth.train.steps import Step

if TYPE_CHECKING:
    from nasmyth.train.batches import Batch
    from nasmyth.train.run import Run

TARGETS = "targets"
"""The input by which a network is told answers in training."""


class OrderSearch(Step):
    """Draws some orders of the answers of a batch, and learns the likelier ones.

    For each example one of the drawn orders is taken with the probability that the network gives its answers in it, among
    those drawn; in the first part of the training (`explore`, a share of it) all with the same, so that none wins by chance.

    draws: how many orders are compared; each costs a forward pass, without gradients.
    together: all examples of a batch take one order, by the geometric mean of their probabilities: for answers whose k-th
        element is the same thing in every example.
    ends: the last answer that counts says that the answer ends, and stays the last.
    Answers are classes of positions, N m; those that do not count stay behind the others.
    """

    draws: int = 4
    explore: float = 0.2
    together: bool = False
    ends: bool = False

    def check(self) -> None:
        if self.draws < 2 or not 0 <= self.explore <= 1:
            raise SpaceError(
                f"{self!r}: draws is at least 2, for one order is no choice, and explore a share from 0 to 1"
            )

    def __call__(self, run: Run, batch: Batch) -> Tensor:
        if batch.y.ndim != 2:
            raise DataError(
                f"answers of shape {tuple(batch.y.shape)} have no order to search: give Classes(names, positions=(m,)), "
                "m answers for each example"
            )
        orders = self.drawn(batch.y, run.generator)
        taken = torch.zeros(len(batch.y), dtype=torch.int64, device=batch.y.device)  # drawn alike: the first is any
        if run.progress >= self.explore:
            with torch.no_grad():
                losses = torch.stack([_each(run.network, batch.x, batch.y.gather(1, order)) for order in orders])
            if self.together:
                losses = losses.mean(1, keepdim=True)
            taken = torch.multinomial((-losses.T).softmax(1), 1, generator=run.generator).squeeze(1).expand(len(taken))
        order = orders[taken, torch.arange(len(taken), device=taken.device)]
        y = batch.y.gather(1, order)
        batch.targets = [(1.0, y)]
        return run.update(run.loss(run.predict(_told(run.network, batch.x, y)), batch))

    def drawn(self, y: Tensor, generator: torch.Generator) -> Tensor:
        """Random orders of the answers of each example: draws N m."""
        rows, m = y.shape
        keys = torch.rand(self.draws, 1 if self.together else rows, m, generator=generator, device=generator.device)
        keys = keys.to(y.device).expand(-1, rows, -1)
        counts = y != IGNORED
        if self.ends:
            last = torch.arange(m, device=y.device) == (counts.sum(1, keepdim=True) - 1)
            keys = keys.masked_fill(last, 2.0)
        return keys.masked_fill(~counts, 3.0).argsort(dim=2, stable=True)


def order_losses(network: nn.Module, x: Any, y: Tensor, orders: Iterable[Sequence[int]]) -> Tensor:
    """The mean loss of answers, N m, given in each of some orders of their m places: what `OrderSearch` has come to prefer.

    x: prepared input, a tuple of all that the network takes. The network runs as in training, where it is told what the right
    answers before were, and is left in the mode that it was in. Raises DataError for what is no order.
    """
    places, found, mode = list(range(y.shape[1])), [], network.training
    network.train()
    try:
        for order in orders:
            if sorted(order) != places:
                raise DataError(
                    f"{tuple(order)} is no order of {y.shape[1]} answers: give each of 0 to {y.shape[1] - 1} once"
                )
            with torch.no_grad():
                found.append(_each(network, x, y[:, list(order)]).mean())
    finally:
        network.train(mode)
    return torch.stack(found)


def _each(network: nn.Module, x: Any, y: Tensor) -> Tensor:
    """The loss of each example, summed over its answers."""
    logits = network(*_told(network, x, y))
    return F.cross_entropy(logits.transpose(1, 2), y, ignore_index=IGNORED, reduction="none").sum(1)


def _told(network: Any, x: Any, y: Tensor) -> tuple[Tensor, ...]:
    """The network's inputs with these answers as its targets."""
    names = network.graph.inputs.names
    if TARGETS not in names:
        raise DataError(
            f"an order is searched for networks with an input {TARGETS!r}, and this one takes {network.graph.inputs}; "
            "answer by ops.Pointer, or another op that reads it"
        )
    return tuple(y if name == TARGETS else given for name, given in zip(names, x, strict=True))
