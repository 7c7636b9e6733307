"""Watching trainings: who wants to see their steps says so around them, and the training loop tells.

The loop needs no callback handed down to it: what lies between, such as an evaluation that may run in another process,
knows nothing of who watches. In another process or thread nobody does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

INTERVAL = 0.25
"""Seconds between two steps that are told."""


class Step(NamedTuple):
    """Where a training is: epochs done, epochs planned (infinite where only time ends it), mean loss of late."""

    epoch: float
    epochs: float
    loss: float


class Watch:
    """Somebody who listens, and when the next step is due."""

    def __init__(self, listener: Callable[[Step], object]) -> None:
        self.listener = listener
        self.next = -math.inf

    def due(self) -> bool:
        """Whether it is time to tell: a look at the clock, since this is asked at every step."""
        return time.monotonic() >= self.next

    def tell(self, step: Step) -> None:
        """Tell the step. What the listener raises ends everything up to where it was set to listen."""
        self.next = time.monotonic() + INTERVAL
        try:
            self.listener(step)
        except Exception as error:
            raise _Raised from error


class _Raised(BaseException):
    """A listener raised: no fault of the candidate in training, so nothing that records those may catch it."""


_WATCH: ContextVar[Watch | None] = ContextVar("nasmyth_watch", default=None)


def watch() -> Watch | None:
    """Who watches here, if anybody does."""
    return _WATCH.get()


@contextmanager
def watching(listener: Callable[[Step], object]) -> Iterator[None]:
    """Inside, `listener` is called with the steps of every training in this thread, a few times a second at most."""
    token = _WATCH.set(Watch(listener))
    try:
        yield
    except _Raised as raised:
        assert raised.__cause__ is not None
        raise raised.__cause__ from None
    finally:
        _WATCH.reset(token)
