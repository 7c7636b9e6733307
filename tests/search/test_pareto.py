"""Fronts, ranks and crowding: what their definitions say."""

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from nasmyth.search import pareto

coordinate = st.one_of(st.integers(0, 4).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))
points_of = st.integers(1, 4).flatmap(lambda k: st.lists(st.tuples(*[coordinate] * k), max_size=25))


def beaten(points, i, others):
    return any(pareto.dominates(points[j], points[i]) for j in others)


@given(points_of)
@settings(max_examples=300, deadline=None)
def test_front_is_what_its_definition_says(points):
    sound = [i for i, p in enumerate(points) if all(map(math.isfinite, p))]
    assert pareto.front(points) == [i for i in sound if not beaten(points, i, sound)]


@given(points_of)
@settings(max_examples=300, deadline=None)
def test_fronts_are_fronts_of_what_is_left(points):
    """Peeled off one after another; what is not finite last; everyone in one of them."""
    left, fronts = list(range(len(points))), pareto.fronts(points)
    for front in fronts:
        sound = [i for i in left if all(map(math.isfinite, points[i]))]
        assert front == ([i for i in sound if not beaten(points, i, sound)] or left)
        left = [i for i in left if i not in front]
    assert not left


def test_front_of_many_is_fast():
    rng = random.Random(0)
    points = [(rng.random(), rng.random()) for _ in range(50_000)]
    assert 3 < len(pareto.front(points)) < 60


def test_crowding_is_the_share_of_the_range_between_the_neighbours():
    """Worked by hand: ends are infinite; between, (0.5 - 0) / 1 + (10 - 4) / 10, and so on."""
    points = [(0.0, 10.0), (0.2, 8.0), (0.5, 4.0), (1.0, 0.0)]
    assert pareto.crowding(points) == [math.inf, 0.5 + 0.6, 0.8 + 0.8, math.inf]
    assert pareto.crowding([(1.0, 1.0)] * 3) == [math.inf, 0.0, math.inf]


def test_the_earlier_front_comes_first_and_then_the_lonelier():
    points = [(0.0, 10.0), (0.2, 8.0), (0.5, 4.0), (1.0, 0.0), (0.1, 1.0), (math.nan, 3.0)]
    keys = pareto.crowded(points)
    assert sorted(range(6), key=lambda i: keys[i], reverse=True) == [0, 3, 2, 1, 4, 5]
