"""What an event says, as JSON text: nothing is lost, nothing is executed when it is read.

JSON has no number for "not a number" or for infinity, yet a loss that became one is a finding. Such a float is written
as an object that says which it is, and comes back as the float:

>>> encode({"loss": float("inf"), "accuracy": 0.5})
'{"loss":{"$float":"inf"},"accuracy":0.5}'
>>> decode(_)
{'loss': inf, 'accuracy': 0.5}

NumPy and torch scalars are written as numbers, tuples and sets as lists, and text that is not valid Unicode (a file
name in an error message) with replacement characters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from nasmyth.errors import StudyError

_MARK = "$float"
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(data: Any) -> str:
    """`data` as JSON text. Raises StudyError for what JSON cannot hold, such as an arbitrary object."""
    try:
        raw = _encoder.encode(data)
        if b"null" in raw:  # a None, or a float that msgspec has no number for: only then look closer
            raw = _encoder.encode(_marked(data))
    except UnicodeEncodeError:
        raw = _encoder.encode(_marked(data))
    except (TypeError, ValueError, RecursionError) as error:
        raise StudyError(f"cannot be written to a study: {error}; use numbers, text, lists and dicts") from None
    return raw.decode()


def decode(text: str | bytes) -> Any:
    """The inverse of `encode`. Raises StudyError if the text is not JSON."""
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise StudyError(f"an event of the study is damaged: {error}") from None
    marked = _MARK in text if isinstance(text, str) else _MARK.encode() in text
    return _unmarked(data) if marked else data


def _foreign(value: Any) -> Any:
    """A NumPy or torch scalar as a Python number."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return _marked(value.item())
    raise TypeError(f"{value!r} ({type(value).__name__}) is not a number, text, list or dict")


_encoder = msgspec.json.Encoder(enc_hook=_foreign)


def _marked(data: Any) -> Any:
    if isinstance(data, float):
        return float(data) if math.isfinite(data) else {_MARK: str(float(data))}
    if isinstance(data, str):
        return data.encode(errors="replace").decode()
    if isinstance(data, Mapping):
        return {_marked(key) if isinstance(key, str) else key: _marked(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, set, frozenset)):
        return [_marked(value) for value in data]
    return data


def _unmarked(data: Any) -> Any:
    if isinstance(data, dict):
        if len(data) == 1 and data.get(_MARK) in _SPECIAL:
            return _SPECIAL[data[_MARK]]
        return {key: _unmarked(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_unmarked(value) for value in data]
    return data
