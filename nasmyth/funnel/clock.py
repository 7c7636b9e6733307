"""Time: how much of `spend` is used, by this run and those it goes on from, and on what."""

from __future__ import annotations

import time
from math import inf

from nasmyth.study import Study
from nasmyth.units import Spend

FIRST = 1.0
"""Seconds that the first training may have in any case."""
READING = "read"
"""The phase in which a run reads the data."""


class Clock:
    """Started when the design began; earlier runs of the same study are read from the notes of their phases.

    What those took to read the data is not charged again: this run has read it, too.
    """

    def __init__(self, study: Study, spend: Spend, began: float) -> None:
        self.study, self.spend = study, spend
        phases = [note for note in study.notes if note["what"] == "phase"]
        self.before = sum(note["seconds"] for note in phases if note["name"] != READING)
        self.began = self.mark = began
        self.kept = 0.0
        """Seconds that the end takes besides what it always takes."""
        self.trained = any(trial.closed for trial in study.trials)
        """Whether anything was trained. Until then FIRST seconds are left: starting up is no reason to hand over
        nothing."""

    @property
    def spent(self) -> float:
        """Seconds used so far."""
        return self.before + time.perf_counter() - self.began

    @property
    def left(self) -> float:
        """Seconds that trainings may still use, a little being kept for the end; infinite where only trials count."""
        total = self.spend.seconds
        if total is None:
            return inf
        left = total - self.spent - max(1.0, 0.01 * total) - self.kept
        return left if self.trained else max(left, FIRST)

    @property
    def share_left(self) -> float:
        """`left` as a share of all."""
        return 1.0 if self.spend.seconds is None else self.left / self.spend.seconds

    def account(self, phase: str) -> None:
        """Write down what was done since the last call, for `show` and for the run that goes on from this one."""
        now = time.perf_counter()
        self.study.note("phase", name=phase, seconds=now - self.mark)
        self.mark = now
