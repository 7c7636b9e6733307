"""A training of the funnel, wherever it runs: within its time, and a result only if there was a training."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nasmyth.errors import TimedOut
from nasmyth.funnel.pace import Pace
from nasmyth.funnel.plan import UNBOUNDED, TrainingPlan
from nasmyth.study import Outcome, Trial
from nasmyth.study.evaluation import Evaluation
from nasmyth.train.threads import threads
from nasmyth.units import show

if TYPE_CHECKING:
    from nasmyth.train import Task

HARDLY = 0.02
"""A full training that gets through less than this share of what its time is known to hold is none."""
_warm: list[bool] = []


@dataclass(frozen=True)
class Rung:
    """Trial -> `Outcome`. `end`: when all must be over, in seconds since 1970; None is never."""

    training: Evaluation
    plan: TrainingPlan
    end: float | None = None

    def __call__(self, trial: Trial) -> Outcome:
        """Raises TimedOut where its time cannot hold the training, or where hardly any of it was done."""
        graph = trial.graph
        warm_up(graph, self.training.task, self.plan)
        self._refuse_slow(graph)
        done, hardly = self._trained(trial)
        if trial.full and hardly:
            done, hardly = self._trained(trial)  # what held it up may have been over soon
            if hardly:
                raise TimedOut(
                    f"it was trained for {done.details['epochs']:.2g} epochs in the time for {self._epochs(trial):.3g}: "
                    "something held the machine up"
                )
        return replace(done, keep=trial.full or done.keep)

    def _trained(self, trial: Trial) -> tuple[Outcome, bool]:
        """A training within its time, and whether time ended it after hardly any of what that is known to hold."""
        most = trial.stage.seconds
        if most is not None and self.end is not None:
            most = max(1.0, min(most, self._left() - self.plan.metric_seconds))
        training, plan = self.training, self.plan
        if trial.full and plan.scored:
            training = replace(training, task=training.task.learning_from_validation(plan.scored))
        with threads(plan.threads if trial.full else 0):
            done = training(replace(trial, stage=trial.stage._replace(seconds=most)))
        epoch = max(self.plan.epoch, self.plan.epoch_of(trial.graph))
        held = min(self._epochs(trial), most / epoch) if most is not None and epoch else 0.0
        return done, done.details["ended"] == "time" and done.details["epochs"] < HARDLY * held

    def _epochs(self, trial: Trial) -> float:
        return trial.stage.epochs or trial.stage.share * self.plan.recipe.epochs

    def _left(self) -> float:
        return UNBOUNDED if self.end is None else self.end - time.time()

    def _refuse_slow(self, graph: Any) -> None:
        """Raise TimedOut for what even its shortest training would take longer than a full one may, or than is left."""
        plan, room = self.plan, min(self._left(), self.plan.full)
        if self.end is None or plan.least_of(graph) <= room:
            return
        least = Pace.of(graph, self.training.task, plan.recipe, self.training.seed).least
        if least > room:
            raise TimedOut(
                f"one step and one look at the validation split take about {show(least, 's')}, and a full training has "
                f"{show(max(0.0, room), 's')}"
            )


def preload() -> None:
    """Import what trains: a worker does that while data is read and the plan is made."""
    for module in (
        "lightning_fabric",
        "torchmetrics",
        "nasmyth.ops",
        "nasmyth.blocks",
        "nasmyth.network",
        "nasmyth.train.loop",
    ):
        import_module(module)


def warm_up(graph: Any, task: Task, plan: TrainingPlan) -> None:
    """Train on a few examples before the first training in a process: imports and first calls are no part of its time."""
    if _warm:
        return
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    network = build(graph, 0, task.inputs, task.outputs)
    fit(initialise(network, 0), task.few(2), plan.recipe, epochs=1)
    _warm.append(True)
