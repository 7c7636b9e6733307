"""Graphs as text: what is written reads back as the same graph, and what is wrong is told with its place."""

from __future__ import annotations

import pytest
from core_toys import SHAPE, Tag, Wide, templates
from hypothesis import given
from hypothesis import strategies as st

from nasmyth import ops
from nasmyth.errors import NasmythError, ShapeError, UnknownNameError
from nasmyth.graph import Add, Concat, Graph, chain, parallel, repeat, residual
from nasmyth.record import to_json
from nasmyth.space import Space
from nasmyth.spaces import spaces

FORMS = ({}, {"shapes": True}, {"addresses": True}, {"addresses": True, "shapes": True})
OURS = [name for name, one in spaces if one.make.__module__.startswith("nasmyth.")]


@pytest.mark.parametrize("name", OURS)
def test_samples_of_every_space_survive(name):
    named = spaces.get(name)
    space = named(**(named.small or {}))
    for seed in range(10):
        graph = space.decode(space.sample(seed))
        assert Graph.from_text(graph.to_text()).key == graph.key
        exact = Graph.from_text(graph.to_text(addresses=True, shapes=True))
        assert exact.nodes == graph.nodes


@given(templates(), st.integers(0, 9), st.sampled_from(FORMS))
def test_any_template_survives(template, seed, form):
    space = Space(template, SHAPE)
    graph = space.decode(space.sample(seed))
    assert Graph.from_text(graph.to_text(**form)).key == graph.key


def test_how_it_reads():
    graph = Graph.of(chain(stem=Wide(6, stride=2), body=residual(repeat(Tag(), 2, tied=True))), SHAPE)
    assert graph.to_text(shapes=True).splitlines() == [
        "0: input 4x8x8",
        "1: Wide(out=6, stride=2) <- 0 -> 6x4x4",
        "2: Tag() <- 1 -> 6x4x4 @w1",
        "3: Tag() <- 2 -> 6x4x4 @w1",
        "4: Add() <- 1, 3 -> 6x4x4",
    ]
    assert graph.to_text(addresses=True).splitlines()[1] == "1: Wide(out=6, stride=2) <- 0 @stem"


def test_shared_weights_are_kept_and_copies_stay_apart():
    shared = Graph.of(repeat(Wide(4), 3, tied=True), SHAPE)
    copies = Graph.of(repeat(Wide(4), 3), SHAPE)
    assert Graph.from_text(shared.to_text()).costs == shared.costs
    assert shared.costs.params * 3 == copies.costs.params
    assert {Graph.from_text(g.to_text()).key for g in (shared, copies)} == {shared.key, copies.key}


def test_the_order_of_what_is_joined_is_kept():
    one, other = (Graph.of(parallel(Wide(2, k), Wide(3, 4 - k), join=Concat()), SHAPE) for k in (1, 3))
    assert one.key != other.key
    assert [Graph.from_text(g.to_text()).key for g in (one, other)] == [one.key, other.key]


def test_what_people_write_is_read():
    """Comments, free lines, fields in their order, numbers with gaps, quotes of either kind, nodes that nothing reads."""
    text = """
    # a small network
    10: input 3x8x8
    20: Conv(16, 5) <- 10            # the stem
    21: Conv(1) <- 10
    30: Activation('gelu') <- 20 -> 16x8x8 @ act
    40: Mean("h w") <- 30 -> 16
    """
    wanted = chain(ops.Conv(16, kernel=5), ops.Activation("gelu"), ops.Mean("h w"))
    assert Graph.from_text(text) == Graph.of(wanted, (3, 8, 8))
    assert [node.address for node in Graph.from_text(text).nodes] == ["input", "n1", "act", "n4"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | inner.map(lambda x: Tag("inner", x)),
    max_leaves=5,
)


@given(VALUES)
def test_whatever_a_field_may_hold_survives(value):
    graph = Graph.of(chain(Tag(value), Tag("end")), SHAPE)
    assert Graph.from_text(graph.to_text()).nodes[1].op is Tag(value)
    assert to_json(Graph.from_text(graph.to_text()).nodes[1].op) == to_json(Tag(value))


def test_what_cannot_be_read_back_is_not_written():
    with pytest.raises(ValueError, match="inf"):
        Graph.of(Tag(float("inf")), SHAPE).to_text()


@pytest.mark.parametrize(
    ("lines", "error", "said"),
    [
        ("", NasmythError, "empty; it begins with its input"),
        ("1: Conv(out=4) <- 0", NasmythError, r"line 1, column 4: 'Conv', expected the input of the graph first"),
        ("0: input 3x8xq", NasmythError, "line 1, column 10: '3', expected a shape, such as 3x32x32|cannot read"),
        ("0: input 3x8x8\n1: Conv(out=4) <- 2", NasmythError,
            "line 2, column 19: '2', expected the number of a line above"),
        ("0: input 3x8x8\n1: Conv(out=4) 0", NasmythError, "line 2, column 16: '0', expected '<-' and the numbers"),
        ("0: input 3x8x8\n1: Conv(out=4 <- 0", NasmythError, "line 2, column 15: '<-', expected ',' or '\\)'"),
        ("0: input 3x8x8\n1: Conv(out=4, out=5) <- 0", NasmythError, "line 2, column 16: 'out', expected each field once"),
        ("0: input 3x8x8\n1: Conv(out=4) <-", NasmythError,
            "line 2, column 18: the end of the line, expected the number of a node"),
        ("0: input 3x8x8\n\n1: Cnov(out=4) <- 0", UnknownNameError,
            "line 3, column 4: no class 'Cnov'.*did you mean 'Conv'"),
        ("0: input 3x8x8\n1: Conv(outt=4) <- 0", NasmythError, "line 2, column 4: cannot read a Conv.*did you mean 'out'"),
        ("0: input 3x8x8\n1: Conv(out=__import__) <- 0", NasmythError,
            "column 13: '__import__', expected True, False, None"),
        ("0: input 3x8x8\n1: Conv(out=open('x')) <- 0", NasmythError, "a field by its name|no class 'open'"),
        ("0: input 3x8x8\n1: Conv(out=4)! <- 0", NasmythError, "line 2, column 15: cannot read '!'"),
        ("0: input 3x8x8\n1: 16 <- 0", NasmythError, "line 2, column 4: '16', expected an op"),
        ("0: input 3x8x8\n1: Tag() <- 0\n1: Tag() <- 0", NasmythError,
            "line 3, column 1: '1', expected a number that no other line has"),
        ("0: input 3x8x8\n1: Conv(out=4) <- 0 -> 5x8x8", ShapeError, r"line 2, column 21: Conv\(4\) gives 4x8x8 here"),
        ("0: input 3x8x8\n1: Conv(out=4) <- 0\n2: Add() <- 0, 1", ShapeError, "line 3: .*Add"),
        ("0: input 3x8x8\n1: Conv(out=4) <- 0 @a\n2: Conv(out=5) <- 1 @a", NasmythError,
            "line 3, column 21: '@a', expected another address"),
        ("0: input 3x8x8\n1: Tag(label=1e999) <- 0", NasmythError, "'1e999', expected a finite number"),
        ("0: input 3x8x8\n1: choice(1) <- 0", NasmythError, "line 2, column 11: '1', expected a field by its name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(lines, error, said):
    with pytest.raises(error, match=said):
        Graph.from_text(lines)


def test_nothing_is_evaluated(tmp_path):
    marker = tmp_path / "made"
    for value in (f"open({str(marker)!r}, 'w')", "().__class__", "[].append(1)", "lambda: 0"):
        with pytest.raises(NasmythError):
            Graph.from_text(f"0: input 4x8x8\n1: Tag(label={value}) <- 0")
    assert not marker.exists()


def test_a_join_of_one_value_with_itself_survives():
    graph = Graph.from_text("0: input 4x8x8\n1: Tag() <- 0\n2: Add() <- 1, 1")
    assert graph.nodes[-1].inputs == (1, 1) and isinstance(graph.nodes[-1].op, Add)
    assert Graph.from_text(graph.to_text()) == graph
