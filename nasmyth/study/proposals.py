"""What to try next: what the strategy asks for, less what was tried before.

Two genomes may decode to one architecture, and a strategy may ask for one genome twice. No candidate is paid for twice:
a proposal whose graph and recipe were proposed before is dropped, and the strategy is asked again, at most `RETRIES`
times. When it has nothing new, a small space is enumerated for what is left, and a large one sampled at random. If
that yields nothing either, the space is exhausted, and the study ends. None of this can spin or crash.

Randomness is addressed: the proposals after `asked` trials depend on the seed, on `asked` and on the strategy's state.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from nasmyth.errors import GenomeError, ShapeError, SpaceError
from nasmyth.record import content_key, to_json
from nasmyth.study.log import identity
from nasmyth.study.trial import Failure

Genome = dict[str, Any]
RETRIES = 20
ENUMERABLE = 5000
"""Genomes up to which a space is enumerated when a strategy finds nothing new in it."""
SAMPLES = 100


class Strategy(Protocol):
    """What a study needs of a strategy: a fold over results, and proposals from its state."""

    def init(self, space: Any) -> Any: ...
    def tell(self, state: Any, trial: Any) -> Any: ...
    def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Any]: ...


@dataclass(frozen=True)
class Proposal:
    """A genome to try; `error` if it does not decode, which is recorded as the outcome of its trial."""

    genome: Genome | None
    key: str
    origin: str
    recipe: Any = None
    graph: Any = None
    error: Failure | None = None

    @property
    def identity(self) -> str:
        """Equal for two proposals that would be the same candidate."""
        return identity(self.key, self.recipe)

    def data(self) -> dict[str, Any]:
        """What the ask event says."""
        said: dict[str, Any] = {"genome": self.genome, "key": self.key, "origin": self.origin}
        if self.recipe is not None:
            said["recipe"] = self.recipe
        if self.graph is not None:
            said["graph"] = self.graph
        return said


def proposal(space: Any, genome: Genome, origin: str, distinct: str = "graph") -> Proposal:
    """The proposal that a genome makes. A genome that does not decode makes one with an error.

    distinct: "graph", by which two genomes of one architecture are one candidate, or "genome".
    """
    try:
        if distinct == "graph":
            key = space.decode(genome).key
        else:
            key = content_key([[name, value] for name, value in sorted(space.checked(genome).items())])
        recipe = space.recipe_of(genome) if hasattr(space, "recipe_of") else None
        return Proposal(genome, key, origin, None if recipe is None else to_json(recipe))
    except (GenomeError, ShapeError, SpaceError) as error:
        pairs = [[str(name), repr(value)] for name, value in sorted(genome.items())]
        return Proposal(genome, f"invalid-{content_key(pairs)}", origin, error=Failure("invalid", str(error)))


class Proposer:
    """Draws proposals that are not in `seen` from a strategy over a space."""

    def __init__(self, space: Any, strategy: Strategy, seed: int, distinct: str = "graph") -> None:
        self._space = space
        self._distinct = distinct
        self._strategy = strategy
        self._seed = seed
        self._name = type(strategy).__name__.lower()
        self._all: list[Proposal] | None = None

    def __call__(self, state: Any, asked: int, n: int, seen: set[str]) -> list[Proposal]:
        """Up to `n` new proposals that decode, and with them those that do not. Fewer: the space is exhausted."""
        rng = random.Random(f"{self._seed}:{asked}")
        new: dict[str, Proposal] = {}

        def missing() -> int:
            return n - sum(one.error is None for one in new.values())

        for one in self._candidates(state, rng, missing):
            if one.identity not in seen:
                new.setdefault(one.identity, one)
            if missing() == 0:
                break
        return list(new.values())

    def _candidates(self, state: Any, rng: random.Random, missing: Callable[[], int]) -> Iterator[Proposal]:
        for _ in range(RETRIES):
            for asked in self._strategy.ask(state, self._space, rng, missing(), ())[: missing()]:
                yield self._proposal(asked.genome, asked.origin or self._name)
        if self._space.size <= ENUMERABLE:
            if self._all is None:
                self._all = [self._proposal(genome, "enumeration") for genome in self._space.enumerate()]
            yield from rng.sample(self._all, len(self._all))
        else:
            for _ in range(SAMPLES):
                yield self._proposal(self._space.sample(rng.getrandbits(32)), "random")

    def _proposal(self, genome: Genome, origin: str) -> Proposal:
        return proposal(self._space, genome, origin, self._distinct)
