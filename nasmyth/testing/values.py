"""The laws of frozen values: equal fields are one object, which JSON and pickle lead back to."""

from __future__ import annotations

import pickle
from typing import Any

from nasmyth.record import Value, content_key, dumps, loads
from nasmyth.testing.laws import law


def check_value(value: Value) -> None:
    """Equal values are one object: made again, through JSON, and through pickle."""
    fields = dict(zip(value.fields, value.field_values, strict=True))
    law(type(value)(**fields) is value, value, "the same fields give another object")
    law(loads(dumps(value)) is value, value, "JSON does not lead back to it")
    law(_pickled(value) is value, value, "pickle does not lead back to it: define it at the top level of a file")
    law(content_key(loads(dumps(value))) == content_key(value), value, "its key is not stable")


def _pickled(value: Value) -> Any:
    """What another process would receive; None if it could not be sent."""
    try:
        return pickle.loads(pickle.dumps(value))
    except (AttributeError, pickle.PicklingError):
        return None
