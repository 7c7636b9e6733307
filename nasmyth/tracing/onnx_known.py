"""What of an ONNX file is known while it is traced: shapes, and what is computed from them, with numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from nasmyth.errors import require
from nasmyth.tracing.onnx_table import attribute

_GROWING = {
    "ConstantOfShape",
    "Expand",
    "Tile",
    "Range",
    "Pad",
    "Resize",
    "Upsample",
    "OneHot",
    "EyeLike",
    "CenterCropPad",
}
"""Operators whose output may be much larger than their inputs."""
_SMALL = 1 << 20
"""How many numbers they may give to be computed here."""
_MOVED = {"Squeeze": ("axes",), "Unsqueeze": ("axes",), "ReduceSum": ("axes",), "Slice": ("starts", "ends", "axes")}
_MOVED |= {f"Reduce{kind}": ("axes",) for kind in ("Max", "Min", "Mean", "Prod", "L1", "L2", "SumSquare")}
"""Settings that are inputs in later versions."""
_LATER = 18
"""The first version in which they all are."""


def computed(operator: Any, inputs: list[Any], batch: int) -> list[np.ndarray] | None:
    """What an operator gives whose inputs are all known, unless it grows with the batch, or is large."""
    if any(isinstance(x, Tensor) for x in inputs) or not any(x is not None for x in inputs):
        return None
    if operator.kind in _GROWING and _grown(operator.kind, inputs) > _SMALL:
        return None
    if operator.kind in ("ConstantOfShape", "Expand", "Tile", "Range") and batch in np.asarray(inputs[-1]):
        return None
    evaluator = require("onnx.reference", extra="onnx").ReferenceEvaluator
    proto, version = operator.proto, operator.version
    inputs = list(inputs)
    names = [name or f"no {i}" for i, name in enumerate(operator.takes)]
    moved = _MOVED.get(operator.kind, ()) if version < _LATER else ()
    if any(name in operator.attributes for name in moved):  # the onnx package computes the later forms only
        proto, version = type(proto)(), _LATER
        proto.CopyFrom(operator.proto)
        kept = [one for one in proto.attribute if one.name not in moved]
        del proto.attribute[:]
        proto.attribute.extend(kept)
        for name in moved:
            value = attribute(operator, name)
            proto.input.append("" if value is None else f"setting {name}")
            names.append(f"setting {name}")
            inputs.append(None if value is None else np.array(value, dtype=np.int64))
    fed = {name: x for name, x in zip(names, inputs, strict=True) if x is not None}
    found: list[np.ndarray] = evaluator(proto, opsets={proto.domain: version}).run(None, fed)
    return [np.asarray(x) for x in found]


def _grown(kind: str, inputs: list[Any]) -> float:
    """About how many numbers one of these gives for numbers that are known."""
    if kind == "Range":
        start, stop, step = (float(np.asarray(x).reshape(-1)[0]) for x in inputs[:3])
        return abs(stop - start) / max(abs(step), 1e-9)
    if kind in ("ConstantOfShape", "Expand", "Tile"):
        times = math.prod(float(max(1, n)) for n in np.asarray(inputs[-1]).reshape(-1))
        return times * math.prod(x.size for x in inputs[:-1])
    return math.inf
