"""A network: a graph with weights, an `nn.Module` that knows its own graph.

    network = build(graph, seed=0, inputs=task.inputs, outputs=task.outputs)
    network(x)                      # what training calls: prepared floats in, the last layer's output out
    network.predict(raw)            # what a user calls: raw images or a DataFrame in, labels and probabilities out
    network.save("net.safetensors"), Network.load("net.safetensors"), network.export("net.onnx")

Its modules and how they run are in `layers.py`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from torch import Tensor

import nasmyth.forms.known  # noqa: F401  makes all kinds of inputs and answers known to files
from nasmyth.contents import late
from nasmyth.errors import CheckError
from nasmyth.graph.graph import Graph
from nasmyth.network import save, streaming
from nasmyth.network.checkpoints import translate
from nasmyth.network.layers import Layers
from nasmyth.network.pipeline import Pipeline, Prediction, predict
from nasmyth.network.streaming import State
from nasmyth.units import show

if TYPE_CHECKING:
    from nasmyth.network.written import Written


class Network(Layers):
    """A graph with weights. `inputs` and `outputs` say what raw input is and what an answer means; both may be None.

    Raises ShapeError if the graph does not take what `inputs` gives, or give what `outputs` needs.
    """

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
        return Pipeline(self)

    def initial_state(self, batch: int = 1, **whole: Tensor) -> State:
        """What `step` begins with. whole: by name, the inputs that do not come place by place, such as a memory, b ...

        Raises ShapeError for a network that needs a sequence as a whole, and for inputs of another name or shape.
        """
        return streaming.initial_state(self, batch, **whole)

    def step(self, state: State, *places: Tensor) -> tuple[Tensor, State]:
        """The output at the next place of a sequence, which `forward` gives there for the whole, and the state after it.

        places: of each input of the graph that was not given whole, b ... without the axis of places.
        """
        return streaming.step(self, state, *places)

    def predict(self, raw: Any, batch: int = 256) -> Prediction:
        """Raw input (see `inputs`) to labels with probabilities, or to values. Raises DataError for other input."""
        return predict(self, raw, batch)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, graph, inputs, outputs and history to one safetensors file. Raises ExportError."""
        save.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """The network that `save` wrote, in evaluation mode. Raises ExportError for a file that is not one."""
        return save.load(path, cls)

    def to_bytes(self) -> bytes:
        """What `save` writes. Equal networks give equal bytes."""
        return save.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Network:
        """The inverse of `to_bytes`."""
        return save.from_bytes(data, cls)

    def export(self, path: str | os.PathLike[str]) -> Written:
        """Write the network, its preprocessing and class names in the form that the suffix names: .onnx, .py, .pt2 or
        .safetensors. What was written is run and compared with the network first. Raises ExportError."""
        written: Written = late("nasmyth.export:write")(self, path)
        return written

    def check(self, *constraints: Any, task: Any = None, split: str = "valid") -> dict[str, float]:
        """Measure every constraint on this very network; the figures by name. Raises CheckError if one is missed.

        task, split: the data of what is measured on data, such as `accuracy >= 0.9`.
        """
        limits = late("nasmyth.measure:constraints")(constraints)
        measures = [limit.measure for limit in limits]
        measured: dict[str, float] = late("nasmyth.measure:figures_of")(self, measures, task, split)
        told = [(limit, measured[limit.measure.name]) for limit in limits]
        missed = [f"{one}: measured {one.measure.show(value)}" for one, value in told if not one.satisfied(value)]
        if missed:
            raise CheckError("; ".join(missed), measured=measured)
        return measured

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it is made of: the classes of layers go by the names of their ops, which pickle cannot follow."""
        training = tuple(name for name, module in self.named_modules() if module.training)
        frozen = tuple(name for name, weight in self.named_parameters() if not weight.requires_grad)
        parts = (self.graph, self.inputs, self.outputs, self.history, dict(self.state_dict()), training, frozen)
        return _restored, parts

    def __repr__(self) -> str:
        weights = sum(p.numel() for p in self.parameters())
        answer = _answer(self.graph, self.outputs)
        taken = ", ".join("x".join(map(str, entry.shape)) for entry in self.graph.inputs)
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


def _answer(graph: Graph, outputs: Any) -> str:
    if outputs is None:
        return "x".join(map(str, graph.output))
    kind = "classes" if outputs.kind == "classification" else "values"
    return f"{outputs.size} {kind}"
