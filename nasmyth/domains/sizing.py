"""The widest network of a family that fits a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasmyth.measure import Constraint
    from nasmyth.space import Genome, Space
    from nasmyth.train.task import Task

DEVICE_STEP = 4
"""Of widths, every fourth is looked at where a look is a measurement on a device, which takes seconds."""


def widest(
    family: Callable[[int], Genome],
    widths: Sequence[int],
    space: Space,
    task: Task,
    under: Iterable[Constraint] = (),
) -> tuple[int, Genome] | None:
    """The largest of these ascending widths whose network meets the constraints, with its genome; None if none does.

    Width makes a network of a family larger and slower, so bisection finds it under upper bounds; lower bounds are held to
    in the end. What only training tells is left out.
    """
    limits = [limit for limit in under if "training" not in limit.measure.requires]
    upper = [limit for limit in limits if limit.relation == "<="]
    if not all(limit.measure.requires <= {"graph"} for limit in upper):
        widths = widths[::DEVICE_STEP]
    low, high = -1, len(widths)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if meets(family(widths[middle]), space, task, upper) else (low, middle)
    if low < 0 or not meets(family(widths[low]), space, task, limits):
        return None
    return widths[low], family(widths[low])


def meets(genome: Genome, space: Space, task: Task, limits: Iterable[Constraint]) -> bool:
    """Whether the network of a genome keeps to the limits. Raises what measuring it raises."""
    from nasmyth.measure import Candidate, evaluate

    told = evaluate(Candidate(space.decode(genome), task=task), under=list(limits))
    if told.error is not None:
        raise told.error
    return told.broken is None
