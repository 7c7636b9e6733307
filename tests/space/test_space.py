"""The laws of spaces, on templates drawn at random and against brute force; and what is no genome, what is no space."""

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from core_toys import SHAPE, TIED, Flat, Tag, Wide, templates, toy_bottle
from hypothesis import assume, given
from hypothesis import strategies as st

from nasmyth.errors import GenomeError, ShapeError, SpaceError
from nasmyth.graph import Identity, Zero, cell, chain, parallel, repeat, residual
from nasmyth.record import Value
from nasmyth.space import Space, choice, integer, maybe, real, subset
from nasmyth.space.fill import fill
from nasmyth.testing import check_space


class Plan(Value):
    """A recipe."""

    lr: float = 0.1
    epochs: int = 1
    kind: str = "sgd"


def text(genome):
    return json.dumps(genome, sort_keys=True)


def term(space, genome):
    """What a genome stands for, filled anew, past every cache of the space."""
    filled, made = fill(space.template, lambda key, hole: hole.validate(genome[key], key))
    recipe, more = fill(space.recipe, lambda key, hole: hole.validate(genome[key], key), "recipe")
    return (filled, recipe), {**made, **more}


# --- laws on random templates -----------------------------------------------------------------------------------------


@given(templates())
def test_every_law(template):
    check_space(Space(template, SHAPE), samples=8)


@given(templates(reals=True), st.integers(0, 99))
def test_every_law_with_reals_and_a_recipe(template, seed):
    recipe = Plan(lr=real(1e-3, 1, log=True), epochs=integer(1, 3), kind=choice("sgd", "adam"))
    check_space(Space(template, SHAPE, recipe), samples=5, seed=seed)


@given(templates())
def test_size_is_the_number_enumerated_and_all_differ(template):
    space = Space(template, SHAPE, Plan(epochs=integer(1, 3, name="w")))  # a name of the template's, tied to it
    assume(space.size <= 1500)
    every = list(space.enumerate())
    assert space.size == len(every) == len({text(genome) for genome in every})
    assert type(space.size) is int


def walk_all(template):
    """All genomes of a template, by trying to fill it with ever longer lists of numbers: nothing in common with
    enumerate."""
    found, tried = {}, [()]
    while tried:
        numbers = tried.pop()
        asked = []

        def pick(key, hole, numbers=numbers, asked=asked):
            asked.append(hole)
            return hole.nth(numbers[len(asked) - 1] if len(asked) <= len(numbers) else 0)

        _, genome = fill(template, pick)
        if len(asked) == len(numbers):
            found[text(genome)] = genome
        else:
            tried += [(*numbers, i) for i in range(asked[len(numbers)].count)]
    return found


@given(templates(depth=2))
def test_enumerate_is_complete(template):
    space = Space(template, SHAPE)
    assume(space.size <= 150)
    assert {text(genome) for genome in space.enumerate()} == set(walk_all(template))


@given(templates())
def test_encoding_is_injective(template):
    space = Space(template, SHAPE)
    assume(space.size <= 800)
    vectors = [tuple(space.encode(genome)) for genome in space.enumerate()]
    assert len(set(vectors)) == len(vectors) and len({len(v) for v in vectors}) == 1


@given(templates())
def test_no_decision_is_dead(template):
    """Leaves of random templates are all different, so changing any active decision must change the network's term."""
    space = Space(template, SHAPE)
    genome = space.sample(7)
    before = term(space, genome)[0]
    for key in genome:
        for other in space.alternatives(key, genome[key]):
            changed = space.changed(genome, {key: other})
            assert changed != genome and term(space, changed)[0] != before


@given(templates(), st.integers(0, 99))
def test_what_is_remembered_is_what_is_filled(template, seed):
    """Fillings are remembered by their decisions; a template without memory gives the same."""
    space = Space(template, SHAPE)
    genome = space.sample(seed)
    plain = Space(template, SHAPE).filled(json.loads(text(genome)))
    assert space.filled(genome) == plain == term(space, genome)[0] and term(space, genome)[1] == genome
    assert list(space.validate(json.loads(text(genome)))) == list(genome)


def test_ten_thousand_samples_decode():
    """Of a template with everything in it."""
    width = integer(2, 6, 2, name="width")
    layer = choice(Tag(choice(1, 2)), toy_bottle(expand=choice(1, width), kernel=choice(1, 3)), TIED)
    template = chain(
        Wide(2 * width, stride=choice(1, 2)),
        repeat(residual(layer, maybe(layer)), integer(0, 3)),
        cell(3, choice(Zero(), Identity(), layer), pick=lambda edges, j: subset(1, *edges) if j == 2 else edges),
        repeat(layer, choice(1, width), tied=True),
        parallel(subset(2, layer, Tag(8), Tag(9), Identity())),
        Flat(choice(3, width // 2)),
    )
    space = Space(template, (3, 9, 9), Plan(lr=real(1e-3, 1, log=True)))
    for seed in range(10_000):
        assert len(space.decode(space.sample(seed)).output) == 1


# --- known sizes ------------------------------------------------------------------------------------------------------


def edge(i, j):
    return choice(Zero(), Identity(), Tag(1), Tag(2), Tag(3), name=f"e{i}{j}")


@pytest.mark.parametrize(
    "template, size",
    [
        (Tag(), 1),
        (chain(Tag(choice(1, 2)), Tag(choice(1, 2))), 4),
        (chain(*[repeat(cell(3, edge), 5)] * 3), 5**6),  # NAS-Bench-201 (Dong and Yang 2020, table 1)
        (repeat(Tag(choice(1, 2, 3)), integer(2, 4)), 9 + 27 + 81),
        (repeat(Tag(choice(1, 2, 3)), integer(2, 4), tied=True), 3 * 3),
        (repeat(Tag(choice(1, 2, 3)), choice(0, 2), tied=True), 1 + 3),
        (cell(4, choice(1, 2, 3) and Tag(choice(1, 2, 3)), pick=lambda e, j: subset(2, *e) if j > 1 else e),
            3 * 9 * 3 * 9 * 9 * 6),
        (choice(Tag(choice(1, 2, name="a")), chain(Tag(choice(1, 2, name="a")), Tag(choice(1, 2)))), 2 + 4),
        (chain(maybe(Tag(choice(1, 2, name="a"))), Tag(choice(1, 2, name="a"))), 2 + 2),
        (chain(repeat(Tag(choice(1, 2)), integer(1, 2, name="n")), repeat(Tag(choice(1, 2)), integer(1, 2, name="n"))),
            4 + 16),
        (repeat(Tag(choice(1, 2)), 200), 2**200),
        (Tag(real(0, 1)), math.inf),
    ],
)  # fmt: skip
def test_known_sizes(template, size):
    assert Space(template, SHAPE).size == size


# --- moves ------------------------------------------------------------------------------------------------------------

SPACE = Space(
    chain(Wide(choice(4, 8)), repeat(choice(Tag(choice(1, 2)), toy_bottle(expand=integer(1, 3))), integer(1, 3))),
    (3, 8, 8),
)


def difference(a, b):
    """Keys that are decided otherwise, among those active in both."""
    return {key for key in a.keys() & b.keys() if a[key] != b[key]}


def test_mutation_changes_one_decision_and_what_hangs_on_it():
    rng, reached = Random(0), set()
    for seed in range(300):
        genome = SPACE.sample(seed)
        child = SPACE.mutate(genome, rng)
        assert len(difference(genome, child)) == 1 and child != genome
        reached |= difference(genome, child)
        assert len(difference(genome, SPACE.mutate(genome, rng, changes=2))) in (1, 2)
    assert reached == set(SPACE.holes)


def test_mutation_of_a_fixed_space_changes_nothing():
    space = Space(chain(Tag(choice(5)), Tag(integer(2, 2))), SHAPE)
    assert space.mutate(space.sample()) == space.sample() and list(space.neighbours(space.sample())) == []


def test_a_child_takes_every_decision_from_a_parent():
    rng = Random(0)
    for seed in range(200):
        a, b = SPACE.sample(seed), SPACE.sample(seed + 1000)
        child = SPACE.crossover(a, b, rng)
        SPACE.decode(child)
        assert all(child[key] in [p[key] for p in (a, b) if key in p] for key in child if key in a or key in b)
    assert SPACE.crossover(a, a, rng) == a


def test_neighbours_are_all_that_differ_in_one_decision():
    small = Space(chain(Tag(choice(1, 2, 3)), Tag(integer(1, 4)), parallel(subset(2, Tag(5), Tag(6), Tag(7)))), SHAPE)
    every = list(small.enumerate())
    for genome in every:
        near = list(small.neighbours(genome))
        assert sorted(map(text, near)) == sorted(text(g) for g in every if len(difference(g, genome)) == 1)


def test_neighbours_of_a_real_lie_on_both_sides():
    space = Space(Tag(real(0, 1)), SHAPE)
    assert [g["label"] for g in space.neighbours({"label": 0.5})] == pytest.approx([0.4, 0.6])
    assert [g["label"] for g in space.neighbours({"label": 0.0})] == pytest.approx([0.1])


@pytest.mark.parametrize("n", [64, 65, 100, 127, 10_000, 10**30])
def test_alternatives_are_few_and_spread(n):
    space = Space(Tag(integer(1, n)), SHAPE)
    others = space.alternatives("label", 1)
    assert 20 <= len(others) <= 64 and len(set(others)) == len(others) and max(others) > 0.9 * n
    assert 0 < space.sample(3)["label"] <= n and space.size == n


def test_samples_are_the_same_in_every_process():
    program = (
        "import sys, json; sys.path[:0] = ['tests', 'tests/space']; from test_space import SPACE\n"
        "from random import Random; rng = Random(5); g = SPACE.sample(rng)\n"
        "print(json.dumps([SPACE.sample(3), SPACE.sample('word'), SPACE.mutate(g, rng), SPACE.crossover(g, "
        "SPACE.sample(1), rng)]))"
    )
    rng = Random(5)
    genome = SPACE.sample(rng)
    here = [
        SPACE.sample(3),
        SPACE.sample("word"),
        SPACE.mutate(genome, rng),
        SPACE.crossover(genome, SPACE.sample(1), rng),
    ]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True,
        env={"PYTHONHASHSEED": "77", "PATH": ""},
    )  # fmt: skip
    assert json.loads(done.stdout) == here, done.stderr


def test_samples_are_uniform_over_each_decision():
    counted = [SPACE.sample(seed)["[1].count"] for seed in range(900)]
    assert all(240 < counted.count(n) < 360 for n in (1, 2, 3))


# --- recipes ----------------------------------------------------------------------------------------------------------


def test_recipes_have_holes_of_their_own():
    space = Space(Tag(choice(1, 2)), SHAPE, Plan(lr=real(1e-3, 1, log=True), epochs=integer(1, 3)))
    assert list(space.holes) == ["label", "recipe.lr", "recipe.epochs"]
    genome = space.sample(1)
    recipe = space.recipe_of(genome)
    assert type(recipe) is Plan and (recipe.lr, recipe.epochs) == (genome["recipe.lr"], genome["recipe.epochs"])
    assert Space(Tag(), SHAPE).recipe_of({}) is None


def test_names_tie_recipe_and_network():
    n = integer(1, 3, name="n")
    space = Space(repeat(Tag(), n), SHAPE, Plan(epochs=2 * n))
    assert space.size == 3
    for genome in space.enumerate():
        assert space.recipe_of(genome).epochs == 2 * (len(space.decode(genome).nodes) - 1) == 2 * genome["n"]
    with pytest.raises(SpaceError, match="differ"):
        Space(repeat(Tag(), n), SHAPE, Plan(epochs=integer(1, 4, name="n")))


# --- what is no genome, and no space ----------------------------------------------------------------------------------

GENOME = {"[0].out": 4, "[1].count": 1, "[1][0]": 0, "[1][0]:0.label": 2}


def test_a_genome_is_plain_data():
    assert SPACE.decode(GENOME).nodes[-1].op is Tag(2)
    assert SPACE.validate(dict(reversed(GENOME.items()))) == GENOME
    assert list(SPACE.validate(dict(reversed(GENOME.items())))) == list(GENOME)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"[0].out": 5}, r"\[0\].out: 5 is not among the options \[4, 8\]"), ({"[0].out": None}, "None is not among"),
        ({"[0].out": {}}, "{} is not among"), ({"[0].out": [[]]}, "is not among"),
        ({"[1].count": 2}, r"no decision for '\[1\]\[1\]'"),
        ({"[1][1]": 0}, r"decides '\[1\]\[1\]', which is not active"), ({"nonsense": 1}, "'nonsense', which is not active"),
        ({"[1].count": 0}, "not a whole number from 1 to 3"), ({"[1][0]": 1}, r"no decision for '\[1\]\[0\]:1.expand'"),
    ],
)  # fmt: skip
def test_foreign_genomes_are_refused(change, said):
    with pytest.raises(GenomeError, match=said):
        SPACE.decode({**GENOME, **change})


@pytest.mark.parametrize("genome", [None, [], "x", 3])
def test_what_is_no_dict_is_no_genome(genome):
    with pytest.raises(GenomeError, match="a genome is a dict"):
        SPACE.decode(genome)
    with pytest.raises(GenomeError, match="no decision for"):
        SPACE.decode({})


def test_moves_refuse_what_is_not_theirs():
    for move in (SPACE.mutate, lambda g: list(SPACE.neighbours(g))):
        with pytest.raises(GenomeError, match=r"no hole '\[0\].oot'; did you mean '\[0\].out'"):
            move({"[0].oot": 4})
    with pytest.raises(GenomeError, match="5 is not among"):
        SPACE.crossover({**GENOME, "[0].out": 5}, {**GENOME, "[0].out": 5})
    with pytest.raises(GenomeError, match="5 is not among"):
        SPACE.changed(GENOME, {"[0].out": 5})


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: Space(3, SHAPE), "needs a template"), (lambda: Space(Tag, SHAPE), "needs a template"),
        (lambda: Space(Tag(), ()), "one example"),
        (lambda: Space(Tag(), (3, 0)), "one example"),
        (lambda: next(Space(Tag(real(0, 1)), SHAPE).enumerate()), "no finite list"),
        (lambda: Space(repeat(Tag(), choice("many", "few")), SHAPE), "whole number"),
        (lambda: Space(repeat(Tag(), integer(-1, 1)), SHAPE), "at least 0"),
    ],
)  # fmt: skip
def test_what_is_no_space_is_refused(make, said):
    with pytest.raises(SpaceError, match=said):
        make()


def test_json_leads_back_to_the_same_space():
    space = Space(SPACE.template, (3, 8, 8), Plan(lr=real(1e-3, 1)))
    back = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert (back.template, back.recipe, back.input, back.key) == (space.template, space.recipe, space.input, space.key)
    assert [back.sample(i) for i in range(20)] == [space.sample(i) for i in range(20)]
    others = [
        SPACE,
        Space(space.template, (3, 9, 8), space.recipe),
        Space(space.template, (3, 8, 8), Plan(lr=real(1e-3, 2))),
    ]
    assert len({space.key, *(other.key for other in others)}) == 4


def test_spaces_say_what_they_are():
    assert str(SPACE.size) in str(SPACE).replace(",", "") and "10^" in str(Space(repeat(Tag(choice(1, 2)), 200), SHAPE))
    assert "countless" in str(Space(Tag(real(0, 1)), SHAPE))


def test_all_moves_lead_everywhere():
    """Single changes connect a space: from one genome, neighbours of neighbours reach all."""
    small = Space(chain(repeat(Tag(choice(1, 2)), integer(0, 2)), maybe(Tag(integer(1, 2)))), SHAPE)
    seen, front = {text(small.sample(0))}, [small.sample(0)]
    while front:
        near = [g for genome in front for g in small.neighbours(genome)]
        front = list({text(g): g for g in near if text(g) not in seen}.values())
        seen |= set(map(text, front))
    assert len(seen) == small.size == 7 * 3 == len(list(itertools.chain(small.enumerate())))


def test_a_misfit_names_the_decision_and_what_would_fit():
    """Both shapes, the address where they meet, the hole, and the option that fits."""
    body = choice(Wide(4), Wide(8), name="mixer")
    space = Space(chain(Wide(4), residual(body)), SHAPE)
    with pytest.raises(ShapeError) as told:
        space.decode({"mixer": 1})
    message = str(told.value)
    assert "(4, 8, 8)" in message and "(8, 8, 8)" in message and "at [1].join" in message
    assert "mixer = 1, Wide(8)," in message and "with mixer = 0, Wide(4), it fits" in message
    with pytest.raises(ShapeError, match="no single decision of this genome mends it"):
        stuck = Space(chain(Wide(4), residual(Wide(8)), Tag(choice(1, 2, name="tag"))), SHAPE)
        stuck.decode({"tag": 1})
