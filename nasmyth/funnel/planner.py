"""Making the plan of a design: some epochs of a network show what time buys, how to train, and what more cores bring."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nasmyth.errors import BudgetError, StudyError
from nasmyth.funnel.clock import Clock
from nasmyth.funnel.joint import asked_for, joined
from nasmyth.funnel.pace import Pace, speedup
from nasmyth.funnel.plan import ETA, FINAL, UNBOUNDED, TrainingPlan
from nasmyth.measure import figures_of, find
from nasmyth.record import from_json, to_json
from nasmyth.study import Study

if TYPE_CHECKING:
    from nasmyth.domains import Domain
    from nasmyth.network import Network
    from nasmyth.space import Genome
    from nasmyth.train import Fitted, Task

EXPLORED = 0.24
"""What share of the time is explored where it is just what one training wants."""
FIFTH, TELLING, COPIED = 5, 500, 2**30
"""A last training without rivals is scored by a fifth of the validation split, of so many examples at least; splits of more
bytes are not copied for it."""
FEWEST = 8
"""Where time is short for one training, fewer candidates than so many are not worth trying: of eight designs that tried four or
five, all handed over the plain network."""
FASTER = 1.5
"""So many times as fast a network must train on all cores before it has them to itself."""
FINALS, LONGER = 3, 4.0
"""So many trainings in full at most share the time of the end, each up to so many times as long as its recipe says."""
MOST_RUNGS = 4
"""Below a full training: the first of so many takes a 1/81 of it."""
SHORTEST, STEPS, LOOKS = 1.5, 200, 4
"""The least training that tells anything: so many seconds; an epoch, or so many steps; so many looks at the validation
split."""
TIMED, TIMING = 3, 0.03
"""Epochs that are timed, and the share of all time that they may take."""
TOLD = 8
"""Examples by which it is told how long measures of a trained network take."""


@dataclass
class Planner:
    """What is known before anything is timed.

    genome: of the space of the study, of the network that is timed. pace: what a step of it takes. also: measures of a trained
    network that are told besides its scores; what they take is kept free, at the end as well. cores: that one training
    could have where there are several at once. several: whether there are.
    """

    study: Study
    clock: Clock
    genome: Genome
    pace: Pace
    task: Task
    domain: Domain
    also: Iterable[str] = ()
    cores: int = 1
    several: bool = False

    def plan(self) -> TrainingPlan:
        """The plan of an earlier run; else a new one, which is noted.

        Raises BudgetError where not even one step and one look at the validation split fit well into the time that is left.
        """
        space, study = self.study.space, self.study
        self.graph, self.recipe = space.decode(self.genome), space.recipe_of(self.genome)
        known = next((note for note in study.notes if note["what"] == "plan"), None)
        if known is None:
            plan, why = self._made()
            plan = plan.replace(recipe=space.recipe_of(joined(space, self.genome, plan.adapted)))
            told = {name: getattr(plan, name) for name in TrainingPlan.fields if name != "recipe"}
            study.note("plan", recipe=to_json(plan.recipe), why="; ".join(filter(None, why)), **told)
        else:
            plan = _known(known)
        self.clock.account("timing")
        return plan

    def _made(self) -> tuple[TrainingPlan, list[str]]:
        """The plan, and what was decided by what the data showed, in words."""
        from nasmyth.network import build
        from nasmyth.train import initialise

        _refuse_hopeless(self.pace, self.clock)
        network = initialise(build(self.graph, self.study.seed, self.task.inputs, self.task.outputs), self.study.seed)
        bounded = self.clock.spend.seconds is not None
        most = TIMING * max(self.clock.left, 1.0) if bounded else None
        adapted: Genome = {}
        why, epoch = "", self.pace.epoch
        timed = most is None or self.pace.least <= most
        if timed:
            epoch = self._epoch(network, most)
            if asked_for(self.task, self.domain) is None:
                adapted, why = self.domain.adapted(network, self.task)
        plan = TrainingPlan(self.recipe, UNBOUNDED, adapted=tuple(adapted.items()))
        if not bounded:
            return plan, [why]
        plan = self._shared_out(plan, network, epoch)
        recommended, scored = self.recipe.epochs * epoch, 0
        if recommended > FINAL * self.clock.left:
            plan = self._for_one(plan, timed)
            scored = 0 if self.several and not plan.threads else _scored(self.task)
        return plan.replace(scored=scored), [why, _learned_from(self.task, scored) if scored else ""]

    def _epoch(self, network: Network, most: float | None) -> float:
        """Seconds of an epoch, from some; the network is trained by then."""
        from nasmyth.train import fit

        return _seconds_of_an_epoch(
            fit(network, self.task, self.recipe, epochs=TIMED, seconds=most, seed=self.study.seed)
        )

    def _shared_out(self, plan: TrainingPlan, network: Network, epoch: float) -> TrainingPlan:
        """With the time shared out between exploring and the end, and the rungs between."""
        pace, left = self.pace, self.clock.left
        recommended = self.recipe.epochs * epoch
        final = final_share(recommended, left)
        full = max(full_seconds(recommended, final * left), pace.least)
        metric_seconds = _metric_seconds(network, self.task, [name for name in self.also if name not in pace.told])
        telling = epoch * min(1.0, STEPS * self.recipe.batch / max(1, len(self.task.train)))
        least = max(SHORTEST, pace.least, LOOKS * pace.look, 2 * metric_seconds, telling)
        return plan.replace(
            full=full, rungs=sum(full / ETA**i >= least for i in range(1, MOST_RUNGS + 1)), epoch=epoch,
            macs=find("macs")(self.graph), least=pace.least, look=pace.look, metric_seconds=metric_seconds, final=final,
        )  # fmt: skip

    def _for_one(self, plan: TrainingPlan, timed: bool) -> TrainingPlan:
        """Where time is short for one training: on all cores if that helps, and without rungs that would see too few."""
        if timed:
            faster = speedup(self.graph, self.task, self.recipe, plan.epoch, self.cores)
            plan = plan.replace(threads=self.cores, faster=faster) if faster >= FASTER else plan
        explored = (1.0 - plan.final) * self.clock.left * self.cores
        return plan if explored >= FEWEST * plan.full / ETA**plan.rungs else plan.replace(rungs=0)


def _known(known: dict[str, Any]) -> TrainingPlan:
    if "full" not in known:
        raise StudyError(
            "this design was begun by an older Nasmyth, whose plan this one does not follow: go on with that one, or name "
            "another file with out=; show and export read this one"
        )
    told = {name: known[name] for name in TrainingPlan.fields if name in known and name != "recipe"}
    return TrainingPlan(from_json(known["recipe"]), **told)


def _scored(task: Task) -> int:
    """The examples of the validation split by which a last training is scored that learns from the others, too; 0 where they
    would be too few to tell, or the copy too large."""
    from nasmyth.forms import stored

    sizes = [stored.size(part) for split in (task.train, task.valid) for part in (split.x, split.y)]
    scored = len(task.valid) // FIFTH
    return scored if scored >= TELLING and sum(sizes) <= COPIED else 0


def _learned_from(task: Task, scored: int) -> str:
    return (
        f"the last training learns from {len(task.valid) - scored:,} validation examples, too, since it is the only one; its "
        f"score in validation is that of the other {scored:,}"
    )


def final_share(recommended: float, left: float) -> float:
    """The share of the time that is kept for the last trainings, of which one is to have so many seconds: the shorter the time
    is for that, the less it pays to look for something better, and the more to train."""
    return max(FINAL, 1.0 - EXPLORED * left / max(recommended, 1e-9))


def full_seconds(recommended: float, most: float) -> float:
    """Seconds of a training in full, by those of the recipe's epochs: the time of the end is shared out evenly among as many
    as it holds, FINALS at most, so that none of it is too short for one."""
    count = min(max(1.0, most // max(recommended, 1e-9)), FINALS)
    return min(most / count, LONGER * recommended)


def _refuse_hopeless(pace: Pace, clock: Clock) -> None:
    if pace.least > 0.5 * clock.left:
        wanted = clock.spent + 4 * pace.least
        raise BudgetError(
            f"one step of training and one look at the validation split take about {pace.least:.3g} s here, and "
            f"{max(0.0, clock.left):.3g} s are left to spend: nothing can be trained in that; spend {wanted:.0f}s or more, "
            "or learn from fewer columns or smaller images",
            binding="spend", smallest=wanted, feasible=f"{wanted:.0f}s",
        )  # fmt: skip


def _metric_seconds(network: Network, task: Task, names: Iterable[str]) -> float:
    """On the validation split, from what it takes on a part of it."""
    part, start = task.few(TOLD), time.perf_counter()
    figures_of(network, names, part)
    return (time.perf_counter() - start) * max(1.0, len(task.valid) / len(part.valid))


def _seconds_of_an_epoch(timed: Fitted) -> float:
    """Of the fastest, since the first is slower and others may have been disturbed."""
    marks = [(0.0, 0.0), *((entry["epoch"], entry["seconds"]) for entry in timed.curve)]
    return min((later - sooner) / (end - start) for (start, sooner), (end, later) in pairwise(marks))
