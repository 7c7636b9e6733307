"""The rungs of the funnel: training a candidate a little, longer, in full; and who goes up.

Asynchronous successive halving (Li et al. 2018, arXiv:1810.05934): of what reached a rung, the best third goes on to the
next, where it trains three times longer. Here every rung trains from new weights, so that its learning rate ends low.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from nasmyth.errors import CandidateError, OverBudget, TimedOut
from nasmyth.funnel.clock import Clock
from nasmyth.funnel.pace import Pace
from nasmyth.funnel.plan import ETA, RUNGS, Plan
from nasmyth.funnel.standing import Standing
from nasmyth.measure import Constraint
from nasmyth.study import Outcome, Study, Trial
from nasmyth.study.evaluation import Evaluation
from nasmyth.units import show

HARDLY = 0.02
"""A full training that gets through less than this share of what its time is known to hold is none."""


@dataclass
class Rungs:
    """Trains trials of a study and records what they gave. `measured` are the constraints that need a device."""

    study: Study
    standing: Standing
    training: Evaluation
    measured: tuple[Constraint, ...]
    clock: Clock
    plan: Plan
    prices: dict[str, float] = field(default_factory=dict)
    """Seconds that a short training and each device measurement took the last time."""

    def enter(self, trial: Trial, rung: str = "short") -> None:
        """The first training of a new trial, which closes it: with figures, or with the reason why there are none."""
        try:
            self._gate(trial, self.prices.get(rung, 0.0) if rung == "short" else float("inf"))
            self.study.settle(self._train(trial, rung), {})
        except Exception as error:  # whatever one candidate does is an outcome of that candidate
            self.study.fail(trial, error)
        self.clock.trained = True
        self.clock.account("baseline" if trial.origin == "baseline" else rung)

    def promotable(self, rung: str) -> Trial | None:
        """The best of the rung below that is among its best third, was not trained here yet, and that time allows."""
        below = RUNGS[RUNGS.index(rung) - 1]
        there = self.standing.ranked(trial for trial in self.standing.candidates if below in trial.stages)
        waiting = (trial for trial in there[: len(there) // ETA] if rung not in trial.stages)
        return next((trial for trial in waiting if self.plan.price_of(trial, rung) <= self.clock.left), None)

    def advance(self, trial: Trial, rung: str, share: float = 1.0) -> None:
        """Train a closed trial at a higher rung, or for a share of it. A failure there is its stage, with no figures."""
        try:
            self._gate(trial, float("inf"))
            self._train(trial, rung, share)
        except CandidateError as error:
            none = {self.standing.goal: float("nan")}
            self.study.record(trial, rung, {**none, **error.measures}, failed=f"{error.reason}: {error}")
        self.clock.account(rung)

    def _gate(self, trial: Trial, price: float) -> None:
        """Measure what needs a device, if that is cheaper than what comes next. Raises OverBudget."""
        for limit in self.measured:
            name = limit.measure.name
            if name in trial.measures or self.prices.get(name, 0.0) > price:
                continue
            start = time.perf_counter()
            value = limit.measure(trial.graph)
            self.prices[name] = time.perf_counter() - start
            self.study.record(trial, "device", {name: value}, seconds=self.prices[name])
            if not limit.satisfied(value):
                raise OverBudget(f"{name} is {limit.measure.show(value)}, and the budget is {limit}")

    def _train(self, trial: Trial, rung: str, share: float = 1.0) -> Trial:
        """Record the figures and the curve; keep the weights of full trainings and of whatever is best so far.

        Raises TimedOut where the time that is left cannot hold the training, or where hardly any of it was done.
        """
        self._refuse_slow(trial)
        done, hardly = self._trained(trial, rung, share)
        if rung == "final" and hardly:
            done, hardly = self._trained(trial, rung, share)  # what held it up may have been over soon
            if hardly:
                raise TimedOut(
                    f"it was trained for {done.details['epochs']:.2g} epochs in the time for {self.plan.epochs(rung):.3g}: "
                    "something held the machine up"
                )
        if rung == "short":
            self.prices["short"] = done.details["seconds"]
        leader = self.standing.leader
        told = self.study.record(trial, rung, done.measures, **done.details)
        if rung == "final" or leader is None or self.standing.merit(told) > self.standing.merit(leader):
            self.study.put(told, "weights", done.artefacts["weights"])
        return told

    def _trained(self, trial: Trial, rung: str, share: float) -> tuple[Outcome, bool]:
        """A training within its time, and whether time ended it after hardly any of what that is known to hold."""
        plan, most = self.plan, None
        if self.clock.spend.seconds is not None:
            most = max(1.0, min(self.clock.left, share * plan.seconds(rung)) - plan.telling)
        epochs = share * plan.epochs(rung)
        done = replace(self.training, epochs=epochs, seconds=most)(trial)
        epoch = plan.epoch_of(trial) or (plan.epoch if trial.origin == "baseline" else 0.0)
        held = min(epochs, most / epoch) if most is not None and epoch else 0.0
        return done, done.details["ended"] == "time" and done.details["epochs"] < HARDLY * held

    def _refuse_slow(self, trial: Trial) -> None:
        """Raise TimedOut for what even its shortest training would take longer than a full one may, or than is left."""
        plan, room = self.plan, min(self.clock.left, self.plan.seconds("final"))
        if self.clock.spend.seconds is None or plan.least_of(trial.graph) <= room:
            return
        least = Pace.of(trial.graph, self.training.task, plan.recipe, self.training.seed).least
        if least > room:
            raise TimedOut(
                f"one step and one look at the validation split take about {show(least, 's')}, and a full training has "
                f"{show(max(0.0, room), 's')}"
            )


def note_funnel(study: Study, finals: Iterable[Trial]) -> None:
    """Write down how many candidates each stage saw and let pass, and what one cost."""
    tried = [trial for trial in study.trials if trial.origin != "baseline"]
    reached = {stage: [trial for trial in tried if stage in trial.stages] for stage in ("device", *RUNGS)}
    stages = [(name, there) for name, there in {"proposed": tried, **reached}.items() if there]
    passed = [*(len(there) for _, there in stages[1:]), len(list(finals))]
    for (name, there), after in zip(stages, passed, strict=bool(stages)):
        price = sum(trial.stages[name]["seconds"] for trial in there) / len(there) if name != "proposed" else 0.0
        study.note("funnel", stage=name, entered=len(there), passed=after, price_s=price)
