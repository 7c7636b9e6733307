"""What may stand in a field of a frozen value: brought into one form, told apart, and whether it is still open."""

from __future__ import annotations

from typing import Any

from nasmyth.kinds import Frozen


def freeze(value: Any) -> Any:
    """`value` with lists as tuples. Raises TypeError for what cannot be a field of a frozen value."""
    kind = type(value)
    if kind in (int, str, float, bool, type(None)) or isinstance(value, Frozen):
        return value
    if kind in (tuple, list):
        return tuple(freeze(v) for v in value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a NumPy or torch scalar
        return value.item()
    raise TypeError(
        f"{value!r} cannot be part of a frozen value: use numbers, strings, tuples and other frozen values"
        + ("; write a dict as a tuple of (name, value) pairs" if isinstance(value, dict) else "")
    )


def token(value: Any) -> Any:
    """What tells one field from another: 1, 1.0 and True are three values here, though Python calls them equal.

    So are 0.0 and -0.0, and every NaN is the same.
    """
    kind = type(value)
    if kind is tuple:
        return tuple(map(token, value))
    return (kind, repr(value)) if kind is float or kind is bool else value


FLOATS_AND_BOOLEANS = frozenset((float, bool))
"""Kinds of which Python calls some equal that are told apart here."""


_NO_VALUES = frozenset((int, str, float, bool, tuple, type(None)))
"""Kinds of what may stand in a field and is no frozen value."""


def traits(values: tuple[Any, ...]) -> tuple[bool, bool]:
    """Whether values that Python calls equal are the same in all that is in them (no floats, no booleans), and whether one
    of them is open: both are asked for with every value that is made."""
    plain, open_ = True, False
    for value in values:
        kind = type(value)
        if kind not in _NO_VALUES:
            open_ = open_ or getattr(value, "is_open", False)
        elif kind is tuple:
            inner_plain, inner_open = traits(value)
            plain, open_ = plain and inner_plain, open_ or inner_open
        elif kind is float or kind is bool:
            plain = False
    return plain, open_


def is_open(value: Any) -> bool:
    """Whether a value is a hole, a decision that has not been made, or holds one at any depth."""
    return any(map(is_open, value)) if type(value) is tuple else getattr(value, "is_open", False)
