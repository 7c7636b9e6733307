"""The conformance suites: what everything of a kind has to keep to. Call them on your own things, too.

    check_op(Conv(8), (3, 9, 9))                # raises AssertionError, which names the law that is broken
    check_block(mbconv(8), (4, 8, 8))
    check_space(space)
    check_networks(space)                       # builds some of them and runs them forward
    check_measure(params, graph)
    check_strategy(Evolution(population=8), space)

A file of ops or blocks lists examples for them, `EXAMPLES = [(Conv(8), (3, 9, 9)), ...]`: a value, then the shape of each
input without the batch. The tests run the suites over the examples of all that is registered.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Block
from nasmyth.graph.signature import Shape
from nasmyth.laws import check_measure, check_space
from nasmyth.laws import law as _law
from nasmyth.op_laws import Example, buildable, check_onnx, check_op, check_value, refuses_to_be_built
from nasmyth.ops.counted import count_macs, count_saved
from nasmyth.registry import Registry
from nasmyth.space.space import Space
from nasmyth.strategy_laws import check_strategy

__all__ = [
    "check_block",
    "check_measure",
    "check_networks",
    "check_onnx",
    "check_op",
    "check_space",
    "check_strategy",
    "check_value",
    "examples",
]


def examples(registry: Registry[Any]) -> dict[str, list[Example]]:
    """The examples of every registered op or block by its name, found in the files that define them."""
    found: dict[str, list[Example]] = {}
    for name, cls in registry:
        files = {cls.__module__, getattr(getattr(cls, "module", None), "__module__", cls.__module__)}
        listed = [e for file in sorted(files) for e in getattr(sys.modules.get(file), "EXAMPLES", ())]
        found[name] = [example for example in listed if type(example[0]) is cls]
    return found


# --- blocks -------------------------------------------------------------------------------------------------------


def check_block(block: Any, *shapes: Shape) -> None:
    """Every law of a block, or of any template without holes, on an input of this shape. Raises AssertionError."""
    (shape,) = shapes
    check_value(block)
    graph = Graph.of(block, shape)
    if isinstance(block, Block):
        promised = block.promised(shape)
        _law(promised in (None, graph.output), block, f"promises {promised}, gives {graph.output}")
    _law(Graph.from_json(graph.to_json()).key == graph.key, block, "its graph does not survive JSON")
    if not can_be_built(graph):
        refuses_to_be_built(block, lambda: Wired(graph))
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Wired(graph)
        _counts_as_built(block, graph, network)
        _trains(block, graph, network)


def _counts_as_built(block: Any, graph: Graph, network: Wired) -> None:
    network.eval()
    counted = (*count_saved(network), count_macs(network, (graph.input,)))
    costs = graph.costs
    ruled = (costs.params, costs.buffers, costs.macs)
    _law(bool(costs.unknown) or ruled == counted, block, f"(params, buffers, MACs) by rule {ruled}, as built {counted}")


def _trains(block: Any, graph: Graph, network: Wired) -> None:
    """A training step reaches every parameter with a finite gradient, and one example alone can be evaluated."""
    output = network.train()(torch.randn(4, *graph.input))
    _law(tuple(output.shape) == (4, *graph.output), block, f"gives {tuple(output.shape)[1:]}, not {graph.output}")
    if any(p.requires_grad for p in network.parameters()):
        output.square().sum().backward()
    for name, parameter in network.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.isfinite().all())
        _law(reached, block, f"no finite gradient reaches {name}")
    with torch.no_grad():
        alone = network.eval()(torch.randn(1, *graph.input))
    _law(bool(alone.isfinite().all()), block, "gives numbers that are not finite")


def check_networks(space: Space, samples: int = 10, seed: int = 0) -> None:
    """Random networks of a space, built and run forward: shapes and parameters as the graph says, finite numbers.

    Only for spaces whose ops can be built. Raises AssertionError, which names the genome.
    """
    rng = Random(seed)
    for _ in range(samples):
        genome = space.sample(rng)
        graph = space.decode(genome)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            network = Wired(graph).eval()
            output = network(torch.randn(2, *graph.input))
        _law(tuple(output.shape) == (2, *graph.output), space, f"{genome} gives {tuple(output.shape)[1:]}")
        built = sum(parameter.numel() for parameter in network.parameters())
        counted = graph.costs.params
        ruled = bool(graph.costs.unknown) or built == counted
        _law(ruled, space, f"{genome} has {built} parameters, {counted} by rule")
        _law(bool(output.isfinite().all()), space, f"{genome} gives numbers that are not finite")


def can_be_built(graph: Graph) -> bool:
    """Whether every op has a module: those of a space over a table need none."""
    return all(buildable(node.op) for node in graph.nodes[1:])


class Wired(nn.Module):
    """A graph's modules, run node by node: the plainest reading of a graph, for tests."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.nodes = graph.nodes
        self.layers = nn.ModuleDict()
        for node in self.nodes[1:]:
            if _key(node.address) not in self.layers:
                self.layers[_key(node.address)] = node.op.build(*(self.nodes[i].shape for i in node.inputs))

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for node in self.nodes[1:]:
            values.append(self.layers[_key(node.address)](*(values[i] for i in node.inputs)))
        return values[-1]


def _key(address: str) -> str:
    return f"at {address}".replace(".", "/")
