"""A network as one file: safetensors, with everything but the weights as JSON in its metadata.

    8 bytes   length of the header
    header    JSON: {"__metadata__": {"nasmyth": "<document>"}, "stages.1.conv.weight": {dtype, shape, data_offsets}, ...}
    payload   the weights, one after another

The document is JSON as well: format, graph and its key, inputs, outputs, history; and what it takes and gives, in words. Nothing in the file is ever executed.
Any program that reads safetensors can read the weights; `header` reads the rest.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

import nasmyth.blocks
import nasmyth.network.inputs
import nasmyth.network.outputs
import nasmyth.ops  # noqa: F401  what networks are made of has to be known before one can be read
from nasmyth.errors import ExportError, NasmythError
from nasmyth.graph.graph import Graph
from nasmyth.network.files import whole
from nasmyth.network.names import places
from nasmyth.network.network import Network
from nasmyth.network.terms import gives, takes_raw
from nasmyth.record import from_json, to_json

FORMAT = 2
"""Raised when an older Nasmyth could not read what this one writes."""

_LIMIT = 100_000_000
"""The longest header that safetensors reads, bytes."""


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to `path`, whole or not at all. Raises ExportError."""
    data = to_bytes(network)
    with whole(path) as folder:
        (folder / Path(path).name).write_bytes(data)


def to_bytes(network: Network) -> bytes:
    """The file's content. The order of everything is fixed, so that equal networks give equal bytes."""
    document = {
        "format": FORMAT,
        "graph": network.graph.to_json(),
        "key": network.graph.key,
        "inputs": to_json(network.inputs),
        "outputs": to_json(network.outputs),
        "history": to_json(network.history),
        "takes": takes_raw(network),
        "gives": gives(network),
    }
    text = msgspec.json.encode(document, order="sorted").decode()
    # one entry only: safetensors writes several in random order
    data: bytes = safetensors.save(_separate(network.state_dict()), {"nasmyth": text})
    return data


def load(path: str | os.PathLike[str]) -> Network:
    """The network in a file, in evaluation mode, on the CPU. Raises ExportError, which names the file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error
    try:
        return from_bytes(data)
    except ExportError as error:
        raise ExportError(f"{path}: {error}") from error


def from_bytes(data: bytes) -> Network:
    """The network that `to_bytes` wrote. Raises ExportError."""
    document = _document(data)
    try:
        graph = Graph.from_json(document["graph"])
        inputs, outputs = from_json(document["inputs"]), from_json(document["outputs"])
        network = Network(graph, inputs, outputs, history=_plain(document["history"]))
    except (NasmythError, LookupError, TypeError, ValueError, AttributeError) as error:
        what = f"it lacks {error}" if type(error) is KeyError else error
        raise ExportError(f"the network in it cannot be built: {what}") from error
    if graph.key != document.get("key"):
        raise ExportError(
            f"its graph was {document.get('key')} when it was saved and reads as {graph.key} here: "
            "the definition or a default of one of its ops has changed since"
        )
    weights = _tensors(data)
    _put_weights(network, _renamed(graph, weights) if document["format"] == 1 else weights)
    return network.eval()


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
    except ValueError as error:
        raise ExportError(f"not a safetensors file: its header is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ExportError("not a safetensors file: its header is not a JSON object")
    return found


def _document(data: bytes) -> dict[str, Any]:
    metadata = header(data).get("__metadata__")
    text = metadata.get("nasmyth") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ExportError("a safetensors file, but not one that Nasmyth wrote: it holds weights without a graph")
    try:
        document = json.loads(text)
        version = document["format"]
    except (ValueError, TypeError, KeyError):
        raise ExportError("the description of the network in it is damaged") from None
    if not isinstance(version, int) or version > FORMAT:
        raise ExportError(
            f"written by a newer Nasmyth (format {version}, this one reads up to {FORMAT}): upgrade nasmyth"
        )
    return dict(document)


def _tensors(data: bytes) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = safetensors.load(data)
        return tensors
    except (SafetensorError, ValueError, KeyError) as error:
        raise ExportError(f"truncated or damaged: {error}") from error


def _renamed(graph: Graph, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a file of format 1 under the names of today."""
    addresses = [node.address for node in graph.nodes[1:]]
    now = places(addresses)
    new = {".".join(path): ".".join(now[address]) for address, path in places(addresses, format=1).items()}
    heads = sorted(new, key=len, reverse=True)
    found = {}
    for name, tensor in weights.items():
        head = next((head for head in heads if name.startswith(f"{head}.")), "")
        found[new[head] + name.removeprefix(head) if head else name] = tensor
    return found


def _put_weights(network: Network, weights: dict[str, Tensor]) -> None:
    expected = network.state_dict()
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
    network.load_state_dict(weights, assign=True)  # assigned, not copied: types stay as they were saved


def _separate(state: dict[str, Tensor]) -> dict[str, Tensor]:
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
    return tuple(data)
