"""`fit`: train a network on a task by a recipe, or go on with a training that was left.

    fitted = fit(network, task, Recipe(epochs=20))           # the network now holds the weights that were best
    fitted = fit(network, task, recipe, until=4)             # leaves after 4 of 20 epochs
    fitted = fit(fitted.state, task)                         # the other 16, on a network of its own: `fitted.network`

What happens in a training is in `trainer.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from torch import nn

from nasmyth.errors import DataError, Diverged
from nasmyth.network.save import packed, tensors_in
from nasmyth.train import augment, host, limits
from nasmyth.train.average import named_tensors
from nasmyth.train.limits import Limits
from nasmyth.train.recipe import Recipe
from nasmyth.train.state import TrainingState, load_tensors
from nasmyth.train.steps import AnyStep, Supervised
from nasmyth.train.task import Task
from nasmyth.train.trainer import Job, Trainer

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Fitted:
    """What a training gave."""

    scores: dict[str, float]
    """On the validation split, of the weights that were kept."""
    curve: tuple[dict[str, float], ...]
    """For each evaluation: epoch, train_loss, the validation scores, lr, seconds since the start."""
    seconds: float
    epochs: float
    """Epochs done; not whole if the time was up within one."""
    reason: str
    """ "finished", "until", "time", "patience" or "stopped"."""
    network: nn.Module | None = field(default=None, repr=False, compare=False)
    """The network that was trained. It holds the best weights."""
    ending: Callable[[], TrainingState] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def state(self) -> TrainingState:
        """The whole state that the training ended in, with the last weights as well as the best: `fit` goes on from it.

        It holds what the training held (last and best weights, moments, average), for as long as this object is kept.
        """
        if self.ending is None:
            raise DataError("this result came without the state of its training: call fit() again")
        return self.ending()


def fit(
    network: nn.Module | TrainingState,
    task: Task,
    recipe: Recipe | None = None,
    *,
    epochs: float | None = None,
    until: float | None = None,
    seconds: float | None = None,
    pause: bool = False,
    seed: int | None = None,
    device: str = "auto",
    patience: int | None = None,
    on_epoch: Callable[[dict[str, float]], object] | None = None,
    stop: Callable[[], bool] | None = None,
    step: AnyStep | None = None,
    checkpoint: Callable[[TrainingState], object] | None = None,
    every: str | float | timedelta = "60s",
) -> Fitted:
    """Train a network in place, from the weights it has; afterwards it holds the weights that were best in validation.

    Ends after `epochs` (default: the recipe's; `math.inf` for none), after `seconds`, after `patience` evaluations
    without improvement, or when `stop()`, asked before every step, is true; whichever is first. `seconds` is kept to
    within one step and one evaluation. `until`: leave after so many epochs, though more are planned, and the rate does not
    know. `pause`: the same for `seconds`; without it, the rate has fallen when they are over. `on_epoch` is called with each
    entry of the curve. `step`: what is done with a batch (see `steps.py`). `checkpoint` is called with a `TrainingState`
    `every` so often, and less often where that would take more than 3 % of the time. On several devices
    (`device="cuda*2"`) all callables must be picklable, and the batch is shared out among them.

    Given a `TrainingState`, goes on with that training, on a network of its own. Then `epochs`, `until` and `seconds` are
    of the whole training, what is done included; recipe, seed, step and epochs are those of the state unless said.

    Raises Diverged if the loss stops being finite, DataError if the recipe or the network does not suit the task.
    """
    state = network if isinstance(network, TrainingState) else None
    if state is not None:
        recipe, seed, step = recipe or state.recipe, state.seed if seed is None else seed, step or _step_of(state)
        epochs = state.progress.epochs if epochs is None else epochs
    recipe = recipe or Recipe()
    augment.refuse_unsuited(recipe.augmentations, task.inputs)
    started = limits.clock() - (state.progress.seconds if state else 0.0)
    bounds = Limits(started, recipe.epochs if epochs is None else epochs, until, seconds, patience, stop, pause)
    job = Job(task, recipe, bounds, seed or 0, step or Supervised(), on_epoch, checkpoint, every, state)
    module: nn.Module = state.fresh_network() if state is not None else network  # type: ignore[assignment]
    fabric = host.open_fabric(device, recipe.precision, module)
    if fabric.world_size == 1:
        return _trained(fabric, module, job)
    return _on_several(fabric, module, job)


def _step_of(state: TrainingState) -> AnyStep:
    if isinstance(state.step, str):
        raise DataError(
            f"this training had the step {state.step}, which no file holds: give it again, fit(state, task, step=...)"
        )
    return state.step


def _trained(fabric: Fabric, network: nn.Module, job: Job) -> Fitted:
    run = Trainer(fabric, network, job)
    reason, ending = run.go()
    chosen = run.selection
    assert chosen.best is not None
    curve = tuple(dict(entry) for entry in chosen.curve)
    epochs = run.done / run.per_epoch
    return Fitted(dict(chosen.best), curve, job.limits.elapsed(), epochs, reason, network, ending)


# --- several devices ------------------------------------------------------------------------------------------------

FITTED, WEIGHTS, STATE = "fitted.msgpack", "weights.safetensors", "state.safetensors"
"""What the first process leaves for the one that asked."""


class _Parcel:
    """What goes to a process and comes back, wrapped: Fabric looks into dataclasses and refuses frozen ones."""

    def __init__(self, *contents: Any) -> None:
        self.contents = contents


def _on_several(fabric: Fabric, network: nn.Module, job: Job) -> Fitted:
    with TemporaryDirectory(prefix="nasmyth-") as name:
        folder = Path(name)
        (error,) = fabric.launch(_on_each_device, network, _Parcel(job, folder)).contents
        if error is not None:
            raise error
        told = msgspec.msgpack.decode((folder / FITTED).read_bytes())
        load_tensors(network, tensors_in((folder / WEIGHTS).read_bytes()))
        data = (folder / STATE).read_bytes()
    told |= {"curve": tuple(told["curve"]), "network": network}
    return Fitted(**told, ending=lambda: TrainingState.from_bytes(data, network).replace(step=job.step))


def _on_each_device(fabric: Fabric, network: nn.Module, parcel: _Parcel) -> _Parcel:
    """One process of several. They diverge together, since they agree on the loss at every step.

    The network comes unwrapped, so that Fabric finds it and gives each process weights of its own. What was trained goes into
    files: what a process returns goes through a pipe, which is read when all have ended, and no more than it holds can be
    written before. They leave together, since who leaves closes connections that others may still use, and without the
    threads of the group, which abort a process that ends while they work.
    """
    job, folder = parcel.contents
    error = None
    try:
        fitted = _trained(fabric, network, job)
        state = fitted.state.to_bytes()
        if fabric.is_global_zero:
            told = {name: getattr(fitted, name) for name in ("scores", "curve", "seconds", "epochs", "reason")}
            (folder / FITTED).write_bytes(msgspec.msgpack.encode(told))
            (folder / STATE).write_bytes(state)
            (folder / WEIGHTS).write_bytes(packed(named_tensors(network), "weights", None))
    except Diverged as found:
        error = found
    fabric.barrier()
    torch.distributed.destroy_process_group()
    return _Parcel(error)
