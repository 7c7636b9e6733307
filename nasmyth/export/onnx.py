"""ONNX: one file that ONNX Runtime runs by itself, with a batch axis of any length.

Images come in as uint8 N H W C. A table comes in as one input a column, named like it: float32 (N, 1) for numbers, NaN
where missing, and text (N, 1) for categories, where text that is not in the vocabulary means missing. A classifier gives
`label` (int64, N) and `probabilities` (N, C), a regression `values` (N, k). The file's metadata holds the class names
(`names`), and `inputs` and `outputs` as JSON. It says in words what the file takes and gives (`takes`, `gives`), which is
the text of the model and of each input as well.

Latency is measured on the network alone, without preprocessing: see `plain`.
"""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nasmyth.errors import ExportError, require
from nasmyth.export.pt2 import description, given, quiet, traced
from nasmyth.export.verify import agree, difference, examples, expect, exportable
from nasmyth.files import replacing
from nasmyth.forms.inputs import ImageInput, TableInput
from nasmyth.forms.raw import text_of
from nasmyth.network.pipeline import encode, names_of
from nasmyth.network.terms import gives, of_column, takes_stored
from nasmyth.network.written import Written
from nasmyth.tracing.exported import CORE

if TYPE_CHECKING:
    from nasmyth.graph import Graph
    from nasmyth.network.network import Network


def write(network: Network, path: Path) -> Written:
    runtime = require("onnxruntime", extra="onnx")
    network = exportable(network)
    _refuse_unsayable(network)
    batches = [examples(network, n, seed=n) for n in (5, 1)]
    expected = [expect(network, raw) for raw in batches]
    model = to_onnx(network)
    with replacing(path) as folder:
        (folder / path.name).write_bytes(model.SerializeToString())
        session = _session(runtime, str(folder / path.name))
        answers = [_run(session, feed(network, raw)) for raw in batches]
        far = agree("ONNX file", [difference(e, a) for e, a in zip(expected, answers, strict=True)])
    taken = ", ".join(i.name for i in model.graph.input[:4]) + (", ..." if len(model.graph.input) > 4 else "")
    given = ", ".join(o.name for o in model.graph.output)
    return Written((path,), far, f"takes {taken}; gives {given}; names are in its metadata")


def _refuse_unsayable(network: Network) -> None:
    """Raise ExportError for a layer whose module says in `no_onnx` why ONNX cannot hold it."""
    for node in network.graph.nodes[len(network.graph.inputs) :]:
        why = getattr(node.op.module, "no_onnx", None)
        if why:
            raise ExportError(f"not written: {node.op!r}: {why}. A .pt2 or .py file can hold it  (at {node.address})")


def to_onnx(network: Network) -> Any:
    """The pipeline of a network that is `ready` as an onnx.ModelProto."""
    onnx = require("onnx", extra="onnx")
    require("onnxscript", extra="onnx")
    classes = network.outputs is not None and network.outputs.kind == "classification"
    outputs = ["label", "probabilities"] if classes else ["values"]
    with quiet(), _silent():
        program = traced(network)
        try:
            written = torch.onnx.export(
                program, (), dynamo=True, input_names=_input_names(network), output_names=outputs, verbose=False
            )
        except Exception as error:  # the exporter raises many kinds, all its own
            raise ExportError(
                f"not written: PyTorch's exporter to ONNX cannot say this network ({_innermost(error)}). "
                "A .pt2 or .py file can hold it"
            ) from error
    assert written is not None
    model = written.model_proto
    core = _core(model)
    _forget_tracing(model)
    _name_batch(model)
    if isinstance(network.inputs, TableInput):
        renamed = _split_columns(model, network.inputs, onnx)
        core = [renamed.get(name, name) for name in core]
    props = {key: value if isinstance(value, str) else json.dumps(value) for key, value in description(network).items()}
    onnx.helper.set_model_props(model, {**props, **({CORE: json.dumps(core)} if core else {})})
    _say(model, network)
    model.producer_name, model.producer_version = "nasmyth", ""
    onnx.checker.check_model(model)
    return model


def _innermost(error: BaseException) -> str:
    """The first cause of an error, and the function of PyTorch that it is about, if it names one."""
    named = ""
    while True:
        named = next(iter(re.findall(r"<function (?:aten_)?(\w+)", str(error))), named)
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return f"{named}: {lines[0] if lines else error!r}".removeprefix(": ")
        error = cause


def _say(model: Any, network: Network) -> None:
    """What is taken and given, where other tools show it."""
    taken = takes_stored(network)
    if isinstance(network.inputs, TableInput):
        taken = "one input a column, (N, 1), named like it: float32 for numbers, text for categories"
        for place, column in zip(model.graph.input, network.inputs.columns, strict=True):
            place.doc_string = of_column(column)
    else:
        model.graph.input[0].doc_string = taken
    model.doc_string = f"Takes {taken}. Gives {gives(network)}."
    told = {prop.key: prop for prop in model.metadata_props}
    told["takes"].value = taken


def feed(network: Network, raw: Any) -> dict[str, np.ndarray]:
    """Raw input as the exported file takes it, by input name."""
    inputs = network.inputs
    if not isinstance(inputs, TableInput):
        values = [x.numpy() for x in given(network, raw)]
        return dict(zip(_input_names(network), values, strict=True))
    stored = encode(network, raw).numpy()
    fed: dict[str, np.ndarray] = {}
    for i, column in enumerate(inputs.columns):
        if column.kind == "number":
            fed[column.name] = stored[:, i : i + 1]
        else:
            missing = _unknown(column.vocabulary)
            texts = [missing if text is None else text for text in map(text_of, raw[column.name])]
            fed[column.name] = np.array(texts, dtype=object)[:, None]
    return fed


def _unknown(vocabulary: tuple[str, ...]) -> str:
    """A text that means missing: the empty one, unless it is a category."""
    text = ""
    while text in vocabulary:
        text += "?"
    return text


def plain(network: Network, batch: int) -> bytes:
    """The network without preprocessing and answer as ONNX, in a tenth of the time, for measuring: input "x".

    It goes through PyTorch's older exporter, which takes 0.05 s to 0.2 s where the present one takes 1 s to 4 s, and gives
    the same operators; where it fails, or a later PyTorch has dropped it, the present one is used.
    """
    sample = zeros(network.graph, batch)
    try:
        if len(sample) > 1:  # it mixes up the names of several inputs
            raise ExportError("PyTorch's older exporter takes one input")
        return _traced_by_running(network, sample)
    except Exception:
        with quiet(), _silent():
            axis, more = {0: torch.export.Dim("batch")}, zeros(network.graph, max(2, batch))
            axes: dict[str, Any] = {"x": axis} | ({"more": (axis,) * (len(more) - 1)} if len(more) > 1 else {})
            names = list(network.graph.inputs.names)
            program = torch.onnx.export(
                network, more, dynamo=True, input_names=names, dynamic_shapes=axes, verbose=False
            )
        assert program is not None
        data: bytes = program.model_proto.SerializeToString()
        return data


def zeros(graph: Graph, batch: int) -> tuple[Tensor, ...]:
    """Something for each input of a graph."""
    types = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}
    return tuple(torch.zeros(batch, *entry.shape, dtype=types[entry.dtype]) for entry in graph.inputs)


def _traced_by_running(network: Network, sample: tuple[Tensor, ...]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # it says that it is deprecated, and that shapes read in Python become constants, which is meant here
        for category in (DeprecationWarning, FutureWarning, torch.jit.TracerWarning):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.onnx.*")
        names = list(network.graph.inputs.names)
        model = torch.nn.Sequential(network).eval()  # the exporter takes what has a `graph` for a scripted module
        torch.onnx.export(
            model,
            sample,
            buffer,  # type: ignore[arg-type]  # a file object will do
            dynamo=False,
            input_names=names,
            dynamic_axes={name: {0: "batch"} for name in names},
            opset_version=20,
        )
    return buffer.getvalue()


def _input_names(network: Network) -> list[str]:
    """What the inputs of the file are called: as in the graph, where it has names for them."""
    if isinstance(network.inputs, (ImageInput, TableInput)):
        return ["image" if isinstance(network.inputs, ImageInput) else "stored"]
    return list(names_of(network)) or [network.graph.inputs.names[0]]


def _core(model: Any) -> list[str]:
    """The value that enters the network and the one that leaves it, by the exporter's notes; nothing if it is not one
    each."""
    part = {node.output[0]: _part(node) for node in model.graph.node}
    made = {name: node.output[0] for node in model.graph.node for name in node.output}
    outside = {one.name for one in model.graph.input}
    enter, leave = set(), {one.name for one in model.graph.output if part.get(made.get(one.name)) == "network"}
    for node in model.graph.node:
        for name in node.input:
            source = "prepare" if name in outside else part.get(made.get(name), "")
            if source == "prepare" and _part(node) == "network":
                enter.add(name)
            elif source == "network" and _part(node) == "answer":
                leave.add(name)
    return [*enter, *leave] if len(enter) == len(leave) == 1 else []


def _part(node: Any) -> str:
    """Which part of the pipeline a node is of: "prepare", "network" or "answer"."""
    scopes = next((prop.value for prop in node.metadata_props if prop.key == "pkg.torch.onnx.name_scopes"), "")
    return next((part for part in ("prepare", "answer") if f"'{part}'" in scopes.partition("network")[0]), "network")


def _forget_tracing(model: Any) -> None:
    """Without the exporter's notes on where each node came from: they hold paths of this machine, and half the bytes."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def _name_batch(model: Any) -> None:
    """The batch axis is called `batch`, in all sizes that grow with it, where the exporter has numbered it."""
    graph = model.graph
    numbered = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for part in (*graph.input, *graph.output, *graph.value_info):
        for axis in part.type.tensor_type.shape.dim:
            if axis.dim_param:
                axis.dim_param = re.sub(rf"\b{re.escape(numbered)}\b", "batch", axis.dim_param)


def _split_columns(model: Any, inputs: TableInput, onnx: Any) -> dict[str, str]:
    """Put in front what makes stored rows from one input a column: text to codes, and all of them side by side.

    Returns the new names of what had to be renamed.
    """
    graph, helper = model.graph, onnx.helper
    renamed = _make_way(graph, {column.name for column in inputs.columns})
    stored = graph.input[0].name
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    columns, nodes, codes = [], [], []
    for i, column in enumerate(inputs.columns):
        text = column.kind == "category"
        kind = onnx.TensorProto.STRING if text else onnx.TensorProto.FLOAT
        columns.append(helper.make_tensor_value_info(column.name, kind, [batch, 1]))
        codes.append(f"code {i} of {stored}" if text else column.name)
        if text:
            values = [float(n) for n in range(1, len(column.vocabulary) + 1)]
            table = {"keys_strings": list(column.vocabulary), "values_floats": values, "default_float": 0.0}
            nodes.append(helper.make_node("LabelEncoder", [column.name], [codes[-1]], domain="ai.onnx.ml", **table))
    nodes.append(helper.make_node("Concat", codes, [stored], axis=1))
    rest = list(graph.node)
    for field, new in (("input", columns), ("node", [*nodes, *rest])):
        graph.ClearField(field)
        getattr(graph, field).extend(new)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    return renamed


def _make_way(graph: Any, taken: set[str]) -> dict[str, str]:
    """Rename what has the name of a column inside the graph, outputs included: `label` becomes `label_`."""
    values = {name for node in graph.node for name in (*node.input, *node.output)}
    values |= {part.name for part in (*graph.input, *graph.output, *graph.initializer)}
    new: dict[str, str] = {}
    for name in sorted(values & taken):
        free = name + "_"
        while free in values | taken | set(new.values()):
            free += "_"
        new[name] = free
    for node in graph.node:
        for field in (node.input, node.output):
            field[:] = [new.get(name, name) for name in field]
    for part in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        part.name = new.get(part.name, part.name)
    return new


def _session(runtime: Any, model: str | bytes) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception class for each of its status codes
        raise ExportError(f"not written: ONNX Runtime refuses the file: {error}") from error


def _run(session: Any, fed: dict[str, np.ndarray]) -> Any:
    answers = [torch.from_numpy(np.asarray(a)) for a in session.run(None, fed)]
    return answers[0] if len(answers) == 1 else tuple(answers)


@contextmanager
def _silent() -> Iterator[None]:
    """Without the exporter's log lines: each torchvision operator that is not there, each constant that it leaves be."""
    names = ("torch.onnx._internal.exporter._registration", "onnxscript.optimizer._constant_folding")
    levels = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
