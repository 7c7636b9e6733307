"""Checkpoints of long work: who can keep them says so around it, and what works hands them over now and then.

As with watching, nothing that lies between has to pass anything on. Bytes are all that goes through, so that a process can
hand them to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

EVERY = 60.0
"""Seconds between two checkpoints."""
Keeper = Callable[[bytes], object]
_keeper: ContextVar[Keeper | None] = ContextVar("nasmyth_keeper", default=None)


@contextmanager
def keeping(keeper: Keeper | None) -> Iterator[None]:
    """Inside, `keeper` is called with every checkpoint; the last one counts. None keeps nothing."""
    token = _keeper.set(keeper)
    try:
        yield
    finally:
        _keeper.reset(token)


def keeper() -> Keeper | None:
    """Who keeps checkpoints of what is worked on here, if anybody does."""
    return _keeper.get()
