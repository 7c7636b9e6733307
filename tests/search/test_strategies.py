"""Strategies: the laws of all, and what each is for."""

import math
import sys
from random import Random as Generator
from statistics import mean, stdev

import pytest
from core_toys import SHAPE, Tag, Wide, toy_bottle

from nasmyth.errors import BudgetError, MissingExtraError, SpaceError
from nasmyth.graph import chain, repeat
from nasmyth.measure import params
from nasmyth.search import (
    ASHA,
    BOHB,
    NSGA2,
    NSGA3,
    PPO,
    TPE,
    Best,
    Chained,
    ConservativeController,
    EarlyExit,
    Evolution,
    Grid,
    Hyperband,
    LocalSearch,
    MultiAgent,
    Random,
    Reinforce,
    Strategy,
    SuccessiveHalving,
    Tournament,
    fitness,
    solve,
    strategies,
)
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.space import Space, choice, grammar, integer, real, symbol
from nasmyth.space.narrow import Narrowed
from nasmyth.testing import check_strategy

SPACE = Space(
    chain(Wide(choice(4, 8, 16)), repeat(choice(Tag(choice(1, 2)), toy_bottle(expand=integer(1, 3))), integer(1, 3))),
    (3, 8, 8),
)
SPACES = {
    "plain": SPACE,
    "narrow": SPACE.narrow(params <= 1000),
    "real": Space(Tag(real(0, 1)), SHAPE),
    "two": Space(Tag(choice(1, 2)), SHAPE),
    "one": Space(Tag(choice(1)), SHAPE),
    "fixed": Space(Tag(), SHAPE),
    "grammar": Space(grammar({"part": [chain(symbol("part"), symbol("part")), Tag(1), Tag(2)]}, depth=6), SHAPE),
}
STRATEGIES = [
    SuccessiveHalving(R=9), ASHA(R=4, eta=2, warm=True), Hyperband(R=9), Hyperband(R=27, warm=True),
    Random(), Evolution(), Evolution(population=4, parent=Tournament(2)), Evolution(population=1),
    Evolution(population=5, crossover=0.5),
    Evolution(population=3, crossover=1.0, changes=3), Evolution(population=4, parent=Tournament(2), survive=Best()),
    NSGA2(population=4), NSGA3(population=4), Evolution(population=6, early_exit=EarlyExit(params <= 3000, start=0.5)),
    LocalSearch(), LocalSearch(start=1), Grid(), Grid(levels=2),
    Reinforce(), Reinforce(policy=Chained(), batch=1), PPO(batch=2, epochs=2), MultiAgent(), ConservativeController(),
    ConservativeController(start=1, batch=1, policy=Chained(), groups="decision"),
    TPE(start=4, candidates=6, random=0.2), BOHB(R=4, eta=2, propose=TPE(start=3, candidates=4), enough=3),
    ASHA(R=4, eta=2, propose=Evolution(population=4), enough=3),
]  # fmt: skip


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_laws(strategy, space):
    check_strategy(strategy, space, trials=24)


def run(strategy, space, score, trials, seed):
    """The best of a search, asked for one at a time."""
    state, best = strategy.init(space), -math.inf
    for number in range(trials):
        genome = strategy.ask(state, space, Generator(f"{seed} {number}"), 1, ())[0].genome
        best = max(best, score(genome))
        state = strategy.tell(state, SimulatedTrial(genome, (score(genome),)))
    return best


LANDSCAPE = Space(chain(*(Tag(i, integer(0, 7)) for i in range(12))), SHAPE)


def height(genome):
    """One hill: every decision counts by itself, as a rule of thumb for how well related networks do."""
    return -sum(abs(decision - (3 * i) % 8) for i, decision in enumerate(genome.values()))


def test_evolution_beats_random_search():
    """By more than the 99 % confidence interval of the difference, over 12 seeds."""
    evolution = Evolution(population=20, parent=Tournament(5))
    gains = [
        run(evolution, LANDSCAPE, height, 200, seed) - run(Random(), LANDSCAPE, height, 200, seed) for seed in range(12)
    ]
    assert mean(gains) - 3.11 * stdev(gains) / math.sqrt(len(gains)) > 2  # t quantile of 11 degrees of freedom


def test_constraints_rank_before_the_objective():
    fine, over, worse, failed = (
        SimulatedTrial({}, (1.0,)),
        SimulatedTrial({}, (9.0,), 0.1),
        SimulatedTrial({}, (9.0,), 0.5),
        SimulatedTrial({}, (), math.inf),
    )
    unknown = [
        SimulatedTrial({}, (math.nan,)),
        SimulatedTrial({}, (1.0, math.inf)),
        SimulatedTrial({}, (1.0,), math.nan),
    ]
    ranks = [fitness(t) for t in (fine, over, worse, failed)]
    assert ranks == sorted(ranks, reverse=True) and len(set(ranks)) == 4
    assert all(fitness(t) == fitness(failed) for t in unknown)
    second = fitness(SimulatedTrial({}, (1.5, 1.0))) > fitness(SimulatedTrial({}, (1.0, 2.0)))
    assert second, "one objective after another"


def told(strategy, trials):
    state = strategy.init(SPACE)
    for trial in trials:
        state = strategy.tell(state, trial)
    return state


def test_the_population_ages():
    """The newest stay, however good the old were; failures take their place among them."""
    trials = [SimulatedTrial(SPACE.sample(i), (float(-i),) if i % 3 else ()) for i in range(20)]
    assert [genome for genome, _ in told(Evolution(population=6), trials)] == [t.genome for t in trials[-6:]]


def test_or_the_best_survive():
    """However old; failures never, while there are enough others."""
    trials = [SimulatedTrial(SPACE.sample(i), (float(-i),) if i % 3 else ()) for i in range(20)]
    kept = [genome for genome, _ in told(Evolution(population=4, survive=Best()), trials)]
    assert kept == [trials[i].genome for i in (1, 2, 4, 5)]


def test_children_come_of_the_best_of_a_tournament():
    """With everyone drawn many times over, of the best alone; each child one decision away from it."""
    trials = [SimulatedTrial(SPACE.sample(i), (float(i == 7),)) for i in range(10)]
    strategy = Evolution(population=10, parent=Tournament(200))
    for child, *_ in strategy.ask(told(strategy, trials), SPACE, Generator(0), 30, ()):
        best = trials[7].genome
        assert sum(best[k] != child[k] for k in best.keys() & child.keys()) == 1


def test_before_there_is_a_population_it_is_drawn_at_random():
    strategy = Evolution(population=8)
    trials = [SimulatedTrial(SPACE.sample(i), (0.0,)) for i in range(7)]
    drawn = Random().ask(None, SPACE, Generator(3), 5, ())
    assert strategy.ask(told(strategy, trials), SPACE, Generator(3), 5, ()) == drawn


def test_crossover_mixes_two_parents():
    a = dict.fromkeys(LANDSCAPE.holes, 0)
    b = dict.fromkeys(LANDSCAPE.holes, 7)
    strategy = Evolution(population=2, parent=Tournament(1), crossover=1.0)
    state = strategy.tell(strategy.tell((), SimulatedTrial(a, (0.0,))), SimulatedTrial(b, (0.0,)))
    children = strategy.ask(state, LANDSCAPE, Generator(0), 20, ())
    assert any(2 < sum(d == 0 for d in child.values()) < 10 for child, *_ in children)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Evolution(population=0), lambda: Evolution(changes=0), lambda: Evolution(crossover=1.1),
        lambda: Evolution(crossover=-1),
        lambda: Tournament(0),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(make):
    with pytest.raises(SpaceError, match="needs population >= 1|at least one must take part"):
        make()


def test_an_impossible_budget_is_not_searched_for_ever():
    with pytest.raises(BudgetError, match="nothing in this space meets params<=1"):
        Random().ask(None, Space(SPACE.template, SPACE.input, narrowed=Narrowed((params <= 1,))), Generator(0), 1, ())


def test_strategies_have_names():
    assert strategies.get("random") is Random and strategies.get("evolution") is Evolution
    assert all(issubclass(cls, Strategy) and cls.__doc__ for _, cls in strategies)


def test_strategies_are_sentences():
    assert repr(Evolution(population=64, parent=Tournament(4))) == "Evolution(population=64, parent=Tournament(size=4))"
    with pytest.raises(TypeError, match="did you mean 'population'"):
        Evolution(popluation=3)


class NoOrtools:
    """Finds all modules as if that one was not installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "ortools":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_program_without_its_solver_says_which_extra_has_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "ortools"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoOrtools, *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r"pip install 'nasmyth\[program\]'"):
        solve(Space(Tag(choice(1, 2)), SHAPE))


def test_grid_visits_every_point_once_and_spreads():
    """Sixteen options, and eleven numbers at three levels: all 48 points, and early ones from all over."""
    space = Space(chain(Tag(choice(*range(16))), Tag(integer(0, 10))), SHAPE)
    grid = Grid(levels=3)
    state, visited = grid.init(space), []
    for number in range(48):
        genome = grid.ask(state, space, Generator(number), 1, ())[0].genome
        state = grid.tell(state, SimulatedTrial(genome, (0.0,)))
        visited.append(tuple(genome.values()))
    assert sorted(visited) == [(a, b) for a in range(16) for b in (0, 5, 10)]
    assert len({a for a, _ in visited[:24]}) >= 12 and {b for _, b in visited[:12]} == {0, 5, 10}


def test_grid_asks_for_others_while_some_are_out():
    space = Space(chain(Tag(choice(*range(16))), Tag(integer(0, 10))), SHAPE)
    asked = [one.genome for seed in range(12) for one in Grid().ask(frozenset(), space, Generator(seed), 1, ())]
    assert len({tuple(genome.values()) for genome in asked}) > 6
