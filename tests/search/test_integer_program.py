"""The integer program against going through all networks of small chains."""

import itertools
import math
from random import Random as Generator

import pytest
from core_toys import SHAPE, Tag, Wide, toy_bottle

pytest.importorskip("ortools", reason="pip install 'nasmyth[program]'")

from nasmyth import Space, Study, chain, choice, ops, repeat, residual
from nasmyth.errors import BudgetError, SpaceError
from nasmyth.graph import parallel
from nasmyth.measure import depth, effectiveness, entropy, find, macs, memory, params
from nasmyth.search import Program, ranked, solve
from nasmyth.search.chain_table import tabulate
from nasmyth.space import integer, maybe, real
from nasmyth.testing import check_strategy

MANY = residual(*(Tag(integer(1, 50)) for _ in range(9)))
WIDE = choice(4, 6, 9, name="w")
SPACES = {
    "local": Space(chain(Wide(choice(4, 8)), residual(Tag(choice(1, 2))), Wide(choice(4, 8, 12), stride=choice(1, 2)),
                         toy_bottle(expand=integer(1, 3)), ops.Mean("h w"), ops.Linear(3)), (3, 8, 8)),
    "copies": Space(chain(Wide(8), stage=repeat(chain(Wide(choice(5, 8), kernel=choice(1, 3)), maybe(Tag(1))), integer(0, 2)),
                          end=Wide(4)), (3, 6, 6)),
    "copies within copies": Space(repeat(chain(repeat(Wide(choice(3, 5)), choice(1, 2)), Wide(4)), integer(0, 2)), (3, 6, 6)),
    "names": Space(chain(Wide(WIDE), Wide(choice(4, 5)), Wide(2 * WIDE), repeat(Wide(WIDE), integer(1, 2, name="n")),
                         repeat(Tag(choice(1, 2)), integer(1, 2, name="n"))), (3, 6, 6)),
    "flat": Space(chain(ops.Linear(choice(4, 8)), ops.Linear(choice(5, 9)), ops.Linear(2)), (6,)),
    "options": Space(chain(choice(Wide(choice(4, 6)), chain(Wide(5), Wide(choice(4, 6)))),
                           parallel(Wide(4), Wide(4, choice(1, 5)), chain(Wide(2, 1), Wide(4, choice(1, 3))))), (3, 5, 5)),
    "ends anywhere": Space(chain(*(Wide(choice(3, 4), stride=choice(1, 2)) for _ in range(3)), Wide(3), ops.Mean("h w"),
                           ops.Linear(2)), (3, 4, 4)),
    "one op": Space(ops.Conv(choice(2, 3)), (3, 8, 8)),
}  # fmt: skip


def best(space, goal, limits=(), sign=1):
    """By going through all of them."""
    graphs = [space.decode(genome) for genome in space.enumerate()]
    return sorted(
        (sign * goal(g) for g in graphs if all(one.satisfied(one.measure(g)) for one in limits)), reverse=True
    )


def middle(space, measure):
    """A bound that about half of the networks meet."""
    values = sorted(measure(space.decode(genome)) for genome in space.enumerate())
    return values[len(values) // 2]


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize(
    "bounded", [(), (params,), (params, macs), (effectiveness,), (params, effectiveness, depth)], ids=repr
)
def test_it_finds_what_going_through_all_finds(space, bounded):
    limits = [one <= middle(space, one) for one in bounded]
    expected = best(space, entropy, limits)
    if not expected:
        with pytest.raises(BudgetError, match="loosen"):
            solve(space, entropy, limits)
        return
    found = [*itertools.islice(ranked(space, "entropy", limits, gap=0.0), 5)]
    assert [one.value for one in found] == pytest.approx(expected[:5], rel=1e-5)
    assert all(one.proven for one in found)
    assert len({repr(sorted(one.genome.items())) for one in found}) == len(found)
    for one in found:
        graph = space.decode(one.genome)
        assert space.validate(one.genome) == one.genome and one.value == entropy(graph)
        assert all(limit.satisfied(limit.measure(graph)) for limit in limits)


@pytest.mark.parametrize("goal", [params, macs, "activations", depth], ids=str)
@pytest.mark.parametrize("name", ["local", "copies", "names"])
def test_any_sum_over_layers_can_be_the_goal(name, goal):
    space, goal = SPACES[name], find(goal)
    limit = macs <= middle(space, macs)
    for direction, sign in (("max", 1), ("min", -1)):
        graph = space.decode(solve(space, goal, [limit], direction=direction))
        assert sign * goal(graph) == best(space, goal, [limit], sign)[0]


@pytest.mark.parametrize("goal", ["size", "traffic"])
def test_bytes_are_sums_as_well(goal):
    parts = (
        ops.Conv(choice(4, 8)),
        ops.BatchNorm(),
        ops.DepthwiseConv(choice(3, 5)),
        ops.Flatten(),
        ops.Linear(choice(2, 3)),
    )
    space = Space(chain(*parts), (3, 6, 6))
    assert find(goal)(space.decode(solve(space, goal))) == -best(space, find(goal), sign=-1)[0]


def test_bounds_from_below_hold_as_well():
    space = SPACES["local"]
    limits = [entropy >= middle(space, entropy), params >= middle(space, params), effectiveness >= 0.2]
    assert macs(space.decode(solve(space, macs, limits))) == -best(space, macs, limits, -1)[0]


def test_all_of_them_come_once_in_order():
    space = SPACES["copies"]
    found = [*ranked(space)]
    assert len(found) == space.size
    values = [one.value for one in found]
    assert all(a >= b - 1e-4 * abs(b) for a, b in itertools.pairwise(values))


def test_widths_that_must_not_fall():
    row = [Wide(choice(4, 6, 8), stride=choice(1, 2)) for _ in range(3)]
    space = Space(chain(*row, ops.Mean("h w"), ops.Linear(2)), (3, 8, 8))

    def grows(genome):
        widths = [value for key, value in genome.items() if key.endswith("out")]
        return widths == sorted(widths)

    limits = [params <= 900]
    fits = [space.decode(g) for g in space.enumerate() if grows(g)]
    expected = max(entropy(g) for g in fits if params(g) <= 900)
    found = solve(space, under=limits, growing=True)
    assert grows(found) and entropy(space.decode(found)) == pytest.approx(expected)
    assert entropy(space.decode(solve(space, under=limits))) > expected


def test_constraints_of_the_space_and_what_is_fixed_hold():
    space = SPACES["local"].fix({"[0].out": 4}).narrow(params <= 1500)
    genome = solve(space)
    assert genome["[0].out"] == 4 and params(space.decode(genome)) <= 1500
    assert entropy(space.decode(genome)) == pytest.approx(best(space, entropy, [params <= 1500])[0])


def test_a_chain_of_countless_networks_takes_a_table_of_few_parts():
    space = Space(chain(*(toy_bottle(expand=integer(1, 6), kernel=choice(1, 3, 5)) for _ in range(12))), SHAPE)
    assert space.size == 18**12 and sum(map(len, tabulate(space, ("params",)).stages)) == 12 * 18
    limit = params <= 12_000
    found = space.decode(solve(space, under=[limit], gap=0.005))
    others = [entropy(space.narrow(limit).decode(space.narrow(limit).sample(seed))) for seed in range(5)]
    assert params(found) <= 12_000 and entropy(found) > max(others)


@pytest.mark.parametrize(
    "space, goal, under, why",
    [
        (SPACES["local"], memory, [], "memory is no sum"),
        (SPACES["local"], entropy, [memory <= 1e9], "memory is no sum"),
        (SPACES["local"], "accuracy", [], "accuracy is no sum"),
        (Space(MANY, SHAPE), entropy, [], "the template has more than 5,000 ways"),
        (Space(chain(Tag(1), MANY), SHAPE), entropy, [], "the part at .1. has more"),
        (Space(Tag(1, real(0, 1)), SHAPE), entropy, [], "real"),
        (Space(chain(Tag(1)), {"x": SHAPE, "y": (3,)}), entropy, [], "one input"),
    ],
)  # fmt: skip
def test_what_is_no_chain_or_no_sum_is_refused(space, goal, under, why):
    with pytest.raises(SpaceError, match=why):
        solve(space, goal, under)


def test_what_nothing_meets_is_said():
    with pytest.raises(BudgetError, match="params<=10"):
        solve(SPACES["local"], under=[params <= 10])


@pytest.mark.parametrize("space", [SPACES["copies"], SPACES["names"], SPACES["local"].narrow(params <= 2000)], ids=repr)
@pytest.mark.parametrize("strategy", [Program(), Program("macs", "max")], ids=repr)
def test_it_is_a_strategy(strategy, space):
    check_strategy(strategy, space, trials=16)


def test_a_study_tries_the_best_first():
    space = SPACES["local"]
    limits = [params <= 2000, effectiveness <= 1]
    with Study(None, space, maximize="entropy", under=limits, strategy=Program(), distinct="genome") as study:
        study.run(lambda graph: {"entropy": entropy(graph)}, trials=6)
        told = [trial.measures["entropy"] for trial in study.trials]
    assert told == pytest.approx(best(space, entropy, limits)[:6])


def test_asking_again_asks_for_the_next():
    strategy, space = Program(), SPACES["local"]
    state = strategy.init(space)
    (first,) = strategy.ask(state, space, Generator(0), 1, ())
    three = strategy.ask(state, space, Generator(1), 3, ())
    assert three[0] == first and len({repr(one.genome) for one in three}) == 3
    values = [entropy(space.decode(one.genome)) for one in three]
    assert values == sorted(values, reverse=True) and not any(map(math.isnan, values))


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(SpaceError, match="'max' or 'min'"):
        Program(direction="up")
    with pytest.raises(SpaceError, match="effort"):
        Program(effort=0.0)
