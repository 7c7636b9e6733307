"""Successive halving, ASHA and Hyperband: what their papers say, with one worker and with several."""

import itertools
import math
from collections import Counter

import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import SpaceError
from nasmyth.graph import chain
from nasmyth.search import ASHA, FULL, Hyperband, Pending, Simulation, Stage, SuccessiveHalving, simulate
from nasmyth.space import Space, integer

SPACE = Space(chain(*(Tag(i, integer(0, 9)) for i in range(6))), SHAPE)
TABLE_1 = {
    4: [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    3: [(34, 3), (11, 9), (3, 27), (1, 81)],
    2: [(15, 9), (5, 27), (1, 81)],
    1: [(8, 27), (2, 81)],
    0: [(5, 81)],
}
"""How many are tried with how much, by bracket, for R = 81 and eta = 3."""


def algorithm_1(R, eta):
    """The loops of the paper's algorithm 1, as they stand there: {s: [(n_i, r_i), ...]}."""
    s_max = max(s for s in range(50) if eta**s <= R)  # floor(log_eta R), without its rounding errors
    budget, brackets = (s_max + 1) * R, {}
    for s in range(s_max, -1, -1):
        n = math.ceil(budget * eta**s / (R * (s + 1)))
        brackets[s] = [(n // eta**i, R * eta**i / eta**s) for i in range(s + 1)]
    return brackets


def said(strategy):
    return [[(n, stage.share * strategy.R) for n, stage in bracket] for bracket in strategy.brackets]


def test_brackets_are_those_of_table_1():
    assert algorithm_1(81, 3) == TABLE_1
    for bracket, theirs in zip(said(Hyperband(R=81)), TABLE_1.values(), strict=True):
        assert [n for n, _ in bracket] == [n for n, _ in theirs]
        assert [r for _, r in bracket] == pytest.approx([r for _, r in theirs])


@pytest.mark.parametrize(("R", "eta"), [*itertools.product([3, 4, 8, 9, 16, 27, 30, 80, 81, 82, 243, 1000], [2, 3, 4])])
def test_brackets_are_those_of_the_algorithm(R, eta):
    if eta <= R:
        for bracket, theirs in zip(said(Hyperband(R=R, eta=eta)), algorithm_1(R, eta).values(), strict=True):
            assert [n for n, _ in bracket] == [n for n, _ in theirs]
            assert [r for _, r in bracket] == pytest.approx([r for _, r in theirs])


def quality(genome):
    return float(sum(genome.values()))


def work(one, parent):
    """What is better in the end is better at once; time by the epochs that are left to do."""
    return [quality(one.genome) + one.stage.share], one.stage.share - (parent.stage.share if parent else 0.0)


def places(trials):
    return Counter((trial.stage.name, trial.stage.share) for trial in trials)


@pytest.mark.parametrize("workers", [1, 7])
@pytest.mark.parametrize("warm", [False, True])
def test_one_round_spends_what_the_table_says(workers, warm):
    """Played through: 206 trials, each bracket as the table has it, whether one after another or seven at a time."""
    strategy = Hyperband(R=81, warm=warm)
    one_round = sum(n for bracket in TABLE_1.values() for n, _ in bracket)
    trials = simulate(strategy, SPACE, work, workers=workers, trials=one_round + 5 * workers)
    expected = Counter()
    for bracket in strategy.brackets:
        expected.update({(stage.name, stage.share): n for n, stage in bracket})
    found = places(trials)
    assert all(found[place] >= n for place, n in expected.items())
    if workers == 1:  # nobody is ahead: the round is exactly the first trials
        assert places(trials[:one_round]) == expected
        alone = math.fsum(n * r / 81 for bracket in TABLE_1.values() for n, r in bracket)
        saved = math.fsum(n * r / 243 for bracket in TABLE_1.values() for n, r in bracket[1:]) if warm else 0.0
        assert trials[one_round - 1].at == pytest.approx(alone - saved)


@pytest.mark.parametrize("workers", [1, 5])
@pytest.mark.parametrize("strategy", [SuccessiveHalving(R=27), Hyperband(R=27), Hyperband(R=16, eta=2)], ids=repr)
def test_the_best_of_a_complete_rung_are_promoted_and_nobody_else(strategy, workers):
    """By hand: genomes in groups, in the order of their first trials; of each group the best n_i at every rung."""
    trials = simulate(strategy, SPACE, work, workers=workers, trials=150)
    tried = {(trial.stage.name, tuple(trial.genome.values())) for trial in trials}
    genomes = list(dict.fromkeys(tuple(trial.genome.values()) for trial in sorted(trials, key=lambda t: t.number)))
    promotions = 0
    for bracket in itertools.cycle(strategy.brackets):
        group, genomes = genomes[: bracket[0][0]], genomes[bracket[0][0] :]
        complete = len(group) == bracket[0][0]
        for n, stage in bracket[1:]:
            best = sorted(group, key=sum, reverse=True)[:n]
            promoted = [genome for genome in group if (stage.name, genome) in tried]
            assert {*promoted} == {*best[: len(promoted)]} and (complete or not promoted)
            promotions += len(promoted)
            group, complete = best, len(promoted) == n
        if not genomes:
            break
    assert promotions > 30


def test_whoever_would_wait_begins_the_next_group():
    """Nine at the first rung of nine: the tenth worker is not kept waiting, but nobody is promoted yet."""
    search = Simulation(SuccessiveHalving(R=9), SPACE)
    out = search.ask(12)
    assert {one.stage.name for one in out} == {"1/9"} and len(out) == 12
    for one in out[:8]:
        search.tell(one.number, [quality(one.genome)])
    assert {one.stage.name for one in search.ask(2)} == {"1/9"}, "one of the first nine is still out"
    search.tell(out[8].number, [quality(out[8].genome)])
    promoted = search.ask(3)
    assert {one.stage.name for one in promoted} == {"1/3"}
    best = sorted((quality(one.genome) for one in out[:9]), reverse=True)[:3]
    assert sorted((quality(one.genome) for one in promoted), reverse=True) == best


def test_asha_does_not_wait():
    """Three told, of any number out: the best of them goes on at once; of the next three, again one."""
    search = Simulation(ASHA(R=9), SPACE)
    out = search.ask(7)
    for one in out[:3]:
        search.tell(one.number, [quality(one.genome)])
    first, second = search.ask(2)
    assert first.genome == max((one.genome for one in out[:3]), key=quality) and first.stage.name == "1/3"
    assert second.stage.name == "1/9", "one of three is a third"


def test_asha_keeps_more_workers_busy_than_waiting_does():
    """To its first training in full, where times differ by a hundred: the figure of the paper, in small."""

    def uneven(one, parent):
        return [quality(one.genome)], one.stage.share * (100 if one.number % 7 == 0 else 1)

    def first_full(strategy):
        return min(t.at for t in simulate(strategy, SPACE, uneven, workers=9, trials=300) if t.stage == FULL)

    assert first_full(ASHA(R=27)) < first_full(SuccessiveHalving(R=27))


def test_what_failed_is_not_promoted():
    search = Simulation(SuccessiveHalving(R=9), SPACE)
    for i, one in enumerate(search.ask(9)):
        search.tell(one.number, [quality(one.genome)] if i < 2 else ())
    promoted, after = search.ask(2), search.ask(1)
    assert [one.stage.name for one in promoted] == ["1/3", "1/3"] and after[0].stage.name == "1/9"
    for one in promoted:
        search.tell(one.number, ())
    assert search.ask(1)[0].stage.name == "1/9", "a group of which nothing is left is over"


@pytest.mark.parametrize("cls", [SuccessiveHalving, ASHA, Hyperband])
def test_warm_goes_on_from_the_rung_below(cls):
    """And never but then: the parent is the same genome, one rung lower."""
    trials = simulate(cls(R=9, warm=True), SPACE, work, workers=3, trials=120)
    by_number = {trial.number: trial for trial in trials}
    higher = [trial for trial in trials if trial.parent is not None]
    assert len(higher) > 10
    for trial in higher:
        parent = by_number[trial.parent]
        assert parent.genome == trial.genome and parent.stage.share == pytest.approx(trial.stage.share / 3)
    assert all(trial.parent is None for trial in simulate(cls(R=9), SPACE, work, trials=60))


def test_a_genome_of_somebody_else_joins_the_group():
    """Given at a stage of its own, it is tried at the first rung like the others; nothing waits for ever."""
    search = Simulation(SuccessiveHalving(R=3), SPACE)
    search.pending[1], search.asked = Pending(1, SPACE.sample(99), Stage("tried", 0.5)), 1
    search.tell(1, [1e9])
    first, *others = search.ask(3)
    assert first.genome == SPACE.sample(99) and first.stage.name == "1/3" and len(others) == 2
    for one in (first, *others):
        search.tell(one.number, [quality(one.genome)])
    assert search.ask(1)[0].stage == FULL


@pytest.mark.parametrize("settings", [{"eta": 1}, {"R": 2}, {"R": 1, "eta": 2}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(SpaceError, match="eta"):
        Hyperband(**settings)
