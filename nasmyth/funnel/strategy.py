"""The funnel of a design as a strategy: short trainings of many, longer ones of the best, most of the time for the last.

Asynchronous successive halving (Li et al. 2018, arXiv:1810.05934): of what reached a rung, the best third goes on to the
next, up to three times as many seconds. All candidates of a rung have had equal time, and each goes on from its own
weights. What is tried first are the starts (the plain network, and what is known to do well on such data), then what
another strategy proposes. When only the time of the last trainings is left, the best are trained to the end, one a
worker, or one on all cores. If that leaves time, the best of those goes on three times as long, from its weights at a rate
that rises again (WSD-S: Wen et al. 2024, arXiv:2410.05192, section 4), and again while that pays; others follow it to the end.
Who is best is what is expected of it (`estimate.py`).

Time is what the trials say: the seconds of work on the study when each was told. So the strategy is a fold like any other,
and what it proposes follows from the log.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

from nasmyth.funnel.estimate import expected_of
from nasmyth.funnel.leaderboard import BASELINE
from nasmyth.funnel.plan import ETA, UNBOUNDED, TrainingPlan
from nasmyth.funnel.race import Entrant, Race, Reached
from nasmyth.measure import find
from nasmyth.search import Strategy
from nasmyth.search.strategy import FULL, FinishedTrial, Pending, Proposal, hashable
from nasmyth.space.space import Space
from nasmyth.study.run import MAX_CRASHES

LEAST_LEFT = 0.5
"""A further training to the end, after the first, has this share of its time at least."""
LOOSE = 10.0
"""A training to the end is planned for so many times the epochs that it is expected to have, so that time is what ends it, even
if the machine was busy with something else while an epoch was timed."""
KEPT = 4_000_000
"""Parameters up to which the state of a training is kept, to be gone on with; larger networks start anew at each rung."""


class Funnel(Strategy):
    """See the top of this file.

    explore: proposes what is tried after the starts; None proposes nothing new any more. starts: (origin, genome as
    `hashable` makes it). goal: a measure by name, told on so many examples in validation. trials: so many candidates.
    begun, until: seconds of work on the study between which it may train; None is without end.
    """

    plan: TrainingPlan
    explore: Any
    starts: tuple[tuple[str, Any], ...] = ()
    goal: str = "accuracy"
    examples: int = 1000
    trials: int | None = None
    begun: float = 0.0
    until: float | None = None

    def init(self, space: Space) -> Race:
        return Race(None if self.explore is None else self.explore.init(space), self.begun)

    def tell(self, state: Race, trial: FinishedTrial) -> Race:
        state = replace(state, now=max(state.now, trial.at))
        if self.explore is not None and trial.stage.name == self.plan.names[0]:
            state = replace(state, inner=self.explore.tell(state.inner, trial))
        key, failed = hashable(trial.genome), trial.error is not None or trial.violation > 0
        known = state.entrants.get(key, Entrant(trial.genome, trial.number, trial.origin))
        reached = None if failed else self._reached(trial)
        if reached is None:
            entrant = replace(known, tried=known.tried | {trial.stage.name}, results={})
        else:
            entrant = known.at(trial, reached, find(self.goal).direction)
        late = state.late + 1 if trial.error is not None and trial.error.reason == "time" else -math.inf
        return replace(state, entrants={**state.entrants, key: entrant}, late=late)

    def _reached(self, trial: FinishedTrial) -> Reached | None:
        value = trial.objectives[0] if trial.objectives else math.nan  # made larger
        if not math.isfinite(value):
            return None
        value = value if find(self.goal).direction == "max" else -value
        return Reached(value, trial.measures.get("loss", math.nan), trial.number)

    def ask(self, state: Race, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        running = {(hashable(one.genome), one.stage.name) for one in pending if one.genome is not None}
        found: list[Proposal] = []
        while len(found) < n:
            one = self._next(state, space, running)
            if one is None:
                break
            found.append(one)
            running.add((hashable(one.genome), one.stage.name))
        if len(found) < n and self._may_explore(state):
            found += self._new(state, space, rng, n - len(found), pending)
        return found

    def _next(self, state: Race, space: Space, running: set[tuple[Any, str]]) -> Proposal | None:
        if not self._may_explore(state):
            return self._last(state, space, running)
        return self._promoted(state, space, running) or self._start(state, space, running)

    # --- who goes on ----------------------------------------------------------------------------------------------

    def _start(self, state: Race, space: Space, running: set[tuple[Any, str]]) -> Proposal | None:
        """The first of the starts that was not tried yet."""
        out = {key for key, _ in running}
        for origin, genome in self.starts:
            if genome not in state.entrants and genome not in out:
                return self._proposal(Entrant(dict(genome), 0, origin), self.plan.names[0], space, self._left(state))
        return None

    def _promoted(self, state: Race, space: Space, running: set[tuple[Any, str]]) -> Proposal | None:
        """The best of the rung below that is among its best third, was not trained at the next yet, and that the time for
        exploring holds."""
        for below, rung in reversed([*pairwise(self.plan.names[:-1])]):
            there = self.ranked(state.entrants.values(), below)
            for entrant in there[: len(there) // ETA]:
                waits = rung not in entrant.tried and (hashable(entrant.genome), rung) not in running
                if waits and self.plan.seconds(rung) - entrant.seconds <= self._left(state) - self._kept_for_the_end():
                    return self._proposal(entrant, rung, space, self._left(state))
        return None

    def _last(self, state: Race, space: Space, running: set[tuple[Any, str]]) -> Proposal | None:
        """A training to the end of the best that had none, those that came furthest first: if there is time for it."""
        left, final = self._left(state), FULL.name
        if self.plan.threads and any(rung == final for _, rung in running):
            return None  # it has all cores
        ended = any(final in one.results for one in state.entrants.values())
        if ended and (longer := self._longer(state, space, running, left)) is not None:
            return longer
        waiting = self.furthest(state.entrants.values())
        if self.until is None:  # without a bound on time, one is what there is to do, and the plain one to compare with
            waiting = waiting[:1] + [one for one in waiting[1:] if one.origin == BASELINE]
        for one in waiting:
            if final in one.tried or (hashable(one.genome), final) in running:
                continue
            need = self.plan.full - (one.seconds if one.kept else 0.0)
            enough = LEAST_LEFT * need if ended else self.plan.least + self.plan.metric_seconds
            return self._proposal(one, final, space, left) if left >= enough else None
        if not state.entrants and self.starts and not running:
            origin, genome = self.starts[0]  # there was no time for anything else
            return self._proposal(Entrant(dict(genome), 0, origin), final, space, left)
        return None

    def _longer(self, state: Race, space: Space, running: set[tuple[Any, str]], left: float) -> Proposal | None:
        """The best of those that were trained to the end goes on, if there is time enough, and while that pays."""
        if self.until is None:
            return None
        for one in self.ranked(state.entrants.values(), FULL.name):
            if (hashable(one.genome), FULL.name) not in running:
                enough = one.kept and not one.spent and left >= LEAST_LEFT * (ETA - 1) * one.seconds
                return self._proposal(one, FULL.name, space, left, ETA * one.seconds) if enough else None
        return None

    def _new(self, state: Race, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        if self.explore is None:
            return []
        first = self.plan.names[0]
        short = [one for one in pending if one.stage.name == first]
        if self.trials is not None:
            n = min(n, self.trials - len(state.entrants) - len(short))
        asked = self.explore.ask(state.inner, space, rng, n, short) if n > 0 else []
        name = type(self.explore).__name__.lower()
        return [
            self._proposal(Entrant(one.genome, 0, one.origin or name), first, space, self._left(state)) for one in asked
        ]

    def _proposal(self, entrant: Entrant, rung: str, space: Space, left: float, longer: float = 0.0) -> Proposal:
        """The candidate up to this rung, on from its weights where they are kept. longer: seconds of training in all, where it
        goes on after its end."""
        plan, parent = self.plan, self._parent(entrant)
        if not plan.timed:
            return Proposal(entrant.genome, plan.stage(rung), parent, entrant.origin)
        graph = space.decode(entrant.genome)
        done = (entrant.seconds, entrant.epochs) if parent is not None else (0.0, 0.0)
        others = left - (plan.full - done[0]) >= LEAST_LEFT * plan.full  # whether there is time for another after it
        whole = plan.full if others and not self._short_of_time else max(plan.full, done[0] + left)
        to_end = max(1.0, min(left, (longer or whole) - done[0]) - plan.metric_seconds)
        ends = rung == FULL.name
        seconds = to_end if ends else min(to_end, plan.seconds(rung) - done[0])
        faster = LOOSE * plan.faster if ends else 1.0
        epochs = done[1] + faster * to_end / (entrant.epoch or plan.epoch_of(graph))
        goes_on = not ends or (plan.rungs > 0 and left - to_end >= LEAST_LEFT * (ETA - 1) * (done[0] + to_end))
        stage = plan.stage(rung, seconds, epochs, keep=goes_on and find("params")(graph) <= KEPT)
        return Proposal(entrant.genome, stage, parent, entrant.origin)

    def _parent(self, entrant: Entrant) -> int | None:
        return max((one.trial for one in entrant.results.values()), default=None) if entrant.kept else None

    def furthest(self, entrants: Iterable[Entrant]) -> list[Entrant]:
        """All that have results: of those who came to the last rung first, the best first at each."""
        known = list(entrants)
        found = {
            hashable(one.genome): one for rung in reversed(self.plan.names) for one in self.ranked(known, rung)
        }  # fmt: skip
        return list(found.values())

    def ranked(self, entrants: Iterable[Entrant], rung: str) -> list[Entrant]:
        """Those that have a result at this rung, in the order of what is expected of them; of equals, the earlier."""
        there = [(one, one.results[rung]) for one in entrants if rung in one.results]
        values, losses = [had.value for _, had in there], [had.loss for _, had in there]
        told = expected_of(find(self.goal), values, losses, self.examples)

        def order(at: int) -> tuple[float, ...]:
            entrant, had = there[at]
            return (told[at].badness, had.loss if math.isfinite(had.loss) else math.inf, entrant.number)

        return [there[at][0] for at in sorted(range(len(there)), key=order)]

    # --- when -----------------------------------------------------------------------------------------------------

    def _left(self, state: Race) -> float:
        return UNBOUNDED if self.until is None else self.until - state.now

    @property
    def _short_of_time(self) -> bool:
        """Whether all the time that there is for a training is less than what it could use."""
        return self.until is not None and self.plan.full >= 0.99 * self.plan.final * (self.until - self.begun)

    def _kept_for_the_end(self) -> float:
        if self.until is None or (not self.plan.rungs and not self._short_of_time):
            return 0.0
        return self.plan.final * (self.until - self.begun)

    def _may_explore(self, state: Race) -> bool:
        """Whether more time is left than for the last trainings."""
        if state.late >= MAX_CRASHES or (not self.plan.rungs and self._short_of_time):
            return False
        if self.explore is None and all(genome in state.entrants for _, genome in self.starts):
            return False
        if self.trials is not None and len(state.entrants) >= self.trials:
            return False
        return self.until is None or self._left(state) > self._kept_for_the_end()
