"""How genomes are made from others, without a look at constraints: mutants, children, neighbours; and all of them in turn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

from nasmyth.space.decisions import Decisions, refuse_no_genome
from nasmyth.space.hole import Genome, Hole


def mutant(decisions: Decisions, genome: Genome, rng: Random, changes: int) -> Genome:
    """The genome with `changes` decisions made anew; decisions that become active are drawn at random."""
    domains = decisions.domains
    free = [key for key in genome if decisions.hole(key).free and (key not in domains or len(domains[key]) > 1)]
    changed: Genome = {}
    for key in rng.sample(free, min(changes, len(free))):
        hole = decisions.holes[key]
        decision = hole.mutate(genome[key], rng) or genome[key]
        while decision == genome[key]:
            decision = decisions.draw(key, hole, rng)
        changed[key] = decision
    return decisions.redrawn(genome, changed, rng)


def child(decisions: Decisions, a: Genome, b: Genome, rng: Random) -> Genome:
    """A genome that takes every decision from one parent or the other."""
    refuse_no_genome(a)
    refuse_no_genome(b)

    def pick(key: str, hole: Hole) -> Any:
        parents = [parent[key] for parent in (a, b) if key in parent]
        return hole.validate(hole.crossover(parents, rng), key) if parents else decisions.draw(key, hole, rng)

    return decisions.walk(pick)


def neighbours(decisions: Decisions, genome: Genome) -> Iterator[Genome]:
    """Every genome that differs in one decision."""
    for key in genome:
        for decision in decisions.alternatives(key, genome[key]):
            yield decisions.changed(genome, {key: decision})


def every(decisions: Decisions) -> Iterator[Genome]:
    """Every genome, once. Raises SpaceError where there is a real number to decide."""
    path: list[list[Any]] = []  # [hole, number of the decision] along the walk
    while True:
        step = itertools.count()

        def pick(key: str, hole: Hole, step: Iterator[int] = step) -> Any:
            at = next(step)
            if at == len(path):
                path.append([hole, 0])
            return hole.nth(path[at][1])

        yield decisions.walk(pick)
        while path and path[-1][1] + 1 >= path[-1][0].count:
            path.pop()
        if not path:
            return
        path[-1][1] += 1
