"""Encodings: one length for all graphs, blind to what makes no difference, and apart where they can be."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from core_toys import SHAPE, Tag, Wide

from nasmyth.errors import NasmythError
from nasmyth.graph import (
    Adjacency,
    Features,
    Graph,
    GraphTensors,
    Identity,
    Paths,
    Zero,
    cell,
    chain,
    parallel,
    repeat,
    residual,
)
from nasmyth.graph.encode import view
from nasmyth.graph.paths import count_paths, shortest
from nasmyth.record import dumps, loads
from nasmyth.space import Space, choice
from nasmyth.spaces import spaces

OURS = [name for name, one in spaces if one.make.__module__.startswith("nasmyth.")]
ENCODERS = [Adjacency, Paths, Features, GraphTensors]


def edges(i, j):
    """The five operations of NAS-Bench-201, as toys: none, skip, two convolutions, a pool."""
    return choice(Zero(), Identity(), Tag("one"), Tag("three"), Tag("pool"), name=f"{i}->{j}")


CELLS = Space(cell(3, edges), SHAPE)


def draw(space, count):
    return [space.decode(space.sample(seed)) for seed in range(count)]


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kind", ENCODERS)
def test_one_length_for_all_graphs_of_a_space(name, kind):
    named = spaces.get(name)
    graphs = draw(named(**(named.small or {})), 4)
    encoder = kind.fit(graphs, look=30) if kind is Paths else kind.fit(graphs)
    assert loads(dumps(encoder)) is encoder
    assert len(set(encoder.names)) == len(encoder.names)
    for graph in graphs:
        made = encoder.encode(graph)
        rows = made.nodes if kind is GraphTensors else [made]
        assert all(len(row) == len(encoder.names) and all(map(math.isfinite, row)) for row in rows)
        assert made == encoder.encode(Graph.from_json(graph.to_json()))


@pytest.mark.parametrize("kind", ENCODERS)
def test_what_has_a_graph_is_encoded_and_nothing_else(kind):
    graph = Graph.of(chain(Wide(6), Tag()), SHAPE)
    encoder = kind.fit([graph])
    assert encoder.encode(type("Net", (), {"graph": graph})()) == encoder.encode(graph)
    with pytest.raises(NasmythError, match="has no graph"):
        encoder.encode({"width": 3})
    with pytest.raises(NasmythError, match="at least one"):
        kind.fit([])


def shuffled(graph, seed):
    """The same network with its nodes in another order, and other addresses."""
    rng, nodes = random.Random(seed), graph.nodes
    placed, order = {0}, [0]
    while len(order) < len(nodes):
        ready = [i for i in range(len(nodes)) if i not in placed and set(nodes[i].inputs) <= placed]
        order.append(rng.choice(ready if len(ready) == 1 else [i for i in ready if i != len(nodes) - 1]))
        placed.add(order[-1])
    number = {old: new for new, old in enumerate(order)}
    made = []
    for old in order:
        inputs = [number[i] for i in nodes[old].inputs]
        if nodes[old].op.commutative:
            rng.shuffle(inputs)
        made.append(nodes[old]._replace(inputs=tuple(inputs), address=f"a{old}" if old else "input"))
    return Graph(tuple(made))


@pytest.mark.parametrize("kind", [Paths, Features])
def test_isomorphic_graphs_are_encoded_alike(kind):
    graphs = draw(CELLS, 60)
    encoder = kind.fit(graphs)
    for seed, graph in enumerate(graphs):
        other = shuffled(graph, seed)
        assert other.key == graph.key
        assert encoder.encode(other) == encoder.encode(graph)


def test_tensors_of_isomorphic_graphs_are_the_same_up_to_the_order_of_nodes():
    graphs = draw(CELLS, 30)
    encoder = GraphTensors.fit(graphs)
    for seed, graph in enumerate(graphs):
        one, other = encoder.encode(graph), encoder.encode(shuffled(graph, seed))
        assert sorted(one.nodes) == sorted(other.nodes)
        told = [sorted((t.nodes[a], t.nodes[b]) for a, b in zip(*t.edges, strict=True)) for t in (one, other)]
        assert told[0] == told[1]


# --- adjacency ---------------------------------------------------------------------------------------------------------


def test_adjacency_tells_all_cells_of_a_small_space_apart():
    small = Space(cell(2, edges), SHAPE)
    every = {graph.key: graph for graph in map(small.decode, small.enumerate())}
    encoder = Adjacency.fit(every.values())
    assert len({tuple(encoder.encode(graph)) for graph in every.values()}) == len(every) > 40


def test_adjacency_is_the_matrix_and_the_ops():
    graph = Graph.of(residual(Wide(4)), SHAPE)
    encoder = Adjacency.fit([graph], rows=5)
    told = {name for name, x in zip(encoder.names, encoder.encode(graph), strict=True) if x == 1}
    assert told == {"0->1", "0->2", "1->2", "2->3", "0 is input", "1 is Wide(4)", "2 is Add()", "3 is output"}
    assert len(encoder.names) == 5 * 4 // 2 + 5 * (2 + 2 + 1)


def test_adjacency_refuses_what_is_too_large_and_marks_what_it_does_not_know():
    encoder = Adjacency.fit([Graph.of(chain(Tag(1), Tag(2)), SHAPE)])
    with pytest.raises(NasmythError, match="has 5 rows and this encoding has room for 4: fit it with rows=5"):
        encoder.encode(Graph.of(chain(Tag(1), Tag(2), Tag(1)), SHAPE))
    told = dict(zip(encoder.names, encoder.encode(Graph.of(chain(Tag(1), Wide(3)), SHAPE)), strict=True))
    assert told["1 is Tag(label=1)"] == 1 and told["2 is other"] == 1 and told["1 is other"] == 0


def test_settings_say_what_tells_ops_apart():
    graphs = [Graph.of(Wide(out, kernel), SHAPE) for out in (2, 3) for kernel in (1, 3)]
    for settings, count in ((None, 4), (("kernel",), 2), ((), 1)):
        encoder = Adjacency.fit(graphs, settings=settings)
        assert len(encoder.ops) == count == len({tuple(encoder.encode(graph)) for graph in graphs})


# --- paths -------------------------------------------------------------------------------------------------------------


def every_path(graph, skip=("Add", "Identity")):
    """By listing them, one by one."""
    found = {0: [()]}
    for i, node in enumerate(graph.nodes[1:], 1):
        step = () if type(node.op).__name__ in skip else (repr(node.op),)
        found[i] = [path + step for j in node.inputs for path in found[j]]
    return found[len(graph.nodes) - 1]


def test_paths_are_those_that_listing_finds():
    graphs = draw(CELLS, 80)
    encoder = Paths.fit(graphs, most=10_000)
    for graph in graphs:
        listed = every_path(graph)
        assert count_paths(graph) == len(listed)
        assert shortest(view(graph), 1000) == sorted(set(listed), key=lambda p: (len(p), p))
        told = {path for path, x in zip(encoder.paths, encoder.encode(graph)[:-1], strict=True) if x}
        assert told == set(listed) and encoder.encode(graph)[-1] == 0


def test_the_paths_of_nas_bench_201():
    """Three ops that compute, on ways of no to three edges: 1 + 3 + 9 + 27 paths, and one of a cell that is cut through."""
    encoder = Paths.fit(draw(CELLS, 1500), most=10_000)
    steps = [repr(Tag(label)) for label in ("one", "three", "pool")]
    wanted = {path for length in range(4) for path in itertools.product(steps, repeat=length)}
    assert set(encoder.paths) == wanted | {("Zero()",)} and len(wanted) == 40


def test_the_paths_of_one_cell_of_a_network():
    whole = Space(chain(stem=Wide(4), body=repeat(cell(3, edges), 2), head=Tag("end")), SHAPE)
    genomes = [whole.sample(seed) for seed in range(40)]
    graphs = [whole.decode(genome) for genome in genomes]
    encoder = Paths.fit(graphs, most=10_000, within="body[1]")
    for genome, graph in zip(genomes, graphs, strict=True):
        told = {path for path, x in zip(encoder.paths, encoder.encode(graph)[:-1], strict=True) if x}
        assert told == set(every_path(CELLS.decode(genome)))
    with pytest.raises(NasmythError, match=r"no graph has anything at 'bodi\[1\]'; did you mean"):
        Paths.fit(graphs, within="bodi[1]")


def test_truncation_keeps_the_likeliest_or_the_shortest():
    long, short = chain(Tag(1), Tag(2), Tag(3)), Tag(9)
    graphs = [Graph.of(long, SHAPE)] * 3 + [Graph.of(short, SHAPE)]
    by = {order: Paths.fit(graphs, most=1, order=order) for order in ("probable", "shortest")}
    assert [len(by[order].paths[0]) for order in ("probable", "shortest")] == [3, 1]
    assert by["probable"].encode(graphs[0]) == [1, 0] and by["probable"].encode(graphs[-1]) == [0, 1]
    both = Graph.of(parallel(long, short), SHAPE)
    assert by["shortest"].encode(both) == [1, 1], "it has that path, and another"
    with pytest.raises(NasmythError, match="'probable' or 'shortest'"):
        Paths.fit(graphs, order="long")


def test_truncation_keeps_what_longer_vectors_begin_with():
    graphs = draw(CELLS, 50)
    whole = Paths.fit(graphs, most=10_000)
    for most in (1, 5, 17):
        part = Paths.fit(graphs, most=most)
        assert part.paths == whole.paths[:most]
        assert all(part.encode(graph)[:-1] == whole.encode(graph)[:most] for graph in graphs)


def test_more_paths_than_could_be_listed():
    graph = Graph.of(chain(repeat(parallel(Tag("a"), Tag("b")), 60), Tag("end")), SHAPE)
    assert count_paths(graph) == 2**60
    encoder = Paths.fit([graph], most=8, look=20)
    assert len(encoder.paths) == 8 and encoder.encode(graph) == [1] * 8 + [1]


def test_a_graph_is_its_paths_where_nothing_is_joined():
    chains = Space(repeat(choice(Tag("a"), Tag("b")), choice(1, 2, 3)), SHAPE)
    graphs = [chains.decode(genome) for genome in chains.enumerate()]
    encoder = Paths.fit(graphs)
    assert len({tuple(encoder.encode(graph)) for graph in graphs}) == chains.size == len(graphs)


# --- features ----------------------------------------------------------------------------------------------------------


def test_features_say_what_the_network_has():
    body = repeat(residual(Wide(4, kernel=3), Tag("x")), 2)
    graph = Graph.of(chain(stem=Wide(4, kernel=5, stride=2), body=body), SHAPE)
    told = dict(zip((e := Features.fit([graph])).names, e.encode(graph), strict=True))
    assert list(e.names) == sorted(e.names)
    assert (told["Wide"], told["Tag"], told["Add"], told["joins"]) == (3, 2, 2, 2)
    assert (told["Wide.kernel least"], told["Wide.kernel mean"], told["Wide.kernel most"]) == (3, 11 / 3, 5)
    assert told["Tag.label='x'"] == 2 and told["depth"] == 1 + 2 * 3 and told["layers"] == 7
    assert (told["params"], told["macs"]) == (graph.costs.params, graph.costs.macs)
    assert told["activations"] == graph.costs.activations and told["edges"] == sum(len(n.inputs) for n in graph.nodes)
    other = dict(zip(e.names, e.encode(Graph.of(Tag("y"), SHAPE)), strict=True))
    assert other["Wide"] == 0 and other["Wide.kernel most"] == 0 and other["depth"] == 1


def test_features_by_place_tell_early_from_late():
    early, late = (
        Graph.of(chain(first=Wide(4, kernel=a), second=Wide(4, kernel=b)), SHAPE) for a, b in ((1, 3), (3, 1))
    )
    anywhere, placed = (Features.fit([early, late], places=places) for places in (0, 1))
    told = dict(zip(placed.names, placed.encode(early), strict=True))
    assert told["first Wide.kernel mean"] == 1 and told["second Wide.kernel mean"] == 3
    assert anywhere.encode(early)[anywhere.names.index("Wide.kernel mean")] == 2
    assert placed.encode(early) != placed.encode(late)


def test_shared_weights_count_once_and_are_marked():
    shared, copies = (Graph.of(repeat(Wide(4), 2, tied), SHAPE) for tied in (True, False))
    encoder = Features.fit([shared, copies])
    params = encoder.names.index("params")
    assert 2 * encoder.encode(shared)[params] == encoder.encode(copies)[params] == copies.costs.params
    tensors = GraphTensors.fit([shared])
    assert [row[-1] for row in tensors.encode(shared).nodes] == [0, 1, 1, 0]
    assert [row[-1] for row in tensors.encode(copies).nodes] == [0, 0, 0, 0]


# --- message passing ---------------------------------------------------------------------------------------------------


def test_tensors_become_torch_in_one_line():
    import torch

    graph = Graph.of(residual(Wide(4)), SHAPE)
    encoder = GraphTensors.fit([graph])
    made = encoder.encode(graph)
    x, edges = torch.tensor(made.nodes), torch.tensor(made.edges)
    assert x.shape == (4, len(encoder.names)) and edges.tolist() == [[0, 0, 1, 2], [1, 2, 2, 3]]
    told = dict(zip(encoder.names, made.nodes[1], strict=True))
    assert told["is Wide(4)"] == 1 and told["log params"] == pytest.approx(math.log1p(4 * 4 * 9))
    assert told["log numbers"] == pytest.approx(math.log1p(4 * 8 * 8))
