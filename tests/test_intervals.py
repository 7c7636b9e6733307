"""Student's t, against what it is made from: the distribution itself, by numbers."""

import math
import random
import statistics

import pytest

from nasmyth.intervals import T95, interval, student_t


@pytest.mark.parametrize("freedom", T95)
def test_the_table_leaves_95_of_100(freedom):
    """The integral of the density between -t and t, by Simpson's rule."""
    n, t, steps = freedom, T95[freedom], 20_000
    scale = math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2)) / math.sqrt(n * math.pi)

    def density(x):
        return scale * (1 + x * x / n) ** (-(n + 1) / 2)

    h = 2 * t / steps
    inside = density(-t) + density(t) + sum((4 if i % 2 else 2) * density(-t + i * h) for i in range(1, steps))
    assert inside * h / 3 == pytest.approx(0.95, abs=1e-4)


def test_between_two_entries_the_wider_counts():
    assert student_t(12.9) == T95[9] and student_t(1e6) == T95[99] and student_t(0.3) == T95[1]


def test_an_interval_covers_as_often_as_it_says():
    rng = random.Random(0)
    covered = 0
    for _ in range(2000):
        mean, half = interval([rng.gauss(3, 2) for _ in range(5)])
        covered += abs(mean - 3) <= half
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)
    assert interval([1.0, 2.0])[0] == statistics.fmean([1.0, 2.0])


def test_too_few_values_have_no_width():
    assert all(map(math.isnan, interval([]))) and interval([2.0])[0] == 2.0 and math.isnan(interval([2.0])[1])
