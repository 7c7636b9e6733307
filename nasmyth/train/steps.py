"""A step: what is done with one batch. The loop calls `step(run, batch)` for each, and it is a part that can be replaced.

A step is a function, or a frozen dataclass if it has settings (or a `Step`, a frozen value that files can hold, if these
are plain numbers); it updates the weights and returns the loss, which the curve shows. What it needs is on the run
(`run.py`): `predict`, `loss`, `update`, `stream`, `network`, `task`, `progress`.

    @dataclass(frozen=True, eq=False)
    class Distil:
        teacher: nn.Module

        def __call__(self, run, batch):
            pred = run.predict(batch.x)
            with torch.no_grad():
                soft = self.teacher(batch.x).softmax(1)
            return run.update(0.5 * run.loss(pred, batch) + 0.5 * F.cross_entropy(pred, soft))

Two methods more, where it wants them:

    start(run)              what it keeps from batch to batch, by name: optimizers, streams of batches, modules, generators;
                            found in `run.own`, and part of the state of the training
    parameters(network)     (name, parameter) pairs that the recipe's optimizer is to train; all of them, unless said
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from nasmyth.record import Value

if TYPE_CHECKING:
    from nasmyth.train.batches import Batch
    from nasmyth.train.run import Run

AnyStep = Callable[["Run", "Batch"], Tensor]


class Step(Value, abstract=True):
    """A step as a frozen value: the state of a training in a file names it, and goes on with it by itself."""

    def __call__(self, run: Run, batch: Batch) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(run, batch), which returns the loss")


class Supervised(Step):
    """Predict, compare with the answers, follow the gradient."""

    def __call__(self, run: Run, batch: Batch) -> Tensor:
        return run.update(run.loss(run.predict(batch.x), batch))


def started(step: AnyStep, run: Run) -> dict[str, Any]:
    """What a step keeps, by name."""
    start = getattr(step, "start", None)
    return dict(start(run)) if start is not None else {}


def trained_by(step: AnyStep, network: Any) -> list[tuple[str, Any]]:
    """The parameters that the recipe's optimizer trains, with their names."""
    chosen = getattr(step, "parameters", None)
    return list(network.named_parameters() if chosen is None else chosen(network))
