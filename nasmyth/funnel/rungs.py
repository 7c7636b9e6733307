"""The rungs of the funnel: training a candidate a little, longer, in full; and who goes up.

Asynchronous successive halving (Li et al. 2018, arXiv:1810.05934): of what reached a rung, the best third goes on to the
next, where it trains three times longer. Here every rung trains from new weights, so that its learning rate ends low.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from nasmyth.errors import CandidateError, OverBudget
from nasmyth.funnel.clock import Clock
from nasmyth.funnel.plan import ETA, RUNGS, Plan
from nasmyth.funnel.standing import Standing
from nasmyth.measure import Constraint
from nasmyth.study import Study, Trial
from nasmyth.study.training import Training


@dataclass
class Rungs:
    """Trains trials of a study and records what they gave. `measured` are the constraints that need a device."""

    study: Study
    standing: Standing
    training: Training
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
        """Record the figures and the curve; keep the weights of full trainings and of whatever is best so far."""
        plan, most = self.plan, None
        if self.clock.spend.seconds is not None:
            most = max(1.0, min(self.clock.left, share * plan.seconds(rung)) - plan.telling)
        done = replace(self.training, epochs=share * plan.epochs(rung), seconds=most)(trial)
        if rung == "short":
            self.prices["short"] = done.details["seconds"]
        leader = self.standing.leader
        told = self.study.record(trial, rung, done.measures, **done.details)
        if rung == "final" or leader is None or self.standing.merit(told) > self.standing.merit(leader):
            self.study.put(told, "weights", done.artefacts["weights"])
        return told


def note_funnel(study: Study, finals: Iterable[Trial]) -> None:
    """Write down how many candidates each stage saw and let pass, and what one cost."""
    tried = [trial for trial in study.trials if trial.origin != "baseline"]
    reached = {stage: [trial for trial in tried if stage in trial.stages] for stage in ("device", *RUNGS)}
    stages = [(name, there) for name, there in {"proposed": tried, **reached}.items() if there]
    passed = [*(len(there) for _, there in stages[1:]), len(list(finals))]
    for (name, there), after in zip(stages, passed, strict=bool(stages)):
        price = sum(trial.stages[name]["seconds"] for trial in there) / len(there) if name != "proposed" else 0.0
        study.note("funnel", stage=name, entered=len(there), passed=after, price_s=price)
