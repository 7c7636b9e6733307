"""A training as a step sees it: what `step(run, batch)` is given to work with."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nasmyth.train import host
from nasmyth.train.augment import Augmentation
from nasmyth.train.average import Average
from nasmyth.train.balance import class_counts, less_margin, log_shares, margins
from nasmyth.train.batches import Batch, Order, Stream
from nasmyth.train.evaluation import check_size
from nasmyth.train.recipe import Recipe
from nasmyth.train.split import Split
from nasmyth.train.task import Task, repeated

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Run:
    """What steps use: these fields, and the methods."""

    network: nn.Module
    task: Task
    recipe: Recipe
    device: torch.device
    generator: torch.Generator
    """Of the noise of augmentations; a step that draws numbers takes them from here, or keeps a generator of its own."""
    progress: float
    """How much of the training is over, 0 to 1."""
    rate: float
    """The learning rate of this step."""
    own: dict[str, Any]
    """What the step keeps."""
    auxiliary: list[Tensor]
    """What layers add to the loss, since it was last asked for (`auxiliary.py`)."""

    fabric: Fabric
    seed: int
    model: Any
    optimizer: Any
    average: Average | None
    trained: list[nn.Parameter]
    data: Split
    inputs: Any
    format: torch.memory_format
    early: list[Augmentation]
    late: list[Augmentation]
    checked: bool
    """Whether the network's answers have the size of the task's."""

    @functools.cached_property
    def log_shares(self) -> Tensor:
        """How common the classes are in training."""
        return log_shares(self.task).to(self.device)

    @functools.cached_property
    def margins(self) -> Tensor:
        """By how much the logit of each class has to win."""
        return margins(class_counts(self.task, "margin"), self.recipe.margin).to(self.device)

    def predict(self, x: Any) -> Tensor:
        """What the network answers to prepared input: a tensor, or a tuple of several inputs."""
        pred: Tensor = self.model(*x) if isinstance(x, tuple) else self.model(x)
        if not self.checked:
            check_size(pred, self.task)
            self.checked = True
        return pred

    def loss(self, pred: Tensor, batch: Batch) -> Tensor:
        """The loss of predictions on a batch, a scalar: weighted where an augmentation has mixed answers. What layers add
        of their own is in it."""
        smoothing = self.recipe.smoothing
        if self.recipe.balance:
            pred = pred + self.recipe.balance * self.log_shares
        parts = ((weight, self.task.loss(self._held(pred, y), y, smoothing)) for weight, y in batch.targets)
        losses = [loss if weight == 1.0 else weight * loss for weight, loss in parts] + self.auxiliary
        self.auxiliary.clear()
        return functools.reduce(operator.add, losses)

    def _held(self, pred: Tensor, y: Any) -> Tensor:
        """Predictions as the loss sees them: less what the right answers have to win by."""
        return less_margin(pred, repeated(y, pred), self.margins) if self.recipe.margin else pred

    def update(self, loss: Tensor | Iterable[Tensor], optimizer: torch.optim.Optimizer | None = None) -> Tensor:
        """One step along the gradient of a loss; gives the loss, detached.

        loss: a scalar; or several, whose gradients are added up, each differentiated before the next is asked for, so that
        a generator holds the activations of one at a time. optimizer: one of the step's own, which is not clipped and
        leaves the average alone; by default the recipe's.
        """
        stepped: Any = self.optimizer if optimizer is None else optimizer
        stepped.zero_grad()
        total = None
        for one in (loss,) if isinstance(loss, Tensor) else loss:
            self.fabric.backward(one)
            total = one.detach() if total is None else total + one.detach()
        if total is None:
            raise ValueError("update() of no losses: give one at least")
        if optimizer is None and self.recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.trained, self.recipe.clip)
        stepped.step()
        if optimizer is None and self.average is not None:
            self.average.update()
        return total

    def stream(self, split: Split, batch: int | None = None, seed: int = 0) -> Stream:
        """Batches of other examples, without end, prepared and not augmented. A step keeps it by returning it from `start`."""
        data, share = split.to(self.device), (self.fabric.global_rank, self.fabric.world_size)
        order = Order(len(data), batch or self.recipe.batch, self.seed + 2 + seed, self.device, share)
        return Stream(order, lambda rows: self.batch(rows, data, augmented=False))

    def batch(self, rows: Tensor, data: Split | None = None, augmented: bool = True) -> Batch:
        """The examples at these indices, of the training split unless said, as the network is to see them."""
        batch = Batch(*(data or self.data).batch(rows), rows)
        for one in self.early if augmented else ():
            one.change(batch, self.generator)
        batch.x = host.arranged(self.inputs(batch.x), self.format)
        for one in self.late if augmented else ():
            one.change(batch, self.generator)
        return batch
