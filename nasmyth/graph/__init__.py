"""The architecture as a value: ops, how they are wired, and the graph that results. Nothing here needs torch."""

from nasmyth.graph.combine import Add, Concat, Identity, Multiply, Zero, cell, chain, parallel, repeat, residual
from nasmyth.graph.costs import Costs
from nasmyth.graph.flat import Node
from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Block, Op, block, blocks, buffer_count, mac_count, op, ops, param_count

__all__ = ["Add", "Block", "Concat", "Costs", "Graph", "Identity", "Multiply", "Node", "Op", "Zero", "block", "blocks",
           "buffer_count", "cell", "chain", "mac_count", "op", "ops", "parallel", "param_count", "repeat", "residual"]  # fmt: skip
