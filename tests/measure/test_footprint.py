import gc
import weakref

import pytest
import torch
from torch import nn

from nasmyth.graph import Concat, Graph, Identity, chain, op, parallel, repeat, residual
from nasmyth.measure import traffic
from nasmyth.measure.footprint import activation_memory, memory_traffic, state_bytes
from nasmyth.network import build
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean, SinCosPosition
from nasmyth.spaces.images import images


@op("b ... -> b ...")
class Unruled(nn.Module):
    """Has no rule for its costs, a buffer of another type, and one that is not saved."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(5, dtype=torch.int64))
        self.register_buffer("unsaved", torch.zeros(7), persistent=False)

    def forward(self, x):
        return x


def test_known_cases():
    assert activation_memory(Graph.of(Linear(7), (5,))) == 4 * (5 + 7)
    assert activation_memory(Graph.of(chain(Linear(7), Linear(2), Linear(9)), (5,))) == 4 * (5 + 7)
    assert activation_memory(Graph.of(residual(Linear(8), Linear(5)), (5,))) == 4 * (5 + 8 + 5)
    assert activation_memory(Graph.of(Identity(), (5,))) == 4 * 10
    assert state_bytes(Graph.of(Linear(7), (5,))) == 4 * 42
    assert state_bytes(Graph.of(BatchNorm(), (5,))) == 4 * 20 + 8
    assert state_bytes(Graph.of(SinCosPosition(), (5, 4))) == 4 * 20
    assert state_bytes(Graph.of(repeat(Linear(5), 3, tied=True), (5,))) == 4 * 30
    assert state_bytes(Graph.of(Unruled(), (4,))) == 4 * 3 + 8 * 5


def alive_while_running(network):
    """The most bytes of values alive at once in a real run of one example, by weak references to the outputs.

    Whoever calls a network holds its input to the end; here it counts for as long as a layer reads it.
    """
    nodes, alive, totals = network.graph.nodes, weakref.WeakValueDictionary(), []
    last = max(n for n, node in enumerate(nodes) if 0 in node.inputs)

    def count(module, inputs, output):
        alive[id(output)] = output
        held = sum(value.nbytes for value in list(alive.values()))
        totals.append(held + (x.nbytes if len(totals) < last else 0))

    hooks = [m.register_forward_hook(count) for m in {network.get_submodule(".".join(s.path)) for s in network._steps}]
    x = torch.zeros(1, *network.graph.input)
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    assert len(totals) == len(nodes) - 1
    return max(totals)


def test_it_is_what_a_run_holds():
    gc.collect()
    templates = [
        chain(Conv(4), parallel(Conv(3), chain(Conv(8), Conv(2)), Identity(), join=Concat()), Conv(1)),
        chain(Conv(4), residual(residual(Conv(9), Conv(4)), Activation()), Mean("h w"), Linear(3)),
    ]
    graphs = [Graph.of(t, (2, 6, 6)) for t in templates]
    space = images((1, 12, 12), 4)
    graphs += [g for g in (space.decode(space.sample(seed)) for seed in range(12)) if g.costs.params < 200_000]
    assert len(graphs) > 4
    for graph in graphs:
        assert activation_memory(graph) == alive_while_running(build(graph).eval()), str(graph)


@pytest.mark.parametrize("seed", range(6))
def test_state_is_parameters_and_buffers_in_their_types(seed):
    space = images((1, 12, 12), 4)
    graph = space.decode(space.sample(seed))
    counters = sum(isinstance(node.op, BatchNorm) for node in graph.nodes)
    assert state_bytes(graph) == 4 * (graph.costs.params + graph.costs.buffers) + 4 * counters


def test_traffic_of_known_cases():
    """A convolution moves its input, its weights and its output; a join what it joins and the joined."""
    conv = Graph.of(Conv(5, 3), (4, 6, 7))
    assert memory_traffic(conv) == traffic(conv) == 4 * (6 * 7 * (4 + 5) + 9 * 4 * 5)
    join = parallel(Identity(), Conv(2, 1), join=Concat())
    assert memory_traffic(Graph.of(join, (3, 2, 2))) == 4 * (4 * (3 + 2) + 6 + 4 * (3 + 2 + 5))
    assert memory_traffic(Graph.of(BatchNorm(), (3,))) == 4 * (3 + 3 + 4 * 3 + 1)
    assert memory_traffic(Graph.of(Unruled(), (4,))) == 4 * (4 + 4) + 4 * 3 + 8 * 5
