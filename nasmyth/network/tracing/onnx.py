"""ONNX files as modules: every operator becomes a call of PyTorch, so that the file is traced like any module.

What depends on shapes alone is computed with numbers while it runs, as it does when a module reads `x.shape`. An operator
that is not in the table (`onnx_table`) becomes one opaque call, which the onnx package computes.
"""

from __future__ import annotations

import base64
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasmyth.errors import TraceError, require
from nasmyth.network.tracing import onnx_numbers, onnx_shapes  # noqa: F401  operators register themselves
from nasmyth.network.tracing.onnx_layers import recurrent_weights
from nasmyth.network.tracing.onnx_table import BUFFERS, MAY_LEARN, OPERATORS, WEIGHTS

Value = Tensor | np.ndarray | None


def read(path: str | os.PathLike[str]) -> tuple[OnnxModule, Tensor | None]:
    """The module of an ONNX file, and an example of its input if the file says its shape. Raises TraceError."""
    onnx = require("onnx", extra="onnx")
    if not Path(path).is_file():
        raise TraceError(f"{path}: no such file")
    try:
        model = onnx.load(str(path))
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:
        raise TraceError(f"{path} is not an ONNX file that can be read: {error}") from error
    module = OnnxModule(model, onnx)
    return module, module.example


class Operator(nn.Module):
    """One node of the file, with the weights that it alone is given."""

    def __init__(
        self, proto: Any, attributes: dict[str, Any], version: int, shape: list[Any] | None, fixed: int | None
    ) -> None:
        super().__init__()
        self.fixed = fixed
        self.kind, self.attributes, self.version, self.shape = proto.op_type, attributes, version, shape
        self.outputs = [name for name in proto.output if name]
        self.takes = list(proto.input)
        self.known = proto.domain in ("", "ai.onnx") and proto.op_type in OPERATORS
        self.proto = proto

    def hold(self, name: str, value: nn.Parameter | Tensor) -> None:
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def forward(self, inputs: list[Value], batch: int) -> Any:
        if self.known:
            return OPERATORS[self.kind](self, *inputs)
        if self.shape is None:
            raise TraceError(
                f"the ONNX operator {self.kind} ({self.proto.name}) is not known, and the file does not say the shape of what it "
                "gives: run onnx.shape_inference on it, or write the part around it with other operators"
            )
        tensors = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in inputs if x is not None]
        shape = [n if isinstance(n, int) and (n != self.fixed or i) else batch for i, n in enumerate(self.shape)]
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

    def __init__(self, model: Any, onnx: Any) -> None:
        super().__init__()
        self.onnx, graph = onnx, model.graph
        arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
        self.versions = {one.domain: one.version for one in model.opset_import}
        inputs = [one for one in graph.input if one.name not in arrays]
        if len(inputs) != 1:
            raise TraceError(
                f"the file takes {', '.join(one.name for one in inputs) or 'no input'}; a graph has one input"
            )
        self.input, self.outputs = inputs[0].name, [one.name for one in graph.output]
        self.example, self.fixed = _example(inputs[0], onnx)
        shapes = {one.name: _lengths(one) for one in (*graph.value_info, *graph.output)}
        self.layers = nn.Module()
        weights: dict[str, Any] = {}
        operators, paths = [], []
        for number, proto in enumerate(graph.node):
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in proto.attribute}
            version = self.versions.get(proto.domain, 1)
            operator = Operator(proto, attributes, version, shapes.get(proto.output[0]), self.fixed)
            paths.append(_path(proto, self.weights_of(operator, arrays, weights), number))
            operators.append(operator)
        for operator in operators:  # a weight may be read where nobody would expect one
            for place, name in enumerate(operator.takes):
                own = {**WEIGHTS.get(operator.kind, {}), **BUFFERS.get(operator.kind, {})}.get(place, f"input_{place}")
                if name in weights and not hasattr(operator, own):
                    operator.hold(own, weights[name])
        for path, operator in zip(_apart(paths, operators), operators, strict=True):
            _put(self.layers, path, operator)
        self.runs = operators
        self.constants = {name: array for name, array in arrays.items() if name not in weights}

    def weights_of(self, operator: Operator, arrays: dict[str, np.ndarray], weights: dict[str, Any]) -> list[str]:
        """Gives an operator what it learns: the numbers at the places where its kind has weights, or any that are many."""
        if operator.kind in ("LSTM",):
            return recurrent_weights(operator, arrays)
        held = []
        learned, saved = WEIGHTS.get(operator.kind, {}), BUFFERS.get(operator.kind, {})
        for place, name in enumerate(operator.takes):
            array = arrays.get(name)
            if array is None or array.dtype.kind != "f":
                continue
            own = learned.get(place) or saved.get(place)
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

    def forward(self, x: Tensor) -> Any:
        values: dict[str, Any] = {**self.constants, self.input: x, "": None}
        for operator in self.runs:
            places = {**WEIGHTS.get(operator.kind, {}), **BUFFERS.get(operator.kind, {})}
            inputs = []
            for place, name in enumerate(operator.takes):
                if name in values:
                    inputs.append(values[name])
                else:
                    inputs.append(getattr(operator, places.get(place, f"input_{place}")))
            found = self.folded(operator, inputs, x.shape[0])
            if found is None:
                found = operator(inputs, x.shape[0])
            found = found if isinstance(found, (list, tuple)) else [found]
            values.update(zip(operator.proto.output, found, strict=False))
        return {name: values[name] for name in self.outputs if isinstance(values[name], Tensor)}

    def folded(self, operator: Operator, inputs: list[Any], batch: int) -> list[np.ndarray] | None:
        """What an operator gives whose inputs are all numbers that are known already, unless it grows with the batch."""
        if operator.kind in ("Shape", "Size") and isinstance(inputs[0], Tensor):
            return None
        if any(isinstance(x, Tensor) for x in inputs):
            return None
        if operator.kind in ("ConstantOfShape", "Expand", "Tile") and batch in np.asarray(inputs[-1]):
            return None
        evaluator = require("onnx.reference", extra="onnx").ReferenceEvaluator
        fed = {name: x for name, x in zip(operator.takes, inputs, strict=True) if name}
        found: list[np.ndarray] = evaluator(operator.proto, opsets=self.versions).run(None, fed)
        return found


def _example(one: Any, onnx: Any) -> tuple[Tensor | None, int | None]:
    """An input of the shape that the file says, and its batch where that is fixed."""
    lengths = _lengths(one)
    if not lengths or not all(isinstance(n, int) for n in lengths[1:]):
        return None, None
    kind = torch.from_numpy(np.zeros(0, onnx.helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type))).dtype
    fixed = lengths[0] if isinstance(lengths[0], int) else None
    return torch.zeros(2, *lengths[1:], dtype=kind), fixed


def _lengths(one: Any) -> list[Any] | None:
    """The lengths of the axes, names where they vary; None if the file does not say."""
    if not one.type.tensor_type.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else d.dim_param for d in one.type.tensor_type.shape.dim]


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
