"""Learning rate schedules as frozen values: pure functions of progress, 0 to 1, that multiply an optimizer's `lr`.

Progress, not a count of steps, so that a training bounded by time still ends at a low rate. One of your own is a class with
a method `factor`.

>>> [round(Cosine(warmup=0.2).factor(p), 3) for p in (0.0, 0.1, 0.2, 0.6, 1.0)]
[0.0, 0.5, 1.0, 0.5, 0.0]
"""

from __future__ import annotations

import math

from nasmyth.errors import SpaceError
from nasmyth.record import Value, is_open
from nasmyth.train.ranges import one_of, undecided, within


class Schedule(Value, abstract=True):
    """What the peak rate is multiplied by."""

    def factor(self, progress: float) -> float:
        """When `progress`, 0..1, of the training is done; held at the ends outside."""
        raise NotImplementedError(f"{type(self).__name__} has no factor(progress), which returns a number")


class Cosine(Schedule):
    """Rises in a line to 1, then falls to `final` as half a cosine (Loshchilov & Hutter, SGDR, 2017, equation 5, without
    restarts). warmup: the share of the training during which the rate rises."""

    warmup: float = 0.1
    final: float = 0.0

    def check(self) -> None:
        within(self, "warmup", below=1.0)
        within(self, "final")

    def factor(self, progress: float) -> float:
        progress = min(max(progress, 0.0), 1.0)
        if progress < self.warmup:
            return progress / self.warmup
        fall = (progress - self.warmup) / (1.0 - self.warmup)
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * fall))


class OneCycle(Schedule):
    """From `start` up to 1 and down to `final`, both as half a cosine (Smith & Topin, 2018, arXiv:1708.07120; the defaults
    are those of PyTorch). The momentum stays as it is."""

    warmup: float = 0.3
    start: float = 0.04
    final: float = 4e-6

    def check(self) -> None:
        within(self, "warmup", below=1.0)
        within(self, "start")
        within(self, "final")

    def factor(self, progress: float) -> float:
        progress = min(max(progress, 0.0), 1.0)
        if progress < self.warmup:
            return _between(self.start, 1.0, progress / self.warmup)
        return _between(1.0, self.final, (progress - self.warmup) / (1.0 - self.warmup))


class MultiStep(Schedule):
    """Multiplied by `gamma` at each of the points `at`, shares of the training; after a warm-up, if any."""

    at: tuple[float, ...] = (0.5, 0.75)
    gamma: float = 0.1
    warmup: float = 0.0

    def check(self) -> None:
        within(self, "gamma")
        within(self, "warmup", below=1.0)
        if not is_open(self.at) and not all(0.0 <= point <= 1.0 for point in self.at):
            raise SpaceError(f"MultiStep(at={self.at}): give shares of the training, from 0 to 1")

    def factor(self, progress: float) -> float:
        rise = min(1.0, max(progress, 0.0) / self.warmup) if self.warmup else 1.0
        return float(rise * self.gamma ** sum(progress >= point for point in self.at))


class WarmupStableDecay(Schedule):
    """Rises in a line to 1, stays there, and falls to `final` during the last `decay` of the training (Hu et al. 2024,
    arXiv:2404.06395, section 4). What was trained at the stable rate can be trained longer without a new beginning.

    fall: "sqrt", 1 - sqrt(share of the fall), which ends lower than "linear" in Haegele et al. 2024, arXiv:2405.18392,
    section 3 and appendix B.1; with a fall of a fifth of the training or more, both reach the loss of a cosine of that length.
    warmup, decay: shares of the training, 1 in all at most.
    """

    warmup: float = 0.05
    decay: float = 0.25
    final: float = 0.0
    fall: str = "sqrt"

    def check(self) -> None:
        within(self, "warmup", below=1.0)
        within(self, "decay")
        within(self, "final")
        one_of(self, "fall", ("sqrt", "linear"))
        if not (undecided(self.warmup) or undecided(self.decay)) and self.warmup + self.decay > 1.0:
            raise SpaceError(
                f"WarmupStableDecay(warmup={self.warmup:g}, decay={self.decay:g}): they are shares of the training, give 1 "
                "in all at most"
            )

    def factor(self, progress: float) -> float:
        progress = min(max(progress, 0.0), 1.0)
        if progress < self.warmup:
            return progress / self.warmup
        fallen = (progress - (1.0 - self.decay)) / self.decay if self.decay else 0.0
        if fallen <= 0.0:
            return 1.0
        return self.final + (1.0 - self.final) * (1.0 - (math.sqrt(fallen) if self.fall == "sqrt" else fallen))


class ConstantRate(Schedule):
    """The same rate throughout, after a warm-up, if any."""

    warmup: float = 0.0

    def check(self) -> None:
        within(self, "warmup", below=1.0)

    def factor(self, progress: float) -> float:
        return min(1.0, max(progress, 0.0) / self.warmup) if self.warmup else 1.0


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * share))
