"""One object for each value: what a class has made is known to it, for as long as somebody else holds it."""

from __future__ import annotations

import threading
import weakref
from typing import Any

Table = dict[Any, "Entry"]
_interning = threading.Lock()


class Entry(weakref.ref[Any]):
    """A value that its class knows."""

    __slots__ = ("table", "token")
    table: Table
    token: Any


def first(table: Table, token: Any, made: Any) -> Any:
    """The value that is known by a token: the one just made, or that another thread has made meanwhile."""
    entry = Entry(made, _forget)
    entry.table, entry.token = table, token
    with _interning:
        known = table.get(token)
        found = None if known is None else known()
        if found is None:
            table[token] = entry
            return made
        return found


def _forget(entry: Any) -> None:
    if entry.table.get(entry.token) is entry:
        del entry.table[entry.token]
