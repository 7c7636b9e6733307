"""A graph as a module in the plainest way, and whether there is one: what the suites hold networks against."""

from __future__ import annotations

from torch import Tensor, nn

from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Op


def buildable(op: Op) -> bool:
    """Whether it has a module. An op may be declared without one: then it can be wired, keyed and drawn, and no more."""
    return type(op).module is not None


def can_be_built(graph: Graph) -> bool:
    """Whether every op has a module: those of a space over a table need none."""
    return all(buildable(node.op) for node in graph.nodes if node.inputs)


class Wired(nn.Module):
    """A graph's modules, run node by node: the plainest reading of a graph, for tests."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.nodes, self.first = graph.nodes, len(graph.inputs)
        self.layers = nn.ModuleDict()
        for node in self.nodes[self.first :]:
            if _key(node.address) not in self.layers:
                self.layers[_key(node.address)] = node.op.build(*(self.nodes[i].shape for i in node.inputs))

    def forward(self, *inputs: Tensor) -> Tensor:
        values = [*inputs]
        for node in self.nodes[self.first :]:
            values.append(self.layers[_key(node.address)](*(values[i] for i in node.inputs)))
        return values[-1]


def _key(address: str) -> str:
    return f"at {address}".replace(".", "/")
