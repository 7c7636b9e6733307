"""Budgets pushed into a space, so that what is sampled fits by construction and not by being thrown away.

First the cheapest network is sought, by changing one decision at a time for the better. If even that misses the budget,
the answer is a BudgetError that says by how much. Otherwise each option of each hole is tried in the network that is
cheapest by that constraint: an option that breaks it even there is ruled out for good. A sample that still misses the
budget (many options that fit alone need not fit together) is repaired, one random decision at a time.

Costs that grow with every option's own cost, as counts and bytes do, make the ruling-out exact; a constraint of the form
"at least" rules nothing out, and repair does the work.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
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

    def violation_ratio(self, value: float) -> float:
        """At most 1 when met; 1.2 when missed by a fifth."""

    def at(self, value: float) -> Limit:
        """The same constraint with another bound."""


def narrow(space: Space, constraints: Sequence[Any]) -> Space:
    """See `Space.narrow`."""
    from nasmyth.space.space import Space

    for limit in constraints:
        if not hasattr(limit, "violation_ratio"):
            raise SpaceError(
                f"narrow({limit!r}): write a constraint, such as params <= 3e6 or constraint('params<=3M')"
            )
        if not limit.measure.requires <= {"graph"}:
            raise SpaceError(
                f"{limit}: a space can only be narrowed by what a graph tells; measure this one in the search"
            )
    every = tuple(dict.fromkeys((*space.constraints, *constraints)))
    narrowed = Space(space.template, space.input, space.recipe, constraints=every)
    if not every:
        return narrowed
    nearest = cheapest(narrowed)
    if pressure(narrowed, nearest) > 1:
        starts = (repair(narrowed, _random(narrowed, Random(f"start {i}")), Random(i)) for i in range(_SAMPLES))
        found = next((genome for genome in starts if genome is not None), None)
        if found is None:
            raise _nothing_fits(narrowed, nearest)
        nearest = found
    narrowed.allowed = _rule_out(narrowed, nearest)
    narrowed.within = nearest
    return narrowed


def sample(space: Space, rng: Random) -> Genome:
    """A random genome that meets the constraints of a narrowed space."""
    for _ in range(_SAMPLES):
        mended = repair(space, _random(space, rng), rng)
        if mended is not None:
            return mended
    if space.within is None:  # a space that was given its constraints without `narrow`
        space.within = narrow(space, ()).within
    assert space.within is not None
    return _stray(space, space.within, rng)


def _random(space: Space, rng: Random) -> Genome:
    return space._walk(lambda key, hole: space._draw(key, hole, rng))


def repair(space: Space, genome: Genome, rng: Random) -> Genome | None:
    """Change random decisions, keeping what brings the genome nearer to the budget, until it is met."""
    current = pressure(space, genome)
    for _ in range(_REPAIRS):
        if current <= 1:
            return genome
        trial = _changed_at_random(space, genome, rng)
        found = pressure(space, trial)
        if found < current:
            genome, current = trial, found
    return genome if current <= 1 else None


def _stray(space: Space, genome: Genome, rng: Random) -> Genome:
    """A random walk away from a genome that meets the constraints, over others that do."""
    for _ in range(3 * len(genome)):
        trial = _changed_at_random(space, genome, rng)
        if pressure(space, trial) <= 1:
            genome = trial
    return genome


def _changed_at_random(space: Space, genome: Genome, rng: Random) -> Genome:
    if not genome:
        return genome
    key = rng.choice(list(genome))
    others = space.alternatives(key, genome[key])
    return space.redrawn(genome, {key: rng.choice(others)}, rng) if others else genome


def pressure(space: Space, genome: Genome) -> float:
    """How hard the tightest constraint presses: above 1 if one is missed, infinite for shapes that do not fit."""
    try:
        graph = space.decode(genome)
        return max(limit.violation_ratio(limit.measure(graph)) for limit in space.constraints)
    except ShapeError:
        return math.inf


def cheapest(space: Space) -> Genome:
    """The genome with the least pressure that changing one decision at a time leads to, from a few starts."""
    starts = [space._walk(space._first)]
    for i in range(1, _STARTS):
        rng = Random(f"cheapest {i}")
        starts.append(space._walk(lambda key, hole, rng=rng: hole.sample(rng)))  # type: ignore[misc]
    return min((_descend(space, genome) for genome in starts), key=lambda found: found[0])[1]


def _descend(
    space: Space, genome: Genome, keep: Container[str] = (), enough: float = -math.inf
) -> tuple[float, Genome]:
    """Change one decision at a time for the better, but none of `keep`, until the pressure is `enough` or the least."""
    least, improved = pressure(space, genome), True
    while improved and least > enough:
        improved = False
        for key in list(genome):
            if key in keep or key not in genome:  # a decision before it made it inactive
                continue
            for other in space.alternatives(key, genome[key]):
                found, trial = _at_best(space, genome, {key: other})
                if found < least:
                    genome, least, improved = trial, found, True
    return least, genome


def _at_best(space: Space, genome: Genome, changes: Genome) -> tuple[float, Genome]:
    """The genome with some decisions replaced, and those that become active at their cheapest."""
    changed = space.changed(genome, changes)
    if changed.keys() <= genome.keys():
        return pressure(space, changed), changed
    return _descend(space, changed, keep=genome.keys())


def _rule_out(space: Space, within: Genome) -> dict[str, list[Any]]:
    """For every hole: the decisions that meet each constraint by itself, with all others at their cheapest for it."""
    allowed: dict[str, list[Any]] = {}
    for limit in space.constraints:
        if limit.relation != "<=":
            continue
        alone = space if len(space.constraints) == 1 else _under(space, limit)
        floor = within if alone is space else cheapest(alone)
        for key in floor:
            hole = space.holes[key]
            if isinstance(hole, Real) or hole.count > 64:
                continue
            every = allowed.get(key, [hole.nth(i) for i in range(int(hole.count))])
            kept = (floor[key], within.get(key))
            fits = [decision for decision in every if decision in kept or _can_fit(alone, floor, key, decision)]
            if len(fits) < hole.count:
                allowed[key] = fits
    return allowed


def _can_fit(space: Space, floor: Genome, key: str, decision: Any) -> bool:
    """Whether some genome with this decision meets the constraint."""
    least, genome = _at_best(space, floor, {key: decision})
    if (
        least > 1 and space.holes[key].name is not None
    ):  # it stands in many places, and may change what is cheapest there
        least, _ = _descend(space, genome, keep=(key,), enough=1.0)
    return least <= 1


def _nothing_fits(space: Space, nearest: Genome) -> BudgetError:
    graph = space.decode(nearest)
    found = [(limit.measure(graph), limit) for limit in space.constraints]
    value, binding = max(found, key=lambda pair: pair[1].violation_ratio(pair[0]))
    feasible = ", ".join(str(limit.at(got)) for got, limit in found if limit.violation_ratio(got) > 1)
    alone = _under(space, binding)
    if pressure(alone, cheapest(alone)) <= 1:  # it can be met, but not together with the others
        others = " and ".join(str(limit) for _, limit in found if limit is not binding)
        message = (
            f"nothing found meets {binding} and {others} together: the nearest network has {binding.measure.name} "
        )
    else:
        word = "smallest" if binding.relation == "<=" else "largest"
        message = f"nothing in this space meets {binding}: the {word} found has {binding.measure.name} "
    message += f"{binding.measure.show(value)}; the nearest budget that something meets is {feasible!r}"
    return BudgetError(message, binding=str(binding), smallest=value, feasible=feasible)


def _under(space: Space, limit: Any) -> Space:
    from nasmyth.space.space import Space

    return Space(space.template, space.input, space.recipe, constraints=(limit,))
