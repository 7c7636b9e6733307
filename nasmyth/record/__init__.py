"""Frozen values: made once, never changed, written as JSON, known by a content key.

Everything that describes a network, a space or a search is a `Value`: a class with annotated fields, of which there is
only ever one object with the same fields (`value.py`, `fields.py`). It is written and read as JSON (`json.py`), by the name of its
class (`classes.py`), and what is in it has an address (`address.py`).
"""

from nasmyth.record.address import below, classes_in, defined_in
from nasmyth.record.classes import class_of
from nasmyth.record.fields import freeze, is_open
from nasmyth.record.json import (
    MAX_DEPTH,
    content_key,
    dumps,
    from_json,
    loads,
    names_former,
    parse_json,
    to_json,
    utf8_text,
)
from nasmyth.record.value import FIELD_ERRORS, Value

__all__ = [
    "FIELD_ERRORS",
    "MAX_DEPTH",
    "Value",
    "below",
    "class_of",
    "classes_in",
    "content_key",
    "defined_in",
    "dumps",
    "freeze",
    "from_json",
    "is_open",
    "loads",
    "names_former",
    "parse_json",
    "to_json",
    "utf8_text",
]
