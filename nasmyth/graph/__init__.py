"""The architecture as a value: ops, how they are wired, and the graph that results. Nothing here needs torch."""

from nasmyth.graph.cell import cell
from nasmyth.graph.chain import chain, parallel, repeat, residual
from nasmyth.graph.costs import Costs
from nasmyth.graph.encode import Adjacency, Encoder, GraphTensors, Tensors
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.features import Features
from nasmyth.graph.flat import Node
from nasmyth.graph.frames import frames
from nasmyth.graph.graph import Graph
from nasmyth.graph.inputs import Inputs, Spec
from nasmyth.graph.joins import Add, Concat, Identity, Multiply, Zero
from nasmyth.graph.op import (
    Block,
    Op,
    active_params,
    block,
    blocks,
    buffer_count,
    mac_count,
    op,
    ops,
    param_count,
    state_count,
)
from nasmyth.graph.origins import Origin, follow, origins, supergraph
from nasmyth.graph.paths import Paths
from nasmyth.graph.shared_depth import shared_depth
from nasmyth.graph.stack import stack_cells

__all__ = [
    "Add",
    "Adjacency",
    "Block",
    "Concat",
    "Costs",
    "Encoder",
    "Features",
    "Graph",
    "GraphTensors",
    "Identity",
    "Inputs",
    "Multiply",
    "Node",
    "Op",
    "Origin",
    "Paths",
    "Spec",
    "Tensors",
    "Zero",
    "active_params",
    "block",
    "blocks",
    "buffer_count",
    "cell",
    "chain",
    "fan_ins",
    "follow",
    "frames",
    "mac_count",
    "op",
    "ops",
    "origins",
    "parallel",
    "param_count",
    "repeat",
    "residual",
    "shared_depth",
    "stack_cells",
    "state_count",
    "supergraph",
]  # fmt: skip
__all__ = ["Add", "Adjacency", "Block", "Concat", "Costs", "Encoder", "Features", "Graph", "GraphTensors", "Identity",
           "Inputs", "Multiply", "Node", "Op", "Origin", "Paths", "Spec", "Tensors", "Zero", "block", "blocks", "buffer_count", "cell",
           "chain", "fan_ins", "follow", "frames", "mac_count", "op", "ops", "origins", "parallel", "param_count", "repeat", "residual",
           "stack_cells", "state_count",
           "supergraph"]  # fmt: skip
