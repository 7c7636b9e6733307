"""Writing values into source text. What comes from a file gets into generated source through these functions and no other
way: a value becomes a literal, a name is checked, and prose loses whatever could end the string or comment that it is in.
"""

from __future__ import annotations

import keyword
import math
from typing import Any

from nasmyth.errors import ExportError
from nasmyth.kinds import shown, whole


def literal(value: Any) -> str:
    """None, booleans, numbers, texts, and tuples, lists and dicts of them, as Python writes them.

    Raises ExportError for anything else, subclasses of these included: what they show when asked could be code.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str or whole(value):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if kind is tuple:
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if kind is list:
        return f"[{', '.join(map(literal, value))}]"
    if kind is dict:
        return "{" + ", ".join(f"{literal(key)}: {literal(v)}" for key, v in value.items()) + "}"
    raise ExportError(f"{shown(value)} cannot be written in a file that imports torch only")


def identifier(name: str) -> str:
    """A name that Python takes as one. Raises ExportError."""
    if type(name) is not str or not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise ExportError(f"{shown(name)} is no name that can be written in a source file")
    return name


def prose(text: str, most: int = 300) -> str:
    """A text as it may stand in a docstring or a comment: one line of printable ASCII, without quotes and backslashes."""
    line = " ".join(text.replace("\\", "/").replace('"', "'").split())
    kept = "".join(c if " " <= c <= "~" else "?" for c in line)
    return kept if len(kept) <= most else f"{kept[: most - 3]}..."
