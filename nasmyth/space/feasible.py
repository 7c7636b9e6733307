"""Genomes that meet constraints: how near one is, how it is mended, and how one is drawn or varied so that it meets them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, Protocol

from nasmyth.errors import ShapeError
from nasmyth.space.decisions import Decisions
from nasmyth.space.hole import Genome

_REPAIRS, _SAMPLES = 400, 8
_TRIES = 40  # attempts at a mutant or a child that meets the constraints, before a neighbour of the parent is taken


class Limit(Protocol):
    """A constraint as a space needs it; `nasmyth.measure.Constraint` is one."""

    @property
    def measure(self) -> Any:
        """Called with a graph, gives a number. Its `needs` tell whether a graph is enough."""

    @property
    def relation(self) -> str:
        """ "<=" or ">="."""

    def violation_ratio(self, value: float) -> float:
        """At most 1 when met; 1.2 when missed by a fifth."""

    def at(self, value: float) -> Limit:
        """The same constraint with another bound."""


def violation_ratio(decisions: Decisions, limits: Iterable[Limit], genome: Genome) -> float:
    """How hard the tightest constraint presses: above 1 if one is missed, infinite for shapes that do not fit."""
    try:
        graph = decisions.graph(genome)
        return max(limit.violation_ratio(limit.measure(graph)) for limit in limits)
    except ShapeError:
        return math.inf


def sample(decisions: Decisions, limits: Sequence[Limit], rng: Random, start: Genome | None) -> Genome | None:
    """A random genome that meets the constraints: drawn and mended, or else a walk from `start`, which meets them."""
    for _ in range(_SAMPLES):
        mended = repair(decisions, limits, decisions.sample(rng), rng)
        if mended is not None:
            return mended
    return None if start is None else _stray(decisions, limits, start, rng)


def repair(decisions: Decisions, limits: Sequence[Limit], genome: Genome, rng: Random) -> Genome | None:
    """Change random decisions, keeping what brings the genome nearer to the constraints, until they are met."""
    current = violation_ratio(decisions, limits, genome)
    for _ in range(_REPAIRS):
        if current <= 1:
            return genome
        trial = _changed_at_random(decisions, genome, rng)
        found = violation_ratio(decisions, limits, trial)
        if found < current:
            genome, current = trial, found
    return genome if current <= 1 else None


def _stray(decisions: Decisions, limits: Sequence[Limit], genome: Genome, rng: Random) -> Genome:
    """A random walk away from a genome that meets the constraints, over others that do."""
    for _ in range(3 * len(genome)):
        trial = _changed_at_random(decisions, genome, rng)
        if violation_ratio(decisions, limits, trial) <= 1:
            genome = trial
    return genome


def _changed_at_random(decisions: Decisions, genome: Genome, rng: Random) -> Genome:
    if not genome:
        return genome
    key = rng.choice(list(genome))
    others = decisions.alternatives(key, genome[key])
    return decisions.redrawn(genome, {key: rng.choice(others)}, rng) if others else genome


def varied(
    make: Callable[[], Genome],
    meets: Callable[[Genome], bool],
    neighbours: Callable[[], Iterable[Genome]],
    rng: Random,
    other_than: Genome | None = None,
) -> Genome | None:
    """What `make` makes, made again until it meets the constraints; or else one of the neighbours that do, if any."""
    for _ in range(_TRIES):
        genome = make()
        if meets(genome) and genome != other_than:
            return genome
    near = list(filter(meets, neighbours()))
    return rng.choice(near) if near else None
