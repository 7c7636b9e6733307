"""The classes of frozen values by their names: those that were imported, and those that other packages offer."""

from __future__ import annotations

from typing import Any

from nasmyth.errors import DuplicateNameError
from nasmyth.registry import import_offered

_classes: dict[str, type[Any]] = {}


def register(cls: type[Any]) -> None:
    """Let JSON name a class. Raises DuplicateNameError for the name of a class of Nasmyth's own."""
    taken = _classes.get(cls.__name__)
    if taken is not None and taken.__module__.startswith("nasmyth.") and taken.__module__ != cls.__module__:
        raise DuplicateNameError(
            f"{cls.__module__}.{cls.__qualname__}: Nasmyth has a {cls.__name__} already ({taken.__module__}); "
            "choose another name"
        )
    _classes[cls.__name__] = cls


def class_of(name: str) -> type[Any] | None:
    """The class that JSON calls `name`: one that was imported, or that another installed package offers."""
    if name not in _classes:
        import_offered(name)
    return _classes.get(name)


def class_names() -> list[str]:
    """The names of all classes that have been imported."""
    return list(_classes)
