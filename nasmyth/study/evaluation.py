"""The evaluation of candidates on a task: what `study.run(task, trials=500)` does, and `design` at every stage.

It measures what the study asks for, by `nasmyth.measure.evaluate`: what is cheap first, so that a candidate which misses a
constraint costs no more than to see that; and it trains only where a figure of a trained network is asked for. An
`Evaluation` is a frozen value that can be sent to another process, so it runs wherever a function of your own would.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nasmyth.errors import UnknownNameError
from nasmyth.record import from_json
from nasmyth.study.header import Goals, judged
from nasmyth.study.outcome import Outcome

if TYPE_CHECKING:
    from nasmyth.measure import Candidate, Constraint, Measure
    from nasmyth.study.trial import Trial
    from nasmyth.train import Recipe, Task

COUNTED = ("params", "macs")
"""What is told of every candidate."""
WORTH_TELLING = 1e-3
"""Seconds: the price of what takes less is not written down."""


@dataclass(frozen=True)
class Evaluation:
    """trial -> `Outcome` with the figures, and the weights where it was trained.

    recipe: where the candidate brings none of its own; by default the task's. epochs: of a training in full, the
    recipe's unless said; `trial.stage` says which share of them. seconds: the most that a training may take, where the
    stage says nothing. under: constraints; what misses one is not measured further, unless that is a figure of a trained
    network: then all is known that it cost. measures: what else is recorded, by name.

    Raises UnknownNameError or DataError, when made, for a measure that is not known or does not suit the task.
    """

    task: Task
    recipe: Recipe | None = None
    epochs: float | None = None
    seconds: float | None = None
    seed: int = 0
    under: tuple[Constraint, ...] = ()
    measures: tuple[str, ...] = ("accuracy",)

    def __post_init__(self) -> None:
        for one in self.asked:
            one.check_task(self.task, "valid")

    @property
    def asked(self) -> tuple[Measure, ...]:
        """All that is measured."""
        from nasmyth.measure import find

        named: list[Measure | str] = [*COUNTED, *(limit.measure for limit in self.under), *self.measures]
        return tuple(dict.fromkeys(map(find, named)))

    @property
    def trains(self) -> bool:
        """Whether anything that is asked for takes a training."""
        return any("training" in one.requires for one in self.asked)

    def candidate(self, trial: Trial) -> Candidate:
        """The trial's graph and recipe, with as much training as its stage is worth, and what is known of it already."""
        from nasmyth.measure import Candidate, Effort

        stage = trial.stage
        seconds = self.seconds if stage.seconds is None else stage.seconds
        start = None if trial.start is None else partial(started_from, trial.start)
        recipe = from_json(trial.recipe) if trial.recipe else self.recipe
        known = {
            one.name: trial.measures[one.name]
            for one in self.asked
            if one.name in trial.measures and "training" not in one.requires
        }
        share, epochs = (stage.share, self.epochs) if stage.epochs is None else (1.0, stage.epochs)
        effort = Effort(share, epochs, seconds, start, pausing=stage.keep and not trial.full)
        return Candidate(trial.graph, recipe, self.seed, self.task, effort=effort, known=known)

    def __call__(self, trial: Trial) -> Outcome:
        """Raises OverBudget, with the figures, or what the candidate raised, such as Diverged."""
        from nasmyth.measure import evaluate

        start, candidate = time.perf_counter(), self.candidate(trial)
        stopping = [limit for limit in self.under if "training" not in limit.measure.requires]
        told = evaluate(candidate, self.asked, stopping)
        values = {**told.require(), **candidate.figures}
        took = {**candidate.seconds, **told.seconds}
        prices = {name: seconds for name, seconds in took.items() if seconds >= WORTH_TELLING}
        details = {**_of_the_training(candidate), "prices": prices, "seconds": time.perf_counter() - start}
        kept = {}
        if "training" in candidate:
            kept["weights"] = candidate["trained"].to_bytes()
            if trial.stage.keep:
                kept["state"] = candidate["training"].fitted.state.to_bytes()
        return Outcome(values, trial.stage.name, details, kept, keep=trial.stage.keep)


def started_from(blob: bytes) -> Any:
    """What a trial starts from: the state of a training, or a network."""
    from nasmyth.network import Network
    from nasmyth.network.save import is_training
    from nasmyth.train import TrainingState

    return TrainingState.from_bytes(blob) if is_training(blob) else Network.from_bytes(blob)


def _of_the_training(candidate: Candidate) -> dict[str, Any]:
    """What `fit` told, where there was a training."""
    if "training" not in candidate:
        return {}
    fitted = candidate["training"].fitted
    planned = candidate["effort"].planned(candidate["recipe"])
    return {
        "curve": list(fitted.curve),
        "epochs": fitted.epochs,
        "planned": planned,
        "training": fitted.seconds,
        "ended": fitted.reason,
    }


def evaluation(
    wanted: Goals, task: Task, *, recipe: Recipe | None = None, epochs: float | None = None, seed: int = 0
) -> Evaluation:
    """The evaluation of all that a study wants, on a task."""
    names = tuple(goal.name for goal in wanted.objectives)
    return Evaluation(judged(task, wanted), recipe, epochs, seed=seed, under=wanted.measurable(), measures=names)


def trained(named: Iterable[Any]) -> tuple[str, ...]:
    """The names of those that are measures of a trained network; others are counts, or told by whoever evaluates."""
    from nasmyth.measure import find

    found = []
    for name in dict.fromkeys(str(one.name) for one in named):
        try:
            one = find(name)
        except UnknownNameError:
            continue
        if "training" in one.requires:
            found.append(name)
    return tuple(found)
