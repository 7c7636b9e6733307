"""One object for each value: what a class has made is known to it, for as long as somebody else holds it."""

from __future__ import annotations

import weakref
from typing import Any


class Entry(weakref.ref[Any]):
    """A value that its class knows."""

    __slots__ = ("token",)
    token: Any


class Interned(dict[Any, Entry]):
    """The values of a class by what tells them from each other."""

    __slots__ = ("_forgets",)

    def __init__(self) -> None:
        self._forgets = self.forget  # one for all entries

    def first(self, token: Any, made: Any) -> Any:
        """The value that is known by a token: the one just made, or that another thread has made meanwhile."""
        entry = Entry(made, self._forgets)
        entry.token = token
        while (known := self.setdefault(token, entry)) is not entry:
            found = known()
            if found is not None:
                return found
            self.forget(known)
        return made

    def forget(self, entry: Entry) -> None:
        """Nobody holds a value any more."""
        token = entry.token
        if self.get(token) is entry:
            self.pop(token, None)
