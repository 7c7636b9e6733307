"""Functions that strategies may name: marked by whoever wrote them, in modules that whoever runs them has imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from nasmyth.errors import UnknownNameError, nearest

F = TypeVar("F", bound=Callable[..., Any])
_marked: dict[str, Callable[..., Any]] = {}


def optimizer(make: F) -> F:
    """Let a strategy name a function `make(space, seed)` that returns an object with `ask()` and `tell()`."""
    _marked[f"{make.__module__}:{make.__qualname__}"] = make
    return make


def named(name: str) -> Callable[..., Any]:
    """The function of the name "module:function". Raises UnknownNameError for one that was not marked, or not imported."""
    if name not in _marked:
        raise UnknownNameError(
            f"AskTell({name!r}): no optimiser of that name is known here{nearest(name, _marked)}; import its module first (on "
            'the console: --import mine.py), where @optimizer stands above the function; the name is "module:function"'
        )
    return _marked[name]
