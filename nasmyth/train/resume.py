"""From a run to a `TrainingState`, and from that to a run: all that decides what comes next.

`place` is cheap: counts, scores and generators. `ended` keeps the tensors that the training had, without copies, for whoever
asks for the state; `snapshot` copies them, since the training goes on. Here, a run is a `Trainer`, which is built on this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from nasmyth.errors import DataError
from nasmyth.train.average import copy_into, named_tensors
from nasmyth.train.moments import copied, kept_by, load_moments, moments, restore
from nasmyth.train.state import Progress, TrainingState, copies, load_tensors


class Place(NamedTuple):
    """Where a training is, without its tensors."""

    progress: Progress
    generators: dict[str, Any]


def place(run: Any) -> Place:
    """Where a run is now."""
    chosen = run.selection
    progress = Progress(
        epochs=run.limits.epochs,
        per_epoch=run.per_epoch,
        steps=run.done,
        averaged=run.average.steps if run.average else 0,
        rate=run.rate,
        loss=float(run.total),
        losses=run.summed,
        seconds=run.limits.elapsed(),
        stepping=run.timer.stepping(),
        spent=run.timer.progress,
        best=chosen.best,
        since_best=chosen.since_best,
        curve=tuple(chosen.curve),
    )
    return Place(progress, _generators(run))


def ended(run: Any) -> Callable[[], TrainingState]:
    """What gives the state that a run ended in. Leaves the best weights in the network.

    The gradients go first, so that no more memory is held than while it ran; that is held for as long as this is.
    """
    progress, generators = run.mark or place(run)
    run.raw_optimizer.zero_grad()
    own = {name: kept_by(part, run.names) for name, part in run.own.items()}
    weights = run.selection.put_best()
    job, network = run.job, run.network
    parts: dict[str, Any] = {
        "weights": weights,
        "moments": moments(run.raw_optimizer, run.names),
        "average": dict(zip(run.selection.names, run.average.kept, strict=True)) if run.average else None,
        "best": run.selection.kept(),
    }

    def state() -> TrainingState:
        return TrainingState(
            network, progress=progress, recipe=job.recipe, generators=generators, own=own, step=job.step, seed=job.seed,
            task=job.task.fingerprint, **parts,
        )  # fmt: skip

    return state


def snapshot(run: Any) -> TrainingState:
    """The state of a run that goes on, with copies of all tensors."""
    progress, generators = place(run)
    average, best, job = run.average, run.selection.kept(), run.job
    return TrainingState(
        network=run.network,
        weights=copies(named_tensors(run.network)),
        progress=progress,
        recipe=job.recipe,
        moments=copied(moments(run.raw_optimizer, run.names)),
        average=copies(dict(zip(run.selection.names, average.kept, strict=True))) if average else None,
        best=copies(best) if best else None,
        generators=generators,
        own={name: kept_by(part, run.names) for name, part in run.own.items()},
        step=job.step,
        seed=job.seed,
        task=job.task.fingerprint,
    )


def take_up(run: Any, state: TrainingState) -> None:
    """Bring a run that was prepared to where the state is. Raises DataError where it belongs to another training."""
    _refuse_other(run, state)
    progress = state.progress
    load_tensors(run.network, state.weights)
    load_moments(run.raw_optimizer, run.names, state.moments)
    if run.average is not None:
        kept = state.average or state.weights
        copy_into(run.average.kept, [kept[name] for name in run.selection.names])
        run.average.steps = progress.averaged
    if not (run.task.divided and state.task == run.task.divided):  # else the best were told by other examples
        run.selection.take_up(progress, state.best)
    run.done = round(progress.steps * run.per_epoch / progress.per_epoch)
    run.rate, run.summed = progress.rate, progress.losses
    run.total += progress.loss
    run.timer.take_up(progress.seconds, progress.stepping, progress.spent)
    for name, part in run.own.items():
        if name in state.own:
            restore(part, state.own[name], run.names)
    _restore_generators(run, state.generators)


def _refuse_other(run: Any, state: TrainingState) -> None:
    if state.task and state.task not in (run.task.fingerprint, run.task.divided):
        raise DataError(
            f"this training is of other data than {run.task.name}: to begin anew with its weights and moments, give "
            "state.restarted()"
        )
    if type(run.recipe.optimizer) is not type(state.recipe.optimizer) and state.moments:
        raise DataError(
            f"the state holds moments of {type(state.recipe.optimizer).__name__}, and the recipe says "
            f"{type(run.recipe.optimizer).__name__}: give state.replace(moments={{}}) to begin without"
        )
    if missing := sorted(state.own.keys() - run.own.keys()):
        raise DataError(
            f"this training had a step that keeps {', '.join(missing)}: give it again, fit(state, task, step=...)"
        )


# --- generators -----------------------------------------------------------------------------------------------------


def _generators(run: Any) -> dict[str, Any]:
    """The order of the examples, and for each process the noise of the augmentations and torch's global numbers."""
    mine = {"noise": run.generator.get_state(), "torch": torch.get_rng_state()}
    if run.device.type == "cuda":
        mine["cuda"] = torch.cuda.get_rng_state(run.device)
    every = [mine]
    if run.fabric.world_size > 1:
        every = [mine] * run.fabric.world_size
        torch.distributed.all_gather_object(every, mine)
    named = {f"{name}.{rank}": state for rank, one in enumerate(every) for name, state in one.items()}
    return {"order": run.order.state_dict(), **named}


def _restore_generators(run: Any, found: Any) -> None:
    rank = run.fabric.global_rank
    try:
        if "order" in found:
            run.order.load_state_dict(found["order"])
        if f"noise.{rank}" in found:
            run.generator.set_state(found[f"noise.{rank}"])
        if f"torch.{rank}" in found:
            torch.set_rng_state(found[f"torch.{rank}"])
        if run.device.type == "cuda" and f"cuda.{rank}" in found:
            torch.cuda.set_rng_state(found[f"cuda.{rank}"], run.device)
    except (RuntimeError, TypeError, KeyError) as error:
        raise DataError(f"the state's generators cannot be taken up on {run.device}: {error}") from error
