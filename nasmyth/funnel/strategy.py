"""The funnel of a design as a strategy: short trainings of what another strategy proposes, longer ones of the best.

Asynchronous successive halving (Li et al. 2018, arXiv:1810.05934): of what reached a rung, the best third goes on to the
next, where it trains three times longer. When only the time for the last full trainings is left, the best are trained in
full, as many as it holds; the last may be shorter. Every rung trains from new weights, so that its learning rate ends low.

Time is what the trials say: the seconds of work on the study when each was told. So the strategy is a fold like any other,
and what it proposes follows from the log.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any

from nasmyth.funnel.leaderboard import BASELINE
from nasmyth.funnel.plan import ETA, LAST, RUNGS, SHORTEST, UNBOUNDED, Plan, epoch_of
from nasmyth.search import Strategy
from nasmyth.search.strategy import FULL, FinishedTrial, Pending, Proposal, hashable
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space
from nasmyth.study.run import MAX_CRASHES


@dataclass(frozen=True)
class Entrant:
    """A candidate: how far it got, how well it did there, and what an epoch of it takes."""

    genome: Genome
    number: int
    origin: str
    reached: tuple[str, ...] = ()
    """The rungs at which it was tried, failed or not."""
    rank: tuple[float, ...] = ()
    """More is better; empty once it failed or is over the budget."""
    epoch: float = 0.0


@dataclass(frozen=True)
class Race:
    """The state: what the inner strategy knows, and all entrants."""

    inner: Any
    now: float = 0.0
    entrants: dict[Any, Entrant] = field(default_factory=dict)
    late: float = 0
    """How many were too slow, while nothing else was tried."""


class Funnel(Strategy):
    """See the top of this file.

    explore: proposes what is tried first; None proposes nothing new any more. trials: so many candidates, the plain network
    among them. begun, until: seconds of work on the study between which it may train; None is without end.
    """

    plan: Plan
    explore: Strategy | None
    trials: int | None = None
    begun: float = 0.0
    until: float | None = None

    def init(self, space: Space) -> Race:
        return Race(None if self.explore is None else self.explore.init(space), self.begun)

    def tell(self, state: Race, trial: FinishedTrial) -> Race:
        state = replace(state, now=max(state.now, trial.at))
        if self.explore is not None and (trial.stage.name == RUNGS[0] or trial.origin == BASELINE):
            state = replace(state, inner=self.explore.tell(state.inner, trial))
        if trial.origin == BASELINE:
            return state
        key, failed = hashable(trial.genome), trial.error is not None or trial.violation > 0
        known = state.entrants.get(key, Entrant(trial.genome, trial.number, trial.origin))
        entrant = replace(
            known,
            reached=(*known.reached, trial.stage.name),
            rank=() if failed else rank_key(trial),
            epoch=epoch_of(trial) or known.epoch,
        )
        late = state.late + 1 if trial.error is not None and trial.error.reason == "time" else -math.inf
        return replace(state, entrants={**state.entrants, key: entrant}, late=late)

    def ask(self, state: Race, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        running = {(hashable(one.genome), one.stage.name) for one in pending if one.genome is not None}
        found: list[Proposal] = []
        while len(found) < n:
            one = self._promoted(state, running) if self._may_explore(state) else self._last(state, running)
            if one is None:
                break
            found.append(one)
            running.add((hashable(one.genome), one.stage.name))
        if len(found) < n and self._may_explore(state):
            found += self._new(state, space, rng, n - len(found), pending)
        return found

    # --- who goes on ----------------------------------------------------------------------------------------------

    def _promoted(self, state: Race, running: set[tuple[Any, str]]) -> Proposal | None:
        """The best of the rung below that is among its best third, was not trained at the next yet, and that time
        allows."""
        left = self._left(state)
        for below, rung in reversed(list(pairwise(RUNGS))):
            there = ranked(entrant for entrant in state.entrants.values() if below in entrant.reached)
            for entrant in there[: len(there) // ETA]:
                waits = rung not in entrant.reached and (hashable(entrant.genome), rung) not in running
                if waits and self.plan.price_of(entrant.epoch, rung) <= left:
                    return Proposal(entrant.genome, self.plan.stage(rung, left), origin=entrant.origin)
        return None

    def _last(self, state: Race, running: set[tuple[Any, str]]) -> Proposal | None:
        """A full training of the best that had none, what was trained long before what was not: if there is time for it."""
        left, final = self._left(state), FULL.name
        if self.until is None and (
            any(final in e.reached and e.rank for e in state.entrants.values())
            or any(rung == final for _, rung in running)
        ):
            return None  # without a bound on time, one is what there is to do
        waiting = ranked(
            e for e in state.entrants.values() if final not in e.reached and (hashable(e.genome), final) not in running
        )
        waiting.sort(key=lambda entrant: -len(entrant.reached))
        shares = [(entrant, left / self.plan.price_of(entrant.epoch)) for entrant in waiting]
        fitting = [(e, share) for e, share in shares if share >= 1] or [(e, s) for e, s in shares if s >= SHORTEST]
        if not fitting:
            return None
        entrant, share = fitting[0]
        return Proposal(entrant.genome, self.plan.stage(final, left, min(1.0, share)), origin=entrant.origin)

    def _new(self, state: Race, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        if self.explore is None:
            return []
        short = [one for one in pending if one.stage.name == RUNGS[0]]
        if self.trials is not None:
            n = min(n, self.trials - 1 - len(state.entrants) - len(short))
        left = self._left(state)
        stage = self.plan.stage(RUNGS[0], left)
        asked = self.explore.ask(state.inner, space, rng, n, short) if n > 0 else []
        return [one._replace(stage=stage, origin=one.origin or type(self.explore).__name__.lower()) for one in asked]

    # --- when -----------------------------------------------------------------------------------------------------

    def _left(self, state: Race) -> float:
        return UNBOUNDED if self.until is None else self.until - state.now

    def _may_explore(self, state: Race) -> bool:
        """Whether more time is left than for the last trainings; without a candidate yet, than for a short one."""
        if self.explore is None or state.late >= MAX_CRASHES:
            return False
        if self.trials is not None and len(state.entrants) >= self.trials - 1:
            return False
        if self.until is None:
            return True
        if any(entrant.rank for entrant in state.entrants.values()):
            return self._left(state) > LAST * (self.until - self.begun)
        return self._left(state) > self.plan.seconds(RUNGS[0])


def rank_key(trial: FinishedTrial) -> tuple[float, ...]:
    """What the better of two has more of: the goal; then a low loss in validation, which tells apart what a small split
    cannot. Empty where the goal is not a finite number."""
    if not trial.objectives or not math.isfinite(trial.objectives[0]):
        return ()
    return (trial.objectives[0], -trial.measures.get("loss", math.inf))


def ranked(entrants: Iterable[Entrant]) -> list[Entrant]:
    """Those that are still in the race, best first; of equals, the earlier."""
    return sorted((e for e in entrants if e.rank), key=lambda e: (*(-value for value in e.rank), e.number))
