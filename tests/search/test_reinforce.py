"""Reinforcement: steps that make a genome and back, gradients against differences, and what it finds."""

import math
from collections import Counter
from random import Random as Generator
from statistics import mean, stdev

import numpy as np
import pytest
from core_toys import SHAPE, Tag, Wide, toy_bottle
from test_strategies import SPACES

from nasmyth.errors import SpaceError
from nasmyth.graph import chain, parallel
from nasmyth.search import (
    PPO,
    Chained,
    ConservativeController,
    Independent,
    MultiAgent,
    Random,
    Reinforce,
    Simulation,
)
from nasmyth.search.reinforce.agents import additive
from nasmyth.search.reinforce.controllers import clipped
from nasmyth.search.reinforce.groups import grouped
from nasmyth.search.reinforce.policy import Tape
from nasmyth.search.reinforce.steps import plan_of
from nasmyth.space import Space, choice, grammar, integer, real, subset, symbol

LANDSCAPE = Space(chain(*(Tag(i, integer(0, 7)) for i in range(12))), SHAPE)
KINDS = Space(
    chain(
        Tag(choice("a", "b", "c")),
        Tag(integer(0, 24)),
        Tag(real(1e-3, 1.0, log=True)),
        parallel(subset(2, Tag(1), Tag(2), Tag(3), Tag(4))),
        choice(Tag(7), toy_bottle(expand=integer(1, 3))),
        grammar({"p": {chain(symbol("p"), Tag(8)): 1.0, Tag(9): 2.0}}, depth=4),
    ),
    SHAPE,
)
GROUPED = Space(
    chain(*(Wide(choice(2, 3, 4, 5, 6), kernel=choice(1, 3, 5, 7, 9), stride=choice(1, 2, 3)) for _ in range(4))), SHAPE
)


def height(genome):
    return -sum(abs(decision - (3 * i) % 8) for i, decision in enumerate(genome.values()))


def searched(strategy, space, score, trials, seed=0):
    search = Simulation(strategy, space, seed)
    for _ in range(trials):
        (one,) = search.ask()
        search.tell(one.number, [score(one.genome)])
    return search


def best(*args):
    return max(trial.objectives[0] for trial in searched(*args).log)


# --- steps --------------------------------------------------------------------------------------------------------


def replayed(plan, steps):
    """The genome of the same steps; what lies within a range is drawn anew."""
    left = iter(steps)

    def choose(slot, allowed):
        step = next(left)
        assert (step.slot, list(step.allowed)) == (slot, list(allowed)) and step.action in allowed
        return step.action

    made = plan.made(choose, Generator(0))
    assert next(left, None) is None
    return made


@pytest.mark.parametrize("space", [KINDS, *SPACES.values()], ids=["kinds", *SPACES])
def test_steps_make_the_genome_that_they_were_read_from(space):
    """Up to where a number lies within its range."""
    plan = plan_of(space)
    for seed in range(20):
        genome = space.sample(seed)
        steps = plan.read(genome)
        again = replayed(plan, steps)
        assert plan.read(again) == steps and again.keys() == genome.keys()
        exact = [key for key in genome if isinstance(genome[key], (list, str))]
        assert all(again[key] == genome[key] for key in exact)


def test_a_policy_that_has_learned_nothing_draws_as_the_space_does():
    """Of 25 whole numbers in 10 ranges and of 6 subsets, a chi-squared of 1 in 1000; of derivations, four deviations."""
    plan, rng, policy = plan_of(KINDS), Generator(5), Independent()
    drawn = [policy.draw(plan, [0.0] * policy.size(plan), rng) for _ in range(2000)]
    keys = list(KINDS.holes)
    for key, ways, limit in ((keys[1], 25, 51.2), (keys[3], 6, 20.5)):
        counts = Counter(str(genome[key]) for genome in drawn)
        assert len(counts) == ways
        assert sum((n - 2000 / ways) ** 2 / (2000 / ways) for n in counts.values()) < limit
    mine = Counter(len(genome[keys[-1]]) for genome in drawn)
    theirs = Counter(len(KINDS.sample(seed)[keys[-1]]) for seed in range(2000))
    assert mine.keys() == theirs.keys()
    for length, n in theirs.items():
        assert abs(mine[length] - n) < 4 * math.sqrt(2 * n)


def test_what_is_ruled_out_or_fixed_is_no_step():
    small = LANDSCAPE.fix({"[0].factor": 3})
    assert len(plan_of(small).slots) == len(plan_of(LANDSCAPE).slots) - 1
    told = searched(Reinforce(batch=2), small, height, 10)
    assert all(trial.genome["[0].factor"] == 3 for trial in told.log)


# --- policies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [Independent(), Chained()], ids=repr)
def test_slopes_are_those_of_differences(policy):
    plan = plan_of(KINDS)
    tape = Tape.of(policy, plan, [plan.read(KINDS.sample(seed)) for seed in range(4)])
    rng = np.random.default_rng(0)
    at, weights = rng.normal(size=policy.size(plan)), rng.normal(size=len(tape.action))

    def value(parameters):
        chances = tape.chances(parameters)
        return float(weights @ tape.taken(chances) + 0.7 * tape.entropy(chances).sum())

    chances = tape.chances(at)
    assert chances.sum(1) == pytest.approx(np.ones(len(tape.action)))
    slope = tape.slope(tape.slope_of_taken(chances, weights) + 0.7 * tape.slope_of_entropy(chances))
    for i in [*range(0, len(at), 7), *np.flatnonzero(slope)[:40]]:
        step = 1e-5 * np.eye(len(at))[i]
        assert slope[i] == pytest.approx((value(at + step) - value(at - step)) / 2e-5, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("policy", [Independent(), Chained()], ids=repr)
def test_chances_are_how_often_it_draws(policy):
    """Of two decisions: each pair as often as the product of the chances of its steps says."""
    space = Space(chain(Tag(choice(1, 2, 3)), Tag(choice(1, 2))), SHAPE)
    plan, rng = plan_of(space), Generator(3)
    parameters = np.random.default_rng(1).normal(size=policy.size(plan))
    drawn = Counter(tuple(policy.draw(plan, parameters.tolist(), rng).values()) for _ in range(3000))
    for genome in space.enumerate():
        tape = Tape.of(policy, plan, [plan.read(genome)])
        chance = math.exp(tape.taken(tape.chances(parameters)).sum())
        assert abs(drawn[tuple(genome.values())] - 3000 * chance) < 4 * math.sqrt(3000 * chance)


# --- learning -----------------------------------------------------------------------------------------------------

LEARNERS = [Reinforce(), Reinforce(policy=Chained()), PPO(), ConservativeController(), MultiAgent()]


@pytest.mark.parametrize("strategy", LEARNERS, ids=repr)
def test_it_beats_random_search(strategy):
    """By more than the 99 % confidence interval of the difference, over 8 seeds."""
    gains = [
        best(strategy, LANDSCAPE, height, 120, seed) - best(Random(), LANDSCAPE, height, 120, seed) for seed in range(8)
    ]
    assert mean(gains) - 3.50 * stdev(gains) / math.sqrt(len(gains)) > 0  # t quantile of 7 degrees of freedom


@pytest.mark.parametrize("strategy", LEARNERS, ids=repr)
def test_nothing_depends_on_the_scale(strategy):
    def other(genome):
        return 1e-6 * math.exp(height(genome) / 9) - 1e3

    one, two = (searched(strategy, LANDSCAPE, score, 40) for score in (height, other))
    assert [trial.genome for trial in one.log] == [trial.genome for trial in two.log]


def chances_of_first(strategy, outcome, trials):
    """Of each option of the first decision, after so many trials drawn at random."""
    space = Space(chain(Tag(choice(0, 1, 2)), *(Tag(i, integer(0, 9)) for i in range(4))), SHAPE)
    search = Simulation(Random(), space)
    for _ in range(trials):
        (one,) = search.ask()
        search.tell(one.number, **outcome(one.genome))
    state = strategy.init(space)
    for trial in search.log:
        state = strategy.tell(state, trial)
    tape = Tape.of(strategy.policy, state.plan, [state.plan.read(space.sample(0))])
    return tape.chances(np.array(state.parameters))[0, :3]


@pytest.mark.parametrize("strategy", LEARNERS[:3], ids=repr)
def test_what_fails_or_breaks_a_constraint_becomes_rare(strategy):
    def outcome(genome):
        first, second, *_ = genome.values()
        missed = {0: {}, 1: {"objectives": (9.0,), "violation": 1.0}, 2: {"objectives": (float(second),)}}
        return missed[first]

    fails, breaks, works = chances_of_first(strategy, outcome, 80)
    assert works > 0.8 and fails < breaks


def test_a_pass_of_ppo_is_reinforce():
    one, other = (searched(s, LANDSCAPE, height, 40) for s in (PPO(epochs=1), Reinforce()))
    assert [trial.genome for trial in one.log] == [trial.genome for trial in other.log]
    assert one.state == other.state


def test_the_clipped_slope_is_that_of_the_surrogate():
    ratios, advantages = np.meshgrid([0.5, 0.79, 0.9, 1.0, 1.1, 1.21, 2.0], [-2.0, 0.0, 1.0])

    def surrogate(logarithm):
        ratio = np.exp(logarithm)
        return np.minimum(ratio * advantages, np.clip(ratio, 0.8, 1.2) * advantages)

    at = np.log(ratios)
    assert clipped(advantages, ratios, 0.2) == pytest.approx((surrogate(at + 1e-6) - surrogate(at - 1e-6)) / 2e-6)


def test_live_and_folded_states_are_equal_and_never_changed():
    search = searched(MultiAgent(), SPACES["plain"], len, 20)
    states = [MultiAgent().init(SPACES["plain"])]
    for trial in search.log:
        states.append(MultiAgent().tell(states[-1], trial))
    assert states[-1] == search.state and states[-1] != states[-2]
    assert states[0] == MultiAgent().init(SPACES["plain"])


# --- the conservative controller ----------------------------------------------------------------------------------


def sized(genome):
    """Larger is better, and no two are equal."""
    return float(sum(value * (1 + 0.01 * 1.1**i) for i, value in enumerate(genome.values())))


def classes_changed(space, groups, genome, other):
    slots = plan_of(space).slots
    by_key = {slot.key: group for slot, group in zip(slots, grouped(plan_of(space), groups), strict=True)}
    return {by_key[key] for key in genome if genome[key] != other[key]}


@pytest.mark.parametrize("groups", ["class", "part", "decision"])
def test_one_class_changes_at_a_time(groups):
    strategy = ConservativeController(groups=groups)
    state = searched(strategy, GROUPED, sized, 30).state
    top = max(state.log.told, key=lambda one: one[1])[0]
    drawn = [strategy.drawing(state, Generator(seed))(1.0) for seed in range(250)]
    changed = [classes_changed(GROUPED, groups, genome, top) for genome in drawn]
    assert max(map(len, changed)) == 1 and len(set().union(*changed)) == {"class": 3, "part": 4, "decision": 12}[groups]


def test_a_class_that_is_sure_of_itself_is_left_alone():
    strategy = ConservativeController()
    state = searched(strategy, GROUPED, sized, 20).state
    plan, parameters = state.plan, np.zeros(len(state.parameters))
    groups = grouped(plan, "class")
    for slot, place, group in zip(plan.slots, plan.offsets, groups, strict=False):
        if group != 1:
            parameters[place] = 60.0
            assert len(slot.prior) > 1
    state = state._replace(parameters=tuple(parameters.tolist()))
    top = max(state.log.told, key=lambda one: one[1])[0]
    drawn = [strategy.drawing(state, Generator(seed))(1.0) for seed in range(40)]
    assert set().union(*(classes_changed(GROUPED, "class", genome, top) for genome in drawn)) == {1}


def test_only_what_was_drawn_is_learned():
    """A trial that differs from the best in one class moves no parameter of the others."""
    strategy = ConservativeController(batch=1, entropy=0.0, start=1)
    state = strategy.init(GROUPED)
    genome = GROUPED.sample(0)
    for number, value in enumerate((1.0, 0.0)):
        search = Simulation(strategy, GROUPED)
        search.state = state
        (one,) = search.ask()
        changed = {"[0].kernel": 1 if genome["[0].kernel"] != 1 else 3} if number else {}
        search.pending[one.number] = one._replace(genome={**genome, **changed})
        search.tell(one.number, [value])
        before, state = state, search.state
    moved = np.flatnonzero(np.array(state.mean) - 0.9 * np.array(before.mean))
    groups = np.repeat(grouped(state.plan, "class"), [len(slot.prior) for slot in state.plan.slots])
    keys = [slot.key for slot in state.plan.slots]
    assert {*groups[moved].tolist()} == {grouped(state.plan, "class")[keys.index("[0].kernel")]}


# --- agents -------------------------------------------------------------------------------------------------------


def test_a_sum_is_found_again():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(60, 8)), np.arange(8.0)
    assert additive(x, 3.0 + x @ w, 1e-9) == pytest.approx(w, abs=1e-6)
    y, ridge = rng.normal(size=60), 2.0
    centred = x - x.mean(0)
    normal = np.linalg.solve(centred.T @ centred + ridge * np.eye(8), centred.T @ (y - y.mean()))
    assert additive(x, y, ridge) == pytest.approx(normal)


def test_what_others_decide_is_no_noise_to_an_agent():
    """Of a sum over parts of the network: an agent's advantage follows its own part, and a common one hardly does."""
    weights = {key: i % 3 + 1 for i, key in enumerate(GROUPED.holes)}

    def score(genome):
        return float(sum(weights[key] * genome[key] for key in genome))

    def own(strategy):
        state = strategy.init(GROUPED)
        search = Simulation(Random(), GROUPED)
        for _ in range(99):
            (one,) = search.ask()
            state = strategy.tell(state, search.tell(one.number, [score(one.genome)]))
        state = state._replace(waiting=99)
        tape = Tape.of(strategy.policy, state.plan, state.steps)
        found = strategy.advantages(state, tape, state.log.y)
        first = [
            sum(weights[key] * genome[key] for key in list(genome)[:3]) for genome, _ in state.log.told
        ]  # the part of [0]
        return np.corrcoef(first, [found[tape.genome == i][0] for i in range(99)])[0, 1]

    assert own(MultiAgent(batch=100)) > 0.95 and own(Reinforce(batch=100)) < 0.8


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reinforce(batch=0), lambda: Reinforce(rate=0.0), lambda: Reinforce(entropy=-1.0),
        lambda: Reinforce(decay=1.5), lambda: PPO(epochs=0), lambda: PPO(clip=0.0),
        lambda: ConservativeController(start=0), lambda: MultiAgent(ridge=0.0),
        lambda: MultiAgent(groups="parts"),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(make):
    with pytest.raises(SpaceError, match="needs|at least one genome|did you mean 'part'"):
        make()
