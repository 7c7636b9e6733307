"""Graphs: canonical form, keys that are equal exactly for isomorphic networks, JSON, text."""

import json
import pickle
import random
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from core_toys import SHAPE, Tag, Wide, templates, toy_bottle
from hypothesis import given
from hypothesis import strategies as st

from nasmyth.errors import NasmythError, ShapeError
from nasmyth.graph import Add, Concat, Graph, Identity, Node, Op, chain, parallel, repeat, residual, stack_cells
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.joins import Input
from nasmyth.graph.text import rows
from nasmyth.space import Space, choice, integer


class Minus(Op):
    """Of two inputs, in their order."""

    signature = "b c h w, b c h w -> b c h w"


def graph(template):
    return Graph.of(template, SHAPE)


def node(op, inputs, address, shape=SHAPE):
    return Node(op, tuple(inputs), shape, address)


INPUT = Node(Input(SHAPE), (), SHAPE, "input")


def random_graph(rng, most=6):
    """A few layers of few kinds, wired at random; now and then two share their weights."""
    nodes = [INPUT]
    for n in range(1, rng.randint(2, most) + 1):
        op = rng.choice([Tag(0), Tag(0), Tag(1), Add(), Add(), Minus(), Identity()])
        arity = rng.choice([2, 3]) if op is Add() else 2 if op is Minus() else 1
        recent = [max(0, len(nodes) - 1 - rng.choice([0, 0, 1, 2])) for _ in range(arity)]
        alike = [other.address for other in nodes[1:] if other.op is op and isinstance(op, Tag)]
        address = rng.choice(alike) if alike and rng.random() < 0.4 else f"n{n}"
        nodes.append(node(op, recent, address))
    return Graph(tuple(nodes))


def renumbered(graph, rng):
    """The same network: nodes in another order, sums in another order, other addresses, identities in between."""
    nodes, new = graph.nodes, {0: 0}
    made = [INPUT]
    names = {}
    waiting = list(range(1, len(nodes)))
    while waiting:
        i = rng.choice([i for i in waiting if all(j in new for j in nodes[i].inputs)])
        waiting.remove(i)
        inputs = [new[j] for j in nodes[i].inputs]
        if nodes[i].op.commutative:
            rng.shuffle(inputs)
        if rng.random() < 0.3:
            made.append(node(Identity(), [inputs[0]], f"id{len(made)}", made[inputs[0]].shape))
            inputs[0] = len(made) - 1
        address = names.setdefault(nodes[i].address, f"other{len(names)}")
        made.append(node(nodes[i].op, inputs, address, nodes[i].shape))
        new[i] = len(made) - 1
    made.append(node(Identity(), [new[len(nodes) - 1]], "end", nodes[-1].shape))
    return Graph(tuple(made))


def drawn(graph):
    """A networkx graph that is isomorphic to another exactly if the networks are the same."""
    networkx = pytest.importorskip("networkx")
    made = networkx.MultiDiGraph()
    for i, one in enumerate(graph.nodes):
        made.add_node(i, kind=repr((one.op, one.shape)))
        for position, j in enumerate(one.inputs):
            made.add_edge(j, i, position=-1 if one.op.commutative else position)
        if i and sum(other.address == one.address for other in graph.nodes[1:]) > 1:
            made.add_node(one.address, kind="shared weights")
            made.add_edge(one.address, i, position=-2)
    return made


def same(a, b):
    from networkx.algorithms import isomorphism

    return isomorphism.MultiDiGraphMatcher(
        a,
        b,
        node_match=isomorphism.categorical_node_match("kind", None),
        edge_match=isomorphism.categorical_multiedge_match("position", None),
    ).is_isomorphic()


@pytest.mark.parametrize("seed", range(4))
def test_keys_are_equal_exactly_for_isomorphic_graphs(seed):
    """Against networkx, on all pairs of small random graphs that could be alike."""
    rng = random.Random(seed)
    found = {}
    for _ in range(250):
        made = random_graph(rng)
        assert made.key == renumbered(made, rng).key and made == renumbered(made, rng)
        kinds = tuple(sorted(repr(one.op) for one in made.nodes))
        found.setdefault(kinds, {}).setdefault(made.key, []).append(drawn(made))
    compared = 0
    for alike in found.values():
        for group in alike.values():
            compared += len(group) - 1
            assert all(same(group[0], other) for other in group[1:])
        for a, b in combinations(alike.values(), 2):
            compared += 1
            assert not same(a[0], b[0])
    assert compared > 300


@given(templates(), st.integers(0, 99))
def test_keys_do_not_see_how_a_network_was_written(template, seed):
    space = Space(template, SHAPE)
    term = space.decode(space.sample(seed))
    wrapped = graph(chain(Identity(), chain(chain(space.filled(space.sample(seed))[0]), Identity()), Identity()))
    assert wrapped == term and hash(wrapped) == hash(term)
    assert renumbered(term, random.Random(seed)).key == term.key


def test_the_order_of_a_sum_does_not_count_and_that_of_a_concatenation_does():
    a, b = Wide(2), Wide(3)
    assert graph(parallel(Tag(1), Tag(2))) == graph(parallel(Tag(2), Tag(1)))
    assert graph(parallel(a, b, join=Concat())) != graph(parallel(b, a, join=Concat()))


def test_a_shared_layer_is_not_two_copies():
    """x -> t, t+t   against   x -> t, x -> t', t+t'   against both with one set of weights."""
    shared = Graph((INPUT, node(Tag(), [0], "a"), node(Add(), [1, 1], "+")))
    copies = Graph((INPUT, node(Tag(), [0], "a"), node(Tag(), [0], "b"), node(Add(), [1, 2], "+")))
    tied = Graph((INPUT, node(Tag(), [0], "a"), node(Tag(), [0], "a"), node(Add(), [1, 2], "+")))
    assert len({shared.key, copies.key, tied.key}) == 3


def test_tied_weights_are_not_free_ones():
    assert graph(repeat(Tag(), 2, tied=True)) != graph(repeat(Tag(), 2))
    assert graph(repeat(Tag(), 1, tied=True)) == graph(repeat(Tag(), 1)) == graph(Tag())
    a, b = Tag(1), Tag(1)  # which of four layers are tied in pairs is told apart
    pairs = [
        Graph((INPUT, *(node(op, [i], where) for i, (op, where) in enumerate(zip([a, b, a, b], wheres, strict=True)))))
        for wheres in ("ppqq", "pqpq", "pqqp")
    ]
    assert len({g.key for g in pairs}) == 3


def test_shapes_count():
    assert Graph.of(Tag(), (4, 8, 8)) != Graph.of(Tag(), (4, 8, 9))


def test_unread_layers_are_gone():
    made = Graph((INPUT, node(Tag(1), [0], "a"), node(Tag(2), [1], "unread"), node(Tag(3), [1], "b")))
    assert made == graph(chain(Tag(1), Tag(3))) and [n.address for n in made.nodes] == ["input", "a", "b"]


def test_keys_hold_in_another_process():
    program = (
        "import sys; sys.path.insert(0, 'tests'); from core_toys import *; from nasmyth.graph import Graph\n"
        "print(Graph.of(chain(residual(toy_bottle(3)), parallel(Tag(1), Tag(2)), repeat(Tag(), 2, tied=True)), SHAPE).key)"
    )
    here = graph(chain(residual(toy_bottle(3)), parallel(Tag(2), Tag(1)), repeat(Tag(), 2, tied=True))).key
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.stdout.strip() == here, done.stderr
    assert len(here) == 20 and int(here, 16)


@given(templates(), st.integers(0, 99))
def test_json_and_pickle_lead_back(template, seed):
    space = Space(template, SHAPE)
    made = space.decode(space.sample(seed))
    back = Graph.from_json(json.loads(json.dumps(made.to_json())))
    assert back == made and back.nodes == made.nodes and back.costs == made.costs
    assert (back.input, back.output) == (made.input, made.output)
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    "nodes, error, said",
    [
        ([[{"$": "Tag"}, [1], "a"]], NasmythError, "does not come before"),
        ([[{"$": "Tag"}, [-1], "a"]], NasmythError, "before"),
        ([[{"$": "Edge", "source": 0, "body": {"$": "Tag"}}, [0], "a"]], NasmythError, "which is not an op"),
        ([[3, [0], "a"]], NasmythError, "3, which"),
        ([[{"$": "Add"}, [], "a"]], NasmythError, r"reads \[\]"),
        ([[{"$": "Minus"}, [0], "m"]], ShapeError, r"got 1.*\(at m\)"),
    ],
)  # fmt: skip
def test_damaged_json_is_noticed(nodes, error, said):
    with pytest.raises(error, match=said):
        Graph.from_json({"input": list(SHAPE), "nodes": nodes})


def test_is_frozen():
    with pytest.raises(AttributeError, match="frozen"):
        graph(Tag()).input = (3,)


def test_table_has_a_line_a_layer_and_the_totals():
    made = graph(chain(stem=Wide(2), body=repeat(Tag(), 2, tied=True)))
    lines = str(made).splitlines()
    assert len(lines) == 1 + len(made.nodes) + 1
    assert lines[2].split() == ["1", "stem", "Wide(2)", "0", "2x8x8", "72", "4,608"]
    assert "(shared)" in lines[4] and "(shared)" not in lines[3]
    assert lines[-1] == f"74 parameters, 4.86k MACs; key {made.key}"
    assert "4 layers" not in repr(made) and "3 layers" in repr(made) and made.key in repr(made)


@given(templates(), st.integers(0, 99))
def test_rows_add_up(template, seed):
    space = Space(template, SHAPE)
    made = space.decode(space.sample(seed))
    table = rows(made)
    assert sum(row["params"] for row in table) == made.costs.params
    assert sum(row["macs"] for row in table) == made.costs.macs
    assert [tuple(row["shape"]) for row in table] == [n.shape for n in made.nodes]


class Worded(Op):
    """Takes any word."""

    signature = "b c h w -> b c h w"
    word: str = ""


def test_dot_draws_every_layer_and_every_arrow():
    made = graph(residual(Worded('say "hi" \\ there')))
    text = made.dot()
    assert text.count("label=") == 3 and text.count("->") == 3 and text.startswith("digraph") and text.endswith("}")
    assert f"{made.nodes[1].op!r}\\n4×8×8" in text.replace('\\"', '"').replace("\\\\", "\\")


def test_unruled_layers_are_marked():
    text = str(graph(chain(Tag(), Worded("a"))))
    assert "?" in text and "and what the ops marked ? cost" in text


def test_a_graph_of_a_space_is_a_hashable_value():
    space = Space(repeat(Tag(choice(1, 2)), integer(1, 3)), SHAPE)
    graphs = {space.decode(genome) for genome in space.enumerate()}
    assert len(graphs) == space.size == 2 + 4 + 8


def test_a_pickled_graph_brings_what_its_ops_need():
    from nasmyth import ops

    made = Graph.of(chain(ops.Conv(4), ops.Mean("h w"), ops.Linear(10)), (1, 8, 8))
    read = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()).key)"
    told = subprocess.run([sys.executable, "-c", read], input=pickle.dumps(made), capture_output=True, check=True)
    assert told.stdout.decode().strip() == made.key


def test_what_a_cell_does_not_read_costs_nothing():
    """A cell that ignores one of its inputs: neither what prepares that input, nor the part that made it, counts."""
    ignoring = Cell((Vertex((Edge(0, Wide(3)),)),), inputs=2)
    both = Cell((Vertex((Edge(0, Wide(5)), Edge(1, Wide(5)))),), inputs=2)
    for parts in ((both, ignoring), (both, ignoring, both), (both, both, ignoring), (ignoring, ignoring, ignoring)):
        made = graph(chain(Wide(4), stack_cells(*parts)))
        assert Graph(made.nodes).costs == made.costs
    assert graph(chain(Wide(4), stack_cells(both, ignoring))).costs == graph(chain(Wide(4), Wide(3))).costs
