"""The axes of weights that an op does not declare, found by building its module at two sizes.

Every name of the signature whose length is free is doubled, one after the other. An axis of a weight that is as long as the
name both times is that axis: so a module of a user's own needs no word more than its signature. What is as long as nothing
in it keeps its length: "12". The modules are built without memory for their numbers.
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
    axes = op.solve(*shapes)
    base = saved_shapes(op, shapes)
    names = {name: [f"{length}" for length in shape] for name, shape in base.items()}
    aliases = {a.name: a for side in op.parsed_signature.inputs for a in side if a.name and a.factors != (a.name,)}
    free = [f for side in op.parsed_signature.inputs for a in side for f in a.factors if _is_free(f, axes, op)]
    fields = [f for side in [op.parsed_signature.output or ()] for a in side for f in a.factors if f in op.fields]
    for name in dict.fromkeys([*free, *fields]):
        other = _doubled(op, shapes, name, axes)
        if other is None:
            continue
        behind = [name, *(alias for alias, axis in aliases.items() if name in axis.factors)]
        for weight, shape in base.items():
            for i, (before, after) in enumerate(zip(shape, other.get(weight, ()), strict=False)):
                known = [n for n in behind if axes[n] == before]
                if after == 2 * before and known:
                    names[weight][i] = known[0]
    return {weight: " ".join(said) for weight, said in names.items()}


def saved_shapes(op: Op, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
    """The shape of each parameter and saved buffer of an op's module."""
    try:
        with torch.device("meta"):
            module = op.build(*shapes)
    except (NasmythError, NotImplementedError):  # it looks at its numbers while it is made
        module = op.build(*shapes)
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _is_free(factor: str, axes: dict[str, Any], op: Op) -> bool:
    return type(axes.get(factor)) is int and factor not in op.fields and not is_whole(factor)


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
