"""What a field of a frozen value may hold, told by its annotation.

    out: int                        a whole number; not True, not 3.0, not "3"
    rate: float                     a number
    shape: tuple[int, ...]          a tuple of whole numbers
    layer: Value                    another frozen value
    axis: int | None                one or the other

A hole may stand wherever a value may. An annotation that says nothing of this kind (`Any`, a class that no field can hold,
a name that is not there when the program runs) admits everything, and what is written as a default is always admitted.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

Admits = Callable[[Any], bool]


class Frozen:
    """What every frozen value is (`nasmyth.record.Value`), for what needs to know no more of it."""

    _is_hole: ClassVar[bool] = False
    is_open: bool = False
    """Whether it is a hole, a decision that has not been made, or holds one at any depth."""


LEAST, MOST = -(1 << 63), (1 << 64) - 1
"""Whole numbers lie between them: what 64 bits hold, with a sign or without, and files with them."""

_LISTS = (tuple, list, Sequence, Iterable)


def shown(value: Any, most: int = 80) -> str:
    """A value for a message: short, and never an error of its own."""
    try:
        text = repr(value)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return f"<a {type(value).__name__} that cannot be shown>"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def written(text: str) -> bool:
    """Whether a text can be written to a file: half of a pair of surrogates, which JSON can name, cannot."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def resolved(annotation: Any, scope: dict[str, Any]) -> Any:
    """An annotation as an object, where it was written as text; Any where it names what is not there."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, scope)
    except Exception:
        return Any


def whole(value: Any) -> bool:
    """Whether it is a whole number that fits into 64 bits."""
    return type(value) is int and LEAST <= value <= MOST


def admits(kind: Any) -> Admits | None:
    """Whether a value is of a kind, as a function; None if all of them are."""
    if kind is None or kind is type(None):
        return lambda value: value is None
    if kind in _PLAIN:
        return _or_a_hole(_PLAIN[kind])
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _one_of([admits(one) for one in inner])
    if origin is typing.Literal:
        return _or_a_hole(lambda value: any(value is one or (type(value), value) == (type(one), one) for one in inner))
    if origin is typing.Annotated:
        return admits(inner[0])
    if kind in _LISTS or origin in _LISTS:
        return _or_a_hole(_sequence(origin or kind, inner))
    if isinstance(kind, type) and issubclass(kind, Frozen):  # a frozen value; any other may stand in for it
        return _is_value
    return None


def said(kind: Any) -> str:
    """A kind in words: "a whole number", "a tuple of texts"."""
    if kind in _WORDS:
        return _WORDS[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(said, inner))
    if origin is typing.Literal:
        return " or ".join(map(repr, inner))
    if origin is typing.Annotated:
        return said(inner[0])
    if origin in _LISTS and inner and (len(inner) == 1 or inner[1] is Ellipsis):
        return f"a tuple of {_plural(said(inner[0]))}"
    if origin in _LISTS:
        return f"a tuple of {len(inner)}: {', '.join(map(said, inner))}"
    return getattr(kind, "__name__", str(kind))


def _plural(words: str) -> str:
    name = words.removeprefix("a ").removeprefix("an ")
    return f"{name}s" if name != words and " " not in name.removeprefix("whole ") else f"({words})"


def _is_value(value: Any) -> bool:
    return isinstance(value, Frozen)


def _or_a_hole(admitted: Admits) -> Admits:
    return lambda value: admitted(value) or (isinstance(value, Frozen) and value.is_open)


_PLAIN: dict[Any, Admits] = {
    int: whole,
    float: lambda value: type(value) is float or whole(value),
    bool: lambda value: type(value) is bool,
    str: lambda value: type(value) is str,
}
_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a text",
    None: "None",
    type(None): "None",
    Any: "anything",
    tuple: "a tuple",
    list: "a tuple",
}


def _one_of(every: list[Admits | None]) -> Admits | None:
    known = [one for one in every if one is not None]
    return None if len(known) < len(every) else lambda value: any(one(value) for one in known)


def _sequence(origin: Any, inner: tuple[Any, ...]) -> Admits:
    """Of tuples: lists have become tuples in a frozen value."""
    alike = not inner or origin is not tuple or (len(inner) == 2 and inner[1] is Ellipsis)
    if alike:
        item = admits(inner[0]) if inner else None
        return lambda value: type(value) is tuple and (item is None or all(map(item, value)))
    items = [admits(one) for one in inner]

    def fits(value: Any) -> bool:
        if type(value) is not tuple or len(value) != len(items):
            return False
        return all(item is None or item(part) for item, part in zip(items, value, strict=True))

    return fits
