"""Spaces by name: functions that return a `Space`, each with where it comes from."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from nasmyth.registry import Registry
from nasmyth.space import Genome, Space


class Notation(NamedTuple):
    """How papers and their tables write a network of a space."""

    text: Callable[[Genome], str]
    genome: Callable[[str], Genome]
    """The inverse. Raises GenomeError naming the token and its place."""
    columns: tuple[str, ...] = ("arch_str",)
    """Where published tables have it."""
    row: Callable[..., str] = str
    """What those columns hold in one row, as the text."""
    home: str = ""
    """Where the published tables are found."""
    classes: bool = False
    """Whether a text stands for a class of networks, which a table may list several times: their means are what it says."""


class Named(NamedTuple):
    """A registered space: call it for the space itself, with its defaults or for your own input."""

    make: Callable[..., Space]
    source: str
    notation: Notation | None = None
    small: dict[str, Any] | None = None
    """Arguments with which its networks are quick to build and run: it is tested with these."""

    @property
    def __wrapped__(self) -> Callable[..., Space]:
        return self.make

    def __call__(self, *args: object, **kwargs: object) -> Space:
        return self.make(*args, **kwargs)


def _adopted(name: str, found: Any) -> Named:
    """What another package offers: a space, or a function that returns one."""
    if isinstance(found, Named):
        return found
    if isinstance(found, Space):
        return Named(lambda *_, **__: found, source=f"the package that offers {name}")
    if not callable(found):
        raise TypeError(f"it must lead to a Space, or a function that returns one, and leads to {found!r}")
    make = found if inspect.signature(found).parameters else functools.wraps(found)(lambda *_, **__: found())
    return Named(make, source=str(getattr(found, "__module__", "")))


spaces: Registry[Named] = Registry("spaces", _adopted)


def space(
    name: str, *, source: str, notation: Notation | None = None, small: dict[str, Any] | None = None
) -> Callable[[Callable[..., Space]], Callable[..., Space]]:
    """Register a function under the name that `nasmyth list spaces` shows; `source` is its citation."""

    def define(make: Callable[..., Space]) -> Callable[..., Space]:
        spaces.add(name, Named(make, source, notation, small))
        return make

    return define
