"""Acquisitions beside the mean and deviation: Thompson sampling, seconds, and constraints."""

from random import Random as Generator
from statistics import fmean

import numpy as np
import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import SpaceError
from nasmyth.graph import chain
from nasmyth.search import (
    BayesianOptimization,
    Constrained,
    CostAware,
    ExpectedImprovement,
    Simulation,
    ThompsonSampling,
    UpperConfidence,
)
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.gaussian_process import Settings
from nasmyth.search.model.thompson import drawn
from nasmyth.space import Space, choice, integer
from nasmyth.testing import check_strategy

SPACE = Space(chain(*(Tag(i, integer(0, 5)) for i in range(3))), SHAPE)
WORDS = Space(chain(Tag(choice(*"abc")), Tag(choice(*"abc"))), SHAPE)
EVERY = (ThompsonSampling(), CostAware(), Constrained(), CostAware(Constrained(), power=0.5))


@pytest.mark.parametrize("acquire", EVERY, ids=repr)
def test_laws_of_acquisitions(acquire):
    check_strategy(BayesianOptimization(start=4, acquire=acquire), WORDS, trials=14)


def test_draws_have_the_mean_and_covariance_of_the_posterior():
    """Of 3,000 draws at six places that were not told, against the closed form (Rasmussen and Williams 2006, 2.23)."""
    encoding = Encoding(SPACE)
    x, new = (encoding([SPACE.sample(seed) for seed in seeds]) for seeds in (range(5), range(20, 26)))
    y, settings = np.sin(np.arange(5.0)), Settings(np.linspace(0.2, 2.0, len(encoding.numeric))[encoding.owner], 0.05)
    posterior, chance = settings.given(x, y), np.random.default_rng(0)
    draws = np.array([drawn(posterior, 400, chance)(new) for _ in range(3000)])
    mean, deviation = posterior.predict(new)
    cross = settings.covariance(x, new)
    inner = np.linalg.inv(settings.covariance(x, x) + 0.05 * np.eye(5))
    covariance = posterior.amplitude * (settings.covariance(new, new) - cross.T @ inner @ cross)
    np.testing.assert_allclose(draws.mean(0), mean, atol=5 * deviation.max() / np.sqrt(3000))
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.12 * posterior.amplitude)


def test_a_draw_is_a_function():
    encoding = Encoding(SPACE)
    x = encoding([SPACE.sample(seed) for seed in range(5)])
    settings = Settings(np.ones(x.shape[1]), 0.01)
    draw = drawn(settings.given(x, np.arange(5.0)), 100, np.random.default_rng(0))
    np.testing.assert_allclose(draw(x)[2:4], draw(x[2:4]))


def search(acquire, seed, trials, score, seconds=lambda genome: 1.0, violation=lambda genome: 0.0):
    found = Simulation(BayesianOptimization(acquire=acquire), SPACE, seed)
    for _ in range(trials):
        for one in found.ask(1):
            told = {"seconds": seconds(one.genome), "violation": violation(one.genome)}
            found.tell(one.number, [score(one.genome)], **told)
    return found.log


def hill(genome):
    return -float(sum(abs(value - 3) for value in genome.values()))


def test_thompson_sampling_finds_the_top():
    assert [max(t.objectives[0] for t in search(ThompsonSampling(), seed, 35, hill)) for seed in range(3)] == [0.0] * 3


def test_per_second_less_is_spent_for_as_much():
    """The first decision matters not, and takes ten times as long with every step of it."""
    first = next(iter(SPACE.holes))

    def rest(genome):
        return hill({**genome, first: 3})

    logs = {
        acquire: [search(acquire, seed, 30, rest, seconds=lambda genome: 10.0 ** genome[first]) for seed in range(3)]
        for acquire in (ExpectedImprovement(), CostAware())
    }
    plain, ours = (fmean(np.log10(t.seconds) for log in logs[a] for t in log[10:]) for a in logs)
    assert ours < plain - 1 and fmean(max(t.objectives[0] for t in log) for log in logs[CostAware()]) > -1


def test_what_breaks_the_constraint_is_kept_away_from():
    """The top of the hill lies beyond the constraint, and its best inside is on the border."""

    def beyond(genome):
        return max(0.0, sum(genome.values()) - 7.0)

    logs = [search(Constrained(), seed, 35, hill, violation=beyond) for seed in range(3)]
    assert fmean(t.violation == 0 for log in logs for t in log[15:]) > 0.6
    assert all(max(t.objectives[0] for t in log if t.violation == 0) == -2.0 for log in logs)


def test_what_may_be_negative_is_not_multiplied():
    with pytest.raises(SpaceError, match="may be negative"):
        CostAware(UpperConfidence())
    with pytest.raises(SpaceError, match="may be negative"):
        Constrained(ThompsonSampling())
    with pytest.raises(SpaceError, match="one feature"):
        ThompsonSampling(0)


def test_another_model_is_drawn_from_place_by_place():
    """One that has a mean and a deviation alone."""

    class Flat:
        def predict(self, x):
            return np.full(len(x), 2.0), np.full(len(x), 0.5)

    class Known:
        posterior = Flat()

    worth = ThompsonSampling().over(Known(), Generator(0))
    values = worth(np.zeros((4000, 3)))
    assert values.mean() == pytest.approx(2.0, abs=0.05) and values.std() == pytest.approx(0.5, abs=0.03)
