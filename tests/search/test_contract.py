"""What the contract of strategies carries: search by growth and population-based training, on functions known in closed
form."""

import math

import pytest
from core_toys import SHAPE, Tag
from search_toys import Growth, PopulationBased

from nasmyth.graph import chain
from nasmyth.search import FULL, Random, Stage, simulate
from nasmyth.space import Space, integer, real
from nasmyth.testing import check_strategy

LAYERS = Space(chain(*(Tag(i, integer(0, 7)) for i in range(5))), SHAPE)
RATES = Space(chain(Tag(real(1e-3, 1.0, log=True))), SHAPE)


def size(genome):
    return sum(genome.values())


def growing():
    """A trial learns a quarter of what is missing to the capacity of its network, and begins with what its parent knew."""
    knows = {}

    def work(one, parent):
        capacity = 1 - 0.9 ** size(one.genome)
        known = knows[parent.number] if parent else 0.0
        knows[one.number] = known + one.stage.share * (capacity - known)
        return [knows[one.number]], one.stage.share * (1 + size(one.genome))

    return work


@pytest.mark.parametrize("workers", [1, 4])
def test_growth_goes_on_from_smaller_networks_that_are_trained(workers):
    trials = simulate(Growth(), LAYERS, growing(), workers=workers, trials=60)
    by_number = {trial.number: trial for trial in trials}
    grown = [trial for trial in trials if trial.parent is not None]
    assert len(grown) > 10
    for trial in grown:
        parent = by_number[trial.parent]
        assert size(trial.genome) > size(parent.genome) and trial.at - trial.seconds >= parent.at
        assert sum(a != b for a, b in zip(trial.genome.values(), parent.genome.values(), strict=True)) == 1
    fresh = simulate(
        Random(), LAYERS, lambda one, parent: growing()(one._replace(stage=Stage("a", 0.25)), parent), trials=60
    )
    assert max(t.objectives for t in trials) > max(t.objectives for t in fresh), "what is learned is handed on"


def learning():
    """The right learning rate falls from 10^-0.5 to 10^-2.5 as training goes on: no constant one is right for long."""
    knows = {}

    def work(one, parent):
        known, share = (knows[parent.number], parent.stage.share) if parent else (0.0, 0.0)
        (rate,) = one.genome.values()
        for now in range(round(100 * share), round(100 * one.stage.share)):
            known += math.exp(-((2 * math.log10(rate) + 1 + 4 * now / 100) ** 2)) / 100
        knows[one.number] = known
        return [knows[one.number]], one.stage.share - share

    return work


@pytest.mark.parametrize("workers", [1, 6])
def test_population_based_training_finds_a_schedule(workers):
    """Half as much again is learned as with the best of many constant rates, for as much training."""
    for seed in range(3):
        trials = simulate(PopulationBased(), RATES, learning(), workers=workers, seconds=24 / workers, seed=seed)
        constant = simulate(Random(), RATES, learning(), workers=workers, seconds=24 / workers, seed=seed)
        assert max(t.objectives for t in trials)[0] > 1.5 * max(t.objectives for t in constant)[0] > 0.5


def test_members_step_by_step_and_the_worst_take_over_from_the_best():
    trials = simulate(PopulationBased(population=8, steps=4), RATES, learning(), trials=32)
    by_number = {trial.number: trial for trial in trials}
    assert [sum(t.stage.share == step / 4 for t in trials) for step in (1, 2, 3, 4)] == [8, 8, 8, 8]
    later = [trial for trial in trials if trial.stage.share > 0.25]
    for trial in later:
        assert by_number[trial.parent].stage.share == trial.stage.share - 0.25
    exploited = [trial for trial in later if trial.genome != by_number[trial.parent].genome]
    assert len(exploited) == 6, "a quarter of eight, at each of three steps"
    assert {t.stage for t in trials if t.stage.share == 1} == {FULL}


@pytest.mark.parametrize("strategy", [Growth(), PopulationBased(), PopulationBased(population=2, steps=2)], ids=repr)
def test_laws(strategy):
    check_strategy(strategy, LAYERS, trials=40)
