"""The laws of a block, or of any template without holes: its declared output, its costs, and that it can be trained."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any

import torch

from nasmyth.export.verify import prepared
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Block
from nasmyth.graph.signature import Shape
from nasmyth.ops.found.counted import count_macs, count_saved
from nasmyth.ops.tensors import Reshape, Slice
from nasmyth.testing.laws import law
from nasmyth.testing.ops import refuses_to_be_built
from nasmyth.testing.values import check_value
from nasmyth.testing.wired import Wired, can_be_built


def check_block(block: Any, input: Any, *others: Shape) -> None:
    """Every law of a block, or of any template without holes, on an input of this shape, or on several by name.

    others: the shapes of further inputs, of a block that joins several. Raises AssertionError.
    """
    check_value(block)
    graph = Graph.of(*_fed(block, (input, *others))) if others else Graph.of(block, input)
    if isinstance(block, Block):
        declared = block.declared_output(*((input, *others) if others else _read(block, graph)))
        law(declared in (None, graph.output), block, f"declares {declared}, gives {graph.output}")
    law(Graph.from_json(graph.to_json()).key == graph.key, block, "its graph does not survive JSON")
    if not can_be_built(graph):
        refuses_to_be_built(block, lambda: Wired(graph))
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Wired(graph)
        _counts_as_built(block, graph, network)
        _trains(block, graph, network)


def _fed(block: Any, shapes: tuple[Shape, ...]) -> tuple[Any, Shape]:
    """A template on parts of one long input, in these shapes; and the shape of that input."""
    ends = tuple(accumulate(map(math.prod, shapes)))
    parts = [
        chain(Slice(0, end - math.prod(shape), end), Reshape(shape)) for shape, end in zip(shapes, ends, strict=True)
    ]
    return parallel(*parts, join=block), ends[-1:]


def _read(block: Block, graph: Graph) -> list[Shape]:
    """The shapes that a block reads of the inputs of a graph: the first, and those that it names."""
    named = block.parsed_signature.reads(1)
    return [entry.shape for i, entry in enumerate(graph.inputs) if i == 0 or entry.name in named]


def _counts_as_built(block: Any, graph: Graph, network: Wired) -> None:
    network.eval()
    counted = (*count_saved(network), count_macs(network, tuple(entry.shape for entry in graph.inputs)))
    costs = graph.costs
    ruled = (costs.params, costs.buffers, costs.macs)
    law(bool(costs.unknown) or ruled == counted, block, f"(params, buffers, MACs) by rule {ruled}, as built {counted}")


def _trains(block: Any, graph: Graph, network: Wired) -> None:
    """A training step reaches every parameter with a finite gradient, and one example alone can be evaluated."""
    output = network.train()(*prepared(graph, 4))
    answered = tuple(output.shape[1:]) == graph.output and len(output) % 4 == 0  # by each of several members, perhaps
    law(answered, block, f"gives {tuple(output.shape)[1:]}, not {graph.output}")
    if any(p.requires_grad for p in network.parameters()):
        output.square().sum().backward()
    for name, parameter in network.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.isfinite().all())
        law(reached, block, f"no finite gradient reaches {name}")
    with torch.no_grad():
        alone = network.eval()(*prepared(graph, 1))
    law(bool(alone.isfinite().all()), block, "gives numbers that are not finite")
