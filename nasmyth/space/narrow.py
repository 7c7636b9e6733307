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
from typing import Any, NamedTuple

from nasmyth.errors import BudgetError, SpaceError
from nasmyth.space.decisions import Decisions
from nasmyth.space.feasible import Limit, repair, violation_ratio
from nasmyth.space.hole import Genome
from nasmyth.space.holes import Real

_STARTS, _SAMPLES = 4, 8


class Narrowed(NamedTuple):
    """What constraints make of the decisions."""

    constraints: tuple[Limit, ...] = ()
    domains: dict[str, list[Any]] = {}  # noqa: RUF012  never changed
    """Decisions that are left, for the holes where some are ruled out."""
    feasible: Genome | None = None
    """A genome that meets the constraints; None where none has been sought."""


def narrow(decisions: Decisions, constraints: Sequence[Any]) -> Narrowed:
    """See `Space.narrow`. Of the decisions, only what is fixed in them is left out of the search."""
    for limit in constraints:
        if not hasattr(limit, "violation_ratio"):
            raise SpaceError(
                f"narrow({limit!r}): write a constraint, such as params <= 3e6 or constraint('params<=3M')"
            )
        if not limit.measure.requires <= {"graph"}:
            raise SpaceError(
                f"{limit}: a space can only be narrowed by what a graph tells; measure this one in the search"
            )
    limits = tuple(dict.fromkeys(constraints))
    if not limits:
        return Narrowed()
    decisions = decisions.left({})
    nearest = cheapest(decisions, limits)
    if violation_ratio(decisions, limits, nearest) > 1:
        starts = (repair(decisions, limits, decisions.sample(Random(f"start {i}")), Random(i)) for i in range(_SAMPLES))
        found = next((genome for genome in starts if genome is not None), None)
        if found is None:
            raise _nothing_fits(decisions, limits, nearest)
        nearest = found
    return Narrowed(limits, _rule_out(decisions, limits, nearest), nearest)


def cheapest(decisions: Decisions, limits: Sequence[Limit]) -> Genome:
    """The genome with the least violation that changing one decision at a time leads to, from a few starts."""
    starts = [decisions.walk(decisions.first)]
    starts += [decisions.sample(Random(f"cheapest {i}")) for i in range(1, _STARTS)]
    return min((_descend(decisions, limits, genome) for genome in starts), key=lambda found: found[0])[1]


def _descend(
    decisions: Decisions, limits: Sequence[Limit], genome: Genome, keep: Container[str] = (), enough: float = -math.inf
) -> tuple[float, Genome]:
    """Change one decision at a time for the better, but none of `keep`, until the violation is `enough` or the least."""
    least, improved = violation_ratio(decisions, limits, genome), True
    while improved and least > enough:
        improved = False
        for key in list(genome):
            if key in keep or key not in genome:  # a decision before it made it inactive
                continue
            for other in decisions.alternatives(key, genome[key]):
                found, trial = _at_best(decisions, limits, genome, {key: other})
                if found < least:
                    genome, least, improved = trial, found, True
    return least, genome


def _at_best(decisions: Decisions, limits: Sequence[Limit], genome: Genome, changes: Genome) -> tuple[float, Genome]:
    """The genome with some decisions replaced, and those that become active at their cheapest."""
    changed = decisions.changed(genome, changes)
    if changed.keys() <= genome.keys():
        return violation_ratio(decisions, limits, changed), changed
    return _descend(decisions, limits, changed, keep=genome.keys())


def _rule_out(decisions: Decisions, limits: Sequence[Limit], feasible: Genome) -> dict[str, list[Any]]:
    """For every hole: the decisions that meet each constraint by itself, with all others at their cheapest for it."""
    domains: dict[str, list[Any]] = {}
    for limit in limits:
        if limit.relation != "<=":
            continue
        alone = (limit,)
        floor = feasible if len(limits) == 1 else cheapest(decisions, alone)
        for key in floor:
            hole = decisions.holes[key]
            if isinstance(hole, Real) or hole.count > 64 or key in decisions.fixed:
                continue
            every = domains.get(key, [hole.nth(i) for i in range(int(hole.count))])
            kept = (floor[key], feasible.get(key))
            fits = [one for one in every if one in kept or _can_fit(decisions, alone, floor, key, one)]
            if len(fits) < hole.count:
                domains[key] = fits
    return domains


def _can_fit(decisions: Decisions, limits: Sequence[Limit], floor: Genome, key: str, decision: Any) -> bool:
    """Whether some genome with this decision meets the constraints."""
    least, genome = _at_best(decisions, limits, floor, {key: decision})
    named = decisions.holes[key].name is not None
    if least > 1 and named:  # it stands in many places, and may change what is cheapest there
        least, _ = _descend(decisions, limits, genome, keep=(key,), enough=1.0)
    return least <= 1


def _nothing_fits(decisions: Decisions, limits: Sequence[Any], nearest: Genome) -> BudgetError:
    graph = decisions.graph(nearest)
    found = [(limit.measure(graph), limit) for limit in limits]
    value, binding = max(found, key=lambda pair: pair[1].violation_ratio(pair[0]))
    feasible = ", ".join(str(limit.at(got)) for got, limit in found if limit.violation_ratio(got) > 1)
    alone = (binding,)
    if violation_ratio(decisions, alone, cheapest(decisions, alone)) <= 1:  # it can be met, but not with the others
        others = " and ".join(str(limit) for _, limit in found if limit is not binding)
        message = (
            f"nothing found meets {binding} and {others} together: the nearest network has {binding.measure.name} "
        )
    else:
        word = "smallest" if binding.relation == "<=" else "largest"
        message = f"nothing in this space meets {binding}: the {word} found has {binding.measure.name} "
    message += f"{binding.measure.show(value)}; the nearest budget that something meets is {feasible!r}"
    return BudgetError(message, binding=str(binding), smallest=value, feasible=feasible)
