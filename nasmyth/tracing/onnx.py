"""ONNX files as modules: every operator becomes a call of PyTorch, so that the file is traced like any module.

What depends on shapes alone is computed with numbers while it runs, as it does when a module reads `x.shape`. An operator
that is not in the table (`onnx_table`), or is used in a way that PyTorch has no function for, becomes one opaque call,
which the onnx package computes. What comes out is compared with ONNX Runtime (`onnx_beside`).
"""

from __future__ import annotations

import base64
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasmyth.errors import NasmythError, TraceError, require, warn
from nasmyth.tracing import onnx_layers, onnx_numbers, onnx_reduce, onnx_shapes  # noqa: F401
from nasmyth.tracing.onnx_beside import Beside, RuntimeAnswers, compare
from nasmyth.tracing.onnx_constants import planned
from nasmyth.tracing.onnx_examples import examples_of
from nasmyth.tracing.onnx_file import dtype_of, lengths, opened, title, type_name
from nasmyth.tracing.onnx_known import computed
from nasmyth.tracing.onnx_recurrent import recurrent_weights
from nasmyth.tracing.onnx_table import BUFFERS, MAY_LEARN, OPERATORS, RECURRENT, WEIGHTS, Beyond, Varying

Value = Tensor | np.ndarray | None


def read(
    path: str | os.PathLike[str], example: Tensor | None = None, output: str | int | None = None
) -> tuple[OnnxModule, Tensor]:
    """The module of an ONNX file and an example of its input, the one given or one of the shape that the file says.

    output: which one, by name or number; "logits" or else the first of real numbers by default, with a warning if there are
    several. Raises TraceError.
    """
    file = opened(path, output)
    shape = lengths(file.input)
    fixed = shape[0] if shape and isinstance(shape[0], int) else None
    examples = examples_of(file, shape, fixed, example)
    plan = planned(file)
    beside = Beside(file, plan, fixed, examples[0].shape[1:])
    told = beside.ask(examples)
    if output is None and len(file.outputs) > 1:
        warn(
            f"the file gives {', '.join(file.outputs)}; the graph ends with {file.output.name}. Say which with output=..."
        )
    module = OnnxModule(beside, told, examples[told.example or 0])
    return module, module.example if example is None else example


class Operator(nn.Module):
    """One node of the file, with the weights that it alone is given."""

    def __init__(self, proto: Any, version: int, types: dict[str, tuple[int, list[Any]]], fixed: int | None) -> None:
        super().__init__()
        helper = require("onnx.helper", extra="onnx")
        self.title = title(proto)
        try:
            self.attributes = {one.name: helper.get_attribute_value(one) for one in proto.attribute}
        except Exception as error:
            raise TraceError(f"the file is malformed: a setting of {self.title} cannot be read") from error
        self.proto, self.kind, self.version, self.fixed = proto, proto.op_type, version, fixed
        self.outputs = [name for name in proto.output if name]
        self.takes = list(proto.input)
        self.known = proto.domain in ("", "ai.onnx") and proto.op_type in OPERATORS
        self.gives = types.get(proto.output[0]) if proto.output else None
        self.drops: list[str] = []
        self.read: set[str] = set()
        """Which of its outputs others read."""

    def hold(self, name: str, value: nn.Parameter | Tensor) -> None:
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def forward(self, inputs: list[Value], batch: int) -> Any:
        why = "is not known here"
        if self.known:
            try:
                return OPERATORS[self.kind](self, *inputs)
            except Beyond as beyond:
                why = str(beyond)
            except Varying as varying:
                raise TraceError(
                    f"{self.title} is given a shape or another setting that depends on the values that flow through "
                    f"the file; in "
                    "a graph it is fixed"
                ) from varying
        return self.by_reference(inputs, batch, why)

    def by_reference(self, inputs: list[Value], batch: int, why: str) -> Tensor:
        """As one call that the onnx package computes."""
        tensors = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in inputs if x is not None]
        first = next((x for x in tensors if isinstance(x, Tensor)), None)
        if self.proto.domain not in ("", "ai.onnx"):
            raise TraceError(
                f"{self.title} is an operator of {self.proto.domain!r}, which is not known here; write the part "
                f"around it with "
                "operators of ONNX itself"
            )
        if first is None or self.gives is None or any(n is None for n in self.gives[1]):
            raise TraceError(
                f"{self.title} {why}, and the shape of what it gives does not follow from the file; write the part "
                f"around it "
                "with other operators"
            )
        kind, dims = self.gives
        if torch.from_numpy(np.zeros(0, dtype_of(kind, f"what {self.title} gives"))).dtype != first.dtype:
            raise TraceError(
                f"{self.title} {why}, and gives {type_name(kind)}, which it is not given; convert the types around it"
            )
        if self.read - {self.outputs[0]}:
            raise TraceError(
                f"{self.title} {why}, and more than one of its outputs is read; a node of a graph gives one tensor"
            )
        whole = self.fixed if self.fixed is not None else "batch"
        shape = [batch if n == whole and i == 0 else n for i, n in enumerate(dims)]
        if not all(isinstance(n, int) for n in shape):
            raise TraceError(
                f"{self.title} {why}, and the shape of what it gives, {dims}, varies with more than the batch"
            )
        copy = type(self.proto)()
        copy.CopyFrom(self.proto)
        for field, letter in ((copy.input, "i"), (copy.output, "o")):  # names say nothing of what is computed
            field[:] = [f"{letter}{n}" if name else "" for n, name in enumerate(field)]
        copy.input[:] = [name for name in copy.input if name]
        copy.ClearField("name"), copy.ClearField("doc_string"), copy.ClearField("metadata_props")
        text = base64.b64encode(copy.SerializeToString(deterministic=True)).decode()
        return torch.ops.nasmyth.onnx(tensors, self.kind, text, self.version, shape)


class OnnxModule(nn.Module):
    """A file, run node by node."""

    runs_operators = True

    def __init__(self, beside: Beside, told: RuntimeAnswers, example: Tensor) -> None:
        super().__init__()
        self.beside, self.told, self.example = beside, told, example
        file, plan, fixed = beside.file, beside.plan, beside.fixed
        self.input, self.output = file.input.name, file.output.name
        names = dict.fromkeys(name for node in plan.live for name in node.input if name in file.tensors)
        arrays = {**{name: file.array(name) for name in names}, **told.arrays}
        self.layers = nn.Module()
        weights: dict[str, Any] = {}
        operators, paths = [], []
        for number, proto in enumerate(plan.live):
            operator = Operator(proto, file.versions.get(proto.domain, 1), told.types, fixed)
            paths.append(_path(proto, self.weights_of(operator, arrays, weights), number))
            operators.append(operator)
        for operator in operators:  # a weight may be read where nobody would expect one
            for place, name in enumerate(operator.takes):
                own = _own(operator, place)
                if name in weights and not hasattr(operator, own):
                    operator.hold(own, weights[name])
        for path, operator in zip(_apart(paths, operators), operators, strict=True):
            _put(self.layers, path, operator)
        self.runs = operators
        self.constants = {name: array for name, array in arrays.items() if name not in weights}
        last = {name: operator for operator in operators for name in operator.takes}
        for operator in operators:
            operator.read = {name for name in operator.outputs if name in last or name == self.output}
        for name, operator in last.items():
            if name != self.output:
                operator.drops.append(name)

    def weights_of(self, operator: Operator, arrays: dict[str, np.ndarray], weights: dict[str, Any]) -> list[str]:
        """Gives an operator what it learns: the numbers at the places where its kind has weights, or any that are many."""
        if operator.kind in RECURRENT:
            return recurrent_weights(operator, arrays)
        held = []
        learned, saved = WEIGHTS.get(operator.kind, {}), BUFFERS.get(operator.kind, {})
        for place, name in enumerate(operator.takes):
            array = arrays.get(name)
            if array is None or array.dtype.kind != "f":
                continue
            own = learned.get(place) or saved.get(place)
            if own == "bias" and name not in self.beside.file.tensors and not array.any():
                continue  # an exporter's way to say that there is none
            if own is None and (array.size <= 1 or (operator.known and operator.kind not in MAY_LEARN)):
                continue
            if name not in weights:
                tensor = torch.from_numpy(np.array(array))
                weights[name] = tensor if place in saved else nn.Parameter(tensor)
            operator.hold(own or f"input_{place}", weights[name])
            held.append(name)
        if saved:
            operator.hold("num_batches_tracked", torch.tensor(0))
        return held

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        answer = None
        for _, found in self.steps(x):
            answer = found.get(self.output, answer)
        if not isinstance(answer, Tensor):
            raise TraceError(
                f"the output {self.output!r} depends on the shape of the input alone; a network answers with real numbers"
            )
        return {self.output: answer}

    def steps(self, x: Tensor) -> Iterator[tuple[Operator, dict[str, Any]]]:
        """Each operator and what it gives, one after the other. Raises TraceError for what PyTorch cannot compute."""
        values: dict[str, Any] = {**self.constants, self.input: x, "": None}
        for operator in self.runs:
            inputs = [
                values[name] if name in values else getattr(operator, _own(operator, place), None)
                for place, name in enumerate(operator.takes)
            ]
            try:
                given = computed(operator, inputs, x.shape[0])
                given = operator(inputs, x.shape[0]) if given is None else given
            except NasmythError:
                raise
            except Exception as error:  # PyTorch's, of any kind
                raise _misfit(operator, inputs, x.shape[0], error) from error
            given = list(given) if isinstance(given, (list, tuple)) else [given]
            found = {name: value for name, value in zip(operator.proto.output, given, strict=False) if name}
            missing = operator.read - found.keys()
            if missing:
                raise TraceError(
                    f"{operator.title}: what it gives as {min(missing)!r} is not supported, only what comes before"
                )
            values.update(found)
            yield operator, found
            for name in operator.drops:
                values.pop(name, None)

    def agree(self, graph: torch.fx.Graph, batch: int) -> None:
        """Raises TraceError if ONNX Runtime answers something else; `graph`: what was captured, for so many examples."""
        known = sum(p.numel() for p in self.parameters()) + self.example.numel()
        for node in graph.nodes:
            for tensor in (
                node.meta.get("val") if isinstance(node.meta.get("val"), (list, tuple)) else [node.meta.get("val")]
            ):
                if isinstance(tensor, Tensor) and tensor.numel() // batch > max(1 << 26, 4096 * known):
                    raise TraceError(
                        f"the file makes a tensor of {tensor.numel() // batch:,} numbers for one example, "
                        f"{tuple(tensor.shape[1:])}, "
                        f"out of {known:,}; that is more than it can be run with"
                    )
        compare(self)


def _misfit(operator: Operator, inputs: list[Any], batch: int, error: Exception) -> TraceError:
    """Why an operator cannot be computed, in the words of the file."""
    text = f"{type(error).__name__}: {error}"
    if any(
        word in text
        for word in ("data-dependent", "DataDependent", "DynamicOutputShape", "unbacked", "Could not guard")
    ):
        return TraceError(
            f"{operator.title} gives a tensor whose size depends on the values that flow through it; a graph has "
            f"fixed shapes. "
            "Keep all of it, and leave what selects (thresholds, non-maximum suppression) outside of the network"
        )
    given = ", ".join(_described(x, batch) for x in inputs if x is not None) or "nothing"
    return TraceError(
        f"{operator.title} cannot be computed: it is given {given}. The file is malformed there, was written for "
        f"batches of "
        "one size only, or uses a form of the operator that is not supported"
    )


def _described(x: Any, batch: int) -> str:
    if not isinstance(x, (Tensor, np.ndarray)):
        return f"{x!r}"
    kind = str(x.dtype).removeprefix("torch.")
    if isinstance(x, np.ndarray) and x.size <= 8:
        return f"{kind} {x.tolist()}"
    return f"{kind} of the shape ({', '.join('batch' if n == batch else str(n) for n in x.shape)})"


def _own(operator: Operator, place: int) -> str:
    """What an operator calls the weight that it is given at a place."""
    return {**WEIGHTS.get(operator.kind, {}), **BUFFERS.get(operator.kind, {})}.get(place, f"input_{place}")


def _path(proto: Any, held: list[str], number: int) -> str:
    """Where an operator is put: where its weights say that they come from, else its own name."""
    for name in held:
        place, _, last = name.rpartition(".")
        if place and last in ("weight", "bias", "running_mean", "scale", "position"):
            return _spelt(place)
    name = proto.name or f"{proto.op_type.lower()}_{number}"
    return _spelt(name.strip("/").replace("/", "."))


def _apart(paths: list[str], operators: list[Operator]) -> list[str]:
    """Paths none of which is another, or leads to another."""
    groups = {".".join(path.split(".")[:n]) for path in paths for n in range(1, path.count(".") + 1)}
    taken: Counter[str] = Counter()
    found = []
    for path, operator in zip(paths, operators, strict=True):
        path = f"{path}.{operator.kind.lower()}" if path in groups else path
        taken[path] += 1
        found.append(f"{path}_{taken[path]}" if taken[path] > 1 else path)
    return found


def _spelt(name: str) -> str:
    return ".".join(re.sub(r"\W", "_", part) or "_" for part in name.split("."))


def _put(root: nn.Module, path: str, operator: Operator) -> None:
    *groups, last = path.split(".")
    for part in groups:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(last, operator)
