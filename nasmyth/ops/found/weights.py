"""The axes of weights that an op does not declare, found by building its module at two sizes.

Every name of the signature whose length is free is doubled, one after the other, and so is every field that is a whole number.
An axis of a weight that doubles with a name, and is as long, is that axis: so a module of a user's own needs no word more than
its signature. What doubles with nothing keeps its length. The modules are built without memory for their numbers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch

from nasmyth.errors import NasmythError
from nasmyth.graph.op import Op
from nasmyth.graph.signature import ELLIPSIS, Axis, Shape
from nasmyth.units import is_whole


@lru_cache(maxsize=10_000)
def found(op: Op, shapes: tuple[Shape, ...]) -> dict[str, str]:
    """The axes of each parameter and saved buffer in the names of the op's signature."""
    fields = dict(zip(op.fields, op.field_values, strict=True))
    axes = {**fields, **op.parsed_signature.solve(shapes, fields, op)}
    base = saved_shapes(op, shapes)
    scaling: dict[tuple[str, int], list[str]] = {(w, i): [] for w, shape in base.items() for i in range(len(shape))}
    for name in _names(op, axes):
        other = _doubled(op, shapes, name, axes) or {}
        for (weight, i), names in scaling.items():
            if i < len(other.get(weight, ())) and other[weight][i] != base[weight][i]:
                names.append(name)
    return {w: " ".join(_said(op, axes, n, scaling[w, i]) for i, n in enumerate(shape)) for w, shape in base.items()}


def _said(op: Op, axes: dict[str, Any], length: int, names: list[str]) -> str:
    """What an axis is called whose length depends on these names. Where it is as long as none of them, it cannot be told
    which place is which, and it says that it is computed."""
    known = {name: {name} for name in axes}
    for axis in (axis for side in op.parsed_signature.inputs for axis in side if axis.name):
        known[axis.name] = {factor for factor in axis.factors if not is_whole(factor)}
    for name, factors in known.items():
        if axes[name] == length and factors == set(names):
            return name
    return "*".join([str(length), *(f"{name}/{name}" for name in names)])


def saved_shapes(op: Op, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    """The shape of each parameter and saved buffer of an op's module."""
    try:
        with torch.device("meta"):
            module = op.build(*shapes)
    except (NasmythError, NotImplementedError):  # it looks at its numbers while it is made
        module = op.build(*shapes)
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _names(op: Op, axes: dict[str, Any]) -> list[str]:
    """Everything with a length that may change by itself: factors on the left, and fields that are whole numbers."""
    left = [f for side in op.parsed_signature.inputs for axis in side for f in axis.factors]
    return [n for n in dict.fromkeys([*left, *op.fields]) if type(axes.get(n)) is int and axes[n] > 0]


def _doubled(op: Op, shapes: tuple[Shape, ...], name: str, axes: dict[str, Any]) -> dict[str, Shape] | None:
    """The shapes of the weights with one length doubled; None where the op does not take that."""
    lengths = {**axes, name: 2 * axes[name]}
    try:
        changed = op.replace(**{name: lengths[name]}) if name in op.fields else op
        signature = op.parsed_signature
        patterns = [*signature.inputs, *[signature.inputs[0]] * (len(shapes) - len(signature.inputs))]
        other = tuple(_shape(pattern, lengths) for pattern in patterns)
        return saved_shapes(changed, other)
    except (NasmythError, ArithmeticError, RuntimeError):
        return None


def _shape(pattern: tuple[Axis, ...], lengths: dict[str, Any]) -> Shape:
    shape: list[int] = []
    for axis in pattern:
        if axis == ELLIPSIS:
            shape += lengths["..."]
        else:
            shape.append(math.prod(int(f) if is_whole(f) else lengths[f] for f in axis.factors))
    return tuple(shape)
