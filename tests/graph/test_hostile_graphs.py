"""Graphs that nobody wrote: whatever JSON or text says, it is read, or refused in words, soon and in little memory."""

import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import NasmythError, ShapeError, SpaceError, UnknownNameError
from nasmyth.graph import Graph, Identity, cell, chain, repeat
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.chain import Chain, Parallel
from nasmyth.record import MAX_DEPTH, from_json, loads, parse_json, to_json
from nasmyth.space import Space, choice

TAG = {"$": "Tag"}


@pytest.mark.parametrize(
    "data",
    [
        None, [], "x", 3, {}, {"input": [3]}, {"nodes": []}, {"input": 3, "nodes": []}, {"input": "3", "nodes": []},
        {"input": ["3"], "nodes": []}, {"input": [3.0], "nodes": []}, {"input": [True], "nodes": []},
        {"input": [0], "nodes": []}, {"input": [-1], "nodes": []}, {"input": [10**12], "nodes": []},
        {"input": [10**30], "nodes": []}, {"input": {"a": 1}, "nodes": []}, {"input": [3], "nodes": {}},
        {"input": [3], "nodes": [[TAG, [0]]]}, {"input": [3], "nodes": ["abc"]}, {"input": [3], "nodes": [[TAG, 0, "a"]]},
        {"input": [4, 8, 8], "nodes": [[TAG, [0.0], "a"]]}, {"input": [4, 8, 8], "nodes": [[TAG, [False], "a"]]},
        {"input": [4, 8, 8], "nodes": [[TAG, [0], None]]}, {"input": [4, 8, 8], "nodes": [[TAG, [0], "a." * 1000]]},
        {"input": [4, 8, 8], "nodes": [[TAG, [0], "a"], [{"$": "Tag", "label": 1}, [1], "a"]]},
        {"input": [4, 8, 8], "nodes": [[{"$": "Input", "length": [3]}, [], "a"]]},
        {"input": [4, 8, 8], "nodes": [[{"$": "Tag", "label": {"$": "Choice", "options": [1, 2]}}, [0], "a"]]},
        {"input": [4, 8, 8], "nodes": [[{"$": "Wide", "out": 10**12}, [0], "a"]]},
    ],
    ids=lambda data: str(data)[:60],
)  # fmt: skip
def test_what_is_no_graph_is_refused(data):
    with pytest.raises(NasmythError):
        Graph.from_json(data)


@pytest.mark.parametrize("name", ["Op", "Block", "Hole", "Combine", "Value", "Shaped", "Arithmetic"])
def test_no_file_names_what_only_others_are_made_of(name):
    with pytest.raises(UnknownNameError):
        from_json({"$": name})


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**5000, float("inf"), float("nan")], ids=lambda n: "")
def test_numbers_that_no_file_holds(number):
    with pytest.raises(NasmythError, match="finite"):
        from_json([number])


@pytest.mark.parametrize("text", ["[" * 10**6, b"\xff", "1e999", "1" * 5000, "NaN", "{", None, 3])
def test_what_is_no_json(text):
    with pytest.raises(NasmythError, match="not JSON"):
        parse_json(text)


def nested(levels):
    data = TAG
    for _ in range(levels):
        data = {"$": "Chain", "items": [data]}
    return data


def test_depth_is_bounded_and_what_is_read_can_be_used():
    deep = Graph.of(from_json(nested(MAX_DEPTH // 2 - 1)), SHAPE)
    assert deep.key == Graph.of(Tag(), SHAPE).key and deep.costs.params == 4 and "Tag" in str(deep)
    for data in (nested(MAX_DEPTH), {"$": "Tag", "label": [[]]}):
        for _ in range(MAX_DEPTH):
            data = [data]
        with pytest.raises(NasmythError, match="levels"):
            from_json(data)
    with pytest.raises(NasmythError):
        loads("[" * 500 + "]" * 500)
    with pytest.raises(NasmythError, match="brackets"):
        Graph.from_text(f"0: input 3\n1: Tag(label={'(' * 5000}")


def test_a_few_words_do_not_ask_for_all_memory():
    with pytest.raises(SpaceError, match="at most 10,000"):
        repeat(Tag(), 10**9)
    many = repeat(repeat(repeat(Tag(), 10_000), 10_000), 10_000)
    graph = Graph.of(many, SHAPE)
    assert graph.costs.params == 4 * 10**12  # counted without being listed
    with pytest.raises(SpaceError, match="100,000 layers"):
        _ = graph.nodes
    with pytest.raises(SpaceError, match="at most 1,000"):
        cell(10**9, Tag())
    with pytest.raises(SpaceError, match="inputs"):
        Cell((), 10**9)


def test_a_tensor_that_nothing_holds_is_a_misfit():
    with pytest.raises(ShapeError, match="more than 10,000,000,000 numbers"):
        Graph.of(Tag(), (10**6, 10**6, 8))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Chain((1,)), lambda: Chain(3), lambda: Chain((Tag(),), ("a", "b")), lambda: Parallel((Tag(),), 3),
        lambda: Parallel((Tag(),), names=("a", "b")), lambda: Vertex((3,)), lambda: Vertex((Tag(),)) and Cell((Tag(),)),
        lambda: Cell((Vertex((Edge(5, Tag()),)),)), lambda: Cell((Vertex((Edge(-1, Tag()),)),)),
        lambda: Cell((Vertex((Edge("0", Tag()),)),)), lambda: Cell((Vertex((Edge(0, Tag()),)),), output="first"),
        lambda: Cell((Vertex((Edge(0, Tag()),)),), output=(2,)), lambda: Cell((), "1"),
    ],
)  # fmt: skip
def test_wirings_that_are_none(make):
    with pytest.raises(SpaceError):
        make()


@pytest.mark.parametrize(
    "text",
    [None, b"0: input 3", 3, "0: input ٣", "0: input 3\n²: Tag() <- 0", f"0: input {'9' * 5000}", f"{'9' * 5000}: input 3",
     "0: input 3\n1: Identity() <- 0 @" + "a." * 2000, "0: input 3\n1: Input(length=(3,)) <- 0", "0: input 10000000000000",
     "0: input 4x8x8\n1: Tag(label=Choice(options=(1, 2))) <- 0"],
)  # fmt: skip
def test_texts_that_are_no_graph(text):
    with pytest.raises(NasmythError):
        Graph.from_text(text)


def test_identity_alone_is_a_graph_still():
    assert Graph.from_json(Graph.of(chain(Identity()), (3,)).to_json()).output == (3,)


def test_an_address_ends_no_quotes_in_a_drawing():
    address = 'a"; evil [URL="javascript:x"]; "\n'
    graph = Graph.from_json({"input": list(SHAPE), "nodes": [[TAG, [0], address]]})
    assert r'tooltip="a\"; evil [URL=\"javascript:x\"]; \""];' in graph.dot()
    assert len(graph.dot().splitlines()) == 2 + 1 + 1 + 1 + 1


def test_a_vertex_of_something_else_than_edges_is_refused_in_words():
    space = Space(cell(2, lambda i, j: choice(Tag(1), Tag(2))), SHAPE)
    said = space.to_json()
    said["template"]["vertices"][0]["edges"] = [to_json(Tag(choice(3, 4)))]
    with pytest.raises(NasmythError):
        broken = Space.from_json(said)
        broken.decode(broken.sample(0))
