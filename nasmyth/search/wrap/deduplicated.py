"""No architecture twice: what a strategy proposes, less what was proposed before under any genome.

    Deduplicated(Evolution(population=16))

Isomorphic cells, and whatever else decodes to one graph (and one recipe), count as one; the same at a further stage, or from
another parent's weights, is another proposal. What was tried is dropped, and the inner strategy asked again with that among
what is out, `retries` times; then come mutants of what was dropped, random genomes and, of a small space, all that are left.
The inner strategy is told the result that is known, as that of what it proposed: a climb would stay on its hilltop for ever
while it waits for neighbours that are networks it knows, and a rung of halving would never be complete. As `ask` changes no
state, the origin of what is proposed then says so ("local:after repeats"), and `tell` does the same again.

A study does the first half of this by itself (`Study(..., distinct="graph")`): nothing is paid for twice there, and the
wrapper is worth it only since the strategy hears of what was dropped, and since mutants come before random genomes. It is for
searches without a study (`simulate`), for studies with `distinct="genome"`, and for one of the arms of a `Bandit`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.search.evolution import Evolution
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.search.strategy import FULL, FinishedTrial, Pending, Proposal, Strategy, hashable, strategy
from nasmyth.search.wrap.works import also_out, work
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

AFTER = ":after repeats"
"""How the origin ends of what is proposed once the inner strategy has repeated itself."""
DRAWN = 24
"""Mutants, and random genomes, that are looked at for a new one."""
SMALL = 5000
"""Genomes up to which a space is gone through for what is left of it."""


class Tried(NamedTuple):
    """What was told."""

    inner: Any
    space: Space
    results: Mapping[Hashable, SimulatedTrial] = {}
    """What is known, by the work that it was."""
    last: int = 0


@strategy("deduplicated")
class Deduplicated(Strategy):
    """The inner strategy without repeated architectures (see the top of this file).

    When all of the space was tried, it repeats, one at a time.
    """

    inner: Strategy = Evolution()
    retries: int = 10

    def check(self) -> None:
        if self.retries < 1:
            raise SpaceError(f"{self!r}: the inner strategy must be asked at least once: retries=1")

    def init(self, space: Space) -> Tried:
        return Tried(self.inner.init(space), space)

    def tell(self, state: Tried, trial: FinishedTrial) -> Tried:
        inner = self._after_repeats(state, trial.number) if trial.origin.endswith(AFTER) else state.inner
        done = work(state.space, trial.genome, trial.stage, trial.parent)
        results = {done: _plain(trial), **state.results}  # the first of several stays
        return Tried(self.inner.tell(inner, trial), state.space, results, max(state.last, trial.number))

    def _after_repeats(self, state: Tried, seed: int) -> Any:
        """The state of the inner strategy once it was told what it would only repeat."""
        inner, rng = state.inner, Random(seed)
        for _ in range(self.retries):
            known = _Known(state.space, state, ())
            repeated = [known.sort(one) for one in self.inner.ask(inner, state.space, rng, 1, ())]
            for result in repeated:
                inner = inner if result is None else self.inner.tell(inner, result)
            if not any(repeated):
                break
        return inner

    def ask(self, state: Tried, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        known = _Known(space, state, pending)
        inner, waits, repeats = state.inner, False, False
        for _ in range(self.retries):
            wanted, before = n - len(known.new), len(known.asked)
            away = also_out(pending, known.new + known.old, state.last)
            proposed = self.inner.ask(inner, space, rng, wanted, away)[:wanted]
            for one in proposed:
                if (result := known.sort(one)) is not None:
                    inner, repeats = self.inner.tell(inner, result), True
            waits = len(proposed) < wanted
            if len(known.new) == n or len(known.asked) == before or (waits and (pending or known.new)):
                break
        if not (waits and (pending or known.new)) and known.old:
            known.fill(n, rng)
        asked = known.new or ([] if pending else known.old[:1])
        name = type(self.inner).__name__.lower()
        return [one._replace(origin=(one.origin or name) + AFTER) for one in asked] if repeats else asked


def _plain(trial: FinishedTrial) -> SimulatedTrial:
    """What a strategy goes by, without what takes room."""
    return SimulatedTrial(
        trial.genome, tuple(trial.objectives), trial.violation, None if trial.error is None else str(trial.error),
        trial.number, trial.stage, trial.parent, seconds=trial.seconds, at=trial.at,
    )  # fmt: skip


class _Known:
    """What is new among proposals, and what was there before."""

    def __init__(self, space: Space, state: Tried, pending: Sequence[Pending]) -> None:
        self.space, self.results, self.works = space, state.results, set(state.results)
        self.works |= {work(space, one.genome, one.stage, one.parent) for one in pending if one.genome is not None}
        self.asked: set[Hashable] = set()
        """Genomes of this ask, at their stages: where none comes to it, the inner strategy has no other idea."""
        self.new: list[Proposal] = []
        self.old: list[Proposal] = []

    def sort(self, one: Proposal) -> SimulatedTrial | None:
        """Its result, if it is a repetition of which there is one."""
        done = work(self.space, one.genome, one.stage, one.parent)
        (self.old if done in self.works else self.new).append(one)
        self.works.add(done)
        self.asked.add((hashable(one.genome), one.stage.name, one.parent))
        result = self.results.get(done)
        return None if result is None else result._replace(genome=one.genome)

    def fill(self, n: int, rng: Random) -> None:
        """Up to n new ones, with others of the space, at the stage that a new genome begins with."""
        stage = next((one.stage for one in self.old if one.parent is None), FULL)
        first = self.old[0]
        for genome, origin in self._others(rng):
            if len(self.new) >= n:
                break
            self.sort(Proposal(genome, stage, origin=origin))
        self.old = [first]

    def _others(self, rng: Random) -> Iterator[tuple[Genome, str]]:
        near = [one.genome for one in self.old]
        for i in range(DRAWN):
            yield self.space.mutate(near[i % len(near)], rng), "mutant"
        for _ in range(DRAWN):
            yield self.space.sample(rng), "random"
        if self.space.size <= SMALL:
            every = list(self.space.enumerate())
            yield from ((genome, "enumeration") for genome in rng.sample(every, len(every)))
