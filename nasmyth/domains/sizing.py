"""The widest network of a family that fits a budget. Wider ones are larger and slower, so bisection finds it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasmyth.measure import Constraint
    from nasmyth.space import Genome, Space
    from nasmyth.train.task import Task

LOOKS = 5
"""How often a family is measured on a device, each time at half as many widths: a measurement takes seconds."""


def fitting(widths: Sequence[int], fits: Callable[[int], bool]) -> int:
    """How many of these ascending widths fit: the first ones do, and no later one."""
    return bisect_right(widths, False, key=lambda width: not fits(width))


def widest(
    family: Callable[[int], Genome],
    widths: Sequence[int],
    space: Space,
    task: Task,
    under: Iterable[Constraint] = (),
) -> tuple[int, Genome] | None:
    """A large one of these ascending widths whose network meets the constraints, with its genome; None if none is found.

    The largest under upper bounds on what a graph tells; of these, the first of whole, half, quarter ... that meets what a
    device tells. Lower bounds are held to in the end, and what only training tells is left out.
    """
    limits = [limit for limit in under if "training" not in limit.measure.requires]
    counted = [limit for limit in limits if limit.measure.requires <= {"graph"}]
    upper = [limit for limit in counted if limit.relation == "<="]
    count = fitting(widths, lambda width: meets(family(width), space, task, upper))
    places = [count - 1] if len(counted) == len(limits) else [(count >> look) - 1 for look in range(LOOKS)]
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
