"""The laws of a space: all its moves stay inside, every decision counts, and its size is exact. Nothing here needs
torch."""

from __future__ import annotations

import itertools
import json
from random import Random

from nasmyth.errors import BudgetError
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space
from nasmyth.testing.laws import law

_SMALL = 300  # genomes that are listed one by one


def check_space(space: Space, samples: int = 100, seed: int = 0) -> None:
    """Every law of a space, on so many samples. Raises AssertionError."""
    rng = Random(seed)
    drawn = [space.sample(rng) for _ in range(samples)]
    law(drawn[0] == space.sample(Random(seed)), space, "one seed gives two samples")
    _survives_json(space)
    for genome, other in zip(drawn, [*drawn[1:], drawn[0]], strict=True):
        _belongs(space, genome, "a sample")
        _moves_stay_inside(space, genome, other, rng)
        _encodes_apart(space, genome, other)
    _every_decision_counts(space, drawn[:10])
    _size_is_exact(space, drawn)
    for genome, other in itertools.pairwise(drawn):
        _fixed_is_smaller(space, genome, other, rng)


def _survives_json(space: Space) -> None:
    back = Space.from_json(json.loads(json.dumps(space.to_json())))
    law(back.key == space.key and back.template is space.template, space, "JSON does not lead back to it")


def _belongs(space: Space, genome: Genome, what: str) -> None:
    law(json.loads(json.dumps(genome)) == genome, space, f"{what} is not plain data: {genome}")
    law(space.validate(genome) == genome, space, f"{what} is not a genome in its own form: {genome}")
    law(
        genome.keys() <= space.holes.keys(),
        space,
        f"{what} decides what is no hole: {genome.keys() - space.holes.keys()}",
    )
    graph = space.decode(genome)
    law(
        all(c.violation_ratio(c.measure(graph)) <= 1 for c in space.constraints),
        space,
        f"{what} misses the budget: {genome}",
    )


def _moves_stay_inside(space: Space, genome: Genome, other: Genome, rng: Random) -> None:
    mutant, child = space.mutate(genome, rng), space.crossover(genome, other, rng)
    _belongs(space, mutant, "a mutant")
    _belongs(space, child, "a child")
    near = [neighbour for neighbour, _ in zip(space.neighbours(genome), range(5), strict=False)]
    for neighbour in near:
        _belongs(space, neighbour, "a neighbour")
        differing = [key for key in genome.keys() & neighbour.keys() if genome[key] != neighbour[key]]
        law(len(differing) == 1, space, f"a neighbour differs in {differing}: {genome} and {neighbour}")
    law(mutant != genome or not near, space, f"a mutant is its parent, which has neighbours: {genome}")
    inherited = all(
        space.holes[k].inherits(v, [p[k] for p in (genome, other) if k in p])
        for k, v in child.items()
        if k in genome or k in other
    )
    law(inherited or bool(space.constraints), space, f"a child has a decision of neither parent: {child}")


def _encodes_apart(space: Space, genome: Genome, other: Genome) -> None:
    a, b = space.encode(genome), space.encode(other)
    law(len(a) == len(b), space, "vectors differ in length")
    law((a == b) == (genome == other), space, f"two genomes have one vector, or one has two: {genome} and {other}")


def _every_decision_counts(space: Space, drawn: list[Genome]) -> None:
    """Wherever a decision is active, deciding otherwise changes the network or the recipe (in one sample at least)."""
    tried: set[str] = set()
    alive: set[str] = set()
    for genome in drawn:
        for key in genome.keys() - alive:
            for decision in space.alternatives(key, genome[key]):
                tried.add(key)
                if space.filled(space.changed(genome, {key: decision})) != space.filled(genome):
                    alive.add(key)
                    break
    law(tried == alive, space, f"these decisions change nothing: {sorted(tried - alive)}")


def _size_is_exact(space: Space, drawn: list[Genome]) -> None:
    listed = {json.dumps(genome, sort_keys=True) for genome in drawn}
    if space.size <= _SMALL:
        every = [json.dumps(genome, sort_keys=True) for genome in space.enumerate()]
        law(len(set(every)) == len(every), space, "lists a genome twice")
        law(len(every) == space.size or bool(space.constraints), space, f"says {space.size}, lists {len(every)}")
        law(listed <= set(every), space, "samples what it does not list")
    law(len(listed) <= space.size, space, f"says {space.size}, but {len(listed)} have been sampled")


def _fixed_is_smaller(space: Space, genome: Genome, other: Genome, rng: Random) -> None:
    """With some decisions of a genome fixed: everything made decides so, belongs to the whole, and is counted exactly."""
    keys = rng.sample(list(genome), rng.randint(0, len(genome)))
    half = {key: genome[key] for key in keys[: len(keys) // 2]}
    partial = {key: genome[key] for key in keys}
    try:
        fixed = space.fix(partial)
    except BudgetError:  # narrowing is a search, which may find nothing in what is left
        return
    law(fixed == space.fix(half).fix(partial), space, f"fixing {half}, then more, is not fixing {partial}")
    law(fixed.validate(genome) == genome, space, f"{genome} is not among those that decide {partial}")
    for made in (fixed.sample(rng), fixed.mutate(genome, rng), fixed.crossover(genome, other, rng)):
        _belongs(fixed, made, "what is made where some is fixed")
        _belongs(space, made, "what is made where some is fixed")
        agrees = all(made[key] == decision for key, decision in partial.items() if key in made)
        law(agrees, space, f"fixed {partial}, made {made}")
    law(fixed.encode(genome) == space.encode(genome), space, "what is fixed is encoded otherwise")
    _survives_json(fixed)
    if space.size <= _SMALL:
        alike = [g for g in space.enumerate() if all(g.get(key, d) == d for key, d in partial.items())]
        law(list(fixed.enumerate()) == alike, space, f"fixed {partial}, lists others than those that decide so")
        law(len(alike) == fixed.size or bool(space.constraints), fixed, f"says {fixed.size}, lists {len(alike)}")
