"""Bayesian optimisation: its process against the definition, and what it finds."""

import math
from itertools import pairwise
from random import Random as Generator
from statistics import mean

import numpy as np
import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import SpaceError
from nasmyth.graph import chain
from nasmyth.search import (
    BayesianOptimization,
    ExpectedImprovement,
    GaussianProcess,
    Random,
    Simulation,
    UpperConfidence,
)
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.gaussian_process import NUMBER, OPTION, Settings, _loss
from nasmyth.search.model.log import Log
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.space import Space, choice, integer, real

MIXED = Space(chain(Tag(choice(1, 2, 3)), Tag(integer(0, 9)), Tag(real(0, 1))), SHAPE)
LARGE = Space(chain(*(Tag(i, integer(0, 7)) for i in range(12))), SHAPE)
SMALL = Space(chain(*(Tag(i, choice(*range(5))) for i in range(5))), SHAPE)


def medians(encoding):
    return np.where(encoding.numeric, NUMBER, OPTION)


def drawn(space, count):
    return Encoding(space)([space.sample(seed) for seed in range(count)])


def test_two_options_differ_by_the_weight_of_their_decision():
    """And numbers by how far apart they stand in their order, too."""
    encoding = Encoding(MIXED)
    settings = Settings(np.array([0.7, 2.0, 3.0, 4.0])[encoding.owner], 0.0)
    first = next(iter(MIXED.holes))
    one, two, three = (encoding([{**MIXED.sample(0), first: option}]) for option in (1, 2, 3))
    assert float(settings.covariance(one, two)[0, 0]) == pytest.approx(math.exp(-0.7 - 4.0 * 0.5**2 / 2))
    assert float(settings.covariance(one, three)[0, 0]) == pytest.approx(math.exp(-0.7 - 4.0 / 2))


def test_the_slope_is_that_of_the_loss():
    encoding, x = Encoding(MIXED), drawn(MIXED, 15)
    y, first = np.sin(np.arange(15.0)), np.log(np.append(medians(encoding), 1e-2))
    at = first + np.linspace(-0.4, 0.5, len(first))
    _, slope = _loss(encoding.owner, x, y, at, first)
    for i in range(len(at)):
        step = 1e-5 * np.eye(len(at))[i]
        above, below = (_loss(encoding.owner, x, y, at + sign * step, first)[0] for sign in (1, -1))
        assert slope[i] == pytest.approx((above - below) / 2e-5, rel=1e-4, abs=1e-7)


def test_a_process_goes_through_what_it_was_told_and_is_unsure_far_away():
    encoding, x = Encoding(MIXED), drawn(MIXED, 12)
    y = np.cos(np.arange(12.0))
    settings = Settings(medians(encoding)[encoding.owner], 1e-8)
    at, deviation = settings.given(x, y).predict(x)
    np.testing.assert_allclose(at, y, atol=1e-4)
    others = drawn(MIXED, 60)[12:]
    assert deviation.max() < 0.01 < settings.given(x, y).predict(others)[1].max()


def test_a_decision_that_matters_not_has_little_weight():
    encoding, x = Encoding(SMALL), drawn(SMALL, 80)
    options = x[:, :25].reshape(80, 5, 5).argmax(2)
    y = (options[:, 1] % 3 - 1.0) * (options[:, 3] % 2 + 1.0)
    weights = GaussianProcess().fit(encoding, x, y / y.std()).weights[:25].reshape(5, 5)[:, 0]
    assert min(weights[1], weights[3]) > 3 * max(weights[0], weights[2], weights[4])


def test_ranks_are_shared_by_equals_and_what_failed_is_last():
    log = Log(
        SMALL, tuple((SMALL.sample(i), key) for i, key in enumerate([(0.0, 5.0), (0.0, 5.0), (0.0, 9.0), (-1.0, 99.0)]))
    )
    assert log.y[0] == log.y[1] and log.y.argmax() == 2 and log.y.argmin() == 3


def height(genome):
    """Two options of each decision only count together."""
    values = list(genome.values())
    return sum((a * 3 + b) % 5 for a, b in pairwise(values)) + sum(v == 2 for v in values)


def best_of(strategy, space, score, trials, seed):
    search = Simulation(strategy, space, seed)
    for _ in range(trials):
        for one in search.ask(1):
            search.tell(one.number, [score(one.genome)])
    return max(one.objectives[0] for one in search.log)


@pytest.mark.parametrize("acquire", [UpperConfidence(), ExpectedImprovement()], ids=repr)
def test_it_finds_more_than_chance(acquire):
    ours, chance = (
        mean(best_of(strategy, SMALL, height, 60, seed) for seed in range(6))
        for strategy in (BayesianOptimization(acquire=acquire), Random())
    )
    assert ours > chance


def test_a_large_space_is_climbed():
    def hill(genome):
        return -sum(abs(decision - (3 * i) % 8) for i, decision in enumerate(genome.values()))

    assert LARGE.size > 10**10
    ours, chance = (
        mean(best_of(s, LARGE, hill, 60, seed) for seed in range(3)) for s in (BayesianOptimization(), Random())
    )
    assert ours > chance / 2


def test_all_of_a_small_space_are_tried_before_any_again():
    tiny = Space(chain(Tag(choice(1, 2, 3)), Tag(choice(1, 2, 3, 4))), SHAPE)
    search = Simulation(BayesianOptimization(start=3), tiny, 0)
    for _ in range(12):
        (one,) = search.ask(1)
        search.tell(one.number, [sum(one.genome.values())])
    assert len({tuple(one.genome.items()) for one in search.log}) == 12
    assert len(search.ask(1)) == 1


def test_weights_are_those_of_a_log_not_much_shorter():
    """However the log was told, so that a search that was resumed goes on as one that was not."""
    strategy = BayesianOptimization()
    state, lengths = strategy.init(SMALL), []
    for i in range(40):
        state = strategy.tell(state, SimulatedTrial(SMALL.sample(i), (float(i % 7),)))
        lengths.append(len(state.since.told))
    assert all(short <= long < max(1.2 * short, short + 1) for long, short in enumerate(lengths, 1))


def test_several_asks_at_once_differ():
    strategy, state = BayesianOptimization(start=5), None
    state = strategy.init(SMALL)
    for i in range(8):
        state = strategy.tell(state, SimulatedTrial(SMALL.sample(i), (float(i % 3),)))
    found = strategy.ask(state, SMALL, Generator(0), 6, ())
    assert len({tuple(one.genome.items()) for one in found}) == 6


def test_too_few_to_start_from():
    with pytest.raises(SpaceError, match="two trials"):
        BayesianOptimization(start=1)
