"""A generator of designs: its gradients, its levels, and that one generator holds several optima."""

from random import Random as Generator

import numpy as np
import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import SpaceError
from nasmyth.graph import Identity, chain, parallel
from nasmyth.measure import params
from nasmyth.search import VGON, LocalSearch, Random, Simulation, Variational
from nasmyth.search.model.levels import Levels
from nasmyth.search.model.variational import begun, fitted, loss, softmax
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.space import Space, choice, grammar, integer, real, subset, symbol
from nasmyth.testing import check_strategy

QUICK = Variational(steps=20, hidden=8, latent=2)
MIXED = Space(
    chain(
        Tag(choice(1, 2, 3)), choice(Identity(), Tag(choice(7, 8)), Tag(integer(0, 200))), Tag(real(1, 9, log=True)),
        parallel(subset(2, Tag(1), Tag(2), Tag(3))), Tag(integer(0, 9)),
    ), SHAPE,
)  # fmt: skip
ALIKE = Space(chain(*(Tag(i, choice(1, 2, 3)) for i in range(6))), SHAPE)
"""729 networks."""


@pytest.mark.parametrize(
    "space",
    [
        MIXED, ALIKE, Space(Tag(), SHAPE), Space(Tag(choice(1, 2)), SHAPE), MIXED.narrow(params <= 1000),
        Space(grammar({"part": [chain(symbol("part"), symbol("part")), Tag(1), Tag(2)]}, depth=5), SHAPE),
    ],
    ids=["mixed", "alike", "fixed", "two", "narrow", "grammar"],
)  # fmt: skip
def test_laws(space):
    check_strategy(VGON(start=4, network=QUICK), space, trials=14)


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    levels = Levels.of(MIXED)
    x, known = levels.encoded([MIXED.sample(seed) for seed in range(7)])
    weights, noise = rng.random(7), rng.standard_normal((7, 2))
    at = [p + 0.1 * rng.standard_normal(p.shape) for p in begun(x.shape[1], QUICK, rng)]
    _, slopes = loss(at, levels.owner, x, known, weights, noise, 0.7)
    for i, slope in enumerate(slopes):
        way = rng.standard_normal(slope.shape)
        ends = []
        for step in (1e-5, -1e-5):
            moved = [p + step * way if i == j else p for j, p in enumerate(at)]
            ends.append(loss(moved, levels.owner, x, known, weights, noise, 0.7)[0])
        assert (slope * way).sum() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-8)


def test_probabilities_of_a_decision_add_up_to_one():
    made = softmax(np.random.default_rng(0).standard_normal((4, 7)) * 300, np.array([0, 0, 0, 1, 2, 2, 2]))
    assert np.all(made >= 0) and np.allclose(np.add.reduceat(made, [0, 3, 4], axis=1), 1)


def test_a_genome_is_drawn_back_from_its_levels():
    """Exactly where each decision has a level of its own, else to within one."""
    levels, rng = Levels.of(MIXED), Generator(0)
    for seed in range(40):
        genome = MIXED.sample(seed)
        (x,), (known,) = levels.encoded([genome])
        again = levels.drawn(MIXED, x + 1e-15, rng)
        assert list(again) == list(genome) and known.sum() == len(genome)
        for key, decision in genome.items():
            wide = MIXED.holes[key].count > 64
            assert np.isclose(again[key], decision, rtol=9 ** (1 / 16) - 1, atol=13) if wide else again[key] == decision


def test_a_trained_decoder_holds_what_it_was_trained_on():
    """Two designs that share nothing, at different places of the latent space: each as often as its weight says."""
    x = np.repeat(np.eye(2), [5, 5], axis=0).repeat(4, axis=1).reshape(10, 2, 4).transpose(0, 2, 1).reshape(10, 8)
    owner, known = np.repeat(np.arange(4), 2), np.ones((10, 4))
    network = fitted(owner, x, known, np.repeat([0.16, 0.04], 5), Variational())
    made = network.decoded(np.random.default_rng(1).standard_normal((500, 4)))
    first, second = made[:, 0::2], made[:, 1::2]
    assert 0.6 < (first.min(1) > 0.8).mean() < 0.95 and 0.05 < (second.min(1) > 0.8).mean() < 0.4


def agreement(genome):
    """How many decisions agree: three equally good optima, no two of which share a decision."""
    decisions = list(genome.values())
    return max(map(decisions.count, (1, 2, 3)))


def search(strategy, seed, trials=100):
    run = Simulation(strategy, ALIKE, seed)
    for _ in range(trials):
        (one,) = run.ask()
        run.tell(one.number, [agreement(one.genome)])
    return run


def optima(genomes):
    return {tuple(genome.values()) for genome in genomes if agreement(genome) == 6}


def test_one_generator_holds_several_optima_and_a_climb_one():
    """Many times in its samples; a climb ends where it ends."""
    for seed in range(2):
        run = search(VGON(), seed)
        assert len(optima(VGON().designs(run.state, ALIKE, Generator(0), 200))) >= 2
        climb = search(LocalSearch(start=1), seed, 13)
        assert len(optima([max((one.genome for one in climb.log), key=agreement)])) <= 1


def test_it_finds_more_than_chance():
    ours, chance = (
        sum(trial.objectives[0] for seed in range(2) for trial in search(s, seed, 60).log[30:])
        for s in (VGON(), Random())
    )
    assert ours > chance + 2 * 30 * 0.5, "half a decision more agrees in each"


def test_the_trained_generator_is_that_of_the_log():
    """However it came to it: a log that was told anew gives the same designs."""
    strategy, trials = (
        VGON(start=4, network=QUICK),
        [SimulatedTrial(ALIKE.sample(i), (float(i % 5),)) for i in range(12)],
    )
    states = []
    for _ in range(2):
        state = strategy.init(ALIKE)
        for trial in trials:
            state = strategy.tell(state, trial)
        states.append(state)
    one, two = (strategy.designs(state, ALIKE, Generator(3), 20) for state in states)
    assert states[0] == states[1] and one == two


def test_impossible_settings_are_refused():
    for wrong in ({"start": 1}, {"greed": -1.0}, {"explore": -0.1}, {"niche": 2.0}):
        with pytest.raises(SpaceError, match="needs start >= 2"):
            VGON(**wrong)
