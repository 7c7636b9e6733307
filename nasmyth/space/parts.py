"""What is known of a part with holes before anything is decided."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import is_unsettled, parts_of
from nasmyth.record import Value, is_open
from nasmyth.space.hole import Hole

REMEMBERED = 2_000
"""Parts are remembered by their decisions where there are no more ways than that to make them."""

MOST = 200_000
"""Parts with holes that one walk fills: far more than a network has, and less than a few words can ask for."""


def too_many() -> SpaceError:
    return SpaceError(f"a template with more than {MOST:,} parts to fill, copies counted; repeat less")


@lru_cache(maxsize=100_000)
def fully_named(template: Any) -> bool:
    """Whether all holes in it have names, so that it fills alike wherever it stands."""
    if isinstance(template, tuple):
        return all(map(fully_named, template))
    if not isinstance(template, Value):
        return True
    return not (isinstance(template, Hole) and template.name is None) and all(map(fully_named, template.field_values))


def holes_in(part: Any) -> Iterator[Hole]:
    """Every hole in it, at any depth."""
    if is_open(part):
        if isinstance(part, Hole):
            yield part
        for inner in part if isinstance(part, tuple) else part.field_values:
            yield from holes_in(inner)


@lru_cache(maxsize=10_000)
def ways(part: Any) -> float:
    """At most so many ways to fill a part; infinite where that is not easily told."""
    if not is_open(part):
        return 1
    if isinstance(part, Hole):
        if not part.quickly_counted:
            return math.inf
        if part.count > REMEMBERED or not any(map(is_open, part.inner())):
            return part.count
        taken: list[list[Any]] = []
        for decision in map(part.nth, range(int(part.count))):
            taken.append([])
            part.result(decision, lambda inner, address: taken[-1].append(inner), "")
        return sum(math.prod(map(ways, inner)) for inner in taken)
    if is_unsettled(part):
        return math.inf
    return math.prod(ways(inner) for _, inner in parts_of(part))
