"""The plan: how long each rung trains, and what is not worth proposing. Made once, from what the baseline's epochs take."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nasmyth.errors import BudgetError, StudyError
from nasmyth.funnel.clock import Clock
from nasmyth.funnel.pace import Pace
from nasmyth.measure import Constraint, figures_of, find
from nasmyth.record import Value, from_json, to_json
from nasmyth.search.strategy import FULL, FinishedTrial, Stage
from nasmyth.study import Study, Trial
from nasmyth.train import Recipe

if TYPE_CHECKING:
    from nasmyth.domains import Domain
    from nasmyth.network import Network
    from nasmyth.space import Space
    from nasmyth.train import Fitted, Task

ETA = 3
"""Each rung trains so many times longer than the one below, and takes as small a share of it."""
RUNGS = ("short", "long", FULL.name)
FULL_SHARE = 0.2
"""A full training takes at most this share of the time, so that there can be several."""
LAST = 0.35
"""The share of the time that is kept for full trainings."""
SHORTEST = 0.5
"""The last full training may be this much shorter, if there is no time for a whole one."""
FEWEST = 8
"""Epochs that a full training has at least: what cannot be trained so long is not proposed."""
TIMED, TIMING = 5, 0.2
"""Epochs that are timed, and the share of a full training that they may take."""
DRAWN, DRAWING = 64, 1.0
"""Candidates among which the one to be timed is chosen where there is no plain network, and the seconds that may take."""
TOLD = 8
"""Examples by which it is told how long measures of a trained network take."""
PATIENCE = 2.0
"""A training ends after so many times the seconds that the baseline takes, where there is time for all epochs."""
SLACK = 4.0
"""A network may be so many times faster for its MACs than the baseline is, before it is ruled out unmeasured."""
WIDER = 2.0
"""A network may have this many times the activations of what the baseline's time would pay for, its arithmetic being
less."""
USED = 0.3
"""The share of the budget for parameters that a candidate uses at least: larger networks are better as a rule."""
UNBOUNDED = 1e18


class TrainingPlan(Value):
    """How long each rung trains, and how."""

    recipe: Recipe
    price: float
    """Seconds that the baseline's full training is expected to take."""
    short_of_time: bool
    """Whether that is less than the recipe asks for. Then candidates get equal time, and cheaper ones more epochs."""
    costliest: float
    """Times the MACs or the activations of the baseline: what costs more would take too long to train in full."""
    metric_seconds: float = 0.0
    """Seconds that it takes to tell what is asked for of a trained network besides its scores, such as to attack it."""
    epoch: float = 0.0
    """Seconds of an epoch of the network that was timed; 0 where nothing was."""
    least: float = 0.0
    """Seconds of its shortest training: one step, and one look at the validation split."""
    look: float = 0.0
    """Seconds of that look alone."""
    macs: float = 1.0
    """Its multiply-accumulates."""

    def epochs(self, rung: str) -> float:
        """The most epochs of a training at this rung."""
        return max(1.0, self.recipe.epochs * share(rung))

    def seconds(self, rung: str) -> float:
        """The most seconds of a training at this rung, with what is told of the network afterwards."""
        return self.price * share(rung) * (1.0 if self.short_of_time else PATIENCE) + self.metric_seconds

    def price_of(self, epoch: float, rung: str = FULL.name) -> float:
        """Seconds that a training is expected to take, where an epoch of the network takes so many; 0 is not known."""
        known = epoch * self.epochs(rung) if epoch else self.price
        return min(known + self.metric_seconds, self.seconds(rung))

    def least_of(self, graph: Any) -> float:
        """A guess at the shortest training of another network, from its arithmetic."""
        return self.least * max(1.0, find("macs")(graph) / max(1.0, self.macs))

    def stage(self, rung: str, left: float = UNBOUNDED, part: float = 1.0) -> Stage:
        """What is spent at this rung, or on a `part` of it; `left`: seconds in which it must be over."""
        epochs = part * self.epochs(rung) / self.recipe.epochs
        if left >= UNBOUNDED:
            return Stage(rung, epochs)
        most = max(1.0, min(left, part * self.seconds(rung)) - self.metric_seconds)
        return Stage(rung, epochs, most)


def epoch_of(trial: FinishedTrial) -> float:
    """Seconds of an epoch, from what was recorded of a training; 0 if there was none."""
    stage = max(trial.stages.values(), key=lambda s: s.get("training", 0.0), default={})
    return float(stage["training"] / stage["epochs"]) if stage.get("epochs") else 0.0


def share(rung: str) -> float:
    """Of a training in full."""
    return float(ETA) ** (RUNGS.index(rung) - len(RUNGS) + 1)


def planned(
    study: Study, clock: Clock, graph: Any, task: Task, domain: Domain, also: Iterable[str] = ()
) -> TrainingPlan:
    """The plan of an earlier run; else a new one, from some epochs of `graph`, which show what time buys and what helps.

    also: measures of a trained network that are told besides its scores; what they take is kept free, at the end as well.
    Raises BudgetError where not even one step and one look at the validation split fit well into the time that is left.
    """
    recipe = task.recipe or domain.recipe(task)
    pace = Pace.of(
        graph, task, recipe, study.seed
    )  # before the first training in any process: imports are not its time
    known = next((note for note in study.notes if note["what"] == "plan"), None)
    if known is None:
        plan, why = _made(study.seed, clock, graph, task, domain, recipe, pace, tuple(also))
        told = {name: getattr(plan, name) for name in TrainingPlan.fields if name != "recipe"}
        study.note("plan", recipe=to_json(plan.recipe), why=why, **told)
    else:
        told = {name: known[name] for name in TrainingPlan.fields if name in known and name != "recipe"}
        plan = TrainingPlan(from_json(known["recipe"]), **told)
        if task.recipe not in (None, domain.recipe(task), plan.recipe):
            raise StudyError(
                f"this study was trained with {plan.recipe}, and recipe= is another; leave it out to go on with that "
                f"one, or "
                "name another file with out="
            )
    clock.account("timing")
    return plan


def _made(
    seed: int, clock: Clock, graph: Any, task: Task, domain: Domain, recipe: Recipe, pace: Pace, also: tuple[str, ...]
) -> tuple[TrainingPlan, str]:
    """The plan, and why the recipe changed if it did."""
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    allowance = FULL_SHARE * max(clock.left, 1.0)
    _refuse_hopeless(pace, clock)
    network = build(graph, seed, task.inputs, task.outputs)
    initialise(network, seed)
    most = None if clock.spend.seconds is None else TIMING * allowance
    why = ""
    if most is None or pace.least <= most:
        timed = fit(network, task, recipe, epochs=TIMED, seconds=most, seed=seed)
        epoch = _seconds_of_an_epoch(timed)
        if recipe == domain.recipe(task):  # what was asked for is left as it is
            recipe, why = domain.adapted(recipe, network, task)
    else:
        epoch = pace.epoch
    if most is None:
        return TrainingPlan(recipe, UNBOUNDED, False, UNBOUNDED), why
    price = max(min(recipe.epochs * epoch, allowance), pace.least)
    costliest = max(1.0, allowance / (epoch * min(FEWEST, recipe.epochs)))
    metric_seconds = _metric_seconds(network, task, [name for name in also if name not in pace.told])
    macs = find("macs")(graph)
    return TrainingPlan(
        recipe, price, price < recipe.epochs * epoch, costliest, metric_seconds, epoch, pace.least, pace.look, macs
    ), why


def _refuse_hopeless(pace: Pace, clock: Clock) -> None:
    if pace.least > 0.5 * clock.left:
        wanted = clock.spent + 2 * pace.least / FULL_SHARE
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


def cheap(space: Space, seed: int) -> Any:
    """The graph with the fewest multiply-accumulates among some of a space: where no plain network is there to be timed."""
    drawn, end = [space.decode(space.sample(f"{seed} cheap 0"))], time.perf_counter() + DRAWING
    while len(drawn) < DRAWN and time.perf_counter() < end:
        drawn.append(space.decode(space.sample(f"{seed} cheap {len(drawn)}")))
    return min(drawn, key=find("macs"))


def affordable(
    space: Space, plan: TrainingPlan, graph: Any, baseline: Trial | None, measured: Iterable[Constraint]
) -> Space:
    """The space without what could not be trained in time, or is sure to be too slow on the device.

    Told from the costs and the device figures of the baseline, whose graph this is. A step takes time for its arithmetic
    and for moving its activations, so neither may be much more than the baseline's; that bounds memory, too.
    """
    macs, activations, bounds = find("macs"), find("activations"), []
    if plan.costliest < UNBOUNDED:
        bounds = [macs <= plan.costliest * macs(graph), activations <= WIDER * plan.costliest * activations(graph)]
    for limit in measured:
        if baseline is not None and limit.measure.name in baseline.measures and limit.relation == "<=":
            bounds.append(macs <= SLACK * macs(graph) * limit.bound / baseline.measures[limit.measure.name])
    try:
        return space.narrow(*bounds) if bounds else space
    except BudgetError:
        return space  # even the cheapest takes long: it is tried all the same, and time-boxed


def min_usage(space: Space, counted: Iterable[Constraint]) -> Space:
    """The space without what leaves most of the budget for parameters or bytes unused, if there is enough besides."""
    floors = [
        limit.measure >= USED * limit.bound
        for limit in counted
        if limit.relation == "<=" and limit.measure.name in ("params", "size")
    ]
    try:
        return space.narrow(*floors)
    except BudgetError:
        return space
