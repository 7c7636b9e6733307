"""The plan: how long the rungs of a design train, and the network that is handed over. Made once, from the first epochs.

Most of the time belongs to that network (`FINAL`), and the more the shorter time is for what its recipe wants (`planner.py`);
then it has all cores, too, if it trains faster on them. The rest is for exploring: candidates train for equal seconds, and
the best third of each rung goes on from its weights for three times as long. So what is trained longest has lost nothing,
and the learning rate falls only at its end (`joint.staged`). Where more time is left than one training to the end takes, the
best of these goes on for three times as long once more, while that pays.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nasmyth.errors import BudgetError
from nasmyth.measure import Candidate, Constraint, evaluate, find
from nasmyth.record import Value
from nasmyth.search.strategy import FULL, FinishedTrial, Stage
from nasmyth.train import Recipe

if TYPE_CHECKING:
    from nasmyth.space import Genome, Space

ETA = 3
"""Each rung trains so many times longer than the one below, and takes as small a share of it."""
FINAL = 0.6
"""The share of the time that is kept for the networks that are trained to the end, at least."""
DRAWN, DRAWING = 64, 1.0
"""Candidates among which the one to be timed is chosen where there is no plain network, and the seconds that may take."""
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
        if not self.timed:
            return Stage(rung, self.share(rung), keep=keep and rung != FULL.name)
        return Stage(rung, self.share(rung), max(1.0, seconds), keep, max(epochs, 1e-3))


def trained(trial: FinishedTrial) -> tuple[float, float]:
    """Seconds and epochs of its training, from its first weights on; zeros if there was none."""
    stage = max(trial.stages.values(), key=lambda s: s.get("training", 0.0), default={})
    return float(stage.get("training", 0.0)), float(stage.get("epochs", 0.0))


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
