"""Values as JSON, and the key that depends on their content alone.

>>> from nasmyth.record import Value
>>> class Point(Value):
...     x: int
...     y: int = 0
>>> to_json(Point(1, 2)), from_json({"$": "Point", "x": 1}) is Point(1)
({'$': 'Point', 'x': 1, 'y': 2}, True)
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec

from nasmyth.errors import FieldError, NasmythError, UnknownNameError, nearest
from nasmyth.kinds import shown, whole, written
from nasmyth.record.classes import class_names, class_of
from nasmyth.record.value import Value

FORMER = {"Fading": "DecayingActivation", "Gate": "Multiply", "Nudge": "ShiftPixel", "Relay": "StackedCells"}
"""What classes were called in files of earlier versions, and what they are called now. Read by `from_json` alone."""


def names_former(data: Any) -> bool:
    """Whether JSON names a class by what it was called before: keys that it was noted with are other ones now."""
    parts = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
    return (isinstance(data, dict) and data.get("$") in FORMER) or any(map(names_former, parts))


def to_json(value: Any) -> Any:
    """`value` as plain JSON data; a Value becomes an object whose "$" names its class. Defaults are left out."""
    if isinstance(value, Value):
        return {"$": type(value).__name__, **{name: to_json(part) for name, part in value.differing()}}
    if isinstance(value, (tuple, list)):
        return [to_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise FieldError(f"{value} cannot be written as JSON")
    return value


MAX_DEPTH = 128
"""Levels of JSON within each other that are read: values are walked by functions that call themselves."""


def from_json(data: Any) -> Any:
    """The inverse of `to_json`. Raises UnknownNameError for a class that has not been imported, NasmythError for data
    that no value wrote."""
    return _read(data, MAX_DEPTH)


def _read(data: Any, levels: int) -> Any:
    kind = type(data)
    if kind is bool or data is None or (kind is int and whole(data)) or (kind is str and written(data)):
        return data
    if kind is float and math.isfinite(data):
        return data
    if kind is str:
        raise NasmythError(f"{data!a:.80} holds half of a character, and is no text of a frozen value")
    if kind is int or kind is float:
        raise NasmythError(
            f"{shown(data)} is no number of a frozen value: they are finite, and whole ones fit into 64 bits"
        )
    if levels == 0:
        raise NasmythError(f"more than {MAX_DEPTH} levels within each other: nothing that was written here is so deep")
    if kind is list:
        return tuple([_read(v, levels - 1) for v in data])
    if kind is not dict:
        raise NasmythError(f"{shown(data)} is no JSON: a frozen value is read from objects, lists, numbers and texts")
    name = data.get("$")
    if not isinstance(name, str):
        raise NasmythError(f'{shown(data, 200)} is no frozen value: "$" must name its class')
    cls = class_of(name) or class_of(FORMER.get(name, ""))
    if cls is None:
        raise UnknownNameError(
            f"no class {shown(name)} is known here{nearest(name[:80], class_names())}; import the file that defines "
            f"it first "
            "(on the console: --import mine.py)"
        )
    fields = {str(key): _read(v, levels - 1) for key, v in data.items() if key != "$"}
    try:
        return cls.of_fields(fields)
    except NasmythError:
        raise
    except TypeError as error:
        raise NasmythError(f"cannot read a {name}: {error}") from None


def dumps(value: Any) -> str:
    """Canonical JSON text: equal values give equal text, in any process."""
    return msgspec.json.encode(to_json(value), order="sorted").decode()


def loads(text: str | bytes) -> Any:
    """The value written by `dumps`. Raises NasmythError if the text is not JSON."""
    return from_json(parse_json(text))


def parse_json(text: str | bytes) -> Any:
    """JSON from anyone as plain data. Raises NasmythError if it is not JSON, or holds numbers or levels beyond all
    bounds."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError) as error:
        raise NasmythError(f"not JSON: {error}") from None


def utf8_text(text: str) -> str:
    """A text that can be written as JSON: what is no Unicode, as in some names of files, is spelt out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def content_key(value: Any) -> str:
    """20 hexadecimal digits that depend on the content alone: equal in every process and version of Python."""
    if isinstance(value, Value):
        known: str | None = value.__dict__.get("_key")
        if known is None:
            known = hashlib.blake2b(dumps(value).encode(), digest_size=10).hexdigest()
            value.__dict__["_key"] = known
        return known
    return hashlib.blake2b(dumps(value).encode(), digest_size=10).hexdigest()
