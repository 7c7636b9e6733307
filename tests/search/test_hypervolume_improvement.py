"""Expected hypervolume improvement: its boxes and its value against sampling, and the fronts that it finds."""

from random import Random as Generator
from statistics import fmean

import numpy as np
import pytest
from core_toys import SHAPE, Tag

from nasmyth.graph import chain
from nasmyth.search import (
    BayesianOptimization,
    Constrained,
    ExpectedImprovement,
    HypervolumeImprovement,
    Random,
    Simulation,
    hypervolume,
    reference_point,
)
from nasmyth.search.model.gaussian_process import GaussianProcess
from nasmyth.search.model.hypervolume import Objective, boxes
from nasmyth.search.model.log import Log
from nasmyth.search.model.seen import Seen
from nasmyth.search.strategy import WORST
from nasmyth.space import Space, choice, integer
from nasmyth.testing import check_strategy

SPACE = Space(chain(*(Tag(i, integer(0, 5)) for i in range(3))), SHAPE)
WORDS = Space(chain(Tag(choice(*"abc")), Tag(choice(*"abc"))), SHAPE)
OURS = BayesianOptimization(acquire=HypervolumeImprovement())


def claimed(points, lower, upper):
    """What each of N points takes of boxes."""
    return np.prod(np.maximum(0.0, np.minimum(points[:, None], upper) - lower), axis=2).sum(1)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_a_point_claims_of_the_boxes_what_the_hypervolume_grows_by(objectives):
    rng = np.random.default_rng(objectives)
    points = [tuple(point) for point in rng.integers(-2, 5, (7, objectives)).astype(float).tolist()]
    reference = (-1.0,) * objectives
    lower, upper = np.moveaxis(np.array([*boxes(points, reference)]), 1, 0)
    for new in rng.normal(size=(20, objectives)) * 3:
        grown = hypervolume([*points, tuple(new)], reference) - hypervolume(points, reference)
        assert claimed(new[None], lower, upper)[0] == pytest.approx(grown)


def told(values):
    """A log of random genomes with these objectives."""
    return Log(SPACE, tuple((SPACE.sample(i), one) for i, one in enumerate(values)))


@pytest.mark.parametrize("out", [0, 3])
def test_it_is_what_sampling_the_models_says(out):
    rng = np.random.default_rng(0)
    log = told([(0.0, *point) for point in rng.normal(size=(12, 2)).tolist()])
    new = log.encoding([SPACE.sample(i) for i in range(50, 56)])
    seen = Seen(log, GaussianProcess(), log.encoding([SPACE.sample(i) for i in range(100, 100 + out)]) if out else ())
    points = np.array([Objective(i)(log) for i in range(2)]).T
    models = [seen.of(Objective(i)) for i in range(2)]
    if out:
        points = np.vstack((points, np.array([model.predict(seen.out)[0] for model in models]).T))
    points = [tuple(point) for point in points.tolist()]
    lower, upper = np.moveaxis(np.array([*boxes(points, reference_point(points))]), 1, 0)
    means, deviations = np.moveaxis(np.array([model.predict(new) for model in models]), 0, 2)
    drawn = means + deviations * rng.standard_normal((20_000, *means.shape))
    grown = np.array([claimed(drawn[:, i], lower, upper) for i in range(len(new))])
    worth = HypervolumeImprovement().over(seen, Generator(0))(new)
    np.testing.assert_allclose(worth, grown.mean(1), atol=5 * grown.std() / np.sqrt(len(drawn)))
    assert worth.max() > 0


def test_with_one_objective_it_is_the_expected_improvement_but_for_what_is_far_below():
    log = told([(0.0, float(i % 5)) for i in range(12)])
    new = log.encoding([SPACE.sample(i) for i in range(50, 60)])
    ours, plain = (
        one.over(Seen(log, GaussianProcess()), Generator(0))(new)
        for one in (HypervolumeImprovement(), ExpectedImprovement())
    )
    np.testing.assert_allclose(ours, plain, atol=1e-12)


def test_what_fails_or_breaks_a_constraint_is_worse_in_every_objective():
    log = told([(0.0, 1.0, 5.0), (0.0, 2.0, 4.0), (-0.5, 9.0, 9.0), WORST])
    for one, best in ((Objective(0), 1), (Objective(1), 0)):
        scores = one(log)
        assert scores.argmax() == best and scores.argmin() == 3 and sorted(scores)[1] == scores[2]


def areas(strategy, seeds):
    """Hypervolume after 30 trials: the first decision is for one objective, the second for the other, the third for neither."""

    def value(genome):
        a, b, c = genome.values()
        return a - 0.5 * b - abs(c - 2), 2 * b - a - abs(c - 2)

    found = []
    for seed in seeds:
        search = Simulation(strategy, SPACE, seed)
        for _ in range(30):
            (one,) = search.ask(1)
            search.tell(one.number, value(one.genome))
        found.append(hypervolume([one.objectives for one in search.log], (-8.0, -8.0)))
    return fmean(found)


def test_it_finds_more_of_the_front_than_chance():
    whole = hypervolume([(a - 0.5 * b, 2.0 * b - a) for a in range(6) for b in range(6)], (-8.0, -8.0))
    ours, chance = (areas(strategy, range(3)) for strategy in (OURS, Random()))
    assert ours > chance + 0.5 * (whole - chance)


@pytest.mark.parametrize("acquire", [HypervolumeImprovement(), Constrained(HypervolumeImprovement())], ids=repr)
def test_laws(acquire):
    check_strategy(BayesianOptimization(start=4, acquire=acquire), WORDS, trials=12)
