"""What users call: `trace`, `Network.of` and `opaque`."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nasmyth.errors import TraceError, warn
from nasmyth.graph.graph import Graph
from nasmyth.graph.op import mac_count, param_count
from nasmyth.graph.signature import Shape
from nasmyth.network.checkpoints import remember
from nasmyth.network.names import places
from nasmyth.network.network import Network
from nasmyth.ops.foreign.opaque import Opaque, called
from nasmyth.tracing.capture import Captured, capture, runs_operators
from nasmyth.tracing.comparing import compare
from nasmyth.tracing.exported import core_of
from nasmyth.tracing.wire import Wired, wire

SHOWN = 8
"""So many of the weights that are not used are named."""


def trace(
    module: nn.Module | str | os.PathLike[str],
    example: Tensor | None = None,
    *,
    output: str | int | None = None,
    unknown: str = "opaque",
) -> Graph:
    """The graph of a module, or of an ONNX file.

    example: one input of the module, the batch first; its numbers do not matter. An ONNX file that gives its shape
        needs none.
    output: which one, by name or number, if the module gives several: "logits" or else the first, and a warning, by
        default.
    unknown: "opaque" keeps a function that no op of ours says exactly as a node of its own; "refuse" raises.

    Raises TraceError: for paths that depend on values, sizes that depend on values, several inputs, written-to buffers.
    """
    return _traced(module, example, output, unknown).wired.graph


def network_of(
    module: nn.Module | str | os.PathLike[str],
    example: Tensor | None = None,
    *,
    output: str | int | None = None,
    unknown: str = "opaque",
) -> Network:
    """The network of a module or an ONNX file: its graph with its weights, in evaluation mode.

    It is run beside the module on input like `example`, and refused (TraceError) if it is not equal to 1e-5. Arguments are
    those of `trace`. The weights are copies.
    """
    traced = _traced(module, example, output, unknown)
    network = Network(traced.wired.graph, traced.inputs, traced.outputs)
    _put_weights(network, traced.wired)
    network.eval()
    compare(network, traced.program, traced.example)
    if isinstance(module, nn.Module):
        remember(network, module, _origins(traced.wired, traced.program))
    return network


class UnsupportedOperator(NamedTuple):
    """A node that no op of ours stands for: where it is, what it calls, and what it costs."""

    address: str
    function: str
    shape: Shape
    params: int
    macs: int


def opaque(graph: Graph) -> list[UnsupportedOperator]:
    """The opaque nodes of a graph, in order. Their costs were measured."""
    found = []
    for node in graph.nodes[1:]:
        if isinstance(node.op, Opaque):
            shapes = tuple(graph.nodes[i].shape for i in node.inputs)
            costs = (int(rule(node.op, shapes, node.shape) or 0) for rule in (param_count, mac_count))
            found.append(UnsupportedOperator(node.address, called(node.op), node.shape, *costs))
    return found


class _Traced(NamedTuple):
    program: Captured
    wired: Wired
    example: Tensor
    inputs: Any
    outputs: Any


def _traced(module: Any, example: Tensor | None, output: str | int | None, unknown: str) -> _Traced:
    if unknown not in ("opaque", "refuse"):
        raise TraceError(
            f"unknown={unknown!r}: write unknown='opaque' to keep such functions, unknown='refuse' to raise"
        )
    if not isinstance(module, (str, os.PathLike)):
        return _traced_module(module, example, output, unknown)
    from nasmyth.tracing.onnx import read

    if not Path(module).is_file():
        raise TraceError(f"{os.fspath(module)!r}: no such file; give the path of an ONNX file, or an nn.Module")
    if Path(module).suffix == ".safetensors":
        raise TraceError(f"{module}: is read with Network.load; only ONNX files and modules are traced")
    with core_of(module) as core:
        source, example = read(core.path, example, output)
        found = _traced_module(source, example, None, unknown, source.agree)
    return found._replace(inputs=core.inputs, outputs=core.outputs)


def _traced_module(
    module: Any,
    example: Tensor | None,
    output: str | int | None,
    unknown: str,
    agree: Callable[[Any, int], None] | None = None,
) -> _Traced:
    """agree: called with what was captured, and refuses what answers otherwise than the file that the module stands for."""
    if isinstance(module, type) and issubclass(module, nn.Module):
        raise TraceError(f"{module.__name__} is a class: make a module of it, {module.__name__}(...)")
    if not isinstance(module, nn.Module):
        raise TraceError(f"{reprlib.repr(module)} is neither an nn.Module nor the path of an ONNX file")
    if example is None:
        raise TraceError("an example is needed: trace(module, torch.randn(1, 3, 224, 224)), the batch first")
    program = capture(module, example, output)
    if agree is not None:
        agree(program.graph, program.batch)
    wired = wire(program)
    _say_unused(module, wired)
    left = opaque(wired.graph)
    if unknown == "refuse" and left:
        listed = "; ".join(f"{one.function} at {one.address}{wired.lines[one.address]}" for one in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        raise TraceError(f"no op says exactly {listed}{more}; unknown='opaque' keeps them as nodes of their own")
    return _Traced(program, wired, example, None, None)


def _say_unused(module: nn.Module, wired: Wired) -> None:
    """A warning that names the weights which the answer does not depend on: they are not in the graph."""
    named: dict[int, list[str]] = {}
    for name, weight in module.named_parameters(remove_duplicate=False):
        named.setdefault(id(weight), []).append(name.removeprefix("layers.") if runs_operators(module) else name)
    left = [names[0] for names in named.values() if not wired.reached & set(names)]
    if left:
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        warn(
            f"the answer does not depend on {len(left)} of {len(named)} weights, which are left out: "
            f"{', '.join(left[:SHOWN])}{more}"
        )


def _origins(wired: Wired, program: Captured) -> dict[str, tuple[str, Tensor]]:
    """For each weight by its name here the name in the module, and how the tensor is seen here."""
    paths = places(dict.fromkeys(node.address for node in wired.graph.nodes[1:]))
    return {
        ".".join((*paths[address], own)): (program.module.path(held.name), held.tensor)
        for address, weights in wired.weights.items()
        for own, held in weights.items()
    }


@torch.no_grad()
def _put_weights(network: Network, wired: Wired) -> None:
    """Copies of the module's tensors, types and devices as they are there."""
    paths = places(dict.fromkeys(node.address for node in wired.graph.nodes[1:]))
    for address, weights in wired.weights.items():
        module = network.get_submodule(".".join(paths[address]))
        own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        for name, (_, tensor, _) in weights.items():
            if own[name].shape != tensor.shape:
                raise TraceError(
                    f"{name} at {address} has the shape {tuple(tensor.shape)}, {tuple(own[name].shape)} is needed"
                )
            own[name].data = tensor.detach().clone()
