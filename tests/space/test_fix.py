"""Some decisions made for good: a smaller space, counted exactly, at home in the whole one; and what cannot be fixed."""

import itertools
import json
import math
from random import Random

import pytest
from core_toys import SHAPE, TIED, Tag, Wide, templates, toy_bottle
from hypothesis import assume, given
from hypothesis import strategies as st

from nasmyth.errors import BudgetError, GenomeError
from nasmyth.graph import chain, parallel, repeat
from nasmyth.measure import params
from nasmyth.record import Value
from nasmyth.space import OneHot, Space, choice, grammar, integer, maybe, real, subset, symbol
from nasmyth.testing import check_space


class Habits(Value):
    """A recipe."""

    lr: float = 0.1
    epochs: int = 1


MIXED = Space(
    chain(
        Wide(choice(4, 8, name="width")),
        repeat(choice(Tag(choice(1, 2, 3)), toy_bottle()), integer(0, 2)),
        parallel(subset(2, Tag(5), Tag(integer(6, 7)), maybe(Tag(4)))),
        maybe(Wide(2 * choice(4, 8, name="width"))),
    ),
    (3, 6, 6),
    Habits(epochs=integer(1, 2)),
)
EVERY = list(MIXED.enumerate())


def agreeing(space, partial):
    every = EVERY if space is MIXED else space.enumerate()
    return [g for g in every if all(g.get(key, d) == d for key, d in partial.items())]


@pytest.mark.parametrize(
    "partial",
    [
        {}, {"width": 8}, {"[1].count": 2}, {"[1].count": 0}, {"[1][1]": 1},
            {"[1][1]": 0, "[1][1]:0.label": 3}, {"[1][0]:0.label": 2},
        {"[2]": [0, 2]}, {"[2]": [0, 2], "[2]:2": 1}, {"[2]:1.label": 7}, {"recipe.epochs": 2},
        {"[3]": 1, "width": 4, "[1].count": 1, "[1][0]": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_fixed_is_decided_so_and_the_rest_is_open(partial):
    fixed, every = MIXED.fix(partial), agreeing(MIXED, partial)
    assert list(fixed.enumerate()) == every and fixed.size == len(every)
    made = [fixed.sample(seed) for seed in range(30)]
    made += [fixed.mutate(a, 1) for a in made[:10]] + [fixed.crossover(a, b, 2) for a, b in itertools.pairwise(made)]
    assert all(genome in every for genome in made)
    assert len({str(genome) for genome in made}) > min(len(every), 8) / 2
    assert all(set(map(str, fixed.neighbours(made[0]))) <= set(map(str, every)) for _ in range(2))
    assert all(fixed.encode(g) == MIXED.encode(g) == OneHot.fit(fixed).encode(g) for g in made)
    assert all(fixed.decode(g) == MIXED.decode(g) for g in made)


@given(templates(), st.integers(0, 99))
def test_sizes_of_random_templates(template, seed):
    space = Space(template, SHAPE, Habits(epochs=integer(1, 3, name="w")))
    assume(space.size <= 400)
    rng, genome = Random(seed), space.sample(seed)
    partial = {key: genome[key] for key in rng.sample(list(genome), rng.randint(0, len(genome)))}
    assert space.fix(partial).size == len(agreeing(space, partial))


def test_a_smaller_space_keeps_every_law():
    check_space(MIXED.fix({"[1].count": 2, "[1][0]": 0}), samples=12)


def test_options_that_become_equal_are_still_two():
    space = Space(chain(choice(Tag(choice(1, 2)), Tag(choice(1, 3)))), SHAPE)
    assert space.fix({"[0]:0.label": 1, "[0]:1.label": 1}).size == 2


def test_a_real_number_that_is_fixed_leaves_finitely_many():
    space = Space(chain(Tag(choice(1, 2))), SHAPE, Habits(lr=real(1e-3, 1, log=True)))
    fixed = space.fix({"recipe.lr": 0.1})
    assert space.size == math.inf and fixed.size == 2
    assert [g["recipe.lr"] for g in fixed.enumerate()] == [0.1, 0.1] and fixed.recipe_of(fixed.sample()).lr == 0.1


def test_a_derivation_may_be_fixed():
    a = symbol("a")
    space = Space(chain(Tag(choice(1, 2)), grammar({"a": [chain(a, a), Tag(1), Tag(2)]}, depth=3)), SHAPE)
    fixed = space.fix({"[1]": [0, 1, 2]})
    assert fixed.size == 2 and {tuple(g["[1]"]) for g in fixed.enumerate()} == {(0, 1, 2)}
    with pytest.raises(GenomeError, match="ends before 'a' is derived"):
        space.fix({"[1]": [0, 1]})


def test_names_are_fixed_wherever_they_stand():
    n = integer(1, 3, name="n")
    space = Space(chain(repeat(Tag(choice(1, 2)), n), TIED), SHAPE, Habits(epochs=2 * n))
    fixed = space.fix({"n": 2})
    assert fixed.size == 4 * space.fix({"n": 1}).size // 2 and fixed.recipe_of(fixed.sample()).epochs == 4


def test_fixing_more_composes():
    partial = {"width": 8, "[1].count": 2, "[1][0]": 0}
    step = MIXED
    for key, decision in partial.items():
        step = step.fix({key: decision})
    assert step == MIXED.fix(partial) and step.fixed == partial and step.key != MIXED.key
    assert MIXED.fix({}) == MIXED and MIXED.fix({}).key == MIXED.key and step.fix({"width": 8}) == step
    with pytest.raises(GenomeError, match="width: 4, but this space has fixed it to 8"):
        step.fix({"width": 4})
    back = Space.from_json(json.loads(json.dumps(step.to_json())))
    assert back == step and [back.sample(i) for i in range(9)] == [step.sample(i) for i in range(9)]
    assert "fixed" not in MIXED.to_json() and "(3 of them fixed)" in str(step)


def test_narrowed_then_fixed_and_the_other_way_round():
    limit = params <= 250
    one, other = MIXED.narrow(limit).fix({"[1].count": 1}), MIXED.fix({"[1].count": 1}).narrow(limit)
    assert one == other and one.constraints == (limit,)
    for seed in range(20):
        genome = one.sample(seed)
        assert genome["[1].count"] == 1 and params(MIXED.decode(genome)) <= 250
    with pytest.raises(BudgetError):
        MIXED.narrow(params <= 130).fix({"width": 8})


@pytest.mark.parametrize(
    ("partial", "said"),
    [
        ({"widht": 8}, "no hole 'widht'; did you mean 'width'"),
        ({"width": 5}, r"width: 5 is not among the options \[4, 8\]"),
        ({"[1].count": 1, "[1][1]": 1}, r"'\[1\]\[1\]' is decided, which no genome with the other decisions can have"),
        ({"[1][0]": 1, "[1][0]:0.label": 1}, r"'\[1\]\[0\]:0.label' is decided, which no genome"),
        ([("width", 8)], "give a dict from addresses or names"),
    ],
)  # fmt: skip
def test_what_cannot_be_fixed_is_refused(partial, said):
    with pytest.raises(GenomeError, match=said):
        MIXED.fix(partial)


def test_genomes_that_decide_otherwise_are_refused():
    fixed = MIXED.fix({"width": 8})
    genome = {**fixed.sample(), "width": 4}
    with pytest.raises(GenomeError, match="width: 4, but this space has fixed it to 8"):
        fixed.decode(genome)
    assert fixed.mutate(genome, 1)["width"] == 8 == fixed.crossover(genome, genome, 1)["width"]
