"""The Parzen estimator: its kernels against what is drawn from them, and what it finds."""

import math
from collections import Counter
from random import Random as Generator
from statistics import mean, stdev

import numpy as np
import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import SpaceError
from nasmyth.graph import chain
from nasmyth.search import TPE, Pending, Random, SimulatedTrial, Simulation
from nasmyth.search.model.density import Kernels
from nasmyth.space import Space, choice, grammar, integer, real, subset, symbol
from nasmyth.testing import check_strategy

TREE = Space(
    chain(choice(Tag(choice("a", "b", "c")), chain(Tag(integer(0, 4)), Tag(choice(1, 2)))), Tag(choice(1, 4, 9))), SHAPE
)
"""A decision on which it depends what others there are: 3 (3 + 5 * 2) genomes."""
HILLS = Space(chain(*(Tag(i, integer(0, 7)) for i in range(12))), SHAPE)
MIXED = Space(chain(Tag(real(0, 1)), Tag(real(1e-4, 1, log=True)), Tag(choice(*"abcd")), Tag(integer(2, 20, 3))), SHAPE)


def encoded(space, genomes):
    return np.array([space.encode(genome) for genome in genomes])


def told(space, genomes, scores, **settings):
    strategy = TPE(**settings)
    state = strategy.init(space)
    for number, (genome, score) in enumerate(zip(genomes, scores, strict=True), 1):
        state = strategy.tell(state, SimulatedTrial(genome, (score,), number=number))
    return strategy, state


def test_densities_of_a_conditional_space_sum_to_one():
    """Of all genomes, each as many times as it is likely to be sampled: of the prior kernel, and of the good one."""
    genomes = list(TREE.enumerate())
    x = encoded(TREE, genomes)
    first = next(iter(TREE.holes))
    sizes = Counter(genome[first] for genome in genomes)
    likely = np.array([1 / (2 * sizes[genome[first]]) for genome in genomes])
    assert likely.sum() == pytest.approx(1.0)
    for i in range(0, len(genomes), 5):
        good, others = Kernels.of(TREE).logs(x, x[[i]], np.array([True]))
        assert (likely * np.exp(good)).sum() == pytest.approx(1.0)
        np.testing.assert_allclose(others, 0.0, atol=1e-12)


def test_draws_follow_the_density():
    """Of the kernel of one genome, 20,000 draws against the density times what a random draw has."""
    genomes, rng = list(TREE.enumerate()), Generator(0)
    kernels, around = Kernels.of(TREE), genomes[-1]
    first = next(iter(TREE.holes))
    sizes = Counter(genome[first] for genome in genomes)
    counts = Counter(tuple(kernels.draw(around, rng).items()) for _ in range(20_000))
    x = encoded(TREE, genomes)
    dense = (
        2 * np.exp(kernels.logs(x, encoded(TREE, [around]), np.array([True]))[0]) - 1
    )  # without the kernel of the space
    for genome, times in zip(genomes, dense, strict=True):
        share = times / (2 * sizes[genome[first]])
        error = math.sqrt(share / 20_000)
        assert abs(counts[tuple(genome.items())] / 20_000 - share) < 5 * error


def test_numbers_are_drawn_within_their_range_and_near():
    kernels, rng = Kernels.of(MIXED), Generator(1)
    around = MIXED.sample(3)
    drawn = [kernels.draw(around, rng) for _ in range(400)]
    assert all(MIXED.validate(genome) == genome for genome in drawn)
    key = next(iter(MIXED.holes))
    assert (
        mean(abs(genome[key] - around[key]) < 0.31 for genome in drawn) > 0.7
    )  # two deviations of those not drawn anew


def test_the_real_density_sums_to_one():
    space = Space(Tag(real(0, 1)), SHAPE)
    grid = [dict.fromkeys(space.holes, (i + 0.5) / 1000) for i in range(1000)]
    for at in (0.0, 0.1, 0.5, 0.97):
        old = encoded(space, [dict.fromkeys(space.holes, at)])
        good, _ = Kernels.of(space).logs(encoded(space, grid), old, np.array([True]))
        assert np.exp(good).mean() == pytest.approx(1.0, abs=0.01)


def height(genome):
    return -sum(abs(decision - (3 * i) % 8) for i, decision in enumerate(genome.values()))


def best_of(strategy, space, score, trials, seed):
    search = Simulation(strategy, space, seed)
    for _ in range(trials):
        for one in search.ask(1):
            search.tell(one.number, [score(one.genome)])
    return max(one.objectives[0] for one in search.log)


def test_it_beats_random_search():
    """By more than the 99 % confidence interval of the difference, over 8 seeds."""
    gains = [best_of(TPE(), HILLS, height, 80, seed) - best_of(Random(), HILLS, height, 80, seed) for seed in range(8)]
    assert mean(gains) - 3.5 * stdev(gains) / math.sqrt(len(gains)) > 0  # t quantile of 7 degrees of freedom


def test_what_only_counts_in_one_branch_is_learned_there():
    """The second branch is better by a lot, and within it one setting of both of its numbers."""
    first, _, number, other, *_ = TREE.holes

    def score(genome):
        return 10.0 * (genome[first] == 1) + (genome.get(number) == 3) + (genome.get(other) == 2)

    genomes = [TREE.sample(seed) for seed in range(30)]
    strategy, state = told(TREE, genomes, map(score, genomes), candidates=60)
    asked = [strategy.ask(state, TREE, Generator(seed), 1, ())[0].genome for seed in range(30)]
    assert mean(genome[first] == 1 for genome in asked) > 0.8


def test_what_is_pending_is_gone_away_from():
    """The good are all around one spot, and so are proposals: less so while many workers are there."""
    spot = HILLS.sample(0)
    genomes = [HILLS.mutate(spot, seed, 2) for seed in range(10)] + [HILLS.sample(seed) for seed in range(1, 31)]
    strategy, state = told(HILLS, genomes, range(40, 0, -1))
    pending = [Pending(100 + i, HILLS.mutate(spot, 50 + i, 2)) for i in range(30)]

    def away(pending):
        asked = [strategy.ask(state, HILLS, Generator(seed), 1, pending)[0].genome for seed in range(30)]
        return mean(sum(genome[key] != spot[key] for key in spot) for genome in asked)

    assert away(pending) > away(()) + 0.5


def test_a_share_is_random():
    """With all of them random, proposals are those of random search, whatever was told."""
    genomes = [HILLS.sample(seed) for seed in range(20)]
    strategy, state = told(HILLS, genomes, map(height, genomes), random=1.0)
    values = [v for one in strategy.ask(state, HILLS, Generator(0), 60, ()) for v in one.genome.values()]
    assert all(50 < count < 140 for count in Counter(values).values())


def test_failures_are_never_good():
    genomes = [HILLS.sample(seed) for seed in range(20)]
    scores = [math.nan if i % 2 else -math.inf for i in range(20)]
    strategy, state = told(HILLS, genomes, scores)
    assert strategy.ask(state, HILLS, Generator(5), 3, ()) == Random().ask(None, HILLS, Generator(5), 3, ())


@pytest.mark.parametrize(
    "space",
    [
        TREE, MIXED,
        Space(chain(*(Tag(i, subset(2, *"abcde")) for i in range(3))), SHAPE),
        Space(grammar({"part": [chain(symbol("part"), symbol("part")), Tag(1), Tag(2)]}, depth=6), SHAPE),
    ],
    ids=["tree", "mixed", "subset", "grammar"],
)  # fmt: skip
def test_laws_on_every_kind_of_hole(space):
    check_strategy(TPE(start=4, candidates=6, random=0.1), space, trials=16)


def test_what_is_fixed_stays_so():
    key = [*TREE.holes][-1]
    space = TREE.fix({key: 9})
    genomes = [space.sample(seed) for seed in range(12)]
    strategy, state = told(space, genomes, map(float, range(12)))
    assert all(one.genome[key] == 9 for one in strategy.ask(state, space, Generator(0), 8, ()))


@pytest.mark.parametrize("settings", [{"start": 1}, {"good": 0.0}, {"good": 1.0}, {"candidates": 0}, {"random": 1.5}])
def test_impossible_settings_are_refused_by_tpe(settings):
    with pytest.raises(SpaceError, match="needs start >= 2"):
        TPE(**settings)
