"""Genomes among which a model chooses: all of a small space, or some of a large one, and what lies uphill of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from nasmyth.search.model.encoding import encoding_of
from nasmyth.search.strategy import hashable
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

SMALL = 20_000
"""Genomes of a space that is looked at whole."""
DRAWN, PARENTS, STEPS = 200, 8, 8
"""Of another: random genomes of the pool, and as many mutants and neighbours; of how many of the best; how far is climbed."""


class Pool(NamedTuple):
    """Genomes that may be proposed, their encodings, and whether these are all of the space."""

    genomes: Sequence[Genome]
    tokens: Sequence[Any]
    x: Any
    whole: bool = False

    @classmethod
    def of(cls, space: Space, best: Sequence[Genome], rng: Random) -> Pool:
        if space.size <= SMALL:
            return _all_of(space)
        parents = best[:PARENTS]
        made = [space.sample(rng) for _ in range(DRAWN)]
        made += [space.mutate(parents[i % len(parents)], rng, 1 + i % 3) for i in range(DRAWN)]
        near = [genome for parent in parents for genome in islice(space.neighbours(parent), DRAWN)]
        made += rng.sample(near, min(DRAWN, len(near)))
        return cls._encoded(space, made)

    @classmethod
    def _encoded(cls, space: Space, genomes: Iterable[Genome], whole: bool = False) -> Pool:
        unique = {hashable(genome): genome for genome in genomes}
        return cls([*unique.values()], [*unique], encoding_of(space)([*unique.values()]), whole)


@lru_cache(maxsize=2)
def _all_of(space: Space) -> Pool:
    return Pool._encoded(space, space.enumerate(), whole=True)


def uphill(value: float, genome: Genome, space: Space, worth: Any, known: set[Any]) -> tuple[float, Genome]:
    """From a genome to the best of its neighbours that is not known, as long as that is better."""
    for _ in range(STEPS):
        near = list(_unknown(islice(space.neighbours(genome), 2 * DRAWN), known))
        if not near:
            break
        values = worth(encoding_of(space)(near))
        highest = int(values.argmax())
        if values[highest] <= value:
            break
        value, genome = float(values[highest]), near[highest]
    return value, genome


def _unknown(genomes: Iterable[Genome], known: set[Any]) -> Iterator[Genome]:
    return (genome for genome in genomes if hashable(genome) not in known)
