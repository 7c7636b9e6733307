"""Spaces and genomes that nobody wrote: read, or refused in words, soon and in little memory."""

import itertools
import math

import pytest
from core_toys import SHAPE, Tag, Wide

from nasmyth.errors import GenomeError, NasmythError, SpaceError
from nasmyth.graph import chain, repeat
from nasmyth.space import Space, choice, grammar, integer, maybe, real, subset, symbol
from nasmyth.space.arithmetic import Expression
from nasmyth.space.holes import Choice

SPACE = Space(
    chain(
        Wide(choice(2, 4, name="width"), stride=integer(1, 4)),
        repeat(Tag(real(0.5, 2.0)), integer(0, 2)),
        maybe(Tag("x"), name="maybe"),
        choice(Tag("a"), Tag("b"), name="last"),
        grammar({"g": [Tag("g"), chain(symbol("g"), Tag("h"))]}, depth=3),
    ),
    SHAPE,
)
GENOME = SPACE.sample(3)


@pytest.mark.parametrize(
    "genome",
    [
        None, [], "x", 3, [("width", 2)], {1: 2}, {None: 3}, {"width": None}, {**GENOME, "width": "2"},
        {**GENOME, "width": [2]},
        {**GENOME, "width": {"a": 1}}, {**GENOME, "width": 10**5000}, {**GENOME, "width": float("nan")},
        {**GENOME, "maybe": 2},
        {**GENOME, "maybe": "0"}, {**GENOME, "maybe": True}, {**GENOME, "last": -1}, {**GENOME, "[4]": 3},
        {**GENOME, "[4]": [0, 0]},
        {**GENOME, "[4]": [9]}, {**GENOME, "[4]": [[0]]}, {**GENOME, "[4]": []}, {**GENOME, "[4]": [1] * 50},
        {**GENOME, "[4]": "0"},
        {**GENOME, "[0].stride": 1.0}, {**GENOME, "[0].stride": 10**30}, {**GENOME, "[0].stride": True},
        {**GENOME, "x" * 10**6: 1},
    ],
    ids=lambda genome: str(genome)[-60:] if not (isinstance(genome, dict) and genome.get("width") == 10**5000) else "long",
)  # fmt: skip
def test_genomes_that_are_none(genome):
    for use in (SPACE.decode, SPACE.encode, SPACE.validate, SPACE.recipe_of):
        with pytest.raises(GenomeError) as caught:
            use(genome)
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "data",
    [
        None, [], "x", {}, {"template": {"$": "Tag"}}, {"input": [4, 8, 8]}, {"template": {"$": "Tag"}, "input": []},
        {"template": 3, "input": [3]}, {"template": {"$": "Tag"}, "input": ["4"]},
        {"template": {"$": "Tag"}, "input": [3], "recipe": 3},
        {"template": {"$": "Choice", "options": 3}, "input": [3]},
        {"template": {"$": "Choice", "options": []}, "input": [3]},
        {"template": {"$": "Real", "lo": None, "hi": 3}, "input": [3]},
        {"template": {"$": "Subset", "k": 1, "options": "ab"}, "input": [3]},
        {"template": {"$": "Choice", "options": [{"$": "Tag"}], "name": 3}, "input": [3]},
        {"template": {"$": "Repeat", "body": {"$": "Tag", "label": {"$": "Choice", "options": [1]}}, "count": 10**9},
            "input": [4, 8, 8]},
        {"template": {"$": "Expression", "symbol": "**", "left": 3, "right": 3}, "input": [3]},
        {"template": {"$": "Expression", "symbol": "*", "left": "x", "right": 10**12}, "input": [3]},
    ],
    ids=lambda data: str(data)[:80],
)  # fmt: skip
def test_what_is_no_space_is_refused(data):
    with pytest.raises(NasmythError):
        Space.from_json(data)


def test_a_few_words_do_not_ask_for_all_memory_or_time():
    for count in (integer(0, 10**12), choice(10**9, 1)):
        with pytest.raises(SpaceError, match="at most 10,000"):
            Space(repeat(Tag(choice(1, 2)), count), SHAPE)
    with pytest.raises(SpaceError, match="more than 200,000 parts"):
        Space(repeat(repeat(Tag(choice(1, 2)), 10_000), 10_000), SHAPE)
    with pytest.raises(SpaceError, match="more than 200,000 values"):
        Space(repeat(Tag(choice(1, 2)), integer(0, 10**12, name="n") * 0), SHAPE)
    with pytest.raises(SpaceError, match="at most 100 rules"):
        grammar({"g": [Tag(), chain(symbol("g"), symbol("g"))]}, depth=10**9)
    names = [integer(0, 30, name=f"n{i}") for i in range(12)]
    many = Space(
        chain(
            *(repeat(Tag(choice(1, 2)), name) for name in names), *(repeat(Tag(choice(1, 3)), name) for name in names)
        ),
        SHAPE,
    )
    with pytest.raises(SpaceError, match="cannot be counted"):
        _ = many.size
    assert "uncounted" in repr(many) and many.decode(many.sample(1)).output == SHAPE


def test_arithmetic_is_of_numbers():
    words = Choice(("ab", "c"), "w")
    for symbol_, left, right in (("*", words, 10**12), ("+", words, 1), ("-", 1, words)):
        space = Space(Tag(Expression(symbol_, left, right)), SHAPE)
        with pytest.raises(SpaceError, match="arithmetic is for holes that decide numbers"):
            space.decode(space.sample(1))
    with pytest.raises(SpaceError, match="beyond all numbers"):
        Space(Tag(Expression("/", 10**400, Choice((3,), "n"))), SHAPE).decode({"n": 3})


@pytest.mark.parametrize("n, k", [(1, 1), (4, 2), (6, 3), (7, 7), (8, 1)])
def test_subsets_are_numbered_as_combinations_are(n, k):
    hole = subset(k, *map(Tag, range(n)))
    assert [hole.nth(i) for i in range(hole.count)] == [list(c) for c in itertools.combinations(range(n), k)]


def test_a_subset_of_many_is_drawn_at_once():
    hole = subset(30, *map(Tag, range(60)))
    assert hole.nth(0) == list(range(30)) and hole.nth(math.comb(60, 30) - 1) == list(range(30, 60))
