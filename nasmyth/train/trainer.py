"""The loop: one training on one device, or one device's share of it.

The loop asks its limits (`limits.py`) whether to go on, draws a batch (`batches.py`), augments and prepares it, and hands it
to the step (`steps.py`), which uses `predict`, `loss` and `update` (`run.py`). After each epoch and at the end it evaluates
(`selection.py`). `resume.py` writes down and takes up all that decides what comes next.

The learning rate follows progress = max(share of the planned steps done, share of the time used), so a run that time
cuts short ends at a low rate all the same. A run bounded by epochs alone depends on nothing but its arguments: the same
seed on the same machine gives the same weights, bit for bit. Layers that change as training goes on have a method
`set_progress(fraction)`: it is told this progress, 0 to 1, before every step.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nasmyth.errors import Diverged
from nasmyth.progress import Step as WatchedStep
from nasmyth.progress import watch
from nasmyth.train import host, limits, resume
from nasmyth.train.auxiliary import auxiliary_losses
from nasmyth.train.average import Average
from nasmyth.train.batches import Order
from nasmyth.train.evaluation import evaluate
from nasmyth.train.limits import Due, Limits, Timer
from nasmyth.train.moments import names_of
from nasmyth.train.recipe import Recipe
from nasmyth.train.run import Run
from nasmyth.train.selection import Selection
from nasmyth.train.state import TrainingState
from nasmyth.train.steps import AnyStep, Supervised, started, trained_by
from nasmyth.train.task import Task

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOG = logging.getLogger(__name__)
SYNC_EVERY = 20
"""Steps between looks at the loss and the clock on a device that works ahead of Python (a GPU)."""


@dataclass
class Job:
    """What is to be done: everything that `fit` was asked for, but the network."""

    task: Task
    recipe: Recipe
    limits: Limits
    seed: int = 0
    step: AnyStep = field(default_factory=Supervised)
    on_epoch: Callable[[dict[str, float]], object] | None = None
    checkpoint: Callable[[TrainingState], object] | None = None
    every: Any = "60s"
    state: TrainingState | None = None


class Trainer(Run):
    """A training while it runs."""

    def __init__(self, fabric: Fabric, network: nn.Module, job: Job) -> None:
        self.fabric, self.network, self.job = fabric, network, job
        self.task, self.recipe, self.limits, self.seed = job.task, job.recipe, job.limits, job.seed
        self.device = fabric.device
        self.done, self.progress, self.rate = 0, 0.0, 0.0
        self.watch = watch()
        self.timer = Timer(job.limits)
        self.checked = False
        self.own, self.auxiliary = {}, []

    def go(self) -> tuple[str, Callable[[], TrainingState]]:
        """Train, and leave the best weights in the network, on the device it came from. Gives why it ended, and how to get
        at the state that it ended in."""
        with host.visiting(self.network):
            ended = False
            try:
                with host.seeded(self.seed + self.fabric.global_rank, self.device):
                    self.prepare()
                    with auxiliary_losses(self.network) as self.auxiliary:
                        reason = self.train()
                    state = resume.ended(self)
                    ended = True
            finally:
                if not ended and hasattr(self, "selection"):
                    self.selection.restore()
        return reason, state

    def prepare(self) -> None:
        """Move everything to the device; set up optimizer, average and generators; take up the state, if there is one."""
        fabric, device, recipe, job = self.fabric, self.device, self.recipe, self.job
        self.format = host.memory_format(self.task.inputs)
        self.network.to(memory_format=self.format)  # type: ignore[call-overload]  # it takes this, too
        fabric.to_device(self.network)
        self.trained = [p for _, p in trained_by(job.step, self.network)]
        self.names = names_of(self.network)
        self.raw_optimizer = recipe.optimizer.over(self.trained)
        module = host.compiled(self.network) if recipe.compile else self.network
        self.model, self.optimizer = fabric.setup(module, self.raw_optimizer)
        self.average = Average(self.network, recipe.averaging) if recipe.averaging else None
        self.selection = Selection(self.network, self.task)
        self.paced: list[Any] = [m for m in self.network.modules() if hasattr(m, "set_progress")]
        self.data = self.task.train.to(device)
        self.inputs = self.task.inputs.module().to(device)
        self.early = [one for one in recipe.augmentations if not one.prepared]
        self.late = [one for one in recipe.augmentations if one.prepared]
        rank, world = fabric.global_rank, fabric.world_size
        self.order = Order(len(self.data), recipe.batch, self.seed, device, (rank, world))
        self.per_epoch = self.order.per_epoch
        self.planned = max(1.0, self.limits.epochs * self.per_epoch)
        self.generator = torch.Generator(device).manual_seed(self.seed + 1 + 7919 * rank)
        self.total = torch.zeros((), device=device)  # the sum of the losses since the last evaluation
        self.summed = 0
        self.mark: resume.Place | None = None  # where it was before an evaluation that going on would not have made
        self.due = Due(job.every) if job.checkpoint is not None else None
        self.sync_every = 1 if device.type == "cpu" or world > 1 else SYNC_EVERY
        self.own = started(job.step, self)
        if job.state is not None:
            resume.take_up(self, job.state)

    def train(self) -> str:
        """Step until it is time to stop; evaluate after each epoch and at the end. Gives the reason for stopping."""
        self.network.train()
        while True:
            reason = self.over()
            within_epoch = self.order.position > 0
            if self.summed and (reason is not None or not within_epoch):
                if within_epoch:
                    self.mark = resume.place(self)
                reason = self.measure(within_epoch) or reason
                if reason is None:
                    self.network.train()
                    continue
            if reason is not None:
                return reason
            self.step()

    def step(self) -> None:
        """One step: set the rate, tell the layers, draw a batch, and leave the rest to the step of the job."""
        self.progress = max((self.done + 0.5) / self.planned, self.timer.progress)
        self.rate = self.recipe.optimizer.lr * self.recipe.schedule.factor(self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        for module in self.paced:
            module.set_progress(min(1.0, self.progress))
        self.total += self.job.step(self, self.batch(self.order.next())).detach()
        self.auxiliary.clear()  # those of a step that asks for no loss
        self.summed += 1
        self.done += 1
        self.timer.stepped()
        if self.watch is not None and self.watch.due():
            epoch, epochs = min(self.done, self.planned) / self.per_epoch, self.planned / self.per_epoch
            self.watch.tell(WatchedStep(epoch, epochs, float(self.total) / self.summed))

    # --- when to stop ------------------------------------------------------------------------------------------------

    def over(self) -> str | None:
        """The reason to stop before the next step, if there is one. All processes of a run give the same."""
        if self.done == 0 or (self.selection.best is None and not self.summed):
            return None  # a run takes one step at least, after which there are weights that are the best
        if self.done % self.sync_every == 0 and self.summed:
            self.check(float(self.agreed(self.total)))
        # an evaluation of an example is a third of the work of a step with it
        self.timer.look(self.done, len(self.task.valid) / self.order.batch / 3)
        reason, due = self.reason(), self.due is not None and self.due.now()
        if self.fabric.world_size > 1:  # clocks differ: the first process decides for all
            reason, self.timer.spent, due = self.fabric.broadcast((reason, self.timer.spent, due))
        if due and reason is None:
            self.write()
        return reason

    def reason(self) -> str | None:
        """ "finished", "until", "time" or "stopped"."""
        limits = self.limits
        if self.done >= self.planned:
            return "finished"
        if limits.until is not None and self.done >= limits.until * self.per_epoch:
            return "until"
        if limits.seconds is not None and self.timer.spent >= 1.0:
            return "until" if limits.pause else "time"
        return "stopped" if limits.stop is not None and limits.stop() else None

    def check(self, loss: float) -> None:
        """Raise Diverged unless the loss is a finite number."""
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss is {loss} after {self.done} steps (epoch {self.done / self.per_epoch:.2f}) "
                f"at lr={self.rate:.3g}; try a lower lr than {self.recipe.optimizer.lr:g}, or clip=1"
            )

    def agreed(self, value: Tensor) -> Tensor:
        """The mean of a value over all processes."""
        return self.fabric.all_reduce(value) if self.fabric.world_size > 1 else value  # type: ignore[return-value]

    def write(self) -> None:
        """Hand a copy of the state to whoever keeps checkpoints."""
        began = limits.clock()
        state = resume.snapshot(self)
        if self.job.checkpoint is not None and self.fabric.global_rank == 0:
            self.job.checkpoint(state)
        if self.due is not None:
            self.due.took(limits.clock() - began)

    # --- evaluation --------------------------------------------------------------------------------------------------

    def measure(self, within_epoch: bool) -> str | None:
        """Evaluate, extend the curve, keep the weights if they are the best. Gives "patience", or None."""
        began = limits.clock()
        train_loss = float(self.agreed(self.total)) / self.summed
        self.check(train_loss)
        if within_epoch:
            self.raw_optimizer.zero_grad()  # the end: what takes their place are the weights that are handed over
        scores = self.scores(within_epoch)
        self.check(scores["loss"])
        self.total.zero_()
        self.summed = 0
        self.timer.evaluation = limits.clock() - began
        epoch = self.done / self.per_epoch
        entry = {"epoch": epoch, "train_loss": train_loss, **scores, "lr": self.rate, "seconds": self.limits.elapsed()}
        self.selection.curve.append(entry)
        LOG.debug("epoch %.2f of %g: %s", epoch, self.limits.epochs, entry)
        if self.job.on_epoch is not None and self.fabric.global_rank == 0:
            self.job.on_epoch(dict(entry))
        patience = self.limits.patience
        return "patience" if patience is not None and self.selection.since_best >= patience else None

    def scores(self, within_epoch: bool) -> dict[str, float]:
        """Validation scores of the average, or of the weights; the first process takes them, for all."""
        scores: dict[str, float] = {}
        with self.average.shown() if self.average else nullcontext():
            if self.fabric.global_rank == 0:
                scores = evaluate(self.network, self.task)  # in full precision, as the network is kept
            if self.fabric.world_size > 1:
                scores = self.fabric.broadcast(scores)
            self.selection.see(scores, within_epoch)
        return scores
