"""Monte-Carlo tree search: its questions, what it does at a node, and what it finds; and genetic search under a hard size."""

import math
from collections import Counter
from random import Random as Generator
from statistics import mean, stdev

import pytest
from core_toys import SHAPE, Tag, Wide, toy_bottle

from nasmyth.errors import SpaceError
from nasmyth.graph import chain, parallel, repeat
from nasmyth.measure import macs, params
from nasmyth.search import MCTS, Best, Evolution, Pending, Random, Simulation, Tournament
from nasmyth.search.questions import CELLS, decided, path_of
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.space import Space, choice, grammar, integer, real, subset, symbol
from nasmyth.spaces import ofa
from nasmyth.testing import check_strategy

NESTED = Space(
    chain(Wide(choice(4, 8, 16)), repeat(choice(Tag(choice(1, 2)), toy_bottle(expand=integer(1, 3))), integer(1, 3))),
    (3, 8, 8),
)
RULES = {"part": [chain(symbol("part"), symbol("part")), Tag(1), Tag(2)]}
REAL = Space(chain(Tag(0, real(1e-3, 1, log=True)), Tag(1, integer(1, 1000))), SHAPE)
SPACES = {
    "nested": NESTED,
    "narrow": NESTED.narrow(params <= 1000),
    "fixed": NESTED.fix({"[0].out": 8}),
    "subset": Space(chain(parallel(subset(2, *map(Tag, range(4)))), Tag(choice("a", "b"))), SHAPE),
    "many subsets": Space(parallel(subset(5, *map(Tag, range(20)))), SHAPE),
    "grammar": Space(grammar(RULES, depth=6), SHAPE),
}


# --- questions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_answers_lead_back_to_the_genome(space):
    for seed in range(40):
        genome = space.sample(seed)
        path = iter(path_of(space, genome))

        def ask(question, path=path, genome=genome):
            step = next(path)
            assert step.ways == question.ways > 1
            assert not question.answers or step.answer in question.answers
            return step.answer

        assert decided(space, ask, Generator(0)) == genome
        assert next(path, None) is None


def test_a_real_number_is_told_to_a_cell():
    for seed in range(40):
        genome = REAL.sample(seed)
        path = path_of(REAL, genome)
        answers = iter(path)
        other = decided(REAL, lambda question, answers=answers: next(answers).answer, Generator(seed))
        (there, whole), (here, known) = other.values(), genome.values()
        assert path_of(REAL, other) == path and whole == known
        assert 0 < abs(math.log(there / here)) / math.log(1e3) < 2**-CELLS


def test_answers_drawn_make_every_decision_as_likely():
    """Also of numbers whose halves are uneven."""
    space, rng = Space(chain(Tag(integer(0, 4)), Tag(choice("a", "b", "c"))), SHAPE), Generator(0)
    counts = Counter(tuple(decided(space, lambda question: question.draw(rng), rng).values()) for _ in range(6000))
    assert len(counts) == 15 and all(abs(n - 400) < 5 * math.sqrt(400) for n in counts.values())


# --- a node -------------------------------------------------------------------------------------------------------------

TWO = Space(chain(Tag(choice("a", "b")), Tag(integer(0, 999))), SHAPE)
FIRST, SECOND = TWO.holes


def told(strategy, results, space=TWO):
    """The state after trials of (first decision, objective), whose second decisions all differ."""
    state = strategy.init(space)
    for i, (first, objective) in enumerate(results):
        objectives = () if objective is None else (float(objective),)
        state = strategy.tell(state, SimulatedTrial({FIRST: first, SECOND: 7 * i}, objectives))
    return state


def firsts(strategy, state, n=1, pending=()):
    asked = [strategy.ask(state, TWO, Generator(seed), n, pending) for seed in range(20)]
    return Counter(one.genome[FIRST] for some in asked for one in some)


def test_the_answer_of_the_greatest_bound_is_taken():
    """Six trials below a, of ranks 2 to 7 among eight, and two below b, of ranks 1 and 8: means 0.5 and 0.5 by hand."""
    results = [*(("a", i) for i in range(2, 8)), ("b", 1), ("b", 8.5)]
    assert firsts(MCTS(explore=0.1), told(MCTS(), results)) == {"b": 20}, "of equal means, the less tried"
    worse = [*(("a", i) for i in range(2, 8)), ("b", 1), ("b", 2.5)]
    gap = mean([(rank - 0.5) / 8 for rank in (2, 4, 5, 6, 7, 8)]) - mean([0.5 / 8, 2.5 / 8])
    bonus = math.sqrt(math.log(8) / 2) - math.sqrt(math.log(8) / 6)
    for explore, first in ((0.99 * gap / bonus, "a"), (1.01 * gap / bonus, "b")):
        assert firsts(MCTS(explore=explore), told(MCTS(), worse)) == {first: 20}


def test_only_the_order_of_objectives_counts():
    results = [("ab"[i % 2], (37 * i) % 11) for i in range(20)]
    bent = [(first, -math.exp(-3 * objective)) for first, objective in results]
    for seed in range(10):
        one, other = (MCTS().ask(told(MCTS(), some), TWO, Generator(seed), 3, ()) for some in (results, bent))
        assert one == other


def test_what_failed_is_worst():
    results = [("a", None), ("b", -5.0), ("a", None), ("b", -7.0), ("a", None), ("b", math.nan)]
    assert firsts(MCTS(explore=0.1), told(MCTS(), results)) == {"b": 20}


def test_what_is_pending_counts_as_lost():
    results = [("a", 5), ("b", 1), ("a", 6), ("b", 2)]
    state = told(MCTS(), results)
    assert firsts(MCTS(), state) == {"a": 20}
    search = Simulation(MCTS(), TWO)
    search.state = state
    search.ask(1)
    while max(Counter(one.genome[FIRST] for one in search.pending.values()).values()) < 12:
        search.ask(1)
    assert len({one.genome[FIRST] for one in search.pending.values()}) == 2, "twelve losses are enough"
    assert len(firsts(MCTS(), state, n=16)) == 2, "and so are they for those that are asked for at once"


@pytest.mark.parametrize(("widen", "known"), [(0.5, 8), (1.0, 50), (0.25, 3)])
def test_new_answers_come_with_trials(widen, known):
    """Of a question with 50 answers: after 63 trials, the 64th proposal may be of the 8th answer, 8 = 63^0.5."""
    space = Space(chain(Tag(choice(*map(str, range(50)))), Tag(integer(0, 999))), SHAPE)
    search = Simulation(MCTS(widen=widen), space)
    for _ in range(64):
        (one,) = search.ask()
        search.tell(one.number, [1.0])
    assert len({next(iter(trial.genome.values())) for trial in search.log}) == known


SMALL = Space(chain(Tag(choice("a", "b")), repeat(Tag(integer(0, 2)), integer(1, 2)), grammar(RULES, depth=2)), SHAPE)


@pytest.mark.parametrize("strategy", [MCTS(), MCTS(explore=2.0, widen=1.0), MCTS(explore=0)], ids=repr)
def test_all_of_a_small_space_are_tried_before_any_again(strategy):
    search = Simulation(strategy, SMALL)
    for number in range(int(SMALL.size)):
        (one,) = search.ask(1)
        search.tell(one.number, [float(number % 5)])
    assert len({str(trial.genome) for trial in search.log}) == SMALL.size
    assert len(search.ask(2)) == 2


# --- constraints --------------------------------------------------------------------------------------------------------


def test_constraints_are_met_where_few_networks_do():
    space = Space(chain(*(Wide(integer(1, 40), kernel=choice(1, 3, 5)) for _ in range(3))), (3, 8, 8)).narrow(
        params <= 300
    )
    search = Simulation(MCTS(), space)
    for _ in range(60):
        (one,) = search.ask(1)
        search.tell(one.number, [macs(space.decode(one.genome))])
    assert all(space.meets(trial.genome) for trial in search.log)
    assert len({str(trial.genome) for trial in search.log}) == 60


def test_what_was_added_from_outside_a_narrowed_space_is_lived_with():
    narrow, strategy = NESTED.narrow(params <= 200), MCTS()
    state = strategy.init(narrow)
    outside = [genome for genome in map(NESTED.sample, range(60)) if not narrow.meets(genome)]
    for i, genome in enumerate(outside):
        state = strategy.tell(state, SimulatedTrial(genome, (float(i % 5),), 1.0))
    pending = [Pending(i, genome) for i, genome in enumerate(outside)]
    for one in strategy.ask(state, narrow, Generator(0), 20, pending):
        assert narrow.meets(one.genome)


# --- what it finds ------------------------------------------------------------------------------------------------------


def best(strategy, space, score, trials, seed):
    search = Simulation(strategy, space, seed)
    for _ in range(trials):
        (one,) = search.ask()
        search.tell(one.number, [score(one.genome)])
    return max(trial.objectives[0] for trial in search.log)


HILL = Space(chain(*(Tag(i, integer(0, 7)) for i in range(6))), SHAPE)
ONE = Space(Tag(0, real(0, 1)), SHAPE)


def height(genome):
    return -sum(abs(decision - (3 * i) % 8) for i, decision in enumerate(genome.values()))


def test_it_beats_random_search():
    """By more than the 99 % confidence interval of the difference, over 12 seeds."""
    gains = [best(MCTS(), HILL, height, 80, seed) - best(Random(), HILL, height, 80, seed) for seed in range(12)]
    assert mean(gains) - 3.11 * stdev(gains) / math.sqrt(len(gains)) > 0  # t quantile of 11 degrees of freedom


def test_it_closes_in_on_a_real_number():
    """Of the last of its trials, more than half are in the eighth where the best is."""
    search = Simulation(MCTS(), ONE)
    for _ in range(120):
        (one,) = search.ask()
        (at,) = one.genome.values()
        search.tell(one.number, [-abs(at - 0.3)])
    last = [next(iter(trial.genome.values())) for trial in search.log[80:]]
    assert mean(0.25 <= at < 0.375 for at in last) > 0.5 and len(set(last)) == len(last)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("strategy", [MCTS(), MCTS(explore=1.0, widen=1.0)], ids=repr)
def test_laws(strategy, space):
    check_strategy(strategy, space, trials=16)


@pytest.mark.parametrize(
    "make", [lambda: MCTS(explore=-1), lambda: MCTS(widen=0), lambda: MCTS(widen=1.5), lambda: MCTS(explore=math.inf)]
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(SpaceError, match="needs explore of at least 0, and widen above 0"):
        make()


# --- a hard size --------------------------------------------------------------------------------------------------------

GENETIC = Evolution(population=20, parent=Tournament(2), crossover=0.6, survive=Best())
LIMIT = 4.4e6


def test_genetic_search_fills_a_hard_size():
    """Compressor (Shi et al. 2022, arXiv:2208.07120): the most MACs under a size are of a network of nearly that size.

    What was tried before counts as failed, so that the population does not fill with copies.
    """
    space = ofa()
    search, seen, best = Simulation(GENETIC, space), set(), (0.0, 0.0)
    for _ in range(400):
        (one,) = search.ask()
        graph = space.decode(one.genome)
        if graph.key in seen:
            search.tell(one.number)
            continue
        seen.add(graph.key)
        over = max(0.0, params(graph) / LIMIT - 1)
        search.tell(one.number, [macs(graph)], violation=over)
        best = best if over else max(best, (macs(graph), params(graph) / LIMIT))
    assert 0.98 < best[1] <= 1
    drawn = [graph for graph in map(space.decode, map(space.sample, range(100))) if params(graph) <= LIMIT]
    assert best[0] > 1.1 * max(map(macs, drawn))
