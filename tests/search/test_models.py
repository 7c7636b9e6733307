"""Models beside the Gaussian process: a forest and an ensemble, by what models must do and against their definitions."""

from statistics import fmean

import numpy as np
import pytest
from core_toys import SHAPE, Tag

from nasmyth.cli.strategies import strategy_of
from nasmyth.errors import SpaceError, UnknownNameError
from nasmyth.graph import chain
from nasmyth.search import (
    BayesianOptimization,
    Constrained,
    CostAware,
    Ensemble,
    Forest,
    Random,
    Simulation,
    parts,
)
from nasmyth.search.model.adam import minimised
from nasmyth.search.model.encoding import Encoding
from nasmyth.search.model.ensemble import answers, begun, loss
from nasmyth.space import Space, choice, integer
from nasmyth.testing import check_strategy

SPACE = Space(chain(*(Tag(i, integer(0, 5)) for i in range(3))), SHAPE)
WORDS = Space(chain(Tag(choice(*"abc")), Tag(choice(*"abc"))), SHAPE)
SMALL = Ensemble(members=4, steps=60, more=10)
MODELS = [Forest(trees=20), SMALL]


def data(count=40):
    """Encodings, and values that follow from them."""
    genomes = [SPACE.sample(seed) for seed in range(count)]
    y = np.array([float(a - abs(b - 2)) for a, b, _ in (genome.values() for genome in genomes)])
    return Encoding(SPACE), Encoding(SPACE)(genomes), (y - y.mean()) / y.std()


@pytest.mark.parametrize("model", [Forest(), Ensemble()], ids=repr)
def test_unseen_genomes_are_ranked_and_deviations_are_above_zero(model):
    encoding, x, y = data(80)
    mean, deviation = model.fit(encoding, x[:40], y[:40]).given(x[:50], y[:50]).predict(x[50:])
    assert mean.shape == deviation.shape == (30,) and (deviation > 0).all()
    assert np.corrcoef(mean, y[50:])[0, 1] > 0.8


@pytest.mark.parametrize("model", [Forest(), Ensemble()], ids=repr)
def test_it_is_surer_of_what_it_was_told(model):
    encoding, x, y = data(60)
    posterior = model.fit(encoding, x[:20], y[:20]).given(x[:20], y[:20])
    assert posterior.predict(x[:20])[1].mean() < posterior.predict(x[20:])[1].mean()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_it_is_a_function_of_what_it_was_told(model):
    encoding, x, y = data()
    one, two = (model.fit(encoding, x, y).given(x, y).predict(x) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_laws_of_models(model):
    check_strategy(BayesianOptimization(start=4, model=model), WORDS, trials=10)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_search_finds_more_than_chance(model):
    def best(strategy, seed):
        search = Simulation(strategy, SPACE, seed)
        for _ in range(30):
            (one,) = search.ask(1)
            search.tell(one.number, [-float(sum(abs(value - 4) for value in one.genome.values()))])
        return max(one.objectives[0] for one in search.log)

    ours, chance = (fmean(best(s, seed) for seed in range(4)) for s in (BayesianOptimization(model=model), Random()))
    assert ours > chance


def test_the_slope_of_an_ensemble_is_that_of_its_loss():
    settings, (_, x, y) = Ensemble(members=2, hidden=3, noise=0.1), data(7)
    first = begun(settings, x)
    rng = np.random.default_rng(1)
    at = [one + 0.1 * rng.standard_normal(one.shape) for one in first]
    _, slopes = loss(settings, first, at, x, y[:, None])
    for i, slope in enumerate(slopes):
        for place in list(np.ndindex(slope.shape))[:: max(1, slope.size // 5)]:
            moved = [one.copy() for one in at]
            values = []
            for sign in (1, -1):
                moved[i][place] = at[i][place] + sign * 1e-5
                values.append(loss(settings, first, moved, x, y[:, None])[0])
            assert slope[place] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-8)


def test_networks_as_they_are_drawn_differ_by_about_one():
    _, x, _ = data()
    found = answers(begun(Ensemble(members=200), x), x)[1]
    assert 0.3 < found.std(0).mean() < 1.2


def test_adam_finds_the_least():
    (found,) = minimised([np.array([5.0, -3.0])], lambda at: [2 * (at[0] - [1.0, 2.0])], 400, 0.1)
    np.testing.assert_allclose(found, [1.0, 2.0], atol=1e-3)


def test_names_on_the_console():
    assert strategy_of("bayes(model=forest(trees=30))") == BayesianOptimization(model=Forest(trees=30))
    assert strategy_of(
        "bayes(start=5, model=ensemble, acquire=cost_aware(acquire=constrained))"
    ) == BayesianOptimization(start=5, model=Ensemble(), acquire=CostAware(Constrained()))
    with pytest.raises(UnknownNameError, match="forest"):
        strategy_of("bayes(model=forrest)")
    for name, cls in parts:
        assert strategy_of(
            f"bayes({'model' if name in ('forest', 'ensemble', 'gaussian_process') else 'acquire'}={name})"
        )
        assert cls().__doc__


def test_bad_settings():
    with pytest.raises(SpaceError, match="trees >= 2"):
        Forest(trees=1)
    with pytest.raises(SpaceError, match="members >= 2"):
        Ensemble(members=1)
