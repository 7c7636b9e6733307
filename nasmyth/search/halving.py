"""Successive halving: many are trained a little, the better part of them more, and so on; few are trained in full.

`SuccessiveHalving` (Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization",
arXiv:1502.07943) waits until all of a group have been through a rung, then promotes the best of them. Workers who would
have to wait begin the next group. `ASHA` (Li et al. 2018, "A system for massively parallel hyperparameter tuning",
arXiv:1810.05934) does not wait: whatever is among the best part of those told so far is promoted, at the risk that it
would not stay there.

A promoted genome is trained again from new weights, to the end of a schedule of its own; `warm` goes on from the weights
that it has. Departure: what failed is not promoted, even if fewer than are wanted are left.

Both are sentences of parts, with which they become other algorithms:

    ASHA(propose=TPE())                 # new genomes come from another strategy, which learns from the stage that tells it most
    ASHA(stop=Extrapolation())          # what is not expected to become the best is not promoted, even if it is among the best
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import cycle, islice, pairwise
from random import Random as Generator
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.record import Value
from nasmyth.search.random import Random
from nasmyth.search.strategy import (
    FULL,
    WORST,
    FinishedTrial,
    Fitness,
    Pending,
    Proposal,
    Stage,
    Strategy,
    distinct,
    fitness,
    hashable,
    strategy,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

Bracket = tuple[tuple[int, Stage], ...]
"""Of each rung, how many are tried there, and how."""


class Stop(Value, abstract=True):
    """Says who is not worth going on with, though others are worse: `Extrapolation`."""

    def tell(self, state: Any, trial: FinishedTrial) -> Any:
        """What is known after one more trial; None before the first."""
        raise NotImplementedError

    def hopeless(self, state: Any, number: int) -> bool:
        """Whether the genome of a trial, as that trial left it, is not going to be the best."""
        raise NotImplementedError


class Rungs(NamedTuple):
    """What was told. A genome goes by the number of its first trial."""

    numbers: dict[Hashable, int]
    genomes: dict[int, Genome]
    told: dict[tuple[str, int], tuple[Fitness, int]]
    """How good it was at a stage, and the number of that trial."""
    learned: Mapping[float, tuple[frozenset[int], Any]]
    """By share of a training in full: who was told at such stages, and what `propose` has learned of them."""
    untaught: Any
    """What `propose` knows at first."""
    seen: Any = None
    """What `stop` has seen."""

    def enter(self, number: int, genome: Genome) -> int:
        """Take note of a genome; gives the number that it goes by."""
        known = self.numbers.setdefault(hashable(genome), number)
        self.genomes.setdefault(known, genome)
        return known

    def best(self, stage: Stage, group: Iterable[int], n: int) -> list[int]:
        """The n best at a stage, without those that failed there; of equals, the earlier."""
        worked = [(self.told[stage.name, one][0], -one) for one in group if self.told[stage.name, one][0] > WORST]
        return [-one for _, one in heapq.nlargest(n, worked)]


@strategy("halving")
class SuccessiveHalving(Strategy):
    """Synchronous successive halving (see the top of this file).

    R: how many times the least training the full one is. eta: one of so many is promoted, to `eta` times the training.
    warm: a promoted genome goes on from its weights. propose: what new genomes come from; it learns from the longest stages
    of which `enough` were told, and its own stages and parents are not asked for. stop: who is not promoted all the same.
    """

    R: int = 27
    eta: int = 3
    warm: bool = False
    propose: Strategy = Random()
    enough: int = 10
    stop: Stop | None = None

    def check(self) -> None:
        if self.eta < 2 or self.R < self.eta or self.enough < 1:
            raise SpaceError(f"{self!r}: needs eta >= 2, R of at least eta, and enough >= 1")

    @cached_property
    def brackets(self) -> tuple[Bracket, ...]:
        """The groups that are tried in turn, over and over."""
        top = self.levels
        return (tuple((self.eta ** (top - i), self.stage(top - i)) for i in range(top + 1)),)

    @property
    def levels(self) -> int:
        """How often a training can be made `eta` times longer: s_max of the paper."""
        return next(s for s in range(self.R) if self.eta ** (s + 1) > self.R)

    def stage(self, s: int, bracket: str = "") -> Stage:
        """The stage of which R is eta^s times the training."""
        return Stage(f"{bracket}1/{self.eta**s}", 1 / self.eta**s, keep=self.warm) if s else FULL

    def init(self, space: Space) -> Rungs:
        return Rungs({}, {}, {}, {}, self.propose.init(space))

    def tell(self, state: Rungs, trial: FinishedTrial) -> Rungs:
        share = trial.stage.share
        who, model = state.learned.get(share, (frozenset(), state.untaught))
        new = state._replace(
            numbers=dict(state.numbers),
            genomes=dict(state.genomes),
            seen=None if self.stop is None else self.stop.tell(state.seen, trial),
        )
        one = new.enter(trial.number, trial.genome)
        return new._replace(
            told={**state.told, (trial.stage.name, one): (fitness(trial), trial.number)},
            learned={**state.learned, share: (who | {one}, self.propose.tell(model, trial))},
        )

    def ask(self, state: Rungs, space: Space, rng: Generator, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        rungs = state._replace(numbers=dict(state.numbers), genomes=dict(state.genomes))
        busy = {(one.stage.name, rungs.enter(one.number, one.genome)) for one in pending if one.genome is not None}
        asked = [
            Proposal(rungs.genomes[one], stage, parent if self.warm else None)
            for one, stage, parent in islice((p for p in self._promotions(rungs) if (p[1].name, p[0]) not in busy), n)
        ]
        starts = [bracket[0][1] for bracket in self.brackets for _ in range(bracket[0][0])]
        new = self._new(rungs, space, rng, n - len(asked))
        return asked + [Proposal(genome, starts[at % len(starts)]) for at, genome in enumerate(new, len(rungs.numbers))]

    def _new(self, rungs: Rungs, space: Space, rng: Generator, n: int) -> list[Genome]:
        """New genomes. For what proposes them, all that were not told at the stages that it learns from are out; what has no
        memory need not be told of them."""
        longest = max((share for share, (who, _) in rungs.learned.items() if len(who) >= self.enough), default=0.0)
        told, model = rungs.learned.get(longest, (frozenset(), rungs.untaught))
        everyone = () if model is None else rungs.genomes.items()
        away = [Pending(one, genome) for one, genome in everyone if one not in told]

        def ask(n: int) -> list[Genome]:
            return [one.genome for one in self.propose.ask(model, space, rng, n, away)]

        return distinct(lambda: (ask(1) or [space.sample(rng)])[0], n, rungs.numbers, ask(n) if n else ())

    def _promotions(self, rungs: Rungs) -> Iterator[tuple[int, Stage, int | None]]:
        """Who is missing at which stage, and the trial that came before it; group by group, in the order of their
        beginning."""
        genomes, sizes = iter(sorted(rungs.genomes)), cycle(self.brackets)
        for bracket in sizes:
            group = list(islice(genomes, bracket[0][0]))
            if not group:
                return
            yield from self._halved(rungs, group, bracket)

    def _halved(self, rungs: Rungs, group: list[int], bracket: Bracket) -> Iterator[tuple[int, Stage, int | None]]:
        """Who of a group is missing at the first rung that not all of them are through."""
        before: Stage | None = None
        complete = len(group) == bracket[0][0]
        for n, stage in bracket:
            group = self._promoted(rungs, before, stage, group, n) if before else group
            missing = [one for one in group if (stage.name, one) not in rungs.told]
            for one in missing:
                yield one, stage, rungs.told[before.name, one][1] if before else None
            if missing or not complete:
                return
            before = stage

    def _promoted(self, rungs: Rungs, before: Stage, stage: Stage, group: Iterable[int], n: int) -> list[int]:
        """The n best of a group at a stage, for the next, without those for whom there is no hope."""
        best = rungs.best(before, group, n)
        if self.stop is None:
            return best
        trials = {one: rungs.told[before.name, one][1] for one in best}
        return [
            one for one in best if (stage.name, one) in rungs.told or not self.stop.hopeless(rungs.seen, trials[one])
        ]


@strategy("asha")
class ASHA(SuccessiveHalving):
    """Asynchronous successive halving (see the top of this file)."""

    def _promotions(self, rungs: Rungs) -> Iterator[tuple[int, Stage, int | None]]:
        """The best part of each rung, from the highest down."""
        ladder = [stage for _, stage in self.brackets[0]]
        for before, stage in reversed([*pairwise(ladder)]):
            here = [one for one in rungs.genomes if (before.name, one) in rungs.told]
            for one in self._promoted(rungs, before, stage, here, len(here) // self.eta):
                if (stage.name, one) not in rungs.told:
                    yield one, stage, rungs.told[before.name, one][1]
