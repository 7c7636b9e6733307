"""A network as one file: safetensors, with everything but the weights as JSON in its metadata.

    8 bytes   length of the header
    header    JSON: {"__metadata__": {"nasmyth": "<document>"}, "stages.1.conv.weight": {dtype, shape, data_offsets}, ...}
    payload   the weights, one after another

The document is JSON as well: format, graph and its key, inputs, outputs, history; and what it takes and gives, in
words. Nothing in the file is ever executed. Any program that reads safetensors can read the weights; `header` reads the
rest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

import nasmyth.blocks
import nasmyth.forms.inputs
import nasmyth.forms.outputs
import nasmyth.ops  # noqa: F401  what networks are made of has to be known before one can be read
from nasmyth import origin
from nasmyth.errors import ExportError, FieldError, NasmythError
from nasmyth.files import replacing
from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Op
from nasmyth.kinds import shown
from nasmyth.network.layers import Layers
from nasmyth.network.names import places
from nasmyth.network.terms import gives, takes_raw
from nasmyth.record import FIELD_ERRORS, MAX_DEPTH, Value, from_json, names_former, parse_json, to_json

FORMAT = 3
"""Raised when an older Nasmyth could not read what this one writes."""

L = TypeVar("L", bound=Layers)

NETWORK, TRAINING = "nasmyth", "nasmyth.training"
KINDS = {NETWORK: "a network", TRAINING: "the state of a training (TrainingState.from_bytes reads it)"}
"""What files hold, by the name of their document."""

_LIMIT = 100_000_000
"""The longest header that safetensors reads, bytes."""

MOST_TABLES = 1 << 28
"""Bytes of what layers hold and do not save, such as sines and cosines of positions: a file says them in a few words."""


def save(network: Layers, path: str | os.PathLike[str]) -> None:
    """Write a network to `path`, whole or not at all. Raises ExportError."""
    data = to_bytes(network)
    with replacing(path) as folder:
        (folder / Path(path).name).write_bytes(data)


def to_bytes(network: Layers) -> bytes:
    """The file's content. The order of everything is fixed, so that equal networks give equal bytes."""
    document = {**description(network), "takes": takes_raw(network), "gives": gives(network)}
    return packed(network.state_dict(), NETWORK, document)


def description(network: Layers) -> dict[str, Any]:
    """A network without its weights, as JSON data."""
    document = {
        "format": FORMAT,
        "graph": network.graph.to_json(),
        "key": network.graph.key,
        "inputs": to_json(network.inputs),
        "outputs": to_json(network.outputs),
        "history": to_json(network.history),
    }
    if theirs := origin.made_of(*(node.op for node in network.graph.nodes)):
        document["made_of"] = theirs
    return document


def packed(tensors: Mapping[str, Tensor], kind: str, document: Any) -> bytes:
    """A safetensors file with one document in its metadata; one entry only, since several are written in random order."""
    text = msgspec.json.encode(document, order="sorted").decode()
    data: bytes = safetensors.save(_separate(tensors), {kind: text})
    return data


def load(path: str | os.PathLike[str], make: Callable[..., L]) -> L:
    """The network in a file, in evaluation mode, on the CPU, made by `make`. Raises ExportError, which names the file."""
    if not isinstance(path, (str, os.PathLike)):
        raise ExportError(f"a network is loaded from the path of a .safetensors file, and this is {shown(path)}")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error
    try:
        return from_bytes(data, make)
    except ExportError as error:
        raise ExportError(f"{path}: {error}") from error


def from_bytes(data: bytes, make: Callable[..., L]) -> L:
    """The network that `to_bytes` wrote, made by `make`. Raises ExportError."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ExportError(f"a network is read from bytes, got {shown(data)}; Network.load(path) reads a file")
    document = unpacked(data := bytes(data), NETWORK, FORMAT)
    return built(document, tensors_in(data), make)


def built(document: dict[str, Any], weights: dict[str, Tensor], make: Callable[..., L]) -> L:
    """The network that a document describes, with these weights, made by `make`. Nothing is built before they are known
    to fit."""
    with _building():
        origin.refuse_missing(document.get("made_of"))
        graph = Graph.from_json(document["graph"])
        key = graph.key
    if key != document.get("key") and not names_former(document["graph"]):
        raise ExportError(
            f"its graph was {shown(document.get('key'))} when it was saved and reads as {key} here: "
            "the definition or a default of one of its ops has changed since"
        )
    if document.get("format", FORMAT) < FORMAT:
        weights = _renamed(graph, weights, document["format"])
    with _building():
        inputs, outputs = _end(document["inputs"]), _end(document["outputs"])
        _refuse_other_weights(graph, weights)
        network = make(graph, inputs, outputs, history=_plain(document["history"]))
        _refuse_mismatch(network.state_dict(), weights)
    network.load_state_dict(weights, assign=True)  # assigned, not copied: types stay as they were saved
    return network.eval()


@contextmanager
def _building() -> Iterator[None]:
    """Whatever is wrong with the description of a network is an ExportError."""
    try:
        yield
    except ExportError:
        raise
    except (NasmythError, *FIELD_ERRORS, RuntimeError, MemoryError) as error:
        what = f"it lacks {error}" if type(error) is KeyError else error
        raise ExportError(f"the network in it cannot be built: {what}") from error


def _end(data: Any) -> Any:
    """What raw input is, or what an answer means: a value that can do what these are asked for; or None."""
    value: Any = from_json(data)
    if value is not None:
        lacks = [name for name in ("encode", "module") if not callable(getattr(value, name, None))]
        if lacks or not isinstance(value, Value) or isinstance(value, Op):
            raise ExportError(f"{shown(value)} says nothing about input or answers")
        made: Any = value
        made.module()  # what it holds goes together
    return value


def made_of(path: str | os.PathLike[str]) -> Any:
    """What a saved network notes of classes that are not Nasmyth's; None where it notes nothing, or cannot be read."""
    try:
        with open(path, "rb") as file:
            size = file.read(8)
            data = size + file.read(min(int.from_bytes(size, "little"), _LIMIT))
            return unpacked(data, NETWORK, FORMAT).get("made_of")
    except (OSError, ExportError):
        return None  # `load` says what is wrong


def header(data: bytes) -> dict[str, Any]:
    """The header of a safetensors file: JSON by tensor name. Raises ExportError for anything else."""
    size = int.from_bytes(data[:8], "little")
    if data[:4] == b"PK\x03\x04" or data[:2] == b"\x80\x02":
        raise ExportError(
            "this is a pickle or a zip archive of them (.pt, .pt2), which are never loaded: give .safetensors"
        )
    if len(data) < 8 or data[8:9] != b"{" or size > _LIMIT:
        raise ExportError("not a safetensors file")
    if 8 + size > len(data):
        raise ExportError(f"truncated: its header should have {size} bytes and {len(data) - 8} are there")
    try:
        found = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError) as error:
        raise ExportError(f"not a safetensors file: its header is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ExportError("not a safetensors file: its header is not a JSON object")
    return found


def is_training(data: bytes) -> bool:
    """Whether a file of Nasmyth's holds the state of a training, rather than a network."""
    metadata = header(data).get("__metadata__")
    return isinstance(metadata, dict) and TRAINING in metadata


def unpacked(data: bytes, kind: str, newest: int) -> dict[str, Any]:
    """The document of a file of this kind, of format `newest` or older. Raises ExportError for any other."""
    metadata = header(data).get("__metadata__")
    text = metadata.get(kind) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        other = next((KINDS[name] for name in metadata if name in KINDS), "") if isinstance(metadata, dict) else ""
        if other:
            raise ExportError(f"this file holds {other}, and {KINDS[kind]} is wanted")
        raise ExportError("a safetensors file, but not one that Nasmyth wrote: it holds weights without a graph")
    try:
        document = parse_json(text)
        version = document["format"]
    except (NasmythError, TypeError, KeyError):
        raise ExportError("the description of what it holds is damaged") from None
    if not isinstance(version, int) or version > newest:
        raise ExportError(
            f"written by a newer Nasmyth (format {version}, this one reads up to {newest}): upgrade nasmyth"
        )
    return dict(document)


def tensors_in(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises ExportError."""
    try:
        tensors: dict[str, Tensor] = safetensors.load(data)
        return tensors
    except (SafetensorError, *FIELD_ERRORS, RuntimeError, MemoryError) as error:
        raise ExportError(f"truncated or damaged: {error}") from error


def _renamed(graph: Graph, weights: dict[str, Tensor], format: int) -> dict[str, Tensor]:
    """The weights of a file of an earlier format under the names of today."""
    addresses = [node.address for node in graph.nodes if node.inputs]
    now = places(addresses)
    new = {".".join(path): ".".join(now[address]) for address, path in places(addresses, format).items()}
    heads = sorted(new, key=len, reverse=True)
    found = {}
    for name, tensor in weights.items():
        head = next((head for head in heads if name.startswith(f"{head}.")), "")
        found[new[head] + name.removeprefix(head) if head else name] = tensor
    return found


def _refuse_other_weights(graph: Graph, weights: dict[str, Tensor]) -> None:
    """Before anything is built: the weights are those of the graph, and it holds little besides them. Raises
    ExportError."""
    expected, tables = _outline(graph)
    if tables > MOST_TABLES:
        raise ExportError(
            f"its graph asks for tables of {tables:,} bytes beside its weights, more than {MOST_TABLES:,}"
        )
    here, needed = sum(w.numel() for w in weights.values()), graph.costs.params + graph.costs.buffers
    if expected is not None:
        _refuse_mismatch(expected, weights)
    elif needed > here:
        raise ExportError(f"its weights do not match its graph, which has {needed:,} numbers, and the file {here:,}")


def _outline(graph: Graph) -> tuple[dict[str, Tensor] | None, int]:
    """The weights of a graph without their numbers, and the bytes of what layers hold besides.

    No weights where a layer looks at numbers while it is made, as one of a user's own may.
    """
    found: dict[str, Tensor] = {}
    tables, whole = 0, True
    nodes = {node.address: node for node in reversed(graph.nodes) if node.inputs}
    for address, path in places(nodes).items():
        node = nodes[address]
        try:
            with torch.device("meta"):  # tensors with a shape and no memory
                layer = node.op.build(*(graph.nodes[i].shape for i in node.inputs))
        except FieldError:
            whole = False
            continue
        saved = layer.state_dict()
        found.update({".".join((*path, name)): weight for name, weight in saved.items()})
        tables += sum(buffer.nbytes for name, buffer in layer.named_buffers() if name not in saved)
    return (found if whole else None), tables


def _refuse_mismatch(expected: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    missing, extra = sorted(expected.keys() - weights.keys()), sorted(weights.keys() - expected.keys())
    problems = [f"{name} is missing" for name in missing] + [f"{name} belongs to no layer" for name in extra]
    for name in expected.keys() & weights.keys():
        needed, got = expected[name], weights[name]
        if needed.shape != got.shape:
            problems.append(f"{name} has shape {tuple(got.shape)} where {tuple(needed.shape)} is needed")
        elif needed.is_floating_point() != got.is_floating_point():
            problems.append(f"{name} is {got.dtype} where {needed.dtype} is needed")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ExportError(f"its weights do not match its graph: {'; '.join(problems[:3])}{more}")


def _separate(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, contiguous, and no two sharing memory, which safetensors refuses."""
    seen: set[int] = set()
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        tensor = value.detach().to("cpu").contiguous()
        storage = tensor.untyped_storage()
        alone = storage.nbytes() == tensor.nbytes and storage.data_ptr() not in seen
        found[name] = tensor if alone else tensor.clone(memory_format=torch.contiguous_format)
        seen.add(storage.data_ptr())
    return found


def _plain(data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise TypeError("its history is not a list")
    if _levels(data) > MAX_DEPTH:
        raise TypeError(f"its history has more than {MAX_DEPTH} levels within each other")
    return tuple(data)


def _levels(data: Any) -> int:
    """How deep plain data goes; more than MAX_DEPTH is not looked into."""
    level, found = [data], 0
    while level and found <= MAX_DEPTH:
        level = [
            v
            for part in level
            if isinstance(part, (dict, list))
            for v in (part.values() if isinstance(part, dict) else part)
        ]
        found += 1
    return found
