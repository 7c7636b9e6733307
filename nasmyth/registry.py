"""Names for things: what `nasmyth list` shows and what text such as "params<=3M" refers to.

A registry refuses a name that is taken, suggests near misses for one that is not there, and loads what other installed
packages offer under the entry-point group `nasmyth.<kind>` the first time that it is asked for something.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from nasmyth.errors import DuplicateNameError, UnknownNameError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """An ordered map from names to objects of one kind, such as "measures"."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        self._loaded = False

    def add(self, name: str, item: T) -> T:
        """Register `item`. The same definition may be registered again (a notebook cell run twice)."""
        self.refuse_taken(name, item)
        self._items[name] = item
        return item

    def refuse_taken(self, name: str, item: object) -> None:
        """Raise DuplicateNameError if the name belongs to another definition than that of `item`."""
        taken = self._items.get(name)
        if taken is not None and taken is not item and _origin(taken) != _origin(item):
            raise DuplicateNameError(
                f"{self.kind}: the name {name!r} is taken by {_origin(taken)}; choose another name"
            )

    def get(self, name: str) -> T:
        """The object of that name. Raises UnknownNameError, which suggests near misses."""
        if name not in self._items:
            self._load()
        try:
            return self._items[name]
        except KeyError:
            hint = nearest(name, self._items)
            raise UnknownNameError(
                f"unknown {self.kind.removesuffix('s')} {name!r}{hint} (`nasmyth list {self.kind}` shows all)"
            ) from None

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._items)

    def __contains__(self, name: str) -> bool:
        self._load()
        return name in self._items

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter([(name, self._items[name]) for name in self.names()])

    def __len__(self) -> int:
        return len(self.names())

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for point in entry_points(group=f"nasmyth.{self.kind}"):
            try:
                self.add(point.name, point.load())
            except Exception as error:  # another package's fault must not take ours with it
                warnings.warn(f"{self.kind}: {point.name!r} of {point.value} is left out: {error}", stacklevel=2)


def _origin(item: object) -> str:
    """Where an object was defined: the same text for two runs of the same definition."""
    item = inspect.unwrap(item)  # type: ignore[arg-type]  # what stands for a function says so by __wrapped__
    named = item if hasattr(item, "__qualname__") else type(item)
    return f"{getattr(named, '__module__', '?')}.{getattr(named, '__qualname__', '?')}"
