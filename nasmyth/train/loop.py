"""The training loop.

One pass of `_Run.step` is the whole method: gather a batch by index from tensors that are in memory, augment it,
prepare it, predict, differentiate, clip, step, average. Everything else decides when to stop: after the planned epochs,
when the time is up, when the scores have stopped improving, or when asked to.

The learning rate follows progress = max(share of the planned steps done, share of the time used), so a run that time
cuts short ends at a low rate all the same. A run bounded by epochs alone depends on nothing but its arguments: the same
seed on the same machine gives the same weights, bit for bit.

Layers that change as training goes on have a method `set_progress(fraction)`: it is told this progress, 0 to 1, before
every step.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError, Diverged
from nasmyth.network.pipeline import device_of, run
from nasmyth.progress import Step, watch
from nasmyth.train import augment, host, rates
from nasmyth.train.average import Average, tensors
from nasmyth.train.evaluation import check_size, evaluate
from nasmyth.train.recipe import Recipe
from nasmyth.train.task import Task

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOG = logging.getLogger(__name__)
SYNC_EVERY = 20
"""Steps between looks at the loss and the clock on a device that works ahead of Python (a GPU)."""


@dataclass(frozen=True)
class Fitted:
    """What a training gave. The network it was given holds the best weights."""

    scores: dict[str, float]
    """On the validation split, of the weights that were kept."""
    curve: tuple[dict[str, float], ...]
    """For each evaluation: epoch, train_loss, the validation scores, lr, seconds since the start."""
    seconds: float
    epochs: float
    """Epochs done; not whole if the time was up within one."""
    reason: str
    """ "finished", "time", "patience" or "stopped"."""


def fit(
    network: nn.Module,
    task: Task,
    recipe: Recipe | None = None,
    *,
    epochs: float | None = None,
    seconds: float | None = None,
    seed: int = 0,
    device: str = "auto",
    patience: int | None = None,
    on_epoch: Callable[[dict[str, float]], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Fitted:
    """Train a network in place, from the weights it has; afterwards it holds the weights that were best in validation.

    Ends after `epochs` (default: the recipe's; `math.inf` for none), after `seconds`, after `patience` evaluations
    without improvement, or when `stop()`, asked before every step, is true; whichever is first. `seconds` is kept to
    within one step and one evaluation. `on_epoch` is called with each entry of the curve. On several devices
    (`device="cuda*2"`) both callables must be picklable, and the batch is shared out among the devices.

    Raises Diverged if the loss stops being finite, DataError if the recipe or the network does not suit the task.
    """
    recipe = recipe or Recipe()
    augment.check(recipe, task.inputs)
    limits = _Limits(time.perf_counter(), recipe.epochs if epochs is None else epochs, seconds, patience, stop)
    fabric = host.open_fabric(device, recipe.precision)
    if fabric.world_size == 1:
        return _Run(fabric, network, task, recipe, limits, seed, on_epoch).go()
    job = _Parcel(task, recipe, limits, seed, on_epoch)
    fitted, weights = fabric.launch(_on_each_device, network, job).contents
    if isinstance(fitted, Diverged):
        raise fitted
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return fitted


class _Parcel:
    """What goes to a process and comes back, wrapped: Fabric looks into dataclasses and refuses frozen ones."""

    def __init__(self, *contents: Any) -> None:
        self.contents = contents


def _on_each_device(fabric: Fabric, network: nn.Module, job: _Parcel) -> _Parcel:
    """One process of several. They diverge together, since they agree on the loss at every step.

    The network comes unwrapped, so that Fabric finds it and gives each process weights of its own.
    """
    try:
        fitted: Fitted | Diverged = _Run(fabric, network, *job.contents).go()
    except Diverged as error:
        fitted = error
    # arrays, since a tensor would come as a handle that is gone when this process has ended
    return _Parcel(fitted, {name: t.detach().cpu().numpy() for name, t in network.state_dict().items()})


@dataclass
class _Limits:
    """When to stop. Times are seconds of `time.perf_counter`, which all processes of a machine share."""

    started: float
    epochs: float
    seconds: float | None
    patience: int | None
    stop: Callable[[], bool] | None

    def __post_init__(self) -> None:
        if self.seconds is None and not math.isfinite(self.epochs):
            raise ValueError(f"fit(epochs={self.epochs}) would never end: give seconds as well")

    def elapsed(self) -> float:
        return time.perf_counter() - self.started


class _Run:
    """One training on one device, or one device's share of it."""

    def __init__(
        self,
        fabric: Fabric,
        network: nn.Module,
        task: Task,
        recipe: Recipe,
        limits: _Limits,
        seed: int,
        on_epoch: Callable[[dict[str, float]], object] | None,
    ) -> None:
        self.fabric, self.network, self.task, self.recipe = fabric, network, task, recipe
        self.limits, self.seed, self.on_epoch = limits, seed, on_epoch
        self.batch = min(recipe.batch, len(task.train))
        self.per_epoch = len(task.train) // self.batch
        self.planned = max(1.0, limits.epochs * self.per_epoch)
        self.done = 0
        self.watch = watch()
        self.origin: float | None = None  # when the first step was over: importing and compiling are no progress
        self.spent = 0.0  # the share of the time that is used
        self.evaluation = 0.0  # seconds that the last one took
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, float] | None = None
        self.best_weights: list[Tensor] = []
        self.since_best = 0

    def go(self) -> Fitted:
        """Train, and leave the best weights in the network, on the device it came from."""
        home = device_of(self.network)
        modes = [(m, m.training) for m in self.network.modules()]
        host.keep_freed_memory()
        try:
            with _seeded(self.seed + self.fabric.global_rank, self.fabric.device):
                self.prepare()
                reason = self.train()
        finally:
            self.restore()
            for module, training in modes:
                module.training = training
            self.network.to(home, memory_format=torch.contiguous_format)
            host.release_memory()
        assert self.best is not None
        return Fitted(self.best, tuple(self.curve), self.limits.elapsed(), self.done / self.per_epoch, reason)

    def prepare(self) -> None:
        """Move everything to the device, and set up the optimizer, the average and the generators."""
        fabric, device = self.fabric, self.fabric.device
        if self.recipe.channels_last:
            self.network.to(memory_format=torch.channels_last)
        fabric.to_device(self.network)
        optimizer = make_optimizer(self.network, self.recipe)
        module = host.compiled(self.network) if self.recipe.compile else self.network
        self.model, self.optimizer = fabric.setup(module, optimizer)
        self.average = Average(self.network, self.recipe.ema) if self.recipe.ema else None
        self.paced: list[Any] = [m for m in self.network.modules() if hasattr(m, "set_progress")]
        self.data = self.task.train.to(device)
        self.inputs = self.task.inputs.module().to(device)
        images = len(self.task.inputs.shape) == 3 and self.task.inputs.spec.plain
        self.format = torch.channels_last if images and self.recipe.channels_last else torch.contiguous_format
        self.order = torch.Generator().manual_seed(self.seed)
        self.noise = torch.Generator(device).manual_seed(self.seed + 1 + 7919 * fabric.global_rank)
        self.loss = torch.zeros((), device=device)  # the sum since the last evaluation
        self.summed = 0
        self.sync_every = 1 if device.type == "cpu" or fabric.world_size > 1 else SYNC_EVERY

    def train(self) -> str:
        """Step until it is time to stop; evaluate after each epoch and at the end. Gives the reason for stopping."""
        while True:
            self.network.train()
            for rows in self.rows():
                if (reason := self.over()) is not None:
                    break
                self.step(rows)
            else:
                reason = self.over()
            if self.summed:
                reason = self.measure() or reason
            if reason is not None:
                return reason

    def rows(self) -> Iterator[Tensor]:
        """The batches of one epoch, as indices; examples that do not fill the last one wait for another epoch."""
        order = torch.randperm(len(self.data), generator=self.order)[: self.per_epoch * self.batch]
        rank, world = self.fabric.global_rank, self.fabric.world_size
        return (rows[rank::world] for rows in order.to(self.fabric.device).split(self.batch))

    def step(self, rows: Tensor) -> None:
        """One step of the optimizer."""
        recipe, task = self.recipe, self.task
        progress = max((self.done + 0.5) / self.planned, self.spent)
        rate = recipe.lr * rates.factor(progress, recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for module in self.paced:
            module.set_progress(min(1.0, progress))
        stored, y = self.data.batch(rows)
        if recipe.flip or recipe.crop:
            stored = augment.augment(stored, recipe, self.noise)
        x = self.inputs(stored)
        x = x.contiguous(memory_format=self.format) if isinstance(x, Tensor) else x
        if recipe.mixup:
            order, share = augment.mixing(len(x), recipe.mixup, self.noise)
            pred = self._predicted(augment.mix(x, order, share))
            losses = [task.loss(pred, target, recipe.smoothing) for target in (y, y[order])]
            loss = share * losses[0] + (1 - share) * losses[1]
        else:
            loss = task.loss(self._predicted(x), y, recipe.smoothing)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        self.loss += loss.detach()
        self.summed += 1
        self.done += 1
        self.rate = rate
        self.origin = self.origin or time.perf_counter()
        if self.watch is not None and self.watch.due():
            epoch, epochs = min(self.done, self.planned) / self.per_epoch, self.planned / self.per_epoch
            self.watch.tell(Step(epoch, epochs, float(self.loss) / self.summed))

    def _predicted(self, x: Any) -> Tensor:
        pred: Tensor = run(self.model, x)
        if self.done == 0:
            check_size(pred, self.task)
        return pred

    # --- when to stop ------------------------------------------------------------------------------------------------

    def over(self) -> str | None:
        """The reason to stop before the next step, if there is one. All processes of a run give the same."""
        if self.done == 0:  # a run takes one step at least
            return None
        if self.done % self.sync_every == 0 and self.summed:
            self.check(float(self.agreed(self.loss)))
        limits, reason = self.limits, None
        self.spent = self.used() if limits.seconds is not None else 0.0
        if self.done >= self.planned:
            reason = "finished"
        elif self.spent >= 1.0:
            reason = "time"
        elif limits.stop is not None and limits.stop():
            reason = "stopped"
        if self.fabric.world_size > 1:  # clocks differ: the first process decides for all
            reason, self.spent = self.fabric.broadcast((reason, self.spent))
        return reason

    def used(self) -> float:
        """The share of the time for training that is used; what the last evaluation will take is set aside."""
        assert self.limits.seconds is not None and self.origin is not None
        now = time.perf_counter()
        rest = self.limits.started + self.limits.seconds - self.reserve(now) - self.origin
        return (now - self.origin) / rest if rest > 0 else 1.0

    def reserve(self, now: float) -> float:
        """Seconds that an evaluation takes: the last one, or a guess from the steps so far (a third of a step's work)."""
        if self.evaluation or self.done < 2:
            return self.evaluation
        assert self.origin is not None
        each = (now - self.origin) / ((self.done - 1) * self.batch)
        return each * len(self.task.valid) / 3

    def check(self, loss: float) -> None:
        """Raise Diverged unless the loss is a finite number."""
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss is {loss} after {self.done} steps (epoch {self.done / self.per_epoch:.2f}) "
                f"at lr={self.rate:.3g}; try a lower lr than {self.recipe.lr:g}, or clip=1"
            )

    def agreed(self, value: Tensor) -> Tensor:
        """The mean of a value over all processes."""
        return self.fabric.all_reduce(value) if self.fabric.world_size > 1 else value

    # --- evaluation --------------------------------------------------------------------------------------------------

    def measure(self) -> str | None:
        """Evaluate, extend the curve, keep the weights if they are the best. Gives "patience" or "stopped", or None."""
        began = time.perf_counter()
        train_loss = float(self.agreed(self.loss)) / self.summed
        self.check(train_loss)
        scores = self.scores()
        self.check(scores["loss"])
        self.loss.zero_()
        self.summed = 0
        self.evaluation = time.perf_counter() - began
        epoch = self.done / self.per_epoch
        entry = {"epoch": epoch, "train_loss": train_loss, **scores, "lr": self.rate, "seconds": self.limits.elapsed()}
        self.curve.append(entry)
        LOG.debug("epoch %.2f of %g: %s", epoch, self.limits.epochs, entry)
        if self.on_epoch is not None and self.fabric.global_rank == 0:
            self.on_epoch(dict(entry))
        if self.limits.patience is not None and self.since_best >= self.limits.patience:
            return "patience"
        return None

    def scores(self) -> dict[str, float]:
        """Validation scores of the average, or of the weights; the first process takes them, for all."""
        scores: dict[str, float] = {}
        with self.average.shown() if self.average else nullcontext():
            if self.fabric.global_rank == 0:
                with self.fabric.autocast():
                    scores = evaluate(self.network, self.task)
            if self.fabric.world_size > 1:
                scores = self.fabric.broadcast(scores)
            self.since_best += 1
            if math.isfinite(scores["loss"]) and self.task.better(scores, self.best):
                self.best, self.since_best = scores, 0
                self.remember()
        return scores

    @torch.no_grad()
    def remember(self) -> None:
        """Keep a copy of the weights that the network has now."""
        if not self.best_weights:
            self.best_weights = [t.detach().clone() for t in tensors(self.network)]
        else:
            for kept, now in zip(self.best_weights, tensors(self.network), strict=True):
                kept.copy_(now)

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights into the network; without any, it keeps what it has."""
        if self.best_weights:
            for now, kept in zip(tensors(self.network), self.best_weights, strict=True):
                now.copy_(kept)


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW. Parameters of one axis or none (biases, norm scales) do not decay."""
    weights = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    if not weights and not others:
        raise DataError("the network has no weights to train")
    groups = [
        {"params": part, "weight_decay": decay}
        for part, decay in ((weights, recipe.weight_decay), (others, 0.0))
        if part
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr, fused=_fused(network))
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, fused=_fused(network))


def _fused(network: nn.Module) -> bool:
    """Whether one kernel can step all parameters: on CPUs and CUDA, for floats."""
    return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in network.parameters())


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, torch's global random numbers (dropout) follow from the seed; after, they are as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        with _repeatable(device):
            yield


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Inside, cuDNN picks kernels that give the same result each time."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before
