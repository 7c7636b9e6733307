"""What users call: `trace`, `Network.of` and `opaque`."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nasmyth.errors import TraceError
from nasmyth.graph.graph import Graph
from nasmyth.graph.op import mac_count, param_count
from nasmyth.graph.signature import Shape
from nasmyth.network.names import places
from nasmyth.network.network import Network
from nasmyth.network.pipeline import evaluating
from nasmyth.network.tracing.capture import Captured, capture
from nasmyth.network.tracing.wire import Wired, wire
from nasmyth.ops.opaque import Opaque, called

TOLERANCE = 1e-5
"""How far a network with the module's weights may be from the module, relative to the largest answer where above 1."""


def trace(
    module: nn.Module | str | os.PathLike[str],
    example: Tensor | None = None,
    *,
    output: str | int | None = None,
    unknown: str = "opaque",
) -> Graph:
    """The graph of a module, or of an ONNX file.

    example: one input of the module, the batch first; its numbers do not matter. An ONNX file that gives its shape needs none.
    output: which one, by name or number, if the module gives several: "logits" or else the first, and a warning, by default.
    unknown: "opaque" keeps a function that no op of ours says exactly as a node of its own; "refuse" raises.

    Raises TraceError: for paths that depend on values, sizes that depend on values, several inputs, written-to buffers.
    """
    return _traced(module, example, output, unknown)[1].graph


def network_of(
    module: nn.Module | str | os.PathLike[str],
    example: Tensor | None = None,
    *,
    output: str | int | None = None,
    unknown: str = "opaque",
) -> Network:
    """The network of a module or an ONNX file: its graph with its weights, in evaluation mode.

    It is run beside the module on random input, or on `example`, and refused (TraceError) if it is not equal to 1e-5.
    Arguments are those of `trace`. The weights are copies.
    """
    program, wired = _traced(module, example, output, unknown)
    network = Network(wired.graph)
    _put_weights(network, wired)
    network.eval()
    gap = difference(network, program, example)
    if not gap <= TOLERANCE:
        raise TraceError(
            f"the network differs from the module by {gap:.3g}, where {TOLERANCE:g} is allowed: forward does something that "
            "depends on more than its input, such as random numbers or the size of the batch"
        )
    return network


class Unsaid(NamedTuple):
    """A node that no op of ours stands for: where it is, what it calls, and what it costs."""

    address: str
    function: str
    shape: Shape
    params: int
    macs: int


def opaque(graph: Graph) -> list[Unsaid]:
    """The opaque nodes of a graph, in order. Their costs were measured."""
    found = []
    for node in graph.nodes[1:]:
        if isinstance(node.op, Opaque):
            shapes = tuple(graph.nodes[i].shape for i in node.inputs)
            costs = (int(rule(node.op, shapes, node.shape) or 0) for rule in (param_count, mac_count))
            found.append(Unsaid(node.address, called(node.op), node.shape, *costs))
    return found


def _traced(module: Any, example: Tensor | None, output: str | int | None, unknown: str) -> tuple[Captured, Wired]:
    if unknown not in ("opaque", "refuse"):
        raise TraceError(
            f"unknown={unknown!r}: write unknown='opaque' to keep such functions, unknown='refuse' to raise"
        )
    agree = None
    if isinstance(module, (str, os.PathLike)):
        from nasmyth.network.tracing.onnx import read

        module, example = read(module, example, output)
        agree, output = module.agree, None
    if not isinstance(module, nn.Module):
        raise TraceError(f"{module!r} is neither an nn.Module nor the path of an ONNX file")
    if example is None:
        raise TraceError("an example is needed: trace(module, torch.randn(1, 3, 224, 224)), the batch first")
    program = capture(module, example, output)
    if agree is not None:
        agree(program.graph, program.batch)
    wired = wire(program)
    left = opaque(wired.graph)
    if unknown == "refuse" and left:
        listed = "; ".join(f"{one.function} at {one.address}{wired.lines[one.address]}" for one in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        raise TraceError(f"no op says exactly {listed}{more}; unknown='opaque' keeps them as nodes of their own")
    return program, wired


@torch.no_grad()
def _put_weights(network: Network, wired: Wired) -> None:
    """Copies of the module's tensors, types and devices as they are there."""
    paths = places(dict.fromkeys(node.address for node in wired.graph.nodes[1:]))
    for address, weights in wired.weights.items():
        module = network.get_submodule(".".join(paths[address]))
        own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        for name, tensor in weights.items():
            if own[name].shape != tensor.shape:
                raise TraceError(
                    f"{name} at {address} has the shape {tuple(tensor.shape)}, {tuple(own[name].shape)} is needed"
                )
            own[name].data = tensor.detach().clone()


@torch.no_grad()
def difference(network: Network, program: Captured, example: Tensor | None) -> float:
    """The largest difference between a network and the module on two random inputs, relative to answers above 1."""
    module = program.module
    x = _random(program.x.meta["val"], example)
    with evaluating(module):
        theirs = module(x.clone())
    ours = network(x.clone())
    if ours.shape != theirs.shape or not bool(theirs.isfinite().all()):
        return float("inf")
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1.0))


def _random(like: Tensor, example: Tensor | None) -> Tensor:
    """Two inputs: random numbers, or for whole numbers the example's own, twice."""
    if like.is_floating_point():
        generator = torch.Generator().manual_seed(0)
        return torch.randn(2, *like.shape[1:], generator=generator).to(like.device, like.dtype)
    if example is not None:
        return torch.cat((example[:1], example[:1].flip(-1)))
    return torch.zeros(2, *like.shape[1:], dtype=like.dtype, device=like.device)
