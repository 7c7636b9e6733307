"""The settings in which two recipes differ, one by one: each is a trick that can be turned on alone.

    tricks(Recipe(), Recipe(optimizer=SGD(lr=0.2), augment=(Mixup(0.2),)))     # optimizer.lr, augment.Mixup

A part that is of one class in both is compared field by field; of a tuple of parts, each is a setting by the name of its class.
Anything else is a setting as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from nasmyth.record import Value, below


def tricks(plain: Value, full: Value) -> dict[str, tuple[str, ...]]:
    """{trick: settings}: each setting in which two recipes differ, a trick of its own."""
    return {address: (address,) for address in _differing(plain, full, "")}


def with_settings(plain: Value, full: Value, settings: Collection[str]) -> Value:
    """The plain recipe with these settings of the full one; `augment` names all that begin with it."""
    made: Value = _merged(plain, full, "", lambda address: covers(settings, address))
    return made


def covers(settings: Collection[str], address: str) -> bool:
    """Whether an address is among these, or below one of them."""
    return any(address == name or address.startswith(f"{name}.") for name in settings)


def _differing(a: Any, b: Any, address: str) -> Iterator[str]:
    if a is b or a == b:
        return
    if isinstance(a, Value) and type(a) is type(b):
        for field in a.fields:
            yield from _differing(getattr(a, field), getattr(b, field), below(address, field))
    elif _are_sets(a, b):
        ours, theirs = _by_class(a), _by_class(b)
        yield from (below(address, name) for name in (theirs | ours) if ours.get(name) is not theirs.get(name))
    else:
        yield address


def _merged(a: Any, b: Any, address: str, wanted: Callable[[str], bool]) -> Any:
    if a is b or a == b:
        return a
    if isinstance(a, Value) and type(a) is type(b):
        return a.replace(**{f: _merged(getattr(a, f), getattr(b, f), below(address, f), wanted) for f in a.fields})
    if _are_sets(a, b):
        ours, theirs = _by_class(a), _by_class(b)
        chosen = {name: (theirs if wanted(below(address, name)) else ours).get(name) for name in (theirs | ours)}
        return tuple(part for part in chosen.values() if part is not None)
    return b if wanted(address) else a


def _are_sets(a: Any, b: Any) -> bool:
    """Whether both are tuples of values of different classes, and what they share comes in one order."""
    if not all(isinstance(t, tuple) and all(isinstance(part, Value) for part in t) for t in (a, b)):
        return False
    ours, theirs = _by_class(a), _by_class(b)
    unique = len(ours) == len(a) and len(theirs) == len(b)
    return unique and [name for name in ours if name in theirs] == [name for name in theirs if name in ours]


def _by_class(parts: tuple[Any, ...]) -> dict[str, Any]:
    return {type(part).__name__: part for part in parts}
