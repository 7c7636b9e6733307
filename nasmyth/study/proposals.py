"""What to work on next: what the strategy proposes, less what was tried before.

Two genomes may decode to one architecture, and a strategy may propose one twice. No work is paid for twice: a proposal
whose graph and recipe were proposed at the same stage before is dropped, and the strategy is asked again, at most
`RETRIES` times. When it has nothing new, a small space is enumerated for what is left, and a large one sampled at
random. If that yields nothing either, the space is exhausted, and the study ends. None of this can spin or crash.

A strategy that proposes less than it is asked for waits for what is pending, and so does the study; one that proposes
nothing while nothing is pending is done.

Randomness is addressed: the proposals after `asked` trials depend on the seed, on `asked` and on the strategy's state.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nasmyth.errors import GenomeError, ShapeError, SpaceError
from nasmyth.record import content_key, to_json
from nasmyth.search.strategy import FULL, Pending, Proposal, Stage
from nasmyth.study.log import identity, stage_data, work
from nasmyth.study.trial import Failure, Trial

Genome = dict[str, Any]
RETRIES = 20
ENUMERABLE = 5000
"""Genomes up to which a space is enumerated when a strategy finds nothing new in it."""
SAMPLES = 100


class Strategy(Protocol):
    """What a study needs of a strategy: a fold over results, and proposals from its state."""

    def init(self, space: Any) -> Any: ...
    def tell(self, state: Any, trial: Trial) -> Any: ...
    def ask(
        self, state: Any, space: Any, rng: random.Random, n: int, pending: Sequence[Pending]
    ) -> Sequence[Proposal]: ...


@dataclass(frozen=True)
class Candidate:
    """A proposal with what it decodes to; `error` if it does not, which is recorded as the outcome of its trial."""

    genome: Genome | None
    key: str
    origin: str
    recipe: Any = None
    graph: Any = None
    error: Failure | None = None
    stage: Stage = FULL
    parent: int | None = None

    @property
    def identity(self) -> str:
        """Equal for two proposals that would be the same piece of work."""
        return work(identity(self.key, self.recipe), self.stage, self.parent)

    def data(self) -> dict[str, Any]:
        """What the ask event says."""
        said: dict[str, Any] = {"genome": self.genome, "key": self.key, "origin": self.origin}
        if self.stage != FULL:
            said["stage"] = stage_data(self.stage)
        if self.parent is not None:
            said["parent"] = self.parent
        if self.recipe is not None:
            said["recipe"] = self.recipe
        if self.graph is not None:
            said["graph"] = self.graph
        return said


def candidate(
    space: Any,
    genome: Genome,
    origin: str,
    distinct: str = "graph",
    stage: Stage = FULL,
    parent: int | None = None,
) -> Candidate:
    """What a genome decodes to. One that does not decode gives a candidate with an error.

    distinct: "graph", by which two genomes of one architecture are one candidate, or "genome".
    """
    try:
        if distinct == "graph":
            key = space.decode(genome).key
        else:
            key = content_key([[name, value] for name, value in sorted(space.validate(genome).items())])
        has_recipe = hasattr(space, "recipe_of") and getattr(space, "recipe", space) is not None
        recipe = space.recipe_of(genome) if has_recipe else None
        said = None if recipe is None else to_json(recipe)
        return Candidate(genome, key, origin, said, stage=stage, parent=parent)
    except (GenomeError, ShapeError, SpaceError) as error:
        pairs = [[str(name), repr(value)] for name, value in sorted(genome.items())]
        invalid = Failure("invalid", str(error))
        return Candidate(genome, f"invalid-{content_key(pairs)}", origin, error=invalid, stage=stage, parent=parent)


class Proposer:
    """A strategy on its way: its state, folded from the trials that it heard of, and what it proposes that is new."""

    def __init__(self, space: Any, strategy: Strategy, seed: int, distinct: str = "graph") -> None:
        self.space, self.strategy, self.seed, self.distinct = space, strategy, seed, distinct
        self._name = type(strategy).__name__.lower()
        self.state = strategy.init(space)
        self._all: list[Genome] | None = None

    def heard(self, closed: Trial) -> None:
        """Tell the strategy; not of a graph from outside the space, nor of a genome that does not decode."""
        invalid = closed.error is not None and closed.error.reason == "invalid"
        if closed.genome is not None and not invalid:
            self.state = self.strategy.tell(self.state, closed)

    def __call__(self, asked: int, n: int, seen: set[str], pending: tuple[Pending, ...] = ()) -> list[Candidate]:
        """Up to `n` new proposals after `asked` trials that decode, and with them those that do not.

        Fewer: the strategy waits for what is pending, is done, or the space is exhausted.
        """
        rng = random.Random(f"{self.seed}:{asked}")
        new: dict[str, Candidate] = {}

        def missing() -> int:
            return n - sum(one.error is None for one in new.values())

        for one in self._candidates(rng, missing, asked, pending):
            if one.identity not in seen:
                new.setdefault(one.identity, one)
            if missing() == 0:
                break
        return list(new.values())

    def _candidates(
        self, rng: random.Random, missing: Callable[[], int], asked: int, pending: tuple[Pending, ...]
    ) -> Iterator[Candidate]:
        stage, most, out = FULL, missing(), pending
        for _ in range(RETRIES):
            wanted = missing()
            proposed = list(self.strategy.ask(self.state, self.space, rng, wanted, out))[:wanted]
            last = asked + len(out)  # what was proposed just now is out, too, and so not proposed again
            out += tuple(Pending(last + i, one.genome, one.stage, one.parent) for i, one in enumerate(proposed, 1))
            for one in proposed:
                stage = one.stage
                yield self._checked(one, asked)
            if not proposed or (len(proposed) < wanted and (pending or missing() < most)):
                return  # the rest depends on what is pending; or there is no rest
        yield from (
            candidate(self.space, genome, origin, self.distinct, stage) for genome, origin in self._anything(rng)
        )

    def _checked(self, one: Proposal, asked: int) -> Candidate:
        if one.parent is not None and not 1 <= one.parent <= asked:
            why = Failure("invalid", f"its parent, trial {one.parent}, is not there")
            return Candidate(one.genome, f"invalid-{one.parent}", one.origin or self._name, error=why, stage=one.stage)
        return candidate(self.space, one.genome, one.origin or self._name, self.distinct, one.stage, one.parent)

    def _anything(self, rng: random.Random) -> Iterable[tuple[Genome, str]]:
        if self.space.size <= ENUMERABLE:
            if self._all is None:
                self._all = list(self.space.enumerate())
            yield from ((genome, "enumeration") for genome in rng.sample(self._all, len(self._all)))
        else:
            yield from ((self.space.sample(rng.getrandbits(32)), "random") for _ in range(SAMPLES))
