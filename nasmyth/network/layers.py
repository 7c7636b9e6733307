"""The layers of a graph as modules, run in its order: what a network is before anything is done with it.

Modules sit where the addresses of their nodes say, so `network.stages[1].conv` is the node `stages[1].conv` and its weights are
called "stages.1.conv.weight"; `network.layer("stages[1].conv")` is the same module. Nodes of one address share one module.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

import nasmyth.ops  # noqa: F401  gives joins their modules, and makes all ops known to files that are loaded
from nasmyth.errors import NasmythError, ShapeError, UnknownNameError, nearest
from nasmyth.graph.flat import Node, two_ops_of_one
from nasmyth.graph.graph import Graph
from nasmyth.kinds import shown
from nasmyth.network.names import Group, Path, at, places, put


class Step(NamedTuple):
    """One node in the order of computation: whose module, on which values, and which values are of no use afterwards."""

    path: Path
    inputs: tuple[int, ...]
    done: tuple[int, ...]


class Layers(Group):
    """A graph's modules. `inputs` and `outputs` say what raw input is and what an answer means; both may be None."""

    def __init__(
        self,
        graph: Graph,
        inputs: Any = None,
        outputs: Any = None,
        *,
        seed: int = 0,
        history: Iterable[Any] = (),
    ) -> None:
        super().__init__()
        if not isinstance(graph, Graph):
            raise NasmythError(
                f"a network is built from a Graph, and this is {shown(graph)}: Graph.of(template, input=...) makes one, "
                "and Network.of(module, example) takes a module of yours"
            )
        self.graph = graph
        self.inputs, self.outputs = inputs, outputs
        self.history: tuple[Any, ...] = tuple(history)
        """What was done to it, in order: JSON data that each step of a search, a training or a transform appends."""
        refuse_misfit(graph, inputs, outputs)
        paths = places(dict.fromkeys(node.address for node in layers(graph)))
        _build_modules(self, graph, paths, seed)
        self._steps, self._takes = _schedule(graph, paths), len(graph.inputs)

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        """The last layer's output for a batch of prepared input, or of several inputs in the order of the graph's.

        Values are let go as soon as nothing needs them.
        """
        values: list[Any] = [x]
        if self._takes > 1:  # torch.fx follows what has one, and cannot count the others
            values += more
            if len(values) != self._takes:
                raise ShapeError(f"the network takes {self.graph.inputs}, and was given {len(values)} inputs")
        for path, inputs, done in self._steps:
            values.append(at(self, path)(*[values[i] for i in inputs]))
            for i in done:
                values[i] = None
        return values[-1]

    def layer(self, address: str) -> nn.Module:
        """The module of the nodes at an address of the graph. Raises UnknownNameError, which suggests what is near."""
        paths = {node.address: step.path for node, step in zip(layers(self.graph), self._steps, strict=True)}
        if address not in paths:
            raise UnknownNameError(
                f"no layer is at {address!r}{nearest(str(address), list(paths))}; print(network.graph) lists the addresses"
            )
        return at(self, paths[address])

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Module by module, so that layers which somebody replaced stay replaced."""
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin


def _build_modules(root: nn.Module, graph: Graph, paths: dict[str, Path], seed: int) -> None:
    built: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        for node in layers(graph):
            shapes = tuple(graph.nodes[i].shape for i in node.inputs)
            if node.address not in built:
                # not torch.manual_seed, which would seed the accelerators as well
                torch.default_generator.manual_seed(_seed(seed, node.address))
                put(root, paths[node.address], node.op.build(*shapes))
                built[node.address] = (node.op, shapes)
            elif built[node.address][0] is not node.op:
                raise two_ops_of_one(node.address, built[node.address][0], node.op)


def _seed(seed: int, address: str) -> int:
    return int.from_bytes(blake2b(f"{seed} {address}".encode(), digest_size=8).digest(), "big")


def _schedule(graph: Graph, paths: dict[str, Path]) -> tuple[Step, ...]:
    last = {i: n for n, node in enumerate(graph.nodes) for i in node.inputs}
    return tuple(
        Step(paths[node.address], node.inputs, tuple(sorted({i for i in node.inputs if last[i] == n})))
        for n, node in enumerate(graph.nodes)
        if node.inputs
    )


def modules_of(network: Layers) -> list[nn.Module]:
    """The module of each of `layers(network.graph)`; nodes of one address share theirs."""
    return [at(network, step.path) for step in network._steps]


def layers(graph: Graph) -> tuple[Node, ...]:
    """The nodes that compute something, which all read others."""
    return graph.nodes[len(graph.inputs) :]


def refuse_misfit(graph: Graph, inputs: Any, outputs: Any) -> None:
    """Raise ShapeError where a graph does not take such inputs, or give what such answers need."""
    if inputs is not None and tuple(inputs.spec) != tuple(graph.inputs):
        raise ShapeError(f"the graph takes {graph.inputs} and the input is {inputs.spec}: build it for that")
    if inputs is not None:
        refuse_standardised(graph, inputs)
    if outputs is not None and tuple(graph.output) != tuple(outputs.shape):
        raise ShapeError(
            f"the graph gives {tuple(graph.output)} and the answer needs {tuple(outputs.shape)}: end it with "
            f"Linear({outputs.size})"
        )


def refuse_standardised(graph: Graph, inputs: Any) -> None:
    """Raise ShapeError where a layer that takes codes, such as an embedding, would read standardised numbers."""
    if inputs.codes:
        return
    for node in layers(graph):
        if 0 in node.inputs and getattr(node.op.module, "takes_codes", False):
            raise ShapeError(
                f"{node.op!r} takes codes, whole numbers from 0 on, and {type(inputs).__name__} gives it standardised ones, of "
                "which it would tell a few apart; read whole numbers as tokens: nasmyth.read(data, domain='text'), "
                f"--domain text  (at {node.address})"
            )
