"""When a training ends, and the clock that it goes by.

The loop reads the time here and nowhere else: whoever replaces `clock` (a test) holds the time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from nasmyth.units import quantity

CHECKPOINTING = 0.03
"""The most that checkpoints may take of the time of a training."""


def clock() -> float:
    """Seconds, from some start that all processes of a machine share."""
    return time.perf_counter()


@dataclass
class Limits:
    """started: when the training was, moved back by the seconds that earlier parts of it took. epochs, until: in all."""

    started: float
    epochs: float
    until: float | None = None
    seconds: float | None = None
    patience: int | None = None
    stop: Callable[[], bool] | None = None
    pause: bool = False
    """Whether the training is gone on with after `seconds`, so that its learning rate does not know of them."""

    def __post_init__(self) -> None:
        if self.seconds is None and not math.isfinite(min(self.epochs, math.inf if self.until is None else self.until)):
            raise ValueError(f"fit(epochs={self.epochs}) would never end: give seconds as well")
        if self.until is not None and not self.until > 0:
            raise ValueError(f"fit(until={self.until}): give a number of epochs above 0, counted from the first")

    def elapsed(self) -> float:
        """Seconds of the training so far, earlier parts included."""
        return clock() - self.started


class Timer:
    """The share of its time that a training has used, where time bounds it. Importing and compiling are no progress."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.origin: float | None = None
        """When the first step was over, moved back by the seconds of stepping in earlier parts."""
        self.before = 0.0
        """Those seconds."""
        self.spent = 0.0
        """The share that was used when it was last asked for."""
        self.evaluation = 0.0
        """Seconds that the last evaluation took."""

    def take_up(self, elapsed: float, stepping: float, spent: float) -> None:
        """Go on with a training of so many seconds, of which it stepped for so many and had used up this share of its time."""
        self.before, self.spent = stepping, spent
        if spent >= 1.0 and self.limits.seconds is not None:  # it was over, and may have been given more
            rest = self.limits.seconds - elapsed
            self.spent = stepping / (stepping + rest) if rest > 0 else 1.0

    def stepped(self) -> None:
        """A step is over."""
        if self.origin is None:
            self.origin = clock() - self.before

    def stepping(self) -> float:
        """Seconds since the first step was over."""
        return self.before if self.origin is None else clock() - self.origin

    def look(self, steps: int, evaluated: float) -> None:
        """Find out the share; what the last evaluation will take is set aside.

        evaluated: how many steps an evaluation is worth, of the steps that were done.
        """
        if self.limits.seconds is not None and self.origin is not None:
            now = clock()
            rest = self.limits.started + self.limits.seconds - self._reserve(now, steps, evaluated) - self.origin
            self.spent = (now - self.origin) / rest if rest > 0 else 1.0

    @property
    def progress(self) -> float:
        """The share as the learning rate is to know it."""
        return 0.0 if self.limits.pause else self.spent

    def _reserve(self, now: float, steps: int, evaluated: float) -> float:
        """Seconds that an evaluation takes: the last one, or a guess from the steps so far."""
        if self.evaluation or steps < 2 or self.origin is None:
            return self.evaluation
        return (now - self.origin) / (steps - 1) * evaluated


class Due:
    """When the next checkpoint is due: so many seconds after the last, and so much later that all of them are cheap."""

    def __init__(self, every: str | float | timedelta) -> None:
        self.every = quantity(every, "s")
        self.next = clock() + self.every

    def now(self) -> bool:
        """Whether it is time."""
        return clock() >= self.next

    def took(self, seconds: float) -> None:
        """A checkpoint was taken, in so many seconds."""
        self.next = clock() + max(self.every, seconds * (1.0 / CHECKPOINTING - 1.0))
