"""Names for things: what `nasmyth list` shows and what text such as "params<=3M" refers to.

A registry refuses a name that is taken and suggests near misses for one that is not there. What other installed packages
offer under the entry-point group `nasmyth.<kind>` belongs to it, too. A package is imported when something of it is asked
for by name, or when everything of the kind is gone through; one that cannot be imported is no obstacle to anything but its
own names. A file of Nasmyth's own that registers names may wait in the same way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from nasmyth.errors import DuplicateNameError, NasmythError, UnknownNameError, nearest

T = TypeVar("T")
_registries: list[Registry[Any]] = []


class Registry(Generic[T]):
    """An ordered map from names to objects of one kind, such as "measures".

    adopt: makes an object of the kind of what an entry point leads to, unless that registered itself under the name of
        the entry point as it was imported. Raises TypeError, which says what it must lead to.
    usual: other names that are in use, {"top1": "accuracy"}: suggested, never taken for the real one.
    files: modules that register names as they are imported, {"params": "nasmyth.measure.counts"}: when they are asked for.
    """

    def __init__(
        self,
        kind: str,
        adopt: Callable[[str, Any], T] | None = None,
        usual: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.files = kind, files or {}
        self.usual = usual or {}
        self._adopt = adopt
        self._items: dict[str, T] = {}
        self._points: dict[str, EntryPoint] | None = None
        self._broken: dict[str, str] = {}
        _registries.append(self)

    def add(self, name: str, item: T) -> T:
        """Register `item`. The same definition may be registered again (a notebook cell run twice)."""
        self.refuse_taken(name, item)
        self._items[name] = item
        return item

    def refuse_taken(self, name: str, item: object) -> None:
        """Raise DuplicateNameError if the name belongs to another definition than that of `item`."""
        if name in self.files and name not in self._items:
            import_module(self.files[name])
        taken = self._items.get(name)
        if taken is not None and taken is not item and _origin(taken) != _origin(item):
            raise DuplicateNameError(
                f"{self.kind}: the name {name!r} is taken by {_origin(taken)}; choose another name"
            )

    def get(self, name: str) -> T:
        """The object of that name. Raises UnknownNameError, which suggests near misses, or says why a package fails."""
        if name not in self._items:
            self._import(name)
        if name in self._items:
            return self._items[name]
        if name in self._broken:
            raise UnknownNameError(self._broken[name])
        hint = nearest(name, self.names())
        told = self.usual.get(name.casefold().replace("-", "_"))
        if told is not None:
            hint = f"; {told}"
        raise UnknownNameError(f"unknown {self._one} {name!r}{hint} (`nasmyth list {self.kind}` shows all)") from None

    def names(self) -> list[str]:
        """All names, sorted; nothing is imported for it."""
        return sorted({*self._items, *self.files, *self._offered()})

    def offers(self, name: str) -> bool:
        """Whether another package offers something under that name which has not been imported yet."""
        return name not in self._items and name in self._offered()

    def __contains__(self, name: str) -> bool:
        return name in self._items or name in self.files or name in self._offered()

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """Names and objects; what cannot be imported is left out."""
        for name in (*self.files, *self._offered()):
            self._import(name)
        return iter([(name, self._items[name]) for name in sorted(self._items)])

    def __len__(self) -> int:
        return len(self.names())

    @property
    def _one(self) -> str:
        return f"{self.kind[:-3]}y" if self.kind.endswith("ies") else self.kind.removesuffix("s")

    def _offered(self) -> dict[str, EntryPoint]:
        if self._points is None:
            self._points = {point.name: point for point in entry_points(group=f"nasmyth.{self.kind}")}
        return self._points

    def _import(self, name: str) -> None:
        """Import the file that registers this name, or what a package offers under it, once."""
        if name not in self._items and name in self.files:
            import_module(self.files[name])
        point = self._offered().get(name)
        if point is None or name in self._items or name in self._broken:
            return
        try:
            found = point.load()
            if name not in self._items:  # else the decorator above it has registered it
                self.add(name, found if self._adopt is None else self._adopt(name, found))
        except Exception as error:  # another package's fault must not take ours with it
            package = f" of {point.dist.name}" if point.dist is not None else ""
            why = str(error) if isinstance(error, TypeError | NasmythError) else f"{type(error).__name__}: {error}"
            self._broken[name] = f"{self._one} {name!r} ({point.value}{package}) cannot be used: {why}"


def subclass(base: type[Any], what: str) -> Callable[[str, Any], Any]:
    """Adopt a class of this base."""

    def adopt(name: str, found: Any) -> Any:
        if isinstance(found, type) and issubclass(found, base):
            return found
        raise TypeError(f"it must lead to {what}, and leads to {found!r}")

    return adopt


def instance(cls: type[Any], what: str) -> Callable[[str, Any], Any]:
    """Adopt an object of this class, or what a function (or a subclass) without arguments returns."""

    def adopt(name: str, found: Any) -> Any:
        made = found() if callable(found) and not isinstance(found, cls) else found
        if isinstance(made, cls):
            return made
        raise TypeError(f"it must lead to {what}, or a function that returns one, and leads to {found!r}")

    return adopt


def import_offered(name: str) -> None:
    """Import what other packages offer under a name that data refers to. Raises UnknownNameError if that fails."""
    for registry in list(_registries):
        if registry.kind in ("ops", "blocks", "strategies", "parts") and registry.offers(name):
            registry.get(name)


def _origin(item: object) -> str:
    """Where an object was defined: the same text for two runs of the same definition."""
    item = inspect.unwrap(item)  # type: ignore[arg-type]  # what stands for a function says so by __wrapped__
    named = item if hasattr(item, "__qualname__") else type(item)
    return f"{getattr(named, '__module__', '?')}.{getattr(named, '__qualname__', '?')}"
