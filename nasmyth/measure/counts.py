"""What a graph alone tells: parameters, MACs, bytes on disk, bytes of activations.

Counts come from rules beside each op, so that they cost microseconds and build nothing. An op without a rule (a user's
own) is built and run once, and remembered.
"""

from __future__ import annotations

from nasmyth.graph import Costs, Graph
from nasmyth.graph.lengths import is_layer
from nasmyth.graph.op import active_params as rule
from nasmyth.measure.footprint import activation_memory, kept_bytes, memory_traffic, state_bytes
from nasmyth.measure.measure import measure


def counted(graph: Graph) -> Costs:
    """The graph's costs with nothing left unknown."""
    costs = graph.costs
    if not costs.unknown:
        return costs
    from nasmyth.ops.found.counted import count

    params, buffers, macs, activations, _ = costs
    for op, shapes, shared in costs.unknown:
        more = count(op, shapes)
        macs += more[2]
        if not shared:
            params, buffers = params + more[0], buffers + more[1]
    return Costs(params, buffers, macs, activations)


@measure(unit="")
def params(graph: Graph) -> float:
    """Learnable numbers, each shared one counted once."""
    return float(counted(graph).params)


@measure(unit="")
def active_params(graph: Graph) -> float:
    """Learnable numbers that one place of an input meets: of a mixture of experts the gate and those that it chooses.

    Each layer's are counted once, though it may be passed several times.
    """
    from nasmyth.ops.found.counted import count

    met: dict[str, int] = {}
    for node in graph.nodes:
        if node.inputs and node.address not in met:
            shapes = tuple(graph.nodes[i].shape for i in node.inputs)
            known = rule(node.op, shapes, node.shape)
            met[node.address] = count(node.op, shapes)[0] if known is None else known
    return float(sum(met.values()))


@measure(unit="")
def macs(graph: Graph) -> float:
    """Multiply-accumulates for one example: one multiplication with its addition is one."""
    return float(counted(graph).macs)


@measure(unit="")
def activations(graph: Graph) -> float:
    """Numbers in the outputs of all layers for one example: what training keeps.

    Where moving data is what a device waits for, this foretells the time of a step better than MACs do (Radosavovic et al.
    2020, arXiv:2003.13678, section 3.4, who count the outputs of convolutions only).
    """
    return float(graph.costs.activations)


@measure(unit="B")
def size(graph: Graph) -> float:
    """Bytes of the saved weights and buffers in float32."""
    return float(state_bytes(graph))


@measure(unit="B")
def memory(graph: Graph) -> float:
    """Peak bytes of float32 activations that live at once when one example is inferred, layer by layer."""
    return float(activation_memory(graph))


@measure(unit="B")
def state(graph: Graph) -> float:
    """Bytes that one example leaves in a network that takes a sequence place by place, after the last of them, in float32:
    states of recurrences, keys and values of attention."""
    return float(kept_bytes(graph))


@measure(unit="B")
def traffic(graph: Graph) -> float:
    """Bytes that layers read and write for one example in float32: activations and weights, no layer fused."""
    return float(memory_traffic(graph))


@measure(unit="", direction="max")
def layers(graph: Graph) -> float:
    """Layers that learn a matrix: a plain baseline of training-free scores."""
    shapes = ((node, tuple(graph.nodes[i].shape for i in node.inputs)) for node in graph.nodes if node.inputs)
    return float(sum(is_layer(node, given) for node, given in shapes))
