"""Which of several strategies to ask: a bandit whose arms are strategies, and that chooses by what each found lately.

    Bandit((LocalSearch(), Evolution(population=16)))

All arms hear of every trial, so each builds on what the others found, and an arm that is not chosen costs nothing but that. For
each proposal an arm is drawn: with probability `explore` any of them, else the one of the greatest upper confidence bound

    credit + confidence * sqrt(2 ln N / n)        (UCB1: Auer et al. 2002; n of the N trials of the window are this arm's)

over the newest `window` trials (Fialho et al. 2010, "Analyzing bandit-based adaptive operator selection mechanisms": a sliding
window, and credit by rank). Only ranks count, so that no scale of the objective and no outlier does: the trial of rank r in the
window (0 is the best, equals share their ranks) is worth decay^(4 r / window), and the credit of an arm is the mean worth
of its trials there, relative to that of the best arm. What was told before ranks last: to repeat a good network finds nothing.

Departures: the paper takes the sum over an arm's trials, or the area under its curve of ranks, both of which grow with how
often it was chosen; the mean does not. Credit is given for trials in full alone, whatever they cost. Arms whose stages share
a name must mean the same by it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.search.evolution import Evolution, places, ranked
from nasmyth.search.local import LocalSearch
from nasmyth.search.strategy import (
    FULL,
    WORST,
    FinishedTrial,
    Fitness,
    Pending,
    Proposal,
    Strategy,
    fitness,
    hashable,
    strategy,
)
from nasmyth.search.wrap.works import also_out
from nasmyth.space.space import Space


class Arms(NamedTuple):
    """The state of every arm, and the arm and the fitness of the newest trials in full that one of them proposed."""

    states: tuple[Any, ...]
    window: tuple[tuple[int, Fitness], ...] = ()
    told: frozenset[Hashable] = frozenset()
    """All genomes that were trained in full."""
    last: int = 0


@strategy("bandit")
class Bandit(Strategy):
    """One of several strategies at a time (see the top of this file).

    The arm that made a proposal is told by its origin: "local", or "local:" and what the arm says; of several arms of one
    class, "local 2" is the second.
    """

    arms: tuple[Strategy, ...] = (LocalSearch(), Evolution())
    explore: float = 0.1
    window: int = 50
    decay: float = 0.1
    confidence: float = 0.05

    def check(self) -> None:
        if not self.arms:
            raise SpaceError("Bandit(()): give at least one strategy, such as Bandit((LocalSearch(), Evolution()))")
        if not 0 <= self.explore <= 1 or self.window < 1 or not 0 < self.decay <= 1 or self.confidence < 0:
            raise SpaceError(
                f"{self!r}: needs explore from 0 to 1, window >= 1, 0 < decay <= 1 and confidence of at least 0"
            )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the arms, as origins say them."""
        kinds = [type(arm).__name__.lower() for arm in self.arms]
        earlier = [kinds[:i].count(kind) for i, kind in enumerate(kinds)]
        return tuple(f"{kind} {n + 1}" if n else kind for kind, n in zip(kinds, earlier, strict=True))

    def init(self, space: Space) -> Arms:
        return Arms(tuple(arm.init(space) for arm in self.arms))

    def tell(self, state: Arms, trial: FinishedTrial) -> Arms:
        states = tuple(arm.tell(inner, trial) for arm, inner in zip(self.arms, state.states, strict=True))
        name, window, told = trial.origin.partition(":")[0], state.window, state.told
        if trial.stage.name == FULL.name:
            token = hashable(trial.genome)
            if name in self.names:
                reached = WORST if token in told else fitness(trial)
                window = (*window, (self.names.index(name), reached))[-self.window :]
            told = told | {token}
        return Arms(states, window, told, max(state.last, trial.number))

    def ask(self, state: Arms, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        credits, uses = self.credits(state), Counter(arm for arm, _ in state.window)
        found: list[Proposal] = []
        able = list(range(len(self.arms)))
        while len(found) < n and able:
            chosen = Counter(self._choose(credits, uses, able, rng) for _ in range(n - len(found)))
            for arm, wanted in sorted(chosen.items()):
                away = also_out(pending, found, state.last)
                proposed = self.arms[arm].ask(state.states[arm], space, rng, wanted, away)[:wanted]
                found += [one._replace(origin=self._origin(arm, one.origin)) for one in proposed]
                if len(proposed) < wanted:  # it waits for what is out
                    able.remove(arm)
        return found

    def _origin(self, arm: int, origin: str) -> str:
        return f"{self.names[arm]}:{origin}" if origin else self.names[arm]

    def _choose(self, credits: Sequence[float], uses: Counter[int], able: Collection[int], rng: Random) -> int:
        """An arm, which counts as used."""
        total = max(2, uses.total())

        def bound(arm: int) -> float:
            if not uses[arm]:
                return math.inf
            return credits[arm] + self.confidence * math.sqrt(2 * math.log(total) / uses[arm])

        order = rng.sample(sorted(able), len(able))  # of equals, any
        arm = order[0] if rng.random() < self.explore else max(order, key=bound)
        uses[arm] += 1
        return arm

    def credits(self, state: Arms) -> tuple[float, ...]:
        """Of each arm, from 0 to 1: the mean worth of its trials in the window, relative to that of the best arm."""
        keys = [key for _, key in ranked([({}, reached) for _, reached in state.window])]
        worths = [self._worth(len(keys) - 1 - place) for place in places(keys)]
        means = []
        for arm in range(len(self.arms)):
            own = [worth for worth, (one, _) in zip(worths, state.window, strict=True) if one == arm]
            means.append(sum(own) / len(own) if own else 0.0)
        return tuple(mean / (max(means) or 1.0) for mean in means)

    def _worth(self, rank: float) -> float:
        return float(self.decay ** (4 * rank / self.window))
