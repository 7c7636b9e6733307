"""Budgets pushed into a space, so that what is sampled fits by construction and not by being thrown away.

First the cheapest network is sought, by changing one decision at a time for the better. If even that misses the budget,
the answer is a BudgetError that says by how much. Otherwise each option of each hole is tried in the cheapest network:
an option that breaks the budget even there is ruled out for good. A sample that still misses the budget (many options
that fit alone need not fit together) is repaired, one random decision at a time.

Costs that grow with every option's own cost, as counts and bytes do, make the ruling-out exact; for a constraint of the
form "at least" nothing is ruled out and repair does the work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from nasmyth.errors import BudgetError, ShapeError, SpaceError
from nasmyth.space.holes import Genome, Real

if TYPE_CHECKING:
    from nasmyth.space.space import Space

_STARTS, _REPAIRS, _SAMPLES = 4, 400, 8


class Limit(Protocol):
    """A constraint as a space needs it; `nasmyth.measure.Constraint` is one."""

    @property
    def measure(self) -> Any:
        """Called with a graph, gives a number. Its `needs` tell whether a graph is enough."""

    @property
    def relation(self) -> str:
        """ "<=" or ">="."""

    def pressure(self, value: float) -> float:
        """At most 1 when met; 1.2 when missed by a fifth."""

    def at(self, value: float) -> Limit:
        """The same constraint with another bound."""


def narrow(space: Space, constraints: Sequence[Any]) -> Space:
    """See `Space.narrow`."""
    from nasmyth.space.space import Space

    for limit in constraints:
        if not limit.measure.needs <= {"graph"}:
            raise SpaceError(f"{limit}: a space can only be narrowed by what a graph tells; measure this one in the search")
    every = (*space.constraints, *(c for c in constraints if c not in space.constraints))
    narrowed = Space(space.template, space.input, space.recipe, constraints=every)
    if not every:
        return narrowed
    cheapest = _cheapest(narrowed)
    if _pressure(narrowed, cheapest) > 1:
        raise _nothing_fits(narrowed, cheapest)
    if all(limit.relation == "<=" for limit in every):
        narrowed.allowed = _rule_out(narrowed, cheapest)
    return narrowed


def sample(space: Space, rng: Random) -> Genome:
    """A random genome that meets the constraints of a narrowed space."""
    closest: tuple[float, Genome] | None = None
    for _ in range(_SAMPLES):
        genome = space._walk(lambda key, hole: space._draw(key, hole, rng))
        pressure = _pressure(space, genome)
        if pressure <= 1:
            return genome
        if closest is None or pressure < closest[0]:
            closest = (pressure, genome)
        mended = repair(space, genome, rng)
        if mended is not None:
            return mended
    assert closest is not None
    cheapest = _cheapest(space)  # narrow() found one that fits, so this does
    if _pressure(space, cheapest) > 1:
        raise _nothing_fits(space, cheapest)
    return cheapest


def repair(space: Space, genome: Genome, rng: Random) -> Genome | None:
    """Change random decisions, keeping what brings the genome nearer to the budget, until it is met."""
    pressure = _pressure(space, genome)
    for _ in range(_REPAIRS):
        if pressure <= 1:
            return genome
        key = rng.choice(list(genome))
        others = space.alternatives(key, genome[key])
        if not others:
            continue
        other = rng.choice(others)
        changed = {**genome, key: other}
        trial = space._walk(lambda k, hole, c=changed: c[k] if k in c else space._draw(k, hole, rng))  # type: ignore[misc]
        found = _pressure(space, trial)
        if found < pressure:
            genome, pressure = trial, found
    return genome if pressure <= 1 else None


def _pressure(space: Space, genome: Genome) -> float:
    """How hard the tightest constraint presses: at most 1 when all are met."""
    try:
        graph = space.decode(genome)
    except ShapeError:
        return math.inf
    return max(limit.pressure(limit.measure(graph)) for limit in space.constraints)


def _cheapest(space: Space) -> Genome:
    """The genome with the least pressure that changing one decision at a time leads to, from a few starts."""
    best: tuple[float, Genome] | None = None
    for start in range(_STARTS):
        if start == 0:
            genome = space._walk(space._first)
        else:
            rng = Random(f"cheapest {start}")
            genome = space._walk(lambda key, hole: hole.sample(rng))
        found = _descend(space, genome)
        if best is None or found[0] < best[0]:
            best = found
    assert best is not None
    return best[1]


def _descend(space: Space, genome: Genome) -> tuple[float, Genome]:
    pressure, improved = _pressure(space, genome), True
    while improved:
        improved = False
        for key in list(genome):
            if key not in genome:  # a decision before it made it inactive
                continue
            for other in space.alternatives(key, genome[key]):
                trial = space.changed(genome, {key: other})
                found = _pressure(space, trial)
                if found < pressure:
                    genome, pressure, improved = trial, found, True
                    if key not in genome:
                        break
    return pressure, genome


def _rule_out(space: Space, cheapest: Genome) -> dict[str, list[Any]]:
    """For every hole of the cheapest genome: the decisions that fit the budget with all others at their cheapest."""
    allowed: dict[str, list[Any]] = {}
    for key, decision in cheapest.items():
        hole = space.holes[key]
        if isinstance(hole, Real) or hole.count > 64:
            continue
        every = [hole.nth(i) for i in range(int(hole.count))]
        fits = [d for d in every if d == decision or _pressure(space, space.changed(cheapest, {key: d})) <= 1]
        if len(fits) < len(every):
            allowed[key] = fits
    return allowed


def _nothing_fits(space: Space, cheapest: Genome) -> BudgetError:
    graph = space.decode(cheapest)
    found = [(limit.pressure(limit.measure(graph)), limit) for limit in space.constraints]
    _, binding = max(found, key=lambda pair: pair[0])
    value = binding.measure(graph)
    feasible = str(binding.at(value))
    alone = _under(space, binding)
    reached = binding.measure(alone.decode(_cheapest(alone)))
    if binding.pressure(reached) <= 1:  # it can be met, but not together with the others
        others = " and ".join(str(limit) for _, limit in found if limit is not binding)
        message = f"nothing meets {binding} and {others} together: the nearest network has {binding.measure.name} "
    else:
        word = "smallest" if binding.relation == "<=" else "largest"
        message = f"nothing in this space meets {binding}: the {word} found has {binding.measure.name} "
    message += f"{binding.measure.show(value)}; the nearest budget that something meets is {feasible!r}"
    return BudgetError(message, binding=str(binding), smallest=value, feasible=feasible)


def _under(space: Space, limit: Any) -> Space:
    from nasmyth.space.space import Space

    return Space(space.template, space.input, space.recipe, constraints=(limit,))
