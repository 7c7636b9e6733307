"""What an ONNX file holds, and what is refused before anything of it is computed.

A file may come from anyone. It is read into the one input, the one output that is asked for, and the nodes between them, in
an order in which each reads only what was given before it. Sizes are held against the bytes that are there, tensors kept
outside the file are read from its own folder only, and every refusal names the node and the reason.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.errors import TraceError, nearest, require

PLAIN = ("FLOAT", "DOUBLE", "FLOAT16", "INT64", "INT32", "INT16", "INT8", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL")
"""Types of tensors that can be part of a graph, as ONNX calls them."""
RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
VIEWS = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"}
"""Operators that leave the numbers of a weight as they are; a weight seen through them is still that weight."""


@dataclass
class File:
    """What is read of a file. Names are those of ONNX values."""

    path: Path
    versions: dict[str, int]
    input: Any
    output: Any
    nodes: list[Any]
    """Those that the output needs."""
    tensors: dict[str, Any]
    """Initialisers, not read yet."""
    size: int
    """Bytes on disk, with the tensors that are kept beside it."""
    numbers: list[int]
    """Where each node stands in the file."""
    outputs: list[str]
    """All that the file gives, with their types."""

    def array(self, name: str) -> np.ndarray:
        return array_of(self.tensors[name], self.path.parent)


def opened(path: str | os.PathLike[str], output: str | int | None = None) -> File:
    """Reads a file. output: the name or the number of the one wanted. Raises TraceError."""
    onnx = require("onnx", extra="onnx")
    if not Path(path).is_file():
        raise TraceError(f"{path}: no such file")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        raise TraceError(f"{path} is not an ONNX file that can be read: it is cut short, or of another kind") from error
    graph = model.graph
    if not all(isinstance(text, str) for text in _texts(model)):
        raise TraceError(f"{path} is not an ONNX file that can be read: a name in it is not text")
    for node in _all_nodes((graph, *model.functions)):
        if any(t.data_location == 1 or t.external_data for one in node.attribute for t in (one.t, *one.tensors)):
            raise TraceError(f"a setting of {title(node)} is kept outside the file; it was not read")
    if any(t.data_location == 1 for one in graph.sparse_initializer for t in (one.values, one.indices)):
        raise TraceError("a sparse tensor is kept outside the file; it was not read")
    if not graph.node or not graph.output:
        raise TraceError(f"{path} is not an ONNX file that can be read: it holds no network")
    versions = {one.domain or "": one.version for one in model.opset_import}
    versions.setdefault("", versions.get("ai.onnx", 1))
    functions = {(one.domain, one.name) for one in model.functions}
    tensors = {one.name: one for one in graph.initializer}
    sparse = {one.values.name for one in graph.sparse_initializer}
    taken = {one.name: one for one in graph.input if one.name not in tensors}
    wanted = _wanted(graph.output, output)
    found = _needed(graph, wanted.name, {*tensors, *sparse, *taken})
    nodes = [graph.node[i] for i in found]
    for node in nodes:
        _refuse(node, functions, sparse)
    size = Path(path).stat().st_size
    size += sum(_outside(one, Path(path).parent)[2] for one in tensors.values() if one.data_location == 1)
    return File(
        Path(path),
        versions,
        _input(nodes, wanted, taken),
        wanted,
        nodes,
        tensors,
        size,
        found,
        [*map(_said, graph.output)],
    )


def _all_nodes(graphs: Iterable[Any]) -> Iterator[Any]:
    """The nodes of graphs, and of those inside of them."""
    for graph in graphs:
        for node in graph.node:
            yield node
            for one in node.attribute:
                if one.HasField("g") or one.graphs:
                    yield from _all_nodes((one.g, *one.graphs))


def _texts(model: Any) -> Iterator[Any]:
    """The names in a file; those that are no UTF-8 are given as bytes."""
    graph = model.graph
    for node in _all_nodes((graph, *model.functions)):
        yield from (
            node.op_type,
            node.name,
            node.domain,
            *node.input,
            *node.output,
            *(one.name for one in node.attribute),
        )
    for tensor in graph.initializer:
        yield from (tensor.name, *(text for one in tensor.external_data for text in (one.key, one.value)))
    for one in (*graph.input, *graph.output, *graph.value_info):
        yield from (one.name, *(axis.dim_param for axis in one.type.tensor_type.shape.dim))
    yield from (one.domain for one in model.opset_import)
    yield from (text for one in model.functions for text in (one.name, one.domain))


def title(node: Any) -> str:
    """How a node is spoken of: "Conv 'layer1/conv'"."""
    if node.name:
        return f"{node.op_type} {node.name!r}"
    given = next((name for name in node.output if name), "")
    return f"{node.op_type} (which gives {given!r})" if given else f"{node.op_type}"


def type_name(number: int) -> str:
    """The name of a type of tensors: "float32", "bfloat16"."""
    onnx = require("onnx", extra="onnx")
    try:
        name = onnx.TensorProto.DataType.Name(number).lower()
    except ValueError:
        return f"unknown type {number}"
    return {"float": "float32", "double": "float64", "undefined": "of no type"}.get(name, name)


def dtype_of(number: int, what: str) -> Any:
    """The NumPy type of a type of ONNX. Raises TraceError for those that no network here can hold."""
    onnx = require("onnx", extra="onnx")
    if number not in {onnx.TensorProto.DataType.Value(name) for name in PLAIN}:
        raise TraceError(
            f"{what} is of the type {type_name(number)}, which networks here cannot hold; convert the file to float32"
        )
    return onnx.helper.tensor_dtype_to_np_dtype(number)


def lengths(one: Any) -> list[Any] | None:
    """The lengths of the axes of a value, names where they vary; None if the file does not say."""
    if not one.type.tensor_type.HasField("shape"):
        return None
    dims = one.type.tensor_type.shape.dim
    return [
        d.dim_value if d.HasField("dim_value") and d.dim_value > -(i > 0) else d.dim_param for i, d in enumerate(dims)
    ]


# --- what is needed -----------------------------------------------------------------------------------------------------


def _wanted(outputs: Any, output: str | int | None) -> Any:
    """The output that is asked for; "logits" or else the first of real numbers by default."""
    named = {one.name: one for one in outputs}
    if output is not None:
        name = list(named)[output] if type(output) is int and 0 <= output < len(named) else str(output)
        if name not in named:
            raise TraceError(
                f"there is no output {output!r}; the file gives {', '.join(map(_said, outputs))}{nearest(name, named)}"
            )
        return named[name]
    real = [one for one in outputs if one.type.tensor_type.elem_type in (0, 1, 10, 11)]
    if not real:
        raise TraceError(
            f"the file gives {', '.join(map(_said, outputs))}; the answer of a network here is a tensor of real numbers "
            "(float32, float64 or float16)"
        )
    return next((one for one in real if one.name == "logits"), real[0])


def _said(one: Any) -> str:
    """An input or output and its type: "y (int64)"."""
    kind = one.type.WhichOneof("value")
    if kind == "tensor_type":
        return f"{one.name} ({type_name(one.type.tensor_type.elem_type)})"
    return f"{one.name} ({'of no type' if kind is None else 'a ' + kind.removesuffix('_type').replace('_', ' ')})"


def _needed(graph: Any, output: str, given: set[str]) -> list[int]:
    """Numbers of the nodes that an output needs, in order."""
    maker: dict[str, int] = {}
    for number, node in enumerate(graph.node):
        for name in node.output:
            if name and (name in maker or name in given):
                raise TraceError(f"the file is malformed: {name!r} is given twice, the second time by {title(node)}")
            maker[name] = number
    if output not in maker:
        if output in given:
            raise TraceError(f"the output {output!r} is an input or a constant: there is nothing to make a graph of")
        raise TraceError(f"the file is malformed: nothing in it gives its output {output!r}")
    needed, stack = set(), [maker[output]]
    while stack:
        number = stack.pop()
        if number in needed:
            continue
        needed.add(number)
        node = graph.node[number]
        for name in node.input:
            if not name or name in given:
                continue
            if maker.get(name, number) >= number:
                raise TraceError(f"the file is malformed: {title(node)} reads {name!r}, which nothing before it gives")
            stack.append(maker[name])
    return sorted(needed)


def _input(nodes: list[Any], wanted: Any, taken: dict[str, Any]) -> Any:
    """The one input that the nodes read."""
    read = dict.fromkeys(name for node in nodes for name in node.input if name in taken)
    if len(read) != 1:
        listed = ", ".join(_said(taken[name]) for name in read)
        if not read:
            raise TraceError(
                f"the output {wanted.name!r} does not depend on any input; there is nothing to make a graph of"
            )
        raise TraceError(
            f"the file takes {len(read)} inputs, {listed}; a graph has one input. If all but one are always the same, make "
            "them initializers of the file; else write the network so that it takes one tensor"
        )
    one = taken[next(iter(read))]
    if one.type.WhichOneof("value") != "tensor_type":
        raise TraceError(f"the file takes {_said(one)}; a graph takes a tensor")
    dtype_of(one.type.tensor_type.elem_type, f"the input {one.name!r}")
    return one


def _refuse(node: Any, functions: set[tuple[str, str]], sparse: set[str]) -> None:
    """Nodes that cannot be part of a graph."""
    if (node.domain, node.op_type) in functions:
        raise TraceError(
            f"{title(node)} is a function that the file defines itself; write the file with "
            f"onnx.inliner.inline_local_functions"
        )
    if any(one.HasField("g") or one.graphs for one in node.attribute):
        raise TraceError(
            f"{title(node)} holds graphs of its own, between which it decides by values, or which it repeats; a graph "
            f"has one "
            "way. Export the network without it: decide before exporting, unroll loops"
        )
    if any(one.ref_attr_name for one in node.attribute):
        raise TraceError(f"the file is malformed: {title(node)} refers to settings of a function, and is in none")
    if node.op_type in RANDOM and node.domain in ("", "ai.onnx"):
        raise TraceError(
            f"{title(node)} draws random numbers; a graph answers the same each time. Export it for evaluation"
        )
    if node.op_type.startswith(("Sequence", "Optional", "SplitToSequence", "ConcatFromSequence")):
        raise TraceError(f"{title(node)} works on a sequence or an optional value; in a graph there are tensors only")
    for name in node.input:
        if name in sparse:
            raise TraceError(f"{title(node)} reads {name!r}, a sparse tensor; write it as a dense one")


# --- tensors ------------------------------------------------------------------------------------------------------------


def array_of(tensor: Any, folder: Path) -> np.ndarray:
    """The numbers of an initialiser. Raises TraceError for other types, and if it says that it is larger than it is."""
    onnx = require("onnx", extra="onnx")
    what = f"the tensor {tensor.name!r}"
    dtype = np.dtype(dtype_of(tensor.data_type, what))
    shape = tuple(tensor.dims)
    count = math.prod(shape)
    if any(n < 0 for n in shape):
        raise TraceError(f"the file is malformed: {what} has the shape {shape}")
    if tensor.data_location == 1:
        file, offset, size = _outside(tensor, folder)
        if size != count * dtype.itemsize:
            raise TraceError(
                f"{what} has the shape {shape}, {count * dtype.itemsize} bytes, and {size} are kept in {file.name}"
            )
        return np.fromfile(file, dtype, count, offset=offset).reshape(shape)
    if tensor.HasField("raw_data") and len(tensor.raw_data) != count * dtype.itemsize:
        raise TraceError(
            f"the file is malformed: {what} has the shape {shape}, {count * dtype.itemsize} bytes, and holds "
            f"{len(tensor.raw_data)}"
        )
    try:
        found: np.ndarray = onnx.numpy_helper.to_array(tensor)
    except Exception as error:
        raise TraceError(
            f"the file is malformed: {what} does not hold the numbers that its shape {shape} needs"
        ) from error
    return found


def _outside(tensor: Any, folder: Path) -> tuple[Path, int, int]:
    """Where a tensor is kept outside the file, which has to be in its folder: file, first byte, bytes."""
    told = {one.key: one.value for one in tensor.external_data}
    location = told.get("location", "")
    file = folder / location
    try:
        inside = location and not Path(location).is_absolute() and file.resolve().is_relative_to(folder.resolve())
        there = inside and file.is_file()
    except (OSError, ValueError) as error:  # too long, or no name at all
        raise TraceError(
            f"the tensor {tensor.name!r} is kept in {location[:80]!r}, which is no name of a file"
        ) from error
    if not inside:
        raise TraceError(
            f"the tensor {tensor.name!r} is kept in {location!r}, which is not in the folder of the file; it was not read"
        )
    if not there:
        raise TraceError(
            f"the tensor {tensor.name!r} is kept in {location!r}, which is not there; put it beside the file"
        )
    try:
        offset = int(told.get("offset") or 0)
        size = int(told.get("length") or file.stat().st_size - offset)
    except ValueError as error:
        raise TraceError(f"the file is malformed: where the tensor {tensor.name!r} is kept is no number") from error
    if offset < 0 or size < 0 or offset + size > file.stat().st_size:
        raise TraceError(f"the tensor {tensor.name!r} is kept in {location!r}, which is too short for it")
    return file, offset, size
