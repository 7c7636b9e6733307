"""The laws of an op's axes (see `graph/op_axes.py`): what the sentences say of places is true of the module.

* Its weights are those that are named, each as long as is said.
* The units of an axis that is not ordered may be exchanged: in all inputs and weights at once, and the output is the same in
  the new order. This holds the places of products and weights to what is said: (heads k) is not (k heads).
* Where an axis comes in and goes out and is not mixed, a number that goes out depends on its own place alone; and what is
  said to be mixed is.
"""

from __future__ import annotations

import torch
from torch import nn

from nasmyth.graph.op import Op
from nasmyth.graph.op_axes import NamedAxis, OpAxes, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.ops.found.places import exchange_gap, names, reaches_others
from nasmyth.testing.laws import law
from nasmyth.testing.tensors import normal, subject


def check_axes(op: Op, shapes: tuple[Shape, ...]) -> None:
    """Raises AssertionError, which says which name is not what it says, and what to declare."""
    axes = op_axes(op, shapes, op.infer(*shapes))
    with torch.no_grad():
        module = subject(op, shapes)
    _lengths_as_said(op, axes, shapes, module)
    for name in names(axes):
        if name in axes.fixed:
            continue
        gap = exchange_gap(axes, name, module, normal(shapes, 2))
        law(gap <= 1e-9, op, f"is another function where places of {name} are exchanged (by {gap:.1e}): their order "
                             f"matters, so "
            f"declare ordered={name!r}, or weights= whose axes say where they are")  # fmt: skip
        mixes = reaches_others(axes, name, module, normal(shapes, 2))
        law(not mixes or name in axes.mixed, op, f"its output at one place of {name} depends on other places of its input: "
            f"declare mixes={name!r}")  # fmt: skip
        law(mixes is not False or name not in axes.mixed, op, f"declares that it mixes {name}, and does not")


def _shape(tensor: tuple[NamedAxis, ...]) -> Shape:
    return tuple(len(axis.places) for axis in tensor)


def _lengths_as_said(op: Op, axes: OpAxes, shapes: tuple[Shape, ...], module: nn.Module) -> None:
    said = tuple(map(_shape, axes.inputs))
    law(said == shapes, op, f"its axes say that {said} comes in, and it is {shapes}")
    law(_shape(axes.output) == op.infer(*shapes), op, f"its axes say that {_shape(axes.output)} comes out")
    real = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    told = {name: _shape(tensor) for name, tensor in axes.weights.items()}
    law(told == real, op, f"has the weights {real}, and its axes say {told}: mend weights={{name: axes}}")
