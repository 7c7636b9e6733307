"""Evolution with several objectives: ranked side by side, whatever their units; with one, as ever."""

import math
from statistics import mean, median, stdev

import pytest
from core_toys import SHAPE, Tag

from nasmyth.graph import chain
from nasmyth.search import Best, Evolution, Random, SimulatedTrial, Tournament, pareto, simulate
from nasmyth.search.evolution import ranked
from nasmyth.space import Space, integer

SPACE = Space(chain(*(Tag(i, integer(0, 7)) for i in range(12))), SHAPE)
STRATEGIES = [Evolution(population=24), Evolution(population=24, parent=Tournament(2), survive=Best())]


def accuracy(genome):
    """Best at its own place for every layer; deeper ones matter less. At most 1."""
    return 1 - sum(abs(n - (5 * i) % 8) / 7 / (i + 1) for i, n in enumerate(genome.values())) / 3.1


def params(genome):
    return 1e5 * (1 + sum(genome.values()))


def work(one, parent):
    return (accuracy(one.genome), -params(one.genome)), 1.0


def volume(trials):
    """Hypervolume: the area that the front covers, of 1 x 8.5M."""
    points = sorted((-t.objectives[1], t.objectives[0]) for t in trials)
    area = best = 0.0
    for (cost, value), (after, _) in zip(points, [*points[1:], (8.5e6, 0.0)], strict=True):
        best = max(best, value)
        area += best * (after - cost)
    return area / 8.5e6


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_accuracy_up_and_parameters_down_is_more_than_shrinking(strategy):
    """Accuracy from 0 to 1 beside millions: the front is better than that of random search, at both of its ends.

    By more than the 99 % interval of the difference over 6 seeds; half the proposals have more than half the parameters.
    """
    gains, better, sizes = [], [], []
    for seed in range(6):
        found, drawn = (simulate(s, SPACE, work, trials=240, seed=seed) for s in (strategy, Random()))
        gains.append(volume(found) - volume(drawn))
        sizes.append(median(params(t.genome) for t in found[80:]) / median(params(t.genome) for t in drawn))
        better.append(max(accuracy(t.genome) for t in found) - max(accuracy(t.genome) for t in drawn))
    assert mean(gains) - 4.03 * stdev(gains) / math.sqrt(len(gains)) > 0  # t quantile of 5 degrees of freedom
    assert mean(better) > 0 and 0.5 < mean(sizes) < 1


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_units_do_not_matter(strategy):
    """In thousands, or upon another scale: the same search."""

    def scaled(one, parent):
        value, cost = work(one, parent)[0]
        return (1000 * value - 5, cost / 1024), 1.0

    first, second = (simulate(strategy, SPACE, w, trials=120, seed=1) for w in (work, scaled))
    assert [t.genome for t in first] == [t.genome for t in second]


def member(*scores):
    return ({}, scores)


def test_members_are_ranked_by_violation_then_front_then_crowding():
    """Feasible ones first, the less dominated before the others, the lonely before the crowded; failures last."""
    best, second = member(0.0, 3.0, 1.0), member(0.0, 1.0, 3.0)
    between, beaten = member(0.0, 2.0, 2.0), member(0.0, 1.9, 0.9)
    over, far, failed = member(-0.1, 9.0, 9.0), member(-0.5, 99.0, 99.0), member(-math.inf, -math.inf)
    members = [failed, far, beaten, over, between, second, best]
    keys = dict(zip(map(id, members), (key for _, key in ranked(members)), strict=True))
    order = sorted(members, key=lambda one: keys[id(one)], reverse=True)
    assert {id(one) for one in order[:2]} == {id(best), id(second)} and order[2:] == [
        between,
        beaten,
        over,
        far,
        failed,
    ]


def test_one_objective_is_ranked_by_itself():
    members = (member(0.0, 3.0), member(-1.0, 9.0), member(-math.inf, -math.inf))
    assert ranked(members) is members


def test_best_keep_the_front():
    """Survivors of a front that does not fit are its ends and the lonely (NSGA-II's truncation)."""
    strategy = Evolution(population=3, survive=Best())
    state = strategy.init(SPACE)
    for i, point in enumerate([(0.0, 9.0), (1.0, 8.0), (2.0, 7.9), (9.0, 0.0), (0.0, 0.0)]):
        state = strategy.tell(state, SimulatedTrial({"[0].label": i}, point))
    assert sorted(scores[1:] for _, scores in state) == [(0.0, 9.0), (2.0, 7.9), (9.0, 0.0)]
    points = [scores[1:] for _, scores in state]
    assert pareto.front(points) == [0, 1, 2]
