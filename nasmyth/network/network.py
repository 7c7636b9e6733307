"""A network: a graph with weights, an `nn.Module` that knows its own graph.

    network = build(graph, seed=0, inputs=task.inputs, outputs=task.outputs)
    network(x)                      # what training calls: prepared floats in, the last layer's output out
    network.predict(raw)            # what a user calls: raw images or a DataFrame in, labels and probabilities out
    network.save("net.safetensors"), Network.load("net.safetensors"), network.export("net.onnx")

Modules sit where the addresses of their nodes say, so `network.stages[1].conv` is the node `stages[1].conv` and its
weights are called "stages.1.conv.weight". Nodes of one address share one module.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

import nasmyth.ops  # noqa: F401  gives joins their modules, and makes all ops known to files that are loaded
from nasmyth.contents import late
from nasmyth.errors import CheckError, NasmythError, ShapeError
from nasmyth.graph.flat import two_ops_of_one
from nasmyth.graph.graph import Graph
from nasmyth.kinds import shown
from nasmyth.network.checkpoints import translate
from nasmyth.network.names import Group, Path, places, put
from nasmyth.units import show

if TYPE_CHECKING:
    from nasmyth.network.pipeline import Pipeline, Prediction
    from nasmyth.network.written import Written


class Step(NamedTuple):
    """One node in the order of computation: whose module, on which values, and which values are of no use afterwards."""

    path: Path
    inputs: tuple[int, ...]
    done: tuple[int, ...]


class Network(Group):
    """A graph with weights. `inputs` and `outputs` say what raw input is and what an answer means; both may be None.

    Raises ShapeError if the graph does not take what `inputs` gives, or give what `outputs` needs.
    """

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
        _refuse_misfit(graph, inputs, outputs)
        paths = places(dict.fromkeys(node.address for node in graph.nodes[1:]))
        _build_modules(self, graph, paths, seed)
        self._steps = _schedule(graph, paths)

    def forward(self, x: Tensor) -> Tensor:
        """The last layer's output for a batch of prepared input. Values are let go as soon as nothing needs them."""
        values: list[Any] = [x]
        for path, inputs, done in self._steps:
            module: Any = self
            for part in path:
                module = module._modules[part]
            values.append(module(*[values[i] for i in inputs]))
            for i in done:
                values[i] = None
        return values[-1]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        translate(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @classmethod
    def of(cls, module: Any, example: Tensor | None = None, **options: Any) -> Network:
        """A network that computes what an `nn.Module` or an ONNX file does, with its weights; arguments are those of
        `trace`.

        `load_state_dict` takes checkpoints of that module. Raises TraceError where that cannot be, or where the two differ
        by more than 1e-5 on input like the example.
        """
        found: Network = late("nasmyth.tracing:network_of")(module, example, **options)
        return found

    def pipeline(self) -> Pipeline:
        """Preprocessing, network and answer as one module that shares this network's weights."""
        from nasmyth.network.pipeline import Pipeline

        return Pipeline(self)

    def predict(self, raw: Any, batch: int = 256) -> Prediction:
        """Raw input (see `inputs`) to labels with probabilities, or to values. Raises DataError for other input."""
        from nasmyth.network.pipeline import predict

        return predict(self, raw, batch)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, graph, inputs, outputs and history to one safetensors file. Raises ExportError."""
        from nasmyth.network.save import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """The network that `save` wrote, in evaluation mode. Raises ExportError for a file that is not one."""
        from nasmyth.network.save import load

        return load(path)

    def to_bytes(self) -> bytes:
        """What `save` writes. Equal networks give equal bytes."""
        from nasmyth.network.save import to_bytes

        return to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Network:
        """The inverse of `to_bytes`."""
        from nasmyth.network.save import from_bytes

        return from_bytes(data)

    def export(self, path: str | os.PathLike[str]) -> Written:
        """Write the network, its preprocessing and class names in the form that the suffix names: .onnx, .py, .pt2 or
        .safetensors. What was written is run and compared with the network first. Raises ExportError."""
        written: Written = late("nasmyth.export:write")(self, path)
        return written

    def check(self, *constraints: Any) -> dict[str, float]:
        """Measure every constraint on this very network; the figures by name. Raises CheckError if one is missed."""
        measured, missed = {}, []
        for constraint in constraints:
            value = float(constraint.measure(self))
            measured[_name(constraint)] = value
            if not constraint.satisfied(value):
                missed.append(f"{constraint}: measured {show(value, getattr(constraint.measure, 'unit', ''))}")
        if missed:
            raise CheckError("; ".join(missed), measured=measured)
        return measured

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it is made of: the classes of layers go by the names of their ops, which pickle cannot follow."""
        training = tuple(name for name, module in self.named_modules() if module.training)
        frozen = tuple(name for name, weight in self.named_parameters() if not weight.requires_grad)
        parts = (self.graph, self.inputs, self.outputs, self.history, dict(self.state_dict()), training, frozen)
        return _restored, parts

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        """Module by module, so that layers which somebody replaced stay replaced."""
        twin: Network = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin

    def __repr__(self) -> str:
        weights = sum(p.numel() for p in self.parameters())
        answer = _answer(self.graph, self.outputs)
        taken = "x".join(map(str, self.graph.input))
        return f"<Network {self.graph.key}: {taken} -> {answer}, {len(self._steps)} layers, {show(weights)} parameters>"

    def __str__(self) -> str:
        return f"{self!r}\n{self.graph}"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from nasmyth.graph.text import html

        return html(self.graph, repr(self).strip("<>"))


def build(graph: Graph, seed: int = 0, inputs: Any = None, outputs: Any = None) -> Network:
    """The network of a graph, with fresh weights: the modules' own initialisation, drawn from `seed` and the address.

    Neither the order of nodes nor the rest of the graph matters to a node's weights, and the global random state is left
    as it was.
    """
    return Network(graph, inputs, outputs, seed=seed)


def _restored(
    graph: Graph,
    inputs: Any,
    outputs: Any,
    history: tuple[Any, ...],
    state: dict[str, Tensor],
    training: tuple[str, ...],
    frozen: tuple[str, ...],
) -> Network:
    network = Network(graph, inputs, outputs, history=history)
    network.load_state_dict(state, assign=True)
    for name, module in network.named_modules():
        module.training = name in training
    for name, weight in network.named_parameters():
        weight.requires_grad_(name not in frozen)
    return network


def _build_modules(root: nn.Module, graph: Graph, paths: dict[str, Path], seed: int) -> None:
    built: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        for node in graph.nodes[1:]:
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
        for n, node in enumerate(graph.nodes[1:], 1)
    )


def _refuse_misfit(graph: Graph, inputs: Any, outputs: Any) -> None:
    if inputs is not None and tuple(inputs.shape) != tuple(graph.input):
        raise ShapeError(
            f"the graph takes {tuple(graph.input)} and the input is {tuple(inputs.shape)}: build it for that"
        )
    if outputs is not None and tuple(graph.output) != (outputs.size,):
        raise ShapeError(
            f"the graph gives {tuple(graph.output)} and the answer needs ({outputs.size},): end it with "
            f"Linear({outputs.size})"
        )


def _answer(graph: Graph, outputs: Any) -> str:
    if outputs is None:
        return "x".join(map(str, graph.output))
    kind = "classes" if outputs.kind == "classification" else "values"
    return f"{outputs.size} {kind}"


def _name(constraint: Any) -> str:
    return str(getattr(constraint.measure, "name", constraint))
