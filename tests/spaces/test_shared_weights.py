"""One set of weights for a whole space: every layer of every network is found in it, and a child alone is the child inside."""

import pytest
import torch
from shared_weights import SharedWeights

from nasmyth.graph.origins import OptionMixture, origins, supergraph
from nasmyth.spaces import darts, nb201, spaces
from nasmyth.testing import can_be_built

torch.set_num_threads(1)

WIRING = {
    "autoformer": ["width"],  # one width, or resolution, for all layers: its options have no shape in common
    "fbnetv3": ["resolution", "stem", *(f"width{i}" for i in range(1, 8))],
    "images": ["stem.stride", "stages[1]:1.expand", "stages[1]:4.expand", "width", "growth1"],
    "lowformer": ["width"],
    "ofa": ["resolution"],
    "resnet_rs": ["resolution", "width"],
    "tables": [
        "body:0.depth",
        "body:0.dropout",
        "embedding",
        "body:3.depth",
        "body:3.dropout",
        "body:3.k",
        "body:3.adapters",
        "body:3.share",
    ],
    "uvit": ["resolution", "head_width"],
    "vanillanet": ["width"],
    "vit": ["resolution", "heads", "patch"],
    "vovnet": ["slim"],
    "einspace": [""],  # a grammar is as it was drawn
    "graph_networks": ["width"],
    "mixers": ["width"],
    "recurrent": ["width"],
    "sequence_convolutions": ["width"],
    "texts": ["width"],
    "nas_bench_graph": ["op3", "op4"],  # a whole network, or cell, is one block, which wires itself by what was decided
    "nb101": ["vertices", "degrees:0", "degrees:1", "degrees:2"],
    "nasnet": ["from"],  # where an edge comes from
    "evonorm": ["5", "6", "7", "8", "5a", "6a", "7a", "8a", "5b", "6b", "7b", "8b"],
}
"""What has to be decided so that all other options of a space can stand side by side."""


def opened(name, seed=3):
    """A bundled space at its small size, and what is decided of it."""
    named = spaces.get(name)
    space = named(**(named.small or {}))
    genome = space.sample(seed)
    wanted = WIRING.get(name, [])
    keys = [
        k
        for k in space.holes
        if k in wanted or ("from" in wanted and k.endswith("from")) or (name == "nb101" and "into" in k)
    ]
    # what lies within an option that is left open is decided though no one genome has it
    met = [k for k in keys if k in genome or name not in ("evonorm", "nb101")]
    return space, {k: genome[k] if k in genome else space.holes[k].first() for k in met}


@pytest.mark.parametrize("name", [name for name, _ in spaces])
def test_every_layer_of_every_network_is_found_in_the_network_of_all_options(name):
    space, decided = opened(name)
    every = {node.address: node.op for node in supergraph(space.template_of(decided), space.inputs).nodes}
    for seed in range(4):
        genome = space.changed(space.sample(seed), decided)
        graph, found = space.decode(genome), origins(space.template_of(genome), space.inputs)
        for node in graph.nodes[len(graph.inputs) :]:
            assert every[found[node.address].place] is node.op, found[node.address]
            assert {key.split(":")[0] for key, _ in found[node.address].options} <= {k.split(":")[0] for k in genome}


@pytest.mark.parametrize("name", [name for name, _ in spaces])
def test_a_child_alone_is_the_child_inside(name):
    space, decided = opened(name)
    if not can_be_built(space.decode(space.changed(space.sample(0), decided))):
        pytest.skip("its operations have no modules")
    if not space.inputs.plain:
        pytest.skip("several inputs, which the network in this file does not take")
    torch.manual_seed(0)
    shared = SharedWeights(space, decided).eval()
    x = torch.randn(2, *space.input)
    for seed in range(2):
        genome = space.changed(space.sample(seed), decided)
        with torch.no_grad():
            inside, alone = shared(x, genome), shared.extract(genome).eval()(x)
        assert torch.equal(inside.nan_to_num(), alone.nan_to_num()) and inside.shape == (
            2,
            *space.decode(genome).output,
        )


@pytest.mark.parametrize(
    "make", [lambda: nb201((3, 8, 8), width=4, cells=2), lambda: darts((3, 8, 8), width=4, layers=3)]
)
def test_a_child_trains_as_it_does_inside(make):
    """To the bit, statistics of norms and gradients included; weights off its path see no gradient."""
    space = make()
    torch.manual_seed(0)
    shared = SharedWeights(space, {}).train()
    x = torch.randn(4, *space.input)
    for seed in range(3):
        genome = space.sample(seed)
        alone = shared.extract(genome).train()
        shared.zero_grad(set_to_none=True)
        inside, outside = shared(x, genome), alone(x)
        inside.square().sum().backward()
        outside.square().sum().backward()
        assert torch.equal(inside, outside)
        pairs = list(shared.pairs(alone))
        for theirs, ours in pairs:
            assert all(torch.equal(a.grad, b.grad) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True))
            assert all(torch.equal(a, b) for a, b in zip(theirs.buffers(), ours.buffers(), strict=True))
        reached = {id(p) for _, ours in pairs for p in ours.parameters()}
        assert all((p.grad is not None) == (id(p) in reached) for p in shared.parameters())


@pytest.mark.parametrize("edge", ["0->3", "1->3", "2->3"])
def test_one_option_mixed_alone_is_that_option(edge):
    space = nb201((3, 8, 8), width=4, cells=2)
    torch.manual_seed(0)
    shared = SharedWeights(space, {}).eval()
    x, genome = torch.randn(2, *space.input), {"0->1": 3, "0->2": 2, "1->2": 1, "0->3": 2, "1->3": 4, "2->3": 3}
    for option in range(5):
        weights = {(edge, i): float(i == option) for i in range(5)}
        rest = {key: decision for key, decision in genome.items() if key != edge}
        assert torch.equal(shared(x, rest, weights), shared(x, {**genome, edge: option}))


@pytest.mark.parametrize(
    "make", [lambda: nb201((3, 8, 8), width=4, cells=1), lambda: darts((3, 8, 8), width=4, layers=3)]
)
def test_all_options_mixed_reach_every_weight(make):
    space = make()
    shared = SharedWeights(space, {})
    mixed = {
        (node.op.key, option)
        for node in shared.graph.nodes
        if isinstance(node.op, OptionMixture)
        for option in node.op.options
    }
    weights = {one: torch.tensor(0.2, requires_grad=True) for one in sorted(mixed, key=str)}
    assert {key for key, _ in mixed} == set(space.holes)
    shared(torch.randn(2, *space.input), {}, weights).sum().backward()
    assert all(p.grad is not None for p in shared.parameters())
    assert all(w.grad is not None for w in weights.values())
    params = sum(p.numel() for p in shared.parameters())
    assert shared.graph.costs.params == params > max(space.decode(space.sample(i)).costs.params for i in range(20))
