"""Layers shared by all depths, with what each depth has of its own."""

import pytest
import torch

from nasmyth import Graph, Space, choice, ops
from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph import shared_depth
from nasmyth.measure import macs, params
from nasmyth.network import build

BODY = shared_depth(ops.Attention(2), ops.Linear(6), own=ops.LayerNorm(), count=3)


def test_it_is_a_loop_with_norms_of_its_own():
    network = build(Graph.of(BODY, input=(4, 6))).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight)
    x = torch.randn(2, 4, 6)
    y, layers = x, [network.layer("shared0"), network.layer("shared1")]
    for i in range(6):
        y = y + layers[i % 2](network.layer(f"own{i}")(y))
    assert torch.allclose(network(x), y)


def test_it_has_the_weights_of_one_depth_and_the_costs_of_all():
    graph = Graph.of(BODY, input=(4, 6))
    once = Graph.of(shared_depth(ops.Attention(2), ops.Linear(6), own=ops.LayerNorm(), count=1), input=(4, 6))
    assert params(graph) == params(once) + 2 * 2 * 12 and macs(graph) == 3 * macs(once)
    assert sum(p.numel() for p in build(graph).parameters()) == params(graph)
    assert Graph.from_json(graph.to_json()).key == graph.key


def test_its_depth_and_its_parts_may_be_open():
    body = shared_depth(
        ops.Linear(6, bias=choice(True, False)), own=choice(ops.LayerNorm(), ops.RMSNorm()), count=choice(1, 2)
    )
    space = Space(body, (4, 6))
    assert space.size == 2 * (2 + 4)
    graphs = {space.decode(genome).key for genome in space.enumerate()}
    assert len(graphs) == 12


def test_no_depth_is_nothing():
    assert params(Graph.of(shared_depth(ops.Linear(6), own=ops.LayerNorm(), count=0), input=(4, 6))) == 0


def test_layers_keep_the_shape():
    with pytest.raises(ShapeError):
        Graph.of(shared_depth(ops.Linear(5), own=ops.LayerNorm(), count=2), input=(4, 6))
    with pytest.raises(SpaceError, match="count must be a whole number"):
        shared_depth(ops.Linear(6), own=ops.LayerNorm(), count=-1)
