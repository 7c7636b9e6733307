"""Budgets pushed into a space: what is made fits, what fits is not lost, and what cannot be met is said."""

import itertools
import math
from random import Random

import pytest
from core_toys import SHAPE, Flat, Tag, Wide, templates, toy_bottle
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nasmyth.errors import BudgetError, SpaceError
from nasmyth.graph import Identity, Zero, cell, chain, parallel, repeat
from nasmyth.measure import accuracy, constraint, constraints, macs, params
from nasmyth.space import Space, choice, integer, maybe, real, subset
from nasmyth.testing import check_space


def genomes(space):
    return {str(genome): genome for genome in space.enumerate()}


def meets(space, genome, limits):
    graph = space.decode(genome)
    return all(limit.satisfied(limit.measure(graph)) for limit in limits)


def spread(space, measure):
    return sorted({measure(space.decode(genome)) for genome in space.enumerate()})


@settings(max_examples=25 if settings().max_examples < 100 else 400)
@given(templates(), st.floats(0, 1), st.sampled_from([(params,), (macs,), (params, macs)]))
def test_what_is_made_fits_and_what_fits_is_not_ruled_out(template, where, measures):
    """Against listing all genomes: every one that fits can still be made; every sample, mutant, child, neighbour fits."""
    space = Space(template, SHAPE)
    assume(space.size <= 400 and "Expression('-'" not in repr(template))  # costs grow with every number
    every = genomes(space)
    limits = [m <= sorted(m(space.decode(g)) for g in every.values())[int(where * (len(every) - 1))] for m in measures]
    fitting = {key for key, genome in every.items() if meets(space, genome, limits)}
    if not fitting:
        with pytest.raises(BudgetError):
            space.narrow(*limits)
        return
    narrowed = space.narrow(*limits)
    assert set(genomes(narrowed)) == fitting
    for key in fitting:  # no decision of a genome that fits was ruled out
        assert all(every[key][name] in allowed for name, allowed in narrowed.domains.items() if name in every[key])
    check_space(narrowed, samples=5)


def test_every_decision_that_can_fit_is_sampled():
    """All of a small space's fitting genomes turn up, and nothing else."""
    space = Space(chain(Wide(choice(1, 2, 4, 8)), repeat(toy_bottle(expand=integer(1, 3)), integer(0, 2))), (3, 6, 6))
    limit = params <= 200
    fitting = {key for key, genome in genomes(space).items() if meets(space, genome, [limit])}
    narrowed, rng = space.narrow(limit), Random(0)
    assert 5 < len(fitting) < space.size / 2
    assert {str(narrowed.sample(rng)) for _ in range(60 * len(fitting))} == fitting
    assert set(map(len, narrowed.domains.values())) != {0}


def test_options_with_decisions_of_their_own_are_tried_at_their_cheapest():
    """The first of an option's own decisions is dear: that must not rule the option out, nor hide the cheapest network."""
    inner = choice(Tag(1, choice(1000, 500, 1)), Tag(2, 50), Tag(3, 60))
    space = Space(chain(Tag(0), inner), SHAPE)
    assert [g["[1]"] for g in genomes(space.narrow(params <= 40)).values()] == [0]
    narrowed = space.narrow(params <= 220)
    assert {narrowed.sample(i)["[1]"] for i in range(60)} == {0, 1} and narrowed.domains["[1]"] == [0, 1]
    nested = Space(choice(Tag(9, 100), chain(choice(Tag(1, 900), Tag(1, choice(800, 2))))), SHAPE)
    assert params(nested.decode(nested.narrow(params <= 8).sample())) == 8


def test_each_limit_rules_out_by_itself():
    """Cheap for both together is not cheapest for each: an option may need the other's slack."""
    dear = choice(Wide(4, kernel=1), Tag(0, 2), name="first")  # 16 params, 1024 macs   against   8 params, 512 macs
    space = Space(chain(dear, choice(Tag(1, 1), Tag(1, 30)), maybe(Wide(4, kernel=1))), SHAPE)
    for limits in ([params <= 40, macs <= 2000], [params <= 24, macs <= 10_000], [macs <= 1600, params <= 1000]):
        fitting = {key for key, genome in genomes(space).items() if meets(space, genome, limits)}
        assert set(genomes(space.narrow(*limits))) == fitting
        narrowed, rng = space.narrow(*limits), Random(0)
        assert {str(narrowed.sample(rng)) for _ in range(200)} == fitting


def test_zero_is_cheaper_than_little():
    space = Space(chain(maybe(Tag(1)), choice(Tag(2, 3), Identity())), SHAPE)
    assert space.narrow(params <= 1).sample() == {"[0]": 0, "[1]": 1}


BIG = Space(
    chain(
        Wide(integer(4, 32, 4, name="w")),
        repeat(choice(toy_bottle(expand=choice(1, 2, 4), kernel=choice(1, 3, 5)), Tag(1), Identity()), integer(1, 6)),
        cell(3, choice(Zero(), Identity(), Tag(2), toy_bottle())),
        parallel(subset(2, Tag(5), toy_bottle(), Tag(6, 9))),
        Flat(),
    ),
    (3, 8, 8),
)


@pytest.mark.parametrize(
    "limits",
    [
        ["params<=3k"], ["params<=20k", "macs<=500k"], ["params>=5k", "params<=6k"], ["macs>=1M"],
        ["params>=20k", "macs<=3M"],
    ],
    ids=str,
)  # fmt: skip
def test_moves_in_a_large_narrowed_space_fit(limits):
    limits = constraints(limits)
    narrowed, rng = BIG.narrow(*limits), Random(1)
    drawn = [narrowed.sample(rng) for _ in range(20)]
    assert len({str(genome) for genome in drawn}) > 14
    for a, b in itertools.pairwise(drawn):
        for genome in (a, narrowed.mutate(a, rng), narrowed.crossover(a, b, rng)):
            assert meets(BIG, genome, limits)
        assert narrowed.mutate(a, rng) != a
    for genome, _ in zip(narrowed.neighbours(drawn[0]), range(20), strict=False):
        assert meets(BIG, genome, limits)


def test_a_parent_that_does_not_fit_has_children_that_do():
    limit = params <= 3000
    narrowed, rng = BIG.narrow(limit), Random(2)
    largest = max((BIG.sample(i) for i in range(50)), key=lambda genome: params(BIG.decode(genome)))
    assert not meets(BIG, largest, [limit])
    for _ in range(10):
        assert meets(BIG, narrowed.mutate(largest, rng), [limit]) and meets(
            BIG, narrowed.crossover(largest, largest, rng), [limit]
        )


def test_narrowing_is_deterministic_and_adds_up():
    once, again = BIG.narrow(params <= 9000), BIG.narrow(params <= 9000)
    assert once.domains == again.domains and [once.sample(i) for i in range(9)] == [again.sample(i) for i in range(9)]
    both = once.narrow(macs <= 300_000).narrow(params <= 9000)
    assert both.constraints == (params <= 9000, macs <= 300_000)
    assert all(meets(BIG, both.sample(i), both.constraints) for i in range(20))
    assert BIG.narrow().constraints == () and BIG.narrow().sample(3) == BIG.sample(3)
    assert once.key == BIG.key  # the same genomes belong to it


# --- what cannot be met -----------------------------------------------------------------------------------------------

SMALL = Space(chain(Wide(choice(4, 8)), Tag(0, integer(1, 4)), maybe(Tag(1))), (3, 5, 5))


@pytest.mark.parametrize("measure", [params, macs])
@pytest.mark.parametrize("relation", ["<=", ">="])
def test_an_impossible_budget_names_the_nearest_possible_one(measure, relation):
    values = spread(SMALL, measure)
    best = values[0] if relation == "<=" else values[-1]
    asked = constraint(f"{measure.name}{relation}{best / 2 if relation == '<=' else best * 2}")
    with pytest.raises(BudgetError) as caught:
        SMALL.narrow(asked)
    error = caught.value
    assert error.binding == str(asked) and error.smallest == best
    assert error.feasible == str(asked.at(best)) and error.feasible in str(error) and str(asked) in str(error)
    assert ("smallest" if relation == "<=" else "largest") in str(error)
    assert measure(SMALL.decode(SMALL.narrow(constraint(error.feasible)).sample())) == best


@pytest.mark.parametrize(
    "limits",
    [
        ["params<=112", "macs>=20k"], ["params<=200", "params>=400"], ["params<=10", "macs<=10"],
        ["params<=10", "macs>=1M"],
        ["params>=10M", "macs<=2800"],
    ],
    ids=str,
)  # fmt: skip
def test_budgets_that_exclude_each_other(limits):
    """The suggestion, put in place of what was missed, can be met."""
    limits = [constraint(text) for text in limits]
    assert not any(meets(SMALL, genome, limits) for genome in SMALL.enumerate())
    with pytest.raises(BudgetError) as caught:
        SMALL.narrow(*limits)
    error = caught.value
    loosened = {(c.measure.name, c.relation): c for c in map(constraint, error.feasible.split(", "))}
    assert error.binding in map(str, limits) and loosened
    SMALL.narrow(*(loosened.get((limit.measure.name, limit.relation), limit) for limit in limits)).sample()


def test_contradictions_are_seen_before_anything_is_tried():
    with pytest.raises(BudgetError, match="contradict each other") as caught:
        constraints(["params<=3k", "params>=3M"])
    assert caught.value.binding == "params<=3000"


def test_only_what_a_graph_tells_narrows():
    with pytest.raises(SpaceError, match="what a graph tells"):
        SMALL.narrow(accuracy >= 0.9)
    with pytest.raises(SpaceError, match="write a constraint"):
        SMALL.narrow("params<=3k")


def test_shapes_that_do_not_fit_are_avoided():
    """Some genomes of this template are no networks at all; a narrowed space makes none of them."""
    split = Space(chain(Wide(choice(4, 6)), parallel(Wide(choice(4, 6)), Identity())), (3, 5, 5))
    narrowed = split.narrow(params <= 10_000)
    for seed in range(20):
        genome = narrowed.sample(seed)
        assert narrowed.decode(genome).output == (genome["[0].out"], 5, 5)
        narrowed.decode(narrowed.mutate(genome, seed))
        assert list(narrowed.neighbours(genome)) == [], "one of the two widths alone cannot be changed"


def test_reals_and_large_numbers_do_not_hinder():
    space = Space(chain(Wide(integer(1, 10_000)), Tag(real(0, 1))), SHAPE)
    narrowed = space.narrow(params <= 50_000)
    widths = [narrowed.sample(i)["[0].out"] for i in range(30)]
    assert max(widths) <= 50_000 / 37 and len(set(widths)) > 10 and min(widths) >= 1
    assert not math.isnan(narrowed.sample(1)["[1].label"])
