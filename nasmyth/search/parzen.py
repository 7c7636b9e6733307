"""The tree-structured Parzen estimator: how densely the good lie, against how densely the others do.

    TPE()
    TPE(start=20, good=0.1, random=1 / 3)

What was told is split into the best part and the rest, and a density is made of each. Since the expected improvement grows with
the ratio of the two, candidates are drawn from the density of the good, and that of the greatest ratio is proposed (Bergstra
et al. 2011, "Algorithms for hyper-parameter optimization", section 4; the kernels are those of `model/density.py`). What is
pending counts among the rest, so that workers who ask at once go to different places: the newest, as many as were told.

Only ranks count: a failure or a broken constraint is among the rest, and several objectives are ranked as evolution ranks them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.evolution import Member, ranked
from nasmyth.search.model.density import Kernels
from nasmyth.search.strategy import (
    WORST,
    FinishedTrial,
    Pending,
    Proposal,
    Strategy,
    distinct,
    fitness,
    hashable,
    in_full,
    out,
    strategy,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space


class Told(NamedTuple):
    """What was told, and its encodings: made once, when it is told."""

    kernels: Kernels
    members: tuple[Member, ...] = ()
    encoded: tuple[tuple[float, ...], ...] = ()


@strategy("tpe")
class TPE(Strategy):
    """What is likelier among the good than among the others (see the top of this file).

    start: so many are drawn at random first. good: the part of those told that counts as good. candidates: how many are
    drawn for each proposal. random: the share of proposals that are drawn from the space at random all the same.
    """

    start: int = 10
    good: float = 0.25
    candidates: int = 24
    random: float = 0.0

    def check(self) -> None:
        if self.start < 2 or self.candidates < 1 or not 0 < self.good < 1 or not 0 <= self.random <= 1:
            raise SpaceError(
                f"{self!r}: needs start >= 2, candidates >= 1, good between 0 and 1, and random from 0 to 1"
            )

    def init(self, space: Space) -> Told:
        return Told(Kernels.of(space))

    def tell(self, state: Told, trial: FinishedTrial) -> Told:
        row = tuple(state.kernels.space.encode(trial.genome))
        return Told(state.kernels, (*state.members, (trial.genome, fitness(trial))), (*state.encoded, row))

    def ask(self, state: Told, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        away = out(pending)
        good = _good(state.members, self.good)
        if len(state.members) < self.start or not good:
            return in_full(distinct(lambda: space.sample(rng), n, away))
        parents, found = [state.members[i][0] for i in good], []
        newest = [one.genome for one in pending if one.genome is not None][-len(state.members) :]
        x = np.array([*state.encoded, *map(space.encode, newest)])
        is_good = np.isin(np.arange(len(x)), good)
        known = away | {hashable(genome) for genome, _ in state.members}
        for _ in range(n):
            if rng.random() < self.random:
                chosen = space.sample(rng)
            else:
                chosen = self._greatest(state.kernels, parents, x, is_good, rng, known)
            found.append(chosen)
            known.add(hashable(chosen))
            x, is_good = np.vstack((x, space.encode(chosen))), np.append(is_good, False)
        return in_full(distinct(lambda: space.sample(rng), n, away, found))

    def _greatest(
        self, kernels: Kernels, parents: Sequence[Genome], x: Any, is_good: Any, rng: Random, known: set[Any]
    ) -> Genome:
        """Of candidates that are not known and meet the constraints, that of the greatest ratio; a draw if there is none."""
        space = kernels.space
        made = (_candidate(kernels, parents, rng) for _ in range(self.candidates))
        drawn = [genome for genome in made if hashable(genome) not in known]
        if not drawn:
            return space.sample(rng)
        good, others = kernels.logs(np.array([space.encode(genome) for genome in drawn]), x, is_good)
        order = np.argsort(others - good, kind="stable")
        return next((drawn[i] for i in order if space.meets(drawn[i])), None) or space.sample(rng)


def _candidate(kernels: Kernels, parents: Sequence[Genome], rng: Random) -> Genome:
    """From the density of the good: around one of them, or from the space, which is a kernel as well."""
    i = rng.randrange(len(parents) + 1)
    return kernels.draw(parents[i], rng) if i < len(parents) else kernels.space.sample(rng)


def _good(members: Sequence[Member], share: float) -> list[int]:
    """The numbers of the good; of equals, the newer are better. What failed is never good."""
    keys = [key for _, key in ranked(members)]
    order = sorted(range(len(members)), key=lambda i: (keys[i], i), reverse=True)
    return [i for i in order[: math.ceil(share * len(order))] if members[i][1] > WORST]
