"""ONNX files that Nasmyth wrote: the network in them is read, and what stands around it becomes `inputs` and `outputs`
again.

The metadata of such a file names the two values between which the network is (`core`). What comes before and after, which
prepares raw input and words the answer, is what the metadata says as JSON; so raw input predicts as it did before.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from nasmyth.errors import NasmythError, TraceError, require
from nasmyth.forms.form import AnswerForm, InputForm
from nasmyth.record import from_json

CORE = "nasmyth.core"
"""The key in the metadata: a JSON list of the value that enters the network and the one that leaves it."""
PREFIX = "network."
"""What the names of weights begin with in an export, where the network is a part of something larger."""


class Core(NamedTuple):
    """A file that holds a network alone, and what raw input and answers of it are, where that is known."""

    path: str | os.PathLike[str]
    inputs: Any = None
    outputs: Any = None


@contextmanager
def core_of(path: str | os.PathLike[str]) -> Iterator[Core]:
    """The network of a file that Nasmyth wrote, in a file of its own for as long as the block; of any other, the file."""
    source = Path(path)
    model = _of_ours(source)
    if model is None:
        yield Core(path)
        return
    onnx = require("onnx", extra="onnx")
    try:
        told = {prop.key: prop.value for prop in model.metadata_props}
        first, last = json.loads(told[CORE])
        ends = [from_json(json.loads(told[name])) for name in ("inputs", "outputs")]
        if not isinstance(ends[0], (InputForm, type(None))):
            raise ValueError("its inputs are not a description of inputs")
        if not isinstance(ends[1], (AnswerForm, type(None))):
            raise ValueError("its outputs are not a description of answers")
        alone = _cut(model, first, last, ends[0], onnx)
    except (NasmythError, LookupError, ValueError, TypeError) as error:
        raise TraceError(f"{path}: was written by Nasmyth, and is damaged: {error}") from error
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / source.name
        file.write_bytes(alone.SerializeToString())
        yield Core(file, *ends)


def _of_ours(source: Path) -> Any:
    """The model in a file that Nasmyth wrote; None for any other, and for one that cannot be parsed: its reader says
    why."""
    if not source.is_file() or CORE.encode() not in source.read_bytes():
        return None
    onnx = require("onnx", extra="onnx")
    try:
        return onnx.load(str(source), load_external_data=False)
    except Exception:  # of whatever parses protocol buffers beneath it
        return None


def _cut(model: Any, first: str, last: str, inputs: Any, onnx: Any) -> Any:
    """The model of what lies between two values."""
    graph, helper = model.graph, onnx.helper
    made = {name: node for node in graph.node for name in node.output if name}
    weights = {one.name: one for one in graph.initializer}
    nodes: set[str] = set()
    held: set[str] = set()
    stack = [last]
    while stack:
        name = stack.pop()
        if name in weights:
            held.add(name)
        elif name in made and name != first:
            if made[name].output[0] not in nodes:
                nodes.add(made[name].output[0])
                stack += [one for one in made[name].input if one]
        elif name != first:
            raise ValueError(f"{name!r} comes from outside of the network")
    known = {one.name: one for one in (*graph.input, *graph.output, *graph.value_info)}
    x = known.get(first) or known.get("x")
    if inputs is not None:
        x = helper.make_tensor_value_info(first, onnx.TensorProto.FLOAT, ["batch", *inputs.shape])
    y = known.get(last) or helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None)
    own = {name: name.removeprefix(PREFIX) for name in held}
    alone = helper.make_graph([], graph.name, [x], [y], [weights[name] for name in weights if name in held])
    alone.node.extend(node for node in graph.node if node.output and node.output[0] in nodes)
    if not set(own.values()) & {one for node in alone.node for one in node.output}:
        for one in alone.initializer:
            one.name = own[one.name]
        for node in alone.node:
            node.input[:] = [own.get(name, name) for name in node.input]
    return helper.make_model(alone, opset_imports=model.opset_import, ir_version=model.ir_version)
