"""Hypervolume against counted and known volumes, its reference point, and the knee."""

import math
import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasmyth.search import hypervolume, knee, pareto, reference_point
from nasmyth.search.front_quality import ideal_and_nadir


def counted(points, size, most=5):
    """Of whole numbers: the unit cubes between 0 and some point, one by one."""

    def below(cube, point):
        return all(x > corner for x, corner in zip(point, cube, strict=True))

    return sum(any(below(cube, point) for point in points) for cube in product(range(most), repeat=size))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_is_the_volume(size, data):
    points = data.draw(st.lists(st.tuples(*[st.integers(-1, 5)] * size), max_size=7))
    assert hypervolume(points, (0,) * size) == pytest.approx(counted(points, size))


@pytest.mark.parametrize("size", [3, 5])
def test_it_does_not_depend_on_order_units_or_what_is_beaten(size):
    rng = random.Random(size)
    points = [tuple(rng.random() for _ in range(size)) for _ in range(20)]
    whole = hypervolume(points, (0.0,) * size)
    assert hypervolume(rng.sample(points, 20), (0.0,) * size) == pytest.approx(whole)
    turned = [tuple(reversed(point)) for point in points]
    assert hypervolume(turned, (0.0,) * size) == pytest.approx(whole)
    assert hypervolume([points[i] for i in pareto.front(points)], (0.0,) * size) == pytest.approx(whole)
    scaled = [tuple(3 * x - 1 for x in point) for point in points]
    assert hypervolume(scaled, (-1.0,) * size) == pytest.approx(3**size * whole)


def test_a_circle_of_many_points():
    """1,500 points of a quarter of a circle: nearly its area, from below."""
    rng = random.Random(0)
    drawn = [[abs(rng.gauss(0, 1)) for _ in range(2)] for _ in range(1500)]
    points = [tuple(x / math.hypot(*p) for x in p) for p in drawn]
    assert 0.99 * math.pi / 4 < hypervolume(points, (0, 0)) < math.pi / 4


def test_every_improvement_counts_and_nothing_else():
    points = [(1.0, 3.0, 2.0), (3.0, 1.0, 2.0)]
    whole = hypervolume(points, (0, 0, 0))
    assert hypervolume([*points, (2.0, 2.0, 2.0)], (0, 0, 0)) > whole
    idle = [
        (1.0, 1.0, 1.0),
        (1.0, 3.0, 2.0),
        (math.nan, 9.0, 9.0),
        (math.inf, 9.0, 9.0),
        (9.0, 9.0, 0.0),
        (9.0, 9.0, -1.0),
    ]
    assert hypervolume([*points, *idle], (0, 0, 0)) == whole
    assert hypervolume([], (0, 0)) == 0.0
    with pytest.raises(ValueError, match="number of objectives"):
        hypervolume([(1.0, 2.0)], (0, 0, 0))


def test_the_reference_point_is_a_tenth_beyond_the_worst_of_the_front():
    points = [(0.0, 10.0), (4.0, 5.0), (5.0, 0.0), (-99.0, -99.0), (math.nan, 1.0)]
    assert ideal_and_nadir(points) == ((5.0, 10.0), (0.0, 0.0))
    assert reference_point(points) == pytest.approx((-0.5, -1.0))
    assert reference_point([(2.0, 0.0)]) == pytest.approx((1.8, -0.1)), "a point by itself has a volume, too"
    with pytest.raises(ValueError, match="no front"):
        reference_point([(math.nan, 1.0)])


def test_the_knee_is_farthest_beyond_the_line_of_the_ends():
    points = [(0.0, 1000.0), (0.9, 800.0), (1.0, 0.0), (0.5, 950.0), (0.1, 0.1)]
    assert knee(points) == 1
    assert knee([(math.nan, 0.0), *points, points[1]]) == 2, "the earliest of equals"
    assert knee([(x, -1024 * y) for y, x in points]) is None, "turned over, none bulges"
    circle = [(math.cos(a), math.sin(a)) for a in (0.0, 0.3, math.pi / 4, 1.2, math.pi / 2)]
    assert knee(circle) == 2
    sphere = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0.6, 0.5), (0.7, 0.1, 0.7)]
    assert knee(sphere) == 3


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(0.0, 1.0), (1.0, 0.0)], [(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)]])
def test_where_nothing_bulges_there_is_no_knee(points):
    assert knee(points) is None
