"""Bytes: what a network's activations need while it runs, and what its weights take in a file. Both from the graph."""

from __future__ import annotations

import math
from functools import lru_cache

from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Op, buffer_count, param_count, state_count
from nasmyth.graph.signature import Shape

FLOAT = 4
"""Bytes of a float32."""


def activation_memory(graph: Graph) -> int:
    """The most bytes of float32 activations that are alive at once while one example runs in inference.

    Nodes run in the order of the graph. While one runs, its inputs, its output and every value that a later node reads
    are alive. What happens inside a layer is not counted, nor is memory that layers may share: reshapes and elementwise
    layers count as if they wrote a new value.
    """
    nodes = graph.nodes
    size = [FLOAT * math.prod(node.shape) for node in nodes]
    last = {i: n for n, node in enumerate(nodes) for i in node.inputs}
    alive = peak = sum(size[: len(graph.inputs)])
    for n, node in enumerate(nodes):
        if not node.inputs:
            continue
        alive += size[n]
        peak = max(peak, alive)
        alive -= sum(size[i] for i in set(node.inputs) if last[i] == n)
    return peak


def memory_traffic(graph: Graph) -> int:
    """Bytes that all layers read and write while one example runs in inference: inputs, weights and outputs in float32.

    Each layer counts by itself, as if nothing were fused and no cache held what the layer before has written: h w (c + c')
    + k^2 c c' numbers for a convolution, the "memory access cost" of Ma et al. (2018, arXiv:1807.11164, equation 1) by
    which VoVNet was designed. Joins read and write what they join; reshapes count like any layer.
    """
    nodes = graph.nodes
    moved = 0
    for node in nodes[len(graph.inputs) :]:
        shapes = tuple(nodes[i].shape for i in node.inputs)
        moved += math.prod(node.shape) + sum(map(math.prod, shapes))
        moved += _weights(node.op, shapes)
    return FLOAT * moved


def kept_bytes(graph: Graph) -> int:
    """Bytes of float32 that one example leaves in the states of layers after the last place of a sequence (`Network.step`)."""
    return FLOAT * sum(
        state_count(node.op, tuple(graph.nodes[i].shape for i in node.inputs), node.shape)
        for node in graph.nodes
        if node.inputs
    )


@lru_cache(maxsize=100_000)
def _weights(op: Op, shapes: tuple[Shape, ...]) -> int:
    """Numbers in the parameters and buffers of a layer."""
    output = op.infer(*shapes)
    params, buffers = param_count(op, shapes, output), buffer_count(op, shapes, output)
    return _built_bytes(op, shapes) // FLOAT if params is None or buffers is None else params + buffers


def state_bytes(graph: Graph) -> int:
    """Bytes of the weights of a float32 network as saved: parameters, and buffers in their own types.

    Exactly the payload of the safetensors file. Layers that share weights count once.
    """
    layers = {
        node.address: (node.op, tuple(graph.nodes[i].shape for i in node.inputs)) for node in graph.nodes if node.inputs
    }
    return sum(_op_bytes(op, shapes) for op, shapes in layers.values())


@lru_cache(maxsize=100_000)
def _op_bytes(op: Op, shapes: tuple[Shape, ...]) -> int:
    output = op.infer(*shapes)
    params, buffers = param_count(op, shapes, output), buffer_count(op, shapes, output)
    if params is not None and buffers == 0:
        return FLOAT * params
    return _built_bytes(op, shapes)


def _built_bytes(op: Op, shapes: tuple[Shape, ...]) -> int:
    """By building the module: buffers may have other types than float32, such as the batch norm's counter."""
    import torch

    with torch.random.fork_rng(devices=[]):
        return sum(tensor.nbytes for tensor in op.build(*shapes).state_dict().values())
