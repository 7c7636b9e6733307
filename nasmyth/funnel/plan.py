"""The plan: how long the rungs of a design train, and the network that is handed over. Made once, from the first epochs.

Most of the time belongs to that network (`FINAL`), and the more the shorter time is for what its recipe wants (`final_share`);
then it has all cores, too, if it trains faster on them. The rest is for exploring: candidates train for equal seconds, and
the best third of each rung goes on from its weights for three times as long. So what is trained longest has lost nothing,
and the learning rate falls only at its end (`joint.staged`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nasmyth.errors import BudgetError, StudyError
from nasmyth.funnel.clock import Clock
from nasmyth.funnel.joint import asked_for, joined
from nasmyth.funnel.pace import Pace, speedup
from nasmyth.measure import Candidate, Constraint, evaluate, figures_of, find
from nasmyth.record import Value, from_json, to_json
from nasmyth.search.strategy import FULL, FinishedTrial, Stage
from nasmyth.study import Study
from nasmyth.train import Recipe

if TYPE_CHECKING:
    from nasmyth.domains import Domain
    from nasmyth.network import Network
    from nasmyth.space import Genome, Space
    from nasmyth.train import Fitted, Task

ETA = 3
"""Each rung trains so many times longer than the one below, and takes as small a share of it."""
FINAL, EXPLORED = 0.6, 0.24
"""The share of the time that is kept for the networks that are trained to the end, at least; and what share of it is explored
where the time is just what the recipe wants."""
FIFTH, TELLING, COPIED = 5, 500, 2**30
"""A last training without rivals is scored by a fifth of the validation split, of so many examples at least; splits of more
bytes are not copied for it."""
FEWEST = 3
"""Where time is short for one training, fewer candidates than so many are not worth trying."""
FASTER = 1.25
"""So many times as fast a network must train on all cores before it has them to itself."""
FINALS, LONGER = 3, 4.0
"""Where there is time for more trainings in full than so many, each is made longer, up to so many times."""
MOST_RUNGS = 4
"""Below a full training: the first of so many takes a 1/81 of it."""
SHORTEST, STEPS, LOOKS = 1.5, 200, 4
"""The least training that tells anything: so many seconds; an epoch, or so many steps; so many looks at the validation
split."""
TIMED, TIMING = 3, 0.03
"""Epochs that are timed, and the share of all time that they may take."""
DRAWN, DRAWING = 64, 1.0
"""Candidates among which the one to be timed is chosen where there is no plain network, and the seconds that may take."""
TOLD = 8
"""Examples by which it is told how long measures of a trained network take."""
CHEAPEST = 0.05
"""An epoch of a network of far fewer MACs takes this share at least of what one of the timed network takes."""
DEAREST = 4.0
"""A network may have so many times the MACs, or activations, of the plain network: others see few epochs."""
SLACK = 4.0
"""A network may be so many times faster for its MACs than the plain one is, before it is ruled out unmeasured."""
UNBOUNDED = 1e18


class TrainingPlan(Value):
    """How long each rung trains, and how."""

    recipe: Recipe
    full: float
    """Seconds of a training in full; unbounded where only trials are counted."""
    rungs: int = 2
    """How many there are below it."""
    epoch: float = 0.0
    """Seconds of an epoch of the network that was timed; 0 where nothing was."""
    macs: float = 1.0
    """Its multiply-accumulates."""
    least: float = 0.0
    """Seconds of its shortest training: one step, and one look at the validation split."""
    look: float = 0.0
    """Seconds of that look alone."""
    metric_seconds: float = 0.0
    """Seconds that it takes to tell what is asked for of a trained network besides its scores, such as to attack it."""
    final: float = FINAL
    """The share of the time that is kept for the last trainings."""
    threads: int = 0
    """Of the last training, which then is the only one at its time; 0: as many as others have."""
    faster: float = 1.0
    """How many times as fast that is."""
    scored: int = 0
    """The last training, where it is the only one, learns from the validation split, too, but for so many of its examples, by
    which it is scored. 0: it learns from none."""
    adapted: tuple[tuple[str, Any], ...] = ()
    """Decisions of the recipe space that the first epochs showed to be better than its first ones."""

    @property
    def names(self) -> tuple[str, ...]:
        """The rungs, the shortest first: "1/9", "1/3", "final"."""
        return (*(f"1/{ETA**i}" for i in range(self.rungs, 0, -1)), FULL.name)

    @property
    def timed(self) -> bool:
        """Whether time bounds trainings."""
        return self.full < UNBOUNDED

    def share(self, rung: str) -> float:
        """Of a training in full."""
        return float(ETA) ** (self.names.index(rung) - self.rungs)

    def seconds(self, rung: str) -> float:
        """Of a training up to this rung, the rungs below included."""
        return self.full * self.share(rung)

    def epoch_of(self, graph: Any) -> float:
        """A guess at the seconds of an epoch of another network, from its arithmetic."""
        return self.epoch * max(CHEAPEST, find("macs")(graph) / max(1.0, self.macs))

    def least_of(self, graph: Any) -> float:
        """A guess at the shortest training of another network, from its arithmetic."""
        return self.least * max(1.0, find("macs")(graph) / max(1.0, self.macs))

    def stage(self, rung: str, seconds: float = 0.0, epochs: float = 0.0, keep: bool = True) -> Stage:
        """Train up to this rung, for so many seconds more, on the way to so many epochs in all."""
        keep = keep and rung != FULL.name
        if not self.timed:
            return Stage(rung, self.share(rung), keep=keep)
        return Stage(rung, self.share(rung), max(1.0, seconds), keep, max(epochs, 1e-3))


def trained(trial: FinishedTrial) -> tuple[float, float]:
    """Seconds and epochs of its training, from its first weights on; zeros if there was none."""
    stage = max(trial.stages.values(), key=lambda s: s.get("training", 0.0), default={})
    return float(stage.get("training", 0.0)), float(stage.get("epochs", 0.0))


def planned(
    study: Study,
    clock: Clock,
    genome: Genome,
    task: Task,
    domain: Domain,
    also: Iterable[str] = (),
    cores: int = 1,
    several: bool = False,
) -> TrainingPlan:
    """The plan of an earlier run; else a new one, from some epochs of a network, which show what time buys and what helps.

    genome: of the space of the study. also: measures of a trained network that are told besides its scores; what they take
    is kept free, at the end as well.
    cores: that one training could have where there are several at once. several: whether there are.
    Raises BudgetError where not even one step and one look at the validation split fit well into the time that is left.
    """
    graph, recipe = study.space.decode(genome), study.space.recipe_of(genome)
    # before the first training in any process: imports are not its time
    pace = Pace.of(graph, task, recipe, study.seed)
    known = next((note for note in study.notes if note["what"] == "plan"), None)
    if known is None:
        plan, why = _made(study.seed, clock, graph, task, recipe, pace, tuple(also), cores, several, domain)
        if plan.adapted:
            plan = plan.replace(recipe=study.space.recipe_of(joined(study.space, genome, plan.adapted)))
        told = {name: getattr(plan, name) for name in TrainingPlan.fields if name != "recipe"}
        study.note("plan", recipe=to_json(plan.recipe), why=why, **told)
    else:
        plan = _known(known)
    clock.account("timing")
    return plan


def _known(known: dict[str, Any]) -> TrainingPlan:
    if "full" not in known:
        raise StudyError(
            "this design was begun by an older Nasmyth, whose plan this one does not follow: go on with that one, or name "
            "another file with out=; show and export read this one"
        )
    told = {name: known[name] for name in TrainingPlan.fields if name in known and name != "recipe"}
    return TrainingPlan(from_json(known["recipe"]), **told)


def _made(
    seed: int,
    clock: Clock,
    graph: Any,
    task: Task,
    recipe: Recipe,
    pace: Pace,
    also: tuple[str, ...],
    cores: int,
    several: bool,
    domain: Domain,
) -> tuple[TrainingPlan, str]:
    """The plan, and why the recipe changed if it did."""
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    _refuse_hopeless(pace, clock)
    network = build(graph, seed, task.inputs, task.outputs)
    initialise(network, seed)
    most = None if clock.spend.seconds is None else TIMING * max(clock.left, 1.0)
    adapted: Genome = {}
    why = ""
    if most is None or pace.least <= most:
        timed = fit(network, task, recipe, epochs=TIMED, seconds=most, seed=seed)
        epoch = _seconds_of_an_epoch(timed)
        if asked_for(task, domain) is None:
            adapted, why = domain.adapted(network, task)
    else:
        epoch = pace.epoch
    if most is None:
        return TrainingPlan(recipe, UNBOUNDED), why
    recommended = recipe.epochs * epoch
    final, faster, short = final_share(recommended, clock.left), 1.0, recommended > FINAL * clock.left
    if short and cores > 1 and pace.least <= most:
        faster = speedup(network, task, recipe, epoch, cores)
    full = max(_full(recommended, final * clock.left), pace.least)
    metric_seconds = _metric_seconds(network, task, [name for name in also if name not in pace.told])
    least = max(SHORTEST, pace.least, LOOKS * pace.look, 2 * metric_seconds, _telling(epoch, task, recipe))
    rungs = sum(full / ETA**i >= least for i in range(1, MOST_RUNGS + 1))
    if short and (1.0 - final) * clock.left * cores < FEWEST * full / ETA**rungs:
        rungs = 0
    macs = find("macs")(graph)
    plan = TrainingPlan(recipe, full, rungs, epoch, macs, pace.least, pace.look, metric_seconds, final)
    plan = plan.replace(adapted=tuple(adapted.items()))
    if faster >= FASTER:
        plan = plan.replace(threads=cores, faster=faster)
    if short and (plan.threads or not several) and (scored := _scored(task)):
        plan, why = plan.replace(scored=scored), "; ".join(filter(None, (why, _learned_from(task, scored))))
    return plan, why


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


def _full(recommended: float, most: float) -> float:
    """Seconds of a training in full: those of the recipe's epochs; more where there is time for FINALS such all the same."""
    return min(max(recommended, min(LONGER * recommended, most / FINALS)), most)


def _telling(epoch: float, task: Task, recipe: Recipe) -> float:
    """Seconds of an epoch, or of STEPS."""
    return epoch * min(1.0, STEPS * recipe.batch / max(1, len(task.train)))


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


def cheap(space: Space, seed: int) -> Genome:
    """The one with the fewest multiply-accumulates among some of a space: where no plain network is there to be timed."""
    drawn, end = [space.sample(f"{seed} cheap 0")], time.perf_counter() + DRAWING
    while len(drawn) < DRAWN and time.perf_counter() < end:
        drawn.append(space.sample(f"{seed} cheap {len(drawn)}"))
    return min(drawn, key=lambda genome: find("macs")(space.decode(genome)))


def affordable(space: Space, plan: TrainingPlan, graph: Any, limits: Iterable[Constraint]) -> Space:
    """The space without what would see far fewer epochs than the network that was timed, whose graph this is, or is sure to
    be too slow on this device.

    A step takes time for its arithmetic and for moving its activations, so neither may be much more; that bounds memory, too.
    """
    macs, activations, bounds = find("macs"), find("activations"), []
    if plan.timed:
        bounds = [macs <= DEAREST * macs(graph), activations <= DEAREST * activations(graph)]
    measured = [limit for limit in limits if "device" in limit.measure.requires and limit.relation == "<="]
    told = evaluate(Candidate(graph), [limit.measure for limit in measured]).values
    for limit in measured:
        if figure := told.get(limit.measure.name):
            bounds.append(macs <= SLACK * macs(graph) * limit.bound / figure)
    try:
        return space.narrow(*bounds) if bounds else space
    except BudgetError:
        return space  # even the cheapest takes long: it is tried all the same, and time-boxed
