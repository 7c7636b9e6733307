"""Isomorphic graphs, and no others, share a key: against isomorphism by trying, on 2,000 random graphs.

Graphs here have layers that are commutative (sums, products) and one that is not (matrix products), that read a value
twice, and that share weights. Two are isomorphic if some bijection of layers keeps the layer, what it reads, in order
where order matters, and which layers share weights.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from nasmyth.graph import Add, Graph, Multiply, Node
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
