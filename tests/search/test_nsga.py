"""NSGA-II and NSGA-III: sentences of evolution, what survives, and what leaves before it is paid for."""

import math
from random import Random as Generator
from statistics import mean, stdev

import pytest
from core_toys import SHAPE, Tag, Wide

from nasmyth.errors import BudgetError, SpaceError
from nasmyth.graph import chain
from nasmyth.measure import latency, params
from nasmyth.record import dumps, loads
from nasmyth.search import (
    NSGA2,
    NSGA3,
    Best,
    EarlyExit,
    Evolution,
    Random,
    ReferencePoints,
    SimulatedTrial,
    Simulation,
    Tournament,
    hypervolume,
    pareto,
    simulate,
)
from nasmyth.search.nsga import das_dennis, niched, normalised, solved
from nasmyth.space import Space, choice, integer

SPACE = Space(chain(*(Tag(i, integer(0, 7)) for i in range(12))), SHAPE)
WIDTHS = Space(chain(*(Wide(choice(*range(1, 33))) for _ in range(3))), SHAPE)
TWO, THREE = (0.0, -84.0), (0.0, 0.0, 0.0)
"""Reference points of the objectives below: what is reached by the worst."""


def two(genome):
    """Near to its own place in each layer, and few in all."""
    decisions = list(genome.values())
    return (84.0 - sum(abs(n - (5 * i) % 8) for i, n in enumerate(decisions)), -float(sum(decisions)))


def three(genome):
    """Near to three places in each layer, which are not the same."""
    return tuple(84.0 - sum(abs(n - (5 * i + 3 * k) % 8) for i, n in enumerate(genome.values())) for k in range(3))


def work(objectives):
    return lambda one, parent: (objectives(one.genome), 1.0)


# --- sentences ----------------------------------------------------------------------------------------------------


def test_nsga2_is_evolution():
    """The same search, proposal by proposal."""
    sentence = Evolution(population=8, parent=Tournament(2), crossover=0.9, survive=Best())
    first, second = (simulate(s, SPACE, work(two), trials=60, workers=3) for s in (NSGA2(population=8), sentence))
    assert [t.genome for t in first] == [t.genome for t in second]
    assert repr(NSGA3(population=8)) == "NSGA3(population=8)" and loads(dumps(NSGA3())) is NSGA3()


@pytest.mark.parametrize(
    ("strategy", "objectives", "reference"),
    [(NSGA2(population=16), two, TWO), (NSGA3(population=16), two, TWO), (NSGA3(population=15), three, THREE)],
    ids=["nsga2", "nsga3", "nsga3 of three"],
)
def test_a_better_front_than_by_chance(strategy, objectives, reference):
    """By more than the 99 % interval of the difference over 8 seeds, three being asked for at once."""

    def volume(which, seed):
        trials = simulate(which, SPACE, work(objectives), trials=120, workers=3, seed=seed)
        return hypervolume([t.objectives for t in trials], reference)

    gains = [volume(strategy, seed) / volume(Random(), seed) - 1 for seed in range(8)]
    assert mean(gains) - 3.5 * stdev(gains) / math.sqrt(8) > 0  # t quantile of 7 degrees of freedom


# --- survival -----------------------------------------------------------------------------------------------------


def member(*scores):
    return ({"number": scores}, scores)


@pytest.mark.parametrize("survive", [Best(), ReferencePoints(), ReferencePoints(divisions=3)], ids=repr)
def test_survivors_are_of_the_first_fronts_and_within_the_budget(survive):
    """Whatever the points: nobody that left beats one that stayed, or misses the budget by less."""
    rng = Generator(1)
    for size in (2, 3):
        for _ in range(30):
            points = [tuple(float(rng.randrange(6)) for _ in range(size)) for _ in range(14)]
            members = tuple(member(float(-rng.randrange(2)), *point) for point in points)
            kept = survive(members, 7)
            assert len(kept) == 7
            left = list(members)
            for one in kept:
                left.remove(one)
            for gone in left:
                worse = [k for k in kept if k[1][0] < gone[1][0]]
                beaten = [k for k in kept if k[1][0] == gone[1][0] and pareto.dominates(gone[1][1:], k[1][1:])]
                assert not worse and not beaten


@pytest.mark.parametrize("survive", [Best(), ReferencePoints()], ids=repr)
def test_failures_leave_first(survive):
    bad = [member(-math.inf, -math.inf), member(-math.inf, 1.0, 2.0), member(-math.inf, -math.inf)]
    good = [member(0.0, 1.0, 2.0), member(0.0, 2.0, 1.0), member(-0.5, 9.0, 9.0)]
    assert set(map(id, survive((*bad, *good), 3))) == set(map(id, good))
    assert len(survive((*bad, *good), 4)) == 4 and len(survive(tuple(bad), 2)) == 2


def test_one_objective_is_survived_by_the_best():
    members = tuple(member(0.0, float(i * 7 % 10)) for i in range(10))
    assert ReferencePoints()(members, 4) == Best()(members, 4)


@pytest.mark.parametrize(("objectives", "divisions"), [(2, 5), (3, 4), (5, 3)])
def test_reference_points_are_all_of_the_simplex(objectives, divisions):
    points = das_dennis(objectives, divisions)
    assert len(set(points)) == len(points) == math.comb(objectives + divisions - 1, divisions)
    for point in points:
        assert sum(point) == pytest.approx(1)
        assert all(x * divisions == pytest.approx(round(x * divisions)) for x in point)


def test_a_niche_for_each_reference_point():
    """Many on one side, one on the other: that one stays, and whoever is nearest to the line of its point."""
    costs = {0: (0.0, 1.0), 1: (1.0, 0.0), 2: (0.05, 0.95), 3: (0.1, 0.9), 4: (0.48, 0.52)}
    assert sorted(niched(costs, [], [0, 1, 2, 3, 4], 3, das_dennis(2, 2))) == [0, 1, 4]
    assert niched(costs, [0, 1], [2, 3, 4], 1, das_dennis(2, 2)) == [4]


def test_objectives_are_weighed_by_their_intercepts():
    """Points of a plane with intercepts 2, 10 and 500 from an ideal point, in any units, are on the simplex after that."""
    rng = Generator(0)
    simplex = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    simplex += [tuple(x / sum(w) for x in w) for w in [[rng.random() for _ in range(3)] for _ in range(9)]]
    costs = {i: (7 + 2 * a, -3 + 10 * b, 500 * c) for i, (a, b, c) in enumerate(simplex)}
    for i, point in normalised(costs).items():
        assert point == pytest.approx(simplex[i])
    flat = normalised({0: (1.0, 5.0, 2.0), 1: (1.0, 4.0, 3.0)})
    assert flat == {0: (0.0, 1.0, 0.0), 1: (0.0, 0.0, 1.0)}, "no plane: by the ranges"


def test_linear_equations_are_solved():
    assert solved([[0.0, 2.0], [4.0, 0.0]]) == pytest.approx([0.25, 0.5])
    assert solved([[1.0, 2.0], [2.0, 4.0]]) is None


# --- early exit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [Evolution(population=6), NSGA2(population=6)], ids=repr)
@pytest.mark.parametrize("bound", [150, 3000])
def test_nothing_above_the_bound_is_asked_for(strategy, bound):
    """Neither at first nor later, where it is rare and where it is common; the search goes on as ever."""
    frugal = strategy.replace(early_exit=EarlyExit(params <= bound))
    trials = simulate(frugal, WIDTHS, lambda one, parent: ([float(sum(one.genome.values()))], 1.0), trials=30)
    sizes = [params(WIDTHS.decode(t.genome)) for t in trials]
    assert max(sizes) <= bound and len(set(sizes)) > 5
    assert any(params(WIDTHS.decode(WIDTHS.sample(i))) > bound for i in range(20))


def test_the_threshold_grows_with_the_population():
    """From a quarter of the bound to all of it; and where a threshold is below all that there is, the bound holds still."""
    search = Simulation(Evolution(population=40, early_exit=EarlyExit(params <= 8000, start=0.25)), WIDTHS, 0)
    for i in range(40):
        (one,) = search.ask()
        assert params(WIDTHS.decode(one.genome)) <= 8000 * (0.25 + 0.75 * i / 40)
        search.tell(one.number, [0.0])
    rare = Simulation(Evolution(population=40, early_exit=EarlyExit(params <= 3000, start=0.001)), WIDTHS, 0)
    assert all(params(WIDTHS.decode(one.genome)) <= 3000 for one in rare.ask(3))


def test_an_early_exit_says_what_it_cannot_do():
    assert EarlyExit(params <= 3e6) is EarlyExit("params<=3000000") and loads(dumps(EarlyExit("params<=1"))) is not None
    for wrong in (params >= 10, latency("cpu") <= "8ms"):
        with pytest.raises(SpaceError, match="upper bound on what a graph tells"):
            EarlyExit(wrong)
    with pytest.raises(SpaceError, match="share of the bound"):
        EarlyExit("params<=10", start=0.0)
    with pytest.raises(BudgetError, match="nothing in this space meets params<=1"):
        Evolution(early_exit=EarlyExit("params<=1")).ask((), WIDTHS, Generator(0), 1, ())


def test_constraints_come_before_all_objectives():
    """Deb's rule: what misses the budget by less survives what misses it by more, whatever its objectives."""
    strategy = NSGA3(population=2)
    state = strategy.init(SPACE)
    for i, (objectives, violation) in enumerate(
        [((9.0, 9.0), 0.5), ((1.0, 2.0), 0.0), ((5.0, 5.0), 0.1), ((2.0, 1.0), 0.0)]
    ):
        state = strategy.tell(state, SimulatedTrial({"i": i}, objectives, violation))
    assert [genome["i"] for genome, _ in state] == [1, 3]


@pytest.mark.parametrize("make", [lambda: ReferencePoints(0), lambda: das_dennis(10, 20)])
def test_reference_points_that_make_no_sense_are_refused(make):
    with pytest.raises(SpaceError, match="at least one division|reference points"):
        make()
