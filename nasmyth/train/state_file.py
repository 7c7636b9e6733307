"""The state of a training as one file: safetensors, with everything but tensors as JSON in its metadata. No pickle.

    tensors     "weights/stem.conv.weight", "tables/...", "average/...", "best/...", "tree/0", "tree/1", ...
    document    {"format": 1, "network": {...}, "recipe": {...}, "step": {...}, "progress": ..., "moments": ..., ...}

Tables are buffers that a saved network does not hold. What is nested (moments, generators, what a step keeps) is a *tree*:
plain JSON in which tensors are named by their number. Nothing in a file is trusted: sizes are compared with the network before
it is built, and every value with its kind.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError, ExportError, NasmythError
from nasmyth.kinds import shown, whole
from nasmyth.network.network import Network
from nasmyth.network.save import TRAINING, built, description, packed, tensors_in, unpacked
from nasmyth.record import FIELD_ERRORS, from_json, is_open, to_json
from nasmyth.train.recipe import Recipe
from nasmyth.train.state import Progress, TrainingState
from nasmyth.train.steps import Step

FORMAT = 1
"""Raised when an older Nasmyth could not read what this one writes."""

GROUPS = ("weights", "average", "best")
TREES = ("progress", "moments", "generators", "own")


def to_bytes(state: TrainingState) -> bytes:
    """The file's content; equal states give equal bytes."""
    saved = state.network.state_dict(keep_vars=True).keys()
    tensors = {f"{'weights' if name in saved else 'tables'}/{name}": t for name, t in state.weights.items()}
    tensors |= {f"{part}/{name}": t for part in GROUPS[1:] for name, t in (getattr(state, part) or {}).items()}
    rest: list[Tensor] = []
    trees: dict[str, Any] = {"progress": dataclasses.asdict(state.progress)}
    trees |= {name: getattr(state, name) for name in TREES[1:]}
    step = state.step
    document = {
        "format": FORMAT,
        "network": description(state.network) if isinstance(state.network, Network) else None,
        "recipe": to_json(state.recipe),
        "step": to_json(step) if isinstance(step, Step) else _name_of(step),
        "seed": state.seed,
        "task": state.task,
        **{name: _written(tree, rest) for name, tree in trees.items()},
    }
    return packed({**tensors, **{f"tree/{i}": t for i, t in enumerate(rest)}}, TRAINING, document)


def from_bytes(data: bytes, network: nn.Module | None = None) -> TrainingState:
    """The state that `to_bytes` wrote. Raises ExportError."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ExportError(f"a state is read from bytes, got {shown(data)}; give pathlib.Path(path).read_bytes()")
    document, tensors = unpacked(data := bytes(data), TRAINING, FORMAT), tensors_in(data)
    groups: dict[str, dict[str, Tensor]] = {name: {} for name in (*GROUPS, "tables", "tree")}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        if part not in groups:
            raise ExportError(f"it holds a tensor {shown(name)}, which is no part of a state")
        groups[part][rest] = tensor
    try:
        module = _network(document, network, groups["weights"])
        found = {name: _read(document[name], groups["tree"]) for name in TREES}
        step = document["step"]
        return TrainingState(
            network=module,
            weights={**groups["weights"], **groups["tables"]},
            average=groups["average"] or None,
            best=groups["best"] or None,
            progress=_progress(found["progress"]),
            recipe=_recipe(document["recipe"]),
            moments=_tables(found["moments"], "moments"),
            generators=_generators(found["generators"]),
            own=_table(found["own"], "own"),
            step=step if isinstance(step, str) else _step(step),
            seed=_kind(document["seed"], lambda value: whole(value) and abs(value) < 1 << 53, "seed"),
            task=_kind(document["task"], lambda value: isinstance(value, str), "task"),
        )
    except ExportError:
        raise
    except (NasmythError, *FIELD_ERRORS, RuntimeError, MemoryError) as error:
        what = f"it lacks {error}" if type(error) is KeyError else error
        raise ExportError(f"the state in it cannot be read: {what}") from error


def _name_of(step: Any) -> str:
    return step if isinstance(step, str) else getattr(step, "__qualname__", type(step).__qualname__)


# --- trees ----------------------------------------------------------------------------------------------------------


def _written(tree: Any, tensors: list[Tensor]) -> Any:
    """A tree as JSON. Dicts are lists of pairs, since their keys may be numbers; no finite number is lost."""
    if isinstance(tree, Tensor):
        tensors.append(tree)
        return {"tensor": len(tensors) - 1}
    if isinstance(tree, Mapping):
        return {"pairs": [[_written(key, tensors), _written(value, tensors)] for key, value in tree.items()]}
    if isinstance(tree, tuple):
        return {"tuple": [_written(item, tensors) for item in tree]}
    if isinstance(tree, list):
        return [_written(item, tensors) for item in tree]
    if isinstance(tree, float) and not math.isfinite(tree):
        return {"float": repr(tree)}
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    raise DataError(
        f"a step keeps {shown(tree)}, a {type(tree).__name__}: keep tensors, numbers, texts, dicts and lists"
    )


def _read(data: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(data, list):
        return [_read(item, tensors) for item in data]
    if not isinstance(data, dict):
        return data
    ((kind, held),) = data.items()
    if kind == "tensor":
        return tensors[str(held)]
    if kind == "pairs":
        return {_read(key, tensors): _read(value, tensors) for key, value in held}
    if kind == "tuple":
        return tuple(_read(item, tensors) for item in held)
    if kind == "float" and held in ("nan", "inf", "-inf"):
        return float(held)
    raise ExportError(f"its trees hold {shown(data)}, which is no part of one")


# --- parts ----------------------------------------------------------------------------------------------------------


def _network(document: dict[str, Any], given: nn.Module | None, weights: dict[str, Tensor]) -> nn.Module:
    if given is not None:
        return given
    told = document["network"]
    if not isinstance(told, dict):
        raise ExportError(
            "its network was no Network of a graph, and no file holds a module's code: make one like it, and give "
            "TrainingState.from_bytes(data, network=module)"
        )
    return built(told, weights, Network)


def _recipe(data: Any) -> Recipe:
    recipe = from_json(data)
    if not isinstance(recipe, Recipe) or is_open(recipe):
        raise ExportError(f"{shown(recipe)} is no recipe without holes")
    return recipe


def _step(data: Any) -> Step:
    step = from_json(data)
    if not isinstance(step, Step) or is_open(step):
        raise ExportError(f"{shown(step)} is no step")
    return step


def _progress(data: Any) -> Progress:
    """Counts are whole numbers from 0, times are numbers, scores are tables of numbers."""
    table = dict(_table(data, "progress"))
    kinds: dict[str, Any] = {"int": _count, "float": _number}
    for one in dataclasses.fields(Progress):
        if str(one.type) in kinds:
            _kind(table[one.name], kinds[str(one.type)], one.name)
    for entry in (*_kind(table["curve"], lambda value: isinstance(value, tuple), "curve"), table["best"] or {}):
        for name, value in _table(entry, "curve").items():
            _kind(value, _number, shown(name))
    if table["per_epoch"] < 1:
        raise ExportError("an epoch of its progress has no steps")
    return Progress(**table)


def _generators(data: Any) -> Mapping[str, Any]:
    """States of generators: bytes, and the order of the examples, whose generator takes its state without complaint."""
    table = _table(data, "generators")
    for name, state in table.items():
        held = state if isinstance(state, Tensor) else _table(state, "generators")["generator"]
        if not isinstance(held, Tensor) or held.dtype != torch.uint8 or held.ndim != 1:
            raise ExportError(f"the state of its generator {shown(name)} is {shown(held)}")
    if "order" in table:
        _kind(_table(table["order"], "order")["position"], _count, "position")
        torch.Generator().set_state(table["order"]["generator"])
    return table


def _tables(data: Any, what: str) -> dict[str, dict[str, Any]]:
    return {name: dict(_table(kept, what)) for name, kept in _table(data, what).items()}


def _table(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise ExportError(f"its {what} are {shown(data)}, not values by name")
    return data


def _kind(value: Any, is_right: Any, what: str) -> Any:
    if not is_right(value):
        raise ExportError(f"its {what} is {shown(value)}")
    return value


def _count(value: Any) -> bool:
    return whole(value) and 0 <= value < 1 << 53


def _number(value: Any) -> bool:
    return type(value) is float or whole(value)
