"""Isomorphic graphs, and no others, share a key: against isomorphism by trying, on 2,000 random graphs.

Graphs here have layers that are commutative (sums, products) and one that is not (matrix products), that read a value
twice, and that share weights. Two are isomorphic if some bijection of layers keeps the layer, what it reads, in order
where order matters, and which layers share weights.
"""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from random import Random

import pytest

from nasmyth.graph import Add, Concat, Graph, Identity, Multiply, Node, Zero, cell, chain, parallel, repeat
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.ops import Activation, Linear, MatMul

ONE = (Activation("relu"), Activation("tanh"), Linear(2))
MANY = (Add(), Multiply(), MatMul())


def random_graph(rng: Random) -> Graph:
    """Two to six layers on a 2 x 2 matrix, all of one shape; some linear layers share their weights."""
    first = Graph.of(Activation("relu"), (2, 2)).nodes[0]
    nodes = [first]
    for i in range(rng.randint(2, 6)):
        op = rng.choice(ONE + MANY)
        reads = 1 if op in ONE else 2 if isinstance(op, MatMul) else rng.choice((2, 2, 3))
        recent = [max(0, len(nodes) - k) for k in (1, 1, 2, 3)]
        address = rng.choice(("shared", f"own{i}")) if isinstance(op, Linear) else f"own{i}"
        nodes.append(Node(op, tuple(rng.choice(recent) for _ in range(reads)), (2, 2), address))
    return Graph(tuple(nodes))


def renumbered(graph: Graph, rng: Random) -> Graph:
    """The same graph with its nodes in another order, the terms of its sums in another order, and other addresses."""
    nodes, order = graph.nodes, [0]
    waiting = list(range(1, len(nodes) - 1))
    while waiting:
        order.append(rng.choice([i for i in waiting if set(nodes[i].inputs) <= set(order)]))
        waiting.remove(order[-1])
    number = {old: new for new, old in enumerate([*order, len(nodes) - 1])}
    made = []
    for old in number:
        inputs = [number[i] for i in nodes[old].inputs]
        if nodes[old].op.commutative:
            rng.shuffle(inputs)
        made.append(nodes[old]._replace(inputs=tuple(inputs), address="new " + nodes[old].address))
    return Graph(tuple(made))


def isomorphic(a: Graph, b: Graph) -> bool:
    """Whether some bijection keeps everything: tried layer by layer from the output, which has to go to the output."""
    mine, other = a.nodes, b.nodes

    def extend(image: dict[int, int], open_: list[int]) -> bool:
        if not open_:
            return len(image) == len(mine) and all(fits(v, image) for v in image)
        v, *rest = open_
        for w in range(len(other)):
            if w not in image.values() and mine[v].op is other[w].op and extend({**image, v: w}, rest):
                return True
        return False

    def fits(v: int, image: dict[int, int]) -> bool:
        reads, wanted = [image[i] for i in mine[v].inputs], list(other[image[v]].inputs)
        if mine[v].op.commutative:
            reads, wanted = sorted(reads), sorted(wanted)
        sharing = {image[u] for u in image if mine[u].address == mine[v].address}
        shared = {w for w, node in enumerate(other) if node.address == other[image[v]].address}
        return reads == wanted and sharing == shared

    if Counter(node.op for node in mine) != Counter(node.op for node in other):
        return False
    return extend({len(mine) - 1: len(other) - 1}, list(range(len(mine) - 1)))


def test_two_thousand_random_graphs():
    rng = Random(0)
    graphs = [random_graph(rng) for _ in range(2_000)]
    alike: dict[object, list[Graph]] = {}
    distinct = pairs = 0
    for graph in graphs:
        bag = frozenset(Counter(node.op for node in graph.nodes).items())
        known = alike.setdefault(bag, [])
        same = next((other for other in known if isomorphic(graph, other)), None)
        for other in known:
            assert (graph.key == other.key) == (other is same), f"\n{graph}\n{other}"
            pairs += 1
        if same is None:
            known.append(graph)
            distinct += 1
        again = renumbered(graph, rng)
        assert again.key == graph.key and isomorphic(again, graph)
    assert 500 < distinct < 1_900 and pairs > 2_000, "enough that are the same, and enough that nearly are"
    assert len({graph.key for graph in graphs}) == distinct


def random_cell(rng: Random, depth: int = 2) -> Cell:
    """One or two inputs, some dead edges, two edges from one state, states with bodies, joins that are wirings."""
    parts = [Zero(), Zero(), Identity(), Activation("relu"), Linear(2), repeat(Linear(2), 2, tied=True)]
    parts += [repeat(Linear(2), 2), parallel(Linear(2), Identity(), Zero()), chain(Identity())]
    if depth:
        parts += [random_cell(rng, depth - 1), cell(1, Linear(2))] if rng.random() < 0.3 else []
    inputs = 1 if depth < 2 else rng.choice((1, 1, 2))
    vertices = []
    for j in range(inputs, inputs + rng.randint(1, 4)):
        edges = [
            Edge(rng.randrange(j), rng.choice([p for p in parts if getattr(p, "inputs", 1) == 1])) for _ in range(3)
        ]
        joins = (None, None, Add(), Multiply(), chain(Add(), Linear(2)), cell(1, Linear(2), inputs=3))
        whole = not any(
            edge.body is Zero() or edge.source >= inputs for edge in edges
        )  # three arrive, whatever is dead
        vertices.append(
            Vertex(tuple(edges), rng.choice((Identity(), Linear(2))), rng.choice(joins[: 6 if whole else 4]))
        )
    output = rng.choice(("last", "loose", "all"))
    return Cell(tuple(vertices), inputs, output=output, out=Add())


@pytest.mark.parametrize("seed", range(4))
def test_a_key_of_parts_is_the_key_of_the_flat_network(seed):
    """Put together from what states consist of, or from the layers one by one: as long as one knows nothing of the other."""
    rng = Random(seed)
    keys = set()
    for _ in range(100):
        made = random_cell(rng)
        network = chain(Linear(2), made if made.inputs == 1 else parallel(Linear(2), Identity(), join=made), Linear(2))
        graph = Graph.of(network, (2, 2))
        assert graph.key == Graph(graph.nodes).key, network
        assert graph.costs == Graph(graph.nodes).costs, network
        keys.add(graph.key)
    assert len(keys) > 80


def test_a_state_that_candidates_share_keeps_no_candidate():
    """The join of a cell may be a candidate's own wiring."""
    shared = Vertex((Edge(0, Linear(2)), Edge(0, Activation("relu"))))

    def seen(width: int) -> weakref.ref:
        own = chain(Concat("d"), Linear(width), Linear(2))
        assert Graph.of(Cell((shared,), join=own), (2, 2)).key
        return weakref.ref(own)

    gone = [seen(width) for width in range(3, 8)]
    gc.collect()
    assert [ref() for ref in gone] == [None] * 5
