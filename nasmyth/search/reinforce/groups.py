"""Decisions that belong together, by their addresses.

    stages[0].block.kernel, stages[1].block.kernel      one class, "kernel": what they decide
    stages[0].block.kernel, stages[0].block.expand      one part, "stages[0].block": where they stand

Where all would be one group, every decision is one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from nasmyth.search.reinforce.steps import Plan

_NUMBERS = re.compile(r"\[\d*\]|\d+")


def class_of(key: str) -> str:
    """What a hole decides: the last part of its address, without numbers."""
    return _NUMBERS.sub("", key.rpartition(".")[2])


def part_of(key: str) -> str:
    """Where a hole stands: its address without the last part."""
    return key.rpartition(".")[0]


GROUPS: dict[str, Callable[[str], str]] = {"class": class_of, "part": part_of, "decision": str}


def grouped(plan: Plan, by: str) -> tuple[int, ...]:
    """Of each slot, the number of its group."""
    if by in plan.groups:
        return plan.groups[by]
    names = [GROUPS[by](slot.key) for slot in plan.slots]
    if len(set(names)) < 2:
        names = [slot.key for slot in plan.slots]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return plan.groups.setdefault(by, tuple(numbers[name] for name in names))
