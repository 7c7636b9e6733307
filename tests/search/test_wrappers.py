"""Strategies around others: nothing twice, a warm start, a bandit over several."""

import math
from random import Random as Generator

import pytest
from core_toys import SHAPE, Tag, Wide

from nasmyth.errors import SpaceError
from nasmyth.graph import Identity, chain, parallel, repeat
from nasmyth.measure import params
from nasmyth.record import dumps, loads
from nasmyth.search import (
    Bandit,
    Deduplicated,
    Evolution,
    Hyperband,
    LocalSearch,
    Proposal,
    Random,
    Simulation,
    Stage,
    Start,
    Strategy,
    SuccessiveHalving,
    WarmStarted,
    simulate,
)
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.search.wrap.project import project
from nasmyth.space import Space, choice, grammar, integer, real, subset, symbol
from nasmyth.testing import check_strategy

PAIR = Space(chain(parallel(Tag(choice(*range(6))), Tag(choice(*range(6)))), Tag(choice(1, 2))), SHAPE)
"""The branches of a sum commute: 72 genomes of 2 (6 + 15) = 42 networks."""
LANDSCAPE = Space(chain(*(Tag(i, integer(0, 7)) for i in range(8))), SHAPE)
SPACES = {
    "pair": PAIR,
    "narrow": Space(chain(Wide(choice(4, 8, 16)), repeat(Tag(choice(*range(9))), integer(1, 3))), (3, 8, 8)).narrow(params <= 300),  # noqa: E501
    "real": Space(Tag(real(0, 1)), SHAPE),
    "two": Space(Tag(choice(1, 2)), SHAPE),
    "fixed": Space(Tag(), SHAPE),
    "grammar": Space(grammar({"part": [chain(symbol("part"), symbol("part")), Tag(1), Tag(2)]}, depth=4), SHAPE),
}  # fmt: skip
WRAPPERS = [
    Deduplicated(Random()), Deduplicated(SuccessiveHalving(R=9)), Deduplicated(Hyperband(R=4, eta=2, warm=True), retries=2),
    WarmStarted(LocalSearch(start=2)), Bandit((Random(),)), Bandit((LocalSearch(start=1), Evolution(population=3), Random())),
    Bandit((Evolution(population=3), SuccessiveHalving(R=3)), explore=0.5, window=5), Bandit((LocalSearch(), LocalSearch())),
    Deduplicated(Bandit((LocalSearch(), Evolution(population=2)))), Bandit((Deduplicated(Evolution(population=2)), Random())),
]  # fmt: skip


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("strategy", WRAPPERS, ids=repr)
def test_laws(strategy, space):
    check_strategy(strategy, space, trials=16)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Deduplicated(Random(), retries=0), lambda: Bandit(()), lambda: Bandit((Random(),), explore=1.5),
        lambda: Bandit((Random(),), window=0),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(make):
    with pytest.raises(SpaceError, match="at least once|at least one strategy|needs explore"):
        make()


# --- nothing twice ------------------------------------------------------------------------------------------------


def height(genome):
    return -float(sum(abs(decision - (3 * i) % 8) for i, decision in enumerate(genome.values())))


def searched(strategy, space, score, trials, seed=0, workers=1):
    return simulate(
        strategy, space, lambda one, parent: ([score(one.genome)], 1.0), trials=trials, seed=seed, workers=workers
    )


def keys(trials, space):
    return [(space.decode(one.genome).key, one.stage.name) for one in trials]


@pytest.mark.parametrize("inner", [Random(), Evolution(population=4), LocalSearch(start=2)], ids=repr)
@pytest.mark.parametrize("workers", [1, 5])
def test_all_networks_of_a_space_are_tried_before_any_again(inner, workers):
    """By their graphs: many genomes are of one network."""
    everything = {PAIR.decode(genome).key for genome in PAIR.enumerate()}
    assert len(everything) == 42 < PAIR.size == 72
    tried = keys(searched(Deduplicated(inner), PAIR, lambda genome: 1.0, 42, workers=workers), PAIR)
    assert {key for key, _ in tried} == everything
    assert len(set(keys(searched(inner, PAIR, lambda genome: 1.0, 42, workers=workers), PAIR))) < 42


def test_a_further_stage_is_no_repetition():
    halving = SuccessiveHalving(R=9)
    trials = searched(Deduplicated(halving), LANDSCAPE, height, 39)
    assert [one.stage.name for one in trials].count("final") == 3
    assert len(set(keys(trials, LANDSCAPE))) == 39


def test_a_climb_leaves_a_hilltop_when_its_neighbours_are_networks_that_are_known():
    """The inner strategy hears of them, though it never asked for them under these genomes."""
    twice = Space(parallel(Tag(choice(*range(5))), Tag(choice(*range(5)))), SHAPE)
    one, two = twice.holes
    climb, top = Deduplicated(LocalSearch(start=1)), {one: 4, two: 1}
    state = climb.tell(climb.init(twice), SimulatedTrial(top, (9.0,), number=1))
    mirrored = [{one: near[two], two: near[one]} for near in twice.neighbours(top)]
    for number, genome in enumerate(mirrored, 2):
        state = climb.tell(state, SimulatedTrial(genome, (0.0,), number=number))
    assert state.inner.here == top and len(state.inner.left) == 6, "two are their own mirror images"
    (new,) = climb.ask(state, twice, Generator(0), 1, ())
    assert new.origin == "localsearch:after repeats"
    state = climb.tell(state, SimulatedTrial(new.genome, (0.5,), number=20, origin=new.origin))
    assert state.inner.here == new.genome


class Stubborn(Strategy):
    """Asks for one genome for ever; or waits, once something is out."""

    patient: bool = False

    def ask(self, state, space, rng, n, pending):
        return [] if self.patient and pending else [Proposal(space.sample(1), Stage("little", 0.5))] * n


def test_what_comes_instead_is_near_what_was_asked_for():
    strategy, first = Deduplicated(Stubborn()), LANDSCAPE.sample(1)
    done = SimulatedTrial(first, (0.0,), number=1, stage=Stage("little", 0.5))
    asked = strategy.ask(strategy.tell(strategy.init(LANDSCAPE), done), LANDSCAPE, Generator(0), 6, ())
    assert len(asked) == 6 and {one.stage for one in asked} == {Stage("little", 0.5)}
    assert all(sum(one.genome[key] != first[key] for key in first) == 1 for one in asked)


def test_a_strategy_that_waits_is_let_wait():
    search = Simulation(Deduplicated(Stubborn(patient=True)), LANDSCAPE)
    (one,) = search.ask(1)
    assert search.ask(3) == []
    search.tell(one.number, [1.0])
    assert len(search.ask(1)) == 1, "nothing is out, and its only idea was tried"


# --- a warm start -------------------------------------------------------------------------------------------------


def start(genome, value=None, same=True):
    return Start(tuple(genome.items()), () if value is None else (value,), same=same)


STARTS = [LANDSCAPE.sample(f"start {i}") for i in range(6)]


@pytest.mark.parametrize("inner", [Random(), Evolution(population=4), Hyperband(R=9)], ids=repr)
@pytest.mark.parametrize("workers", [1, 4])
def test_starts_come_first_and_in_their_order(inner, workers):
    strategy = WarmStarted(inner, tuple(map(start, STARTS)))
    trials = sorted(searched(strategy, LANDSCAPE, height, 14, workers=workers), key=lambda one: one.number)
    assert [one.genome for one in trials[:6]] == STARTS
    assert [one.origin == "warm start" for one in trials] == [True] * 6 + [False] * 8
    begin = Simulation(inner, LANDSCAPE).ask(1)[0].stage
    assert {one.stage for one in trials[:6]} == {begin}, "at the stage that the inner strategy begins with"


@pytest.mark.parametrize("trust", ["nothing", "values"])
def test_laws_with_starts(trust):
    strategy = WarmStarted(
        Evolution(population=4), tuple(start(one, 1.0, i % 2 == 0) for i, one in enumerate(STARTS)), trust
    )
    assert loads(dumps(strategy)) is strategy
    check_strategy(strategy, LANDSCAPE, trials=24)


def test_what_is_trusted_is_told_and_not_tried_again():
    """The best of what is known is where a local search climbs from, at once."""
    best = dict(zip(LANDSCAPE.holes, [0, 3, 6, 1, 4, 7, 2, 5], strict=True))
    known = (start(best, height(best)), start(STARTS[0], height(STARTS[0])), start(STARTS[1], 99.0, same=False))
    trusting = WarmStarted(LocalSearch(start=2), known, "values")
    trials = searched(trusting, LANDSCAPE, height, 12)
    assert trials[0].genome == STARTS[1], "another network now: its value is not its own"
    assert sum(one.genome == best for one in trials) == 0
    assert all(sum(one.genome[key] != best[key] for key in best) == 1 for one in trials[1:8])


def test_a_start_over_the_budget_is_left_out_and_one_of_another_space_refused():
    space = SPACES["narrow"]
    open_space = Space(space.template, space.input)
    genomes = sorted(open_space.enumerate(), key=lambda one: params(open_space.decode(one)))
    strategy = WarmStarted(Random(), (start(genomes[-1]), start(genomes[0])))
    assert [one.genome for one in strategy.ask(strategy.init(space), space, Generator(0), 1, ())] == [genomes[0]]
    with pytest.raises(SpaceError, match="is not of this space.*warm_start"):
        WarmStarted(Random(), (start(STARTS[0]),)).init(PAIR)


def words(losses):
    return {loss.key: loss.what for loss in losses}


def test_decisions_are_carried_over_by_value():
    old = Space(
        chain(
            a=Tag(choice(1, 2, 3)), b=choice(Identity(), Wide(choice(4, 8)), Tag(5)), c=Wide(integer(2, 20, 2)),
            d=Tag(real(0, 1)), gone=Tag(choice(1, 2)), e=parallel(subset(2, Tag(1), Tag(2), Tag(3))),
        ), SHAPE,
    )  # fmt: skip
    new = Space(
        chain(
            a=Tag(choice(3, 2)), b=choice(Tag(5), Wide(choice(4, 8, 16)), Identity(), Tag(7)), c=Wide(integer(3, 9, 3)),
            d=Tag(real(0.5, 1)), added=Tag(choice(7, 8)), e=parallel(subset(2, Tag(3), Tag(1), Tag(2))),
        ), SHAPE,
    )  # fmt: skip
    assert project({**old.sample(0)}, old, old) == (old.validate(old.sample(0)), ())
    genome = {"a.label": 2, "b": 1, "b:1.out": 8, "c.out": 20, "d.label": 0.2, "gone.label": 1}
    genome |= {key: [0, 2] for key in old.holes if key.startswith("e")}
    made = project(old.validate(genome), old, new)
    assert new.validate(made.genome) == made.genome
    assert (made.genome["a.label"], made.genome["b"], made.genome["b:1.out"]) == (2, 1, 8)
    assert (made.genome["c.out"], made.genome["d.label"], made.genome["added.label"]) == (9, 0.5, 7)
    assert [made.genome[key] for key in new.holes if key.startswith("e")] == [[0, 1]], "the options 1 and 3, by value"
    assert words(made.losses) == {
        "b": "alike", "c.out": "moved", "d.label": "moved", "added.label": "new", "gone.label": "gone",
    }  # fmt: skip


def test_what_was_decided_inside_an_option_moves_with_it():
    inner = chain(Wide(choice(4, 8)), Tag(choice(*range(9))))
    old = Space(chain(m=choice(Tag(1), Tag(2), inner)), SHAPE)
    new = Space(chain(m=choice(inner, Tag(2), Tag(1))), SHAPE)
    for genome in old.enumerate():
        made, losses = project(genome, old, new)
        assert not losses and new.decode(made).key == old.decode(genome).key


def test_what_is_fixed_or_narrowed_is_kept_to():
    small = LANDSCAPE.fix({next(iter(LANDSCAPE.holes)): 3})
    for seed in range(10):
        made, losses = project(genome := LANDSCAPE.sample(seed), LANDSCAPE, small)
        assert small.validate(made) == made and {**genome, **dict.fromkeys(list(genome)[:1], 3)} == made
        assert [one.what for one in losses] == ["gone"] * (genome != made)


# --- a bandit -----------------------------------------------------------------------------------------------------


class Nonsense(Strategy):
    """The worst networks there are."""

    def ask(self, state, space, rng, n, pending):
        worst = dict(zip(space.holes, [7, 7, 0, 7, 0, 0, 7, 7], strict=True))
        return [Proposal({**worst, list(worst)[i % 8]: rng.randrange(8)}) for i in range(n)]


def uses(trials):
    return {
        name: sum(one.origin == name for one in trials) for name in ("localsearch", "evolution", "nonsense", "random")
    }


def test_arms_that_find_nothing_are_asked_little():
    bandit = Bandit((Nonsense(), LocalSearch(start=2)))
    asked = [uses(searched(bandit, LANDSCAPE, height, 100, seed)) for seed in range(5)]
    assert all(one["nonsense"] + one["localsearch"] == 100 and 2 <= one["nonsense"] <= 25 for one in asked)


def test_any_growing_function_of_the_objective_gives_the_same_search():
    bandit = Bandit((Random(), LocalSearch(start=2), Evolution(population=5)))
    plain = searched(bandit, LANDSCAPE, height, 60)
    warped = searched(bandit, LANDSCAPE, lambda genome: math.exp(height(genome) / 3), 60)
    assert [one.genome for one in plain] == [one.genome for one in warped]
    assert len({one.origin for one in plain}) == 3


def test_credit_is_the_mean_worth_of_the_ranks():
    """Of the newest trials that an arm proposed; what was told before ranks last."""
    bandit = Bandit((Random(), LocalSearch()), window=5, decay=0.5)
    told = [
        ("random", 0, 99.0), ("random", 1, 1.0), ("localsearch", 2, 4.0), ("", 3, 100.0), ("localsearch", 4, 1.0),
        ("random", 5, 3.0), ("random", 0, 99.0),
    ]  # fmt: skip
    state = bandit.init(LANDSCAPE)
    for number, (name, genome, value) in enumerate(told):
        state = bandit.tell(state, SimulatedTrial(STARTS[genome], (value,), origin=name, number=number))
    assert [arm for arm, _ in state.window] == [0, 1, 1, 0, 0]
    worth = [0.5 ** (4 * rank / 5) for rank in (0, 1, 2.5, 2.5, 4)]
    means = ((worth[1] + worth[2] + worth[4]) / 3, (worth[0] + worth[3]) / 2)
    assert bandit.credits(state) == pytest.approx((means[0] / means[1], 1.0))


def test_arms_of_one_class_are_told_apart_and_what_an_arm_says_is_kept():
    bandit = Bandit((LocalSearch(start=1), LocalSearch(), Bandit((Random(),))), explore=1.0)
    assert bandit.names == ("localsearch", "localsearch 2", "bandit")
    trials = searched(bandit, LANDSCAPE, height, 40)
    assert {one.origin for one in trials} == {"localsearch", "localsearch 2", "bandit:random"}


def test_an_arm_that_waits_leaves_its_turn_to_others():
    search = Simulation(Bandit((Stubborn(patient=True), Random())), LANDSCAPE)
    search.ask(3)
    assert len(search.ask(7)) == 7
