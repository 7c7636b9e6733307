"""Where the blocks of a network end: values through which everything passes, each behind some layer with weights.

A value is such an end if nothing that was computed before it is read after it, if a layer with weights lies between it and
the one before, and if what reads it is no norm. In a residual network these are the sums of the blocks, in a chain what
stands before each next layer. The answer itself and what has no places but the batch's are left out.
"""

from __future__ import annotations

from typing import Any

from nasmyth.graph.lengths import is_layer
from nasmyth.ops import BatchNorm, GroupNorm, LayerNorm, LayerNorm2d, RMSNorm, TokenBatchNorm

NORMS = (BatchNorm, GroupNorm, LayerNorm, LayerNorm2d, RMSNorm, TokenBatchNorm)


def boundaries(graph: Any) -> list[int]:
    """The numbers of the nodes where blocks end, the first of them behind the stem."""
    nodes = graph.nodes
    readers: dict[int, list[int]] = {i: [] for i in range(len(nodes))}
    for i, node in enumerate(nodes):
        for source in node.inputs:
            readers[source].append(i)
    found, weighted, live = [], False, -1
    for i, node in enumerate(nodes[:-1]):
        if not node.inputs:
            continue
        weighted = weighted or is_layer(node, tuple(nodes[j].shape for j in node.inputs))
        if live <= i and weighted and not any(isinstance(nodes[j].op, NORMS) for j in readers[i]):
            found.append(i)
            weighted = False
        live = max(live, *readers[i])
    return [i for i in found if len(nodes[i].shape) > 1] or found
