"""Intervals of 95 %: around a mean by Student's t, or of anything else by whoever resamples it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 14: 2.145, 19: 2.093,
       29: 2.045, 49: 2.010, 99: 1.984}  # fmt: skip
"""{degrees of freedom: Student's t}, two-sided."""


def student_t(freedom: float) -> float:
    """Student's t for a 95 % interval, of the next smaller number of degrees of freedom that is listed; 1 at least."""
    return T95[max(n for n in T95 if n <= max(1.0, freedom))]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval; NaN where there are too few values."""
    if not values:
        return math.nan, math.nan
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan
    return mean, student_t(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


class Interval(NamedTuple):
    """A number, and between which it lies in 95 of 100 cases."""

    value: float
    low: float
    high: float

    def covers(self, number: float = 0.0) -> bool:
        """Whether the number is within it."""
        return self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"
