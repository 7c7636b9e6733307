"""Holes: what they offer, what they accept, what they refuse, and what takes arithmetic."""

import itertools
import json
import math
from random import Random

import pytest
from core_toys import SHAPE, Tag, Wide
from hypothesis import given
from hypothesis import strategies as st

from nasmyth.errors import GenomeError, SpaceError
from nasmyth.graph import Identity, chain, parallel, repeat
from nasmyth.space import Space, choice, integer, maybe, real, subset

FINITE = [
    choice(1, 2, 3), choice("a", "b"), choice(Tag(1), Tag(2)), choice(None, 1), choice(0.5), integer(3, 9, 2),
    integer(-2, 2),
    integer(5, 5), subset(2, Tag(1), Tag(2), Tag(3)), subset(1, Tag(1)), maybe(Tag(1)),
]  # fmt: skip


@pytest.mark.parametrize("hole", FINITE, ids=repr)
def test_decisions_are_listed_once_checked_and_drawn(hole):
    every = [hole.nth(i) for i in range(hole.count)]
    texts = [json.dumps(decision) for decision in every]
    assert len(set(texts)) == len(texts) and [json.loads(t) for t in texts] == every
    assert [hole.validate(decision, "here") for decision in every] == every
    rng = Random(0)
    drawn = [json.dumps(hole.sample(rng)) for _ in range(40 * len(every))]
    assert set(drawn) == set(texts)
    assert min(drawn.count(text) for text in texts) >= 15  # each equally likely: 40 expected
    vectors = [hole.encode(decision) for decision in [None, *every]]
    assert len({len(v) for v in vectors}) == 1 and len({tuple(v) for v in vectors}) == len(vectors)
    assert all(0 <= x <= 1 for v in vectors for x in v) and not any(vectors[0])


@pytest.mark.parametrize(("n", "k"), [(5, 2), (12, 3), (12, 6)])
def test_subsets_are_numbered_in_the_order_of_combinations(n, k):
    hole = subset(k, *map(Tag, range(n)))
    assert [tuple(hole.nth(i)) for i in range(hole.count)] == list(itertools.combinations(range(n), k))
    hole.nth(0).append(n)
    assert hole.nth(0) == list(range(k))  # a list of its own


@given(st.floats(1e-6, 1e3), st.floats(1.001, 1e6), st.booleans(), st.floats(0, 1))
def test_reals_cover_their_range(lo, factor, log, fraction):
    hole = real(lo, lo * factor, log=log)
    value = hole.at(fraction)
    assert hole.lo <= value <= hole.hi and hole.validate(value, "") == value
    assert math.isclose(hole.fraction(value), fraction, abs_tol=1e-6)
    assert hole.at(0) == pytest.approx(lo) and hole.at(1) == pytest.approx(hole.hi)
    middle = math.sqrt(hole.lo * hole.hi) if log else (hole.lo + hole.hi) / 2
    assert hole.at(0.5) == pytest.approx(middle)


def test_reals_are_drawn_evenly_on_their_scale():
    rng, hole = Random(1), real(1e-4, 1, log=True)
    below = sum(hole.sample(rng) < 1e-2 for _ in range(2000))
    assert 900 < below < 1100


@pytest.mark.parametrize(
    "make, said",
    [
        (choice, "at least one option"), (lambda: choice(1, 1), "stands twice"), (lambda: choice(1, 1.0), "are one"),
        (lambda: choice(0, False), "are one"), (lambda: choice(Tag(), Tag()), "twice"),
        (lambda: choice(math.nan), "finite"),
        (lambda: choice(math.inf, 1), "finite"), (lambda: integer(3, 2), "lo <= hi"),
        (lambda: integer(1, 3, 0), "step >= 1"),
        (lambda: integer(1.0, 3), "whole numbers"), (lambda: integer(True, 3), "whole numbers"),
        (lambda: real(1, 1), "lo < hi"),
        (lambda: real(0, 1, log=True), "lo > 0 for log"), (lambda: real(0, math.inf), "finite"),
        (lambda: real(math.nan, 1), "lo < hi"),
        (lambda: subset(0, Tag()), "k must be from 1"), (lambda: subset(3, Tag(1), Tag(2)), "the number of options, 2"),
        (lambda: subset(1.5, Tag()), "k must be"),
    ],
)  # fmt: skip
def test_impossible_holes_are_refused(make, said):
    with pytest.raises(SpaceError, match=said):
        make()


@pytest.mark.parametrize(
    "hole, decision",
    [
        (choice(1, 2), 3), (choice(1, 2), "1"), (choice(1, 2), None), (choice(1, 2), [1]), (choice("a"), 0),
        (choice(Tag(1), Tag(2)), 2),
        (choice(Tag(1), Tag(2)), -1), (choice(Tag(1), Tag(2)), True), (choice(Tag(1), Tag(2)), 0.0), (integer(1, 5, 2), 2),
        (integer(1, 5, 2), 7), (integer(1, 5), 2.0), (integer(0, 1), True), (real(0, 1), 2), (real(0, 1), math.nan),
        (real(0, 1), "0.5"), (real(0, 1), True), (subset(2, 1, 2, 3), [0]), (subset(2, 1, 2, 3), [0, 0]),
        (subset(2, 1, 2, 3), [0, 3]),
        (subset(2, 1, 2, 3), 1), (subset(2, 1, 2, 3), [0, 1.0]), (choice(1, 2), {}), (choice(Tag(1), Tag(2)), {}),
    ],
)  # fmt: skip
def test_foreign_decisions_are_refused_with_what_is_offered(hole, decision):
    space = Space(chain(Tag(hole) if hole.name is None and not hole.plural else parallel(hole)), SHAPE)
    (key,) = space.holes
    with pytest.raises(GenomeError) as caught:
        space.decode({key: decision})
    assert key in str(caught.value) and repr(decision) in str(caught.value)


def test_decisions_come_back_in_their_own_form():
    assert choice(1, 2).validate(1.0, "") == 1 and type(choice(1, 2).validate(True, "")) is int
    assert type(real(0, 1).validate(1, "")) is float and subset(2, 1, 2, 3).validate((2, 0), "") == [0, 2]


# --- names and arithmetic -------------------------------------------------------------------------------------------

WIDTH, KERNEL = integer(2, 4, name="width"), choice(3, 5, name="kernel")


def out(expression, **decisions):
    space = Space(chain(Tag((WIDTH, KERNEL)), Wide(expression)), SHAPE)
    return space.decode({"width": 3, "kernel": 5, **decisions}).nodes[-1].op.out


@pytest.mark.parametrize(
    "expression, value",
    [
        (2 * WIDTH, 6), (WIDTH * 2, 6), (WIDTH + KERNEL, 8), (WIDTH - 1, 2), (9 - WIDTH, 6), (KERNEL // 2, 2),
        (20 // WIDTH, 6),
        (WIDTH / 2, 1.5), (12 / WIDTH, 4.0), (2 * WIDTH + KERNEL * WIDTH - 1, 20), ((WIDTH + 1) * (KERNEL - 1) // 3, 5),
    ],
)  # fmt: skip
def test_arithmetic_is_that_of_numbers(expression, value):
    if isinstance(value, float):
        space = Space(chain(Tag((WIDTH, KERNEL)), Tag(expression)), SHAPE)
        assert space.decode({"width": 3, "kernel": 5}).nodes[-1].op.label == value
    else:
        assert out(expression) == value


@pytest.mark.parametrize(
    "make",
    [
        lambda: 2 * integer(1, 3), lambda: choice("a", "b", name="word") + 1, lambda: choice(Tag(1), Tag(2), name="t") * 2,
        lambda: WIDTH + "a", lambda: WIDTH * Tag(), lambda: WIDTH + real(0, 1), lambda: choice(1, 2 * WIDTH, name="x") + 1,
        lambda: subset(1, Tag(), name="s") + 1,
    ],
)  # fmt: skip
def test_arithmetic_needs_named_numbers(make):
    with pytest.raises(SpaceError, match="only a named number takes arithmetic"):
        make()


def test_arithmetic_on_reals():
    drop = real(0.0, 0.4, name="drop")
    space = Space(chain(Tag(drop), Tag(drop / 2)), SHAPE)
    assert list(space.holes) == ["drop"] and space.size == math.inf
    assert [n.op.label for n in space.decode({"drop": 0.2}).nodes[1:]] == [0.2, 0.1]


def test_division_by_zero_says_which():
    with pytest.raises(SpaceError, match="can be 0"):
        Space(Wide(6 // integer(0, 2, name="z")), SHAPE).decode({"z": 0})
    with pytest.raises(SpaceError, match="can be 0"):
        Space(repeat(Tag(), 6 // integer(0, 2, name="z")), SHAPE)


def test_one_name_is_one_decision():
    space = Space(chain(Wide(WIDTH), Tag(KERNEL), repeat(Wide(WIDTH, kernel=KERNEL), 2)), SHAPE)
    assert space.size == 6 and list(space.holes) == ["width", "kernel"]
    for width, kernel in itertools.product((2, 3, 4), (3, 5)):
        ops = [n.op for n in space.decode({"width": width, "kernel": kernel}).nodes[1:]]
        assert ops == [Wide(width), Tag(kernel), Wide(width, kernel=kernel), Wide(width, kernel=kernel)]


def test_two_holes_of_one_name_must_be_alike():
    with pytest.raises(SpaceError, match="two holes named 'width' differ"):
        Space(chain(Wide(WIDTH), Wide(integer(2, 5, name="width"))), SHAPE)
    with pytest.raises(SpaceError, match="two holes named 'width' differ"):  # even where only one can be active
        Space(choice(Wide(WIDTH), chain(Tag(), Wide(choice(2, 3, name="width")))), SHAPE)


@pytest.mark.parametrize("name", ["", 3, Tag()])
def test_names_are_words(name):
    with pytest.raises(SpaceError, match="a hole's name is a word"):
        Space(Tag(choice(1, 2, name=name)), SHAPE)


def test_addresses_say_where_a_decision_belongs():
    inner = choice(Tag(choice(1, 2)), chain(Tag(choice(3, 4))), Tag(choice(5, 6, name="six")), name="mixer")
    template = chain(Wide(choice(4, 8)), stem=maybe(Tag(choice(1, 2))), body=repeat(inner, integer(1, 2)))
    assert list(Space(template, SHAPE).holes) == [
        "[0].out", "stem", "stem:1.label", "body.count", "mixer", "mixer:0.label", "mixer:1[0].label", "six",
    ]  # fmt: skip
    assert list(Space(repeat(Tag(choice(1, 2)), integer(1, 2)), SHAPE).holes) == ["count", "[0].label", "[1].label"]
    assert list(Space(repeat(Tag(choice(1, 2)), integer(1, 2), tied=True), SHAPE).holes) == ["count", "tied.label"]
    picked = chain(some=parallel(subset(1, Tag(choice(1, 2)), Tag(3))))
    assert list(Space(picked, SHAPE).holes) == ["some", "some:0.label"]


def test_maybe_is_the_template_or_nothing():
    space = Space(chain(Tag(0), maybe(Tag(1))), SHAPE)
    assert [[n.op for n in space.decode(g).nodes[1:]] for g in space.enumerate()] == [[Tag(0)], [Tag(0), Tag(1)]]
    assert maybe(Tag(1)) is choice(Identity(), Tag(1))


def test_counts_may_be_choices_of_arithmetic():
    n = integer(1, 2, name="n")
    space = Space(chain(Tag(n), repeat(Tag(choice(5, 6)), choice(0, 2 * n, integer(3, 4)))), SHAPE)
    every = list(space.enumerate())
    assert len(every) == space.size == (1 + 4 + 8 + 16) + (1 + 16 + 8 + 16)
    assert (
        max(len(space.decode(g).nodes) - 2 for g in every) == 4 and len(space.holes) == 7
    )  # n, the count, the choice in it, four copies


def test_reals_cannot_count():
    with pytest.raises(SpaceError, match="no finite list"):
        Space(repeat(Tag(), real(1, 2, name="r")), SHAPE)
