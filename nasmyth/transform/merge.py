"""Fewer layers that compute the same: norms go into the layers before them, and two linear maps become one.

    merged = merge(network)         # in evaluation, merged(x) equals network(x)

Two rules, applied until neither finds anything:

* a batch norm behind a convolution or a linear layer is a scale and a shift of its outputs, so its weights take it in;
* two convolutions, the second of 1x1, or two linear layers, with nothing between them but what has faded away
  (`DecayingActivation`,
  VanillaNet, Chen et al. 2023, arXiv:2305.12972), are one, whose weights are the product of the two.

So a network that was trained with twice the layers is deployed with half of them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nasmyth.graph import Graph, Node
from nasmyth.network import Network
from nasmyth.ops import BatchNorm, Conv, DecayingActivation, DepthwiseConv, Linear, TokenBatchNorm

CONVOLUTIONS = (Conv, DepthwiseConv)
Weights = dict[str, Tensor]


class _Part(NamedTuple):
    """A node while it is rewritten, with the weights of its module in float64."""

    node: Node
    weights: Weights


def merge(network: Network) -> Network:
    """The same function in evaluation with as few layers as the two rules leave. The network itself stays as it is.

    The result is in evaluation mode. Weights are multiplied in float64 and rounded once. A layer that another reads as
    well, or that stands in several places, stays as it is.
    """
    parts: list[_Part | None] = [_Part(node, {}) for node in network.graph.nodes]
    shared = _standing_twice(network.graph)
    for i, node in enumerate(network.graph.nodes[1:], 1):
        state = network.layer(node.address).state_dict()
        parts[i] = _Part(node, {name: t.detach().cpu().double() for name, t in state.items()})
    while _one_less(parts, shared):
        pass
    return _rebuilt(network, parts)


def _one_less(parts: list[_Part | None], shared: set[str]) -> bool:
    """Take one node into the one before it, and say whether there was one."""
    readers = [0] * len(parts)
    for part in parts:
        for i in part.node.inputs if part else ():
            readers[i] += 1
    for n, part in enumerate(parts):
        if part is None or len(part.node.inputs) != 1:
            continue
        i = part.node.inputs[0]
        before = parts[i]
        assert before is not None
        free = readers[i] == 1 and not {before.node.address, part.node.address} & shared
        joined = _joined(before, part) if free else None
        if joined is not None:
            parts[n] = joined._replace(node=joined.node._replace(inputs=before.node.inputs, shape=part.node.shape))
            parts[i] = None
            return True
    return False


def _joined(first: _Part, second: _Part) -> _Part | None:
    """The two as one, at the address of the first; None if they are not one linear map."""
    a, b = first.node.op, second.node.op
    linear = isinstance(a, (*CONVOLUTIONS, Linear))
    if isinstance(b, DecayingActivation) and linear:
        return first
    if isinstance(b, BatchNorm) and (
        isinstance(a, CONVOLUTIONS) or (isinstance(a, Linear) and len(first.node.shape) == 1)
    ):
        return _with_norm(first, second)
    if isinstance(b, TokenBatchNorm) and isinstance(a, Linear):
        return _with_norm(first, second)
    pointwise = isinstance(b, Conv) and (b.kernel, b.stride, b.groups) == (1, 1, 1)
    if (isinstance(a, Conv) and a.groups == 1 and pointwise) or (isinstance(a, Linear) and isinstance(b, Linear)):
        return _product(first, second)
    return None


def _with_norm(first: _Part, norm: _Part) -> _Part:
    """y = g (W x + b - m) / sqrt(v + e) + s."""
    weight, bias = first.weights["weight"], _bias(first)
    w = norm.weights
    op: Any = norm.node.op
    factor = w["weight"] / (w["running_var"] + op.eps).sqrt()
    shape = (-1, *[1] * (weight.dim() - 1))
    weights = {"weight": weight * factor.reshape(shape), "bias": (bias - w["running_mean"]) * factor + w["bias"]}
    return _Part(first.node._replace(op=first.node.op.replace(bias=True)), weights)


def _product(first: _Part, second: _Part) -> _Part:
    """y = B (A x + a) + b. A bias before a 1x1 convolution meets no padding, so it can go through it."""
    outer = second.weights["weight"].flatten(1)
    weights = {
        "weight": torch.einsum("oi,i...->o...", outer, first.weights["weight"]),
        "bias": outer @ _bias(first) + _bias(second),
    }
    inner: Any = second.node.op
    return _Part(first.node._replace(op=first.node.op.replace(out=inner.out, bias=True)), weights)


def _bias(part: _Part) -> Tensor:
    bias = part.weights.get("bias")
    return part.weights["weight"].new_zeros(part.weights["weight"].shape[0]) if bias is None else bias


def _rebuilt(network: Network, parts: list[_Part | None]) -> Network:
    """The network of what is left, with its weights, on the same device and of the same types."""
    number: dict[int, int] = {}
    nodes: list[Node] = []
    for i, part in enumerate(parts):
        if part is not None:
            number[i] = len(nodes)
            nodes.append(part.node._replace(inputs=tuple(number[j] for j in part.node.inputs)))
    made = Network(
        Graph(tuple(nodes)), network.inputs, network.outputs, history=(*network.history, {"transform": "merge"})
    )
    like = next(network.parameters(), None)
    if like is not None:
        made.to(like.device, like.dtype)  # before they are rounded to what it has
    for part in parts:
        if part is not None and part.node.inputs:
            made.layer(part.node.address).load_state_dict(part.weights)
    return made.eval()


def _standing_twice(graph: Graph) -> set[str]:
    copies = Counter(node.address for node in graph.nodes[1:])
    return {address for address, count in copies.items() if count > 1}
