"""Graphs of several named inputs: what ops read by name reaches every reader of a wiring; one plain input stays as it was."""

from __future__ import annotations

import pickle

import pytest

from nasmyth.errors import NasmythError, ShapeError, SignatureError
from nasmyth.graph import Add, Graph, Op, Spec, block, cell, chain, parallel, repeat, residual
from nasmyth.graph.op import mac_count, param_count
from nasmyth.graph.signature import parse
from nasmyth.space import Space, choice

BOTH = {"x": (5, 6), "edges": Spec((2, 7), "int")}
MASKED = {**BOTH, "mask": Spec((5,), "bool")}


class Around(Op):
    """Reads the edges of the graph."""

    signature = "b n d, edges: b 2 e -> b n out"
    out: int = 6


class Veil(Op):
    """Reads a mask where there is one."""

    signature = "b n d, mask?: b n -> b n d"


@param_count.register(Around)
def _(op, inputs, output):
    assert len(inputs) == 2
    return inputs[0][1] * op.out + inputs[1][1]


@mac_count.register(Around)
def _(op, inputs, output):
    return inputs[1][1] * op.out


for _op in (param_count, mac_count):
    _op.register(Veil, lambda op, inputs, output: len(inputs))


@block("b n d, edges: b 2 e -> b n d")
def around_block(d, e):
    return residual(Around(d), Veil())


TEMPLATES = [
    chain(Around(4), Veil(), Around(3)),
    repeat(chain(Around(6), Veil()), 3),
    repeat(residual(Around(6)), 2, tied=True),
    parallel(Around(6), chain(Veil(), Around(6)), join=Add()),
    cell(2, Around(6), vertex=Veil()),
    chain(around_block(), around_block()),
]


def names_read(graph):
    return [{graph.inputs.names[i] for i in node.inputs if i < len(graph.inputs)} - {"x"} for node in graph.nodes]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_reader_of_a_wiring_hands_the_inputs_in(template):
    graph = Graph.of(template, MASKED)
    for node, read in zip(graph.nodes, names_read(graph), strict=True):
        assert read == ({"edges"} if isinstance(node.op, Around) else {"mask"} if isinstance(node.op, Veil) else set())
    flat = Graph(graph.nodes)
    assert flat.costs == graph.costs and flat.key == graph.key and flat.output == graph.output


@pytest.mark.parametrize("template", TEMPLATES)
def test_all_ways_to_write_a_graph_lead_back_to_it(template):
    graph = Graph.of(template, MASKED)
    written = (Graph.from_json(graph.to_json()), Graph.from_text(graph.to_text()), pickle.loads(pickle.dumps(graph)))
    for again in (*written, Graph.from_text(graph.to_text(addresses=True, shapes=True))):
        assert again == graph and again.inputs == graph.inputs and again.costs == graph.costs
    assert "edges" in str(graph) and "edges" in graph.dot() and "edges" in repr(graph)


def test_an_input_that_may_be_missing_changes_nothing_but_what_is_read():
    template = chain(Around(6), Veil())
    with_mask, without = Graph.of(template, MASKED), Graph.of(template, BOTH)
    assert [len(node.inputs) for node in with_mask.nodes[-2:]] == [2, 2]
    assert [len(node.inputs) for node in without.nodes[-2:]] == [2, 1]
    assert with_mask.key != without.key


def test_an_input_that_is_missing_is_named():
    with pytest.raises(ShapeError, match=r"reads 'edges'.*no input of that name.*at \[1\]"):
        Graph.of(chain(Veil(), Around()), (5, 6))


def test_inputs_stay_whether_they_are_read_or_not():
    graph = Graph.of(Veil(), MASKED)
    assert graph.inputs.names == ("x", "edges", "mask") and len(graph.nodes) == 4
    assert graph.key != Graph.of(Veil(), {"x": (5, 6), "mask": Spec((5,), "bool")}).key
    assert graph.key != Graph.of(Veil(), {**BOTH, "mask": Spec((5,), "float")}).key


def test_one_plain_input_is_what_it_always_was():
    plain, named = Graph.of(Veil(), (5, 6)), Graph.of(Veil(), {"x": (5, 6)})
    assert plain.key == named.key == "b82fc5f5e218941e1645" and plain.to_json() == named.to_json()
    assert plain.to_json()["input"] == [5, 6] and plain.to_text().startswith("0: input 5x6\n")
    assert Graph.of(Veil(), {"x": Spec((5, 6), "int")}).key != plain.key
    space = Space(Veil(), (5, 6))
    assert space.key == Space(Veil(), {"x": (5, 6)}).key and space.to_json()["input"] == [5, 6]


def test_spaces_take_several_inputs():
    space = Space(chain(Around(choice(4, 8)), Veil()), MASKED)
    again = Space.from_json(space.to_json())
    assert again == space and again.inputs == space.inputs and again.input == (5, 6)
    assert {space.decode(genome).output for genome in space.enumerate()} == {(5, 4), (5, 8)}
    from nasmyth.measure import params

    assert space.narrow(params <= 40).sample(0) == {"[0].out": 4}
    assert space.encode(space.sample(0)) == again.encode(space.sample(0))


@pytest.mark.parametrize(
    "sentence", ["b d, x?: b d, y: b d -> b d", "x: b d -> b d", "b d, x: b d, b d -> b d", "b d, x: b, x: b"]
)
def test_sentences_that_name_inputs_wrongly_are_refused(sentence):
    with pytest.raises(SignatureError):
        parse(sentence)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"a b": (3,)},
        {1: (3,)},
        {"x": (3,), "y": Spec((3,), "text")},
        {"x": (0,)},
        {"x": 3},
        {f"x{i}": (1,) for i in range(65)},
    ],
)
def test_inputs_that_are_none_are_refused(given):
    with pytest.raises(NasmythError):
        Graph.of(Veil(), given)


@pytest.mark.parametrize(
    "input", [[["x", [3], "float"], ["x", [3], "float"]], [["x", [3]]], [["x", [3], "word"]], [[3], "x"], {}]
)
def test_files_that_list_inputs_wrongly_are_refused(input):
    with pytest.raises(NasmythError):
        Graph.from_json({"input": input, "nodes": []})


def test_lines_that_list_inputs_wrongly_are_refused():
    for text in (
        "0: input x 3 float\n1: input x 3 float\n2: Veil() <- 0",
        "0: input x 3\n1: Veil() <- 0",
        "0: input x 3 word",
    ):
        with pytest.raises(NasmythError, match="line"):
            Graph.from_text(text)
