"""Checks that the parts of a recipe share: what a setting may be. A hole is held to them once it is filled."""

from __future__ import annotations

from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.record import Value


def undecided(value: Any) -> bool:
    """Whether a field still is a hole."""
    return isinstance(value, Value)


def within(part: Value, name: str, above: float | None = None, below: float | None = None) -> None:
    """Raise SpaceError unless the field is above `above` (0 or more, unless given) and, if given, below `below`."""
    value = getattr(part, name)
    if undecided(value):
        return
    low = value > above if above is not None else value >= 0
    if not low or (below is not None and value >= below):
        span = f"above {above:g}" if above is not None else "0 or more" + (f" and below {below:g}" if below else "")
        raise SpaceError(f"{type(part).__name__}({name}={value!r}): must be {span}")


def one_of(part: Value, name: str, options: tuple[str, ...]) -> None:
    """Raise SpaceError unless the field is one of these."""
    value = getattr(part, name)
    if not undecided(value) and value not in options:
        raise SpaceError(f"{type(part).__name__}({name}={value!r}): use one of {', '.join(map(repr, options))}")
