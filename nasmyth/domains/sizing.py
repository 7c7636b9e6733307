"""The widest network of a family that fits a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasmyth.measure import Constraint
    from nasmyth.space import Genome, Space
    from nasmyth.train.task import Task

LOOKS = 5
"""How often a family is measured on a device, each time at half as many widths: a measurement takes seconds."""


def widest(
    family: Callable[[int], Genome],
    widths: Sequence[int],
    space: Space,
    task: Task,
    under: Iterable[Constraint] = (),
) -> tuple[int, Genome] | None:
    """A large one of these ascending widths whose network meets the constraints, with its genome; None if none is found.

    Width makes a network of a family larger and slower. Under upper bounds on what a graph tells, bisection finds the largest;
    of these, the first of whole, half, quarter ... that meets what a device tells. Lower bounds are held to in the end, and
    what only training tells is left out.
    """
    limits = [limit for limit in under if "training" not in limit.measure.requires]
    counted = [limit for limit in limits if limit.measure.requires <= {"graph"}]
    upper = [limit for limit in counted if limit.relation == "<="]
    low, high = -1, len(widths)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if meets(family(widths[middle]), space, task, upper) else (low, middle)
    places = [low] if len(counted) == len(limits) else [((low + 1) >> look) - 1 for look in range(LOOKS)]
    for place in places:
        if place >= 0 and meets(family(widths[place]), space, task, limits):
            return widths[place], family(widths[place])
    return None


def meets(genome: Genome, space: Space, task: Task, limits: Iterable[Constraint]) -> bool:
    """Whether the network of a genome keeps to the limits. Raises what measuring it raises."""
    from nasmyth.measure import Candidate, evaluate

    told = evaluate(Candidate(space.decode(genome), task=task), under=list(limits))
    if told.error is not None:
        raise told.error
    return told.broken is None
