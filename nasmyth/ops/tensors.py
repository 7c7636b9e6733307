"""The small change of tensor programs: other shapes, other orders of axes, parts of a tensor, weights by themselves.

Networks written in these ops are seldom designed; they are what is left between the layers when a network that somebody
wrote is traced. Axes are counted after the batch: axis 0 is the first one of an example, -1 the last. They cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate, pairwise
from operator import mul
from typing import Any

import torch
from torch import nn

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.op_axes import NamedAxis, OpAxes, all_fixed, by_sentence, free_axes, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing, weightless


def _whole_lengths(reshape: Any) -> None:
    if isinstance(reshape.shape, tuple) and not all(type(n) is int and n > 0 for n in reshape.shape):
        raise SpaceError(f"{reshape!r}: shape is a tuple of whole numbers above 0, without the batch: Reshape((4, 16))")


def _reshaped(reshape: Any, *shapes: Shape) -> Shape:
    if math.prod(shapes[0]) != math.prod(reshape.shape):
        raise ShapeError(
            f"{reshape!r}: {shapes[0]} holds {math.prod(shapes[0])} numbers, not {math.prod(reshape.shape)}"
        )
    return tuple(reshape.shape)


def _each_axis_once(permute: Any) -> None:
    if isinstance(permute.order, tuple) and sorted(permute.order) != list(range(len(permute.order))):
        raise SpaceError(f"{permute!r}: order names each axis once, counted after the batch: Permute((1, 0))")


def _orders(permute: Any) -> str:
    names = [f"x{i}" for i in range(len(permute.order))]
    return f"b {' '.join(names)} -> b {' '.join(names[i] for i in permute.order)}"


def _permuted(permute: Any, *shapes: Shape) -> Shape:
    if len(shapes[0]) != len(permute.order):
        raise ShapeError(f"{permute!r}: takes {len(permute.order)} axes after the batch, got {shapes[0]}")
    return tuple(shapes[0][i] for i in permute.order)


def _axis_of(part: Any, shape: Shape) -> int:
    axis: int = part.axis + len(shape) if part.axis < 0 else part.axis
    if not 0 <= axis < len(shape):
        raise ShapeError(f"{part!r}: there is no axis {part.axis} in {shape}; axes are counted after the batch, from 0")
    return axis


def _selected(select: Any, *shapes: Shape) -> Shape:
    axis = _axis_of(select, shapes[0])
    if not -shapes[0][axis] <= select.index < shapes[0][axis]:
        raise ShapeError(f"{select!r}: axis {select.axis} has length {shapes[0][axis]}, so there is no {select.index}")
    return shapes[0][:axis] + shapes[0][axis + 1 :]


def _sliced(part: Any, *shapes: Shape) -> Shape:
    axis = _axis_of(part, shapes[0])
    length = len(range(shapes[0][axis])[part.start : part.stop : part.step])
    if length == 0:
        raise ShapeError(f"{part!r}: nothing is left of axis {part.axis}, which has length {shapes[0][axis]}")
    return (*shapes[0][:axis], length, *shapes[0][axis + 1 :])


def _same(softmax: Any, *shapes: Shape) -> Shape:
    _axis_of(softmax, shapes[0])
    return shapes[0]


def _constant(weight: Any, *shapes: Shape) -> Shape:
    return tuple(weight.shape)


@op("b ...", infer=_reshaped, check=_whole_lengths)
class Reshape(nn.Module):
    """The same numbers in the same order, in another shape: `Reshape((4, 16))` of (64,)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[0], *self.shape)

    def extra_repr(self) -> str:
        return f"{self.shape}"


@op(_orders, infer=_permuted, check=_each_axis_once)
class Permute(nn.Module):
    """The axes in another order: `Permute((1, 0))` turns (l, d) into (d, l)."""

    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.order = (0, *(i + 1 for i in order))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(self.order)

    def extra_repr(self) -> str:
        return f"{self.order}"


@op("b ...", infer=_selected)
class Select(nn.Module):
    """One place of an axis, which is gone afterwards: `Select(0, 0)` takes the first token of a sequence."""

    def __init__(self, axis: int = 0, index: int = 0) -> None:
        super().__init__()
        self.dim, self.index = axis + 1 if axis >= 0 else axis, index

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.select(self.dim, self.index)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, index={self.index}"


@op("b ...", infer=_sliced)
class Slice(nn.Module):
    """Part of an axis, as Python slices: `Slice(0, 1)` leaves out the first token."""

    def __init__(self, axis: int = 0, start: int | None = None, stop: int | None = None, step: int = 1) -> None:
        super().__init__()
        self.dim, self.part = axis + 1 if axis >= 0 else axis, slice(start, stop, step)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[(slice(None),) * (self.dim % x.dim()) + (self.part,)]

    def extra_repr(self) -> str:
        return f"dim={self.dim}, {self.part}"


@op("b ... -> b ...", infer=_same)
class Softmax(nn.Module):
    """Exponentials that sum to 1 along an axis."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.dim = axis + 1 if axis >= 0 else axis

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.softmax(self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


@op("b ...", infer=_constant)
class Weight(nn.Module):
    """Learned numbers of that shape, the same for every example whatever comes in: what several layers share."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight.clone().expand(x.shape[0], *self.weight.shape)


@op_axes.register(Reshape)
def _(reshape: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """Both shapes as products of what they have in common: (3, 4) as (6, 2) is "b a (p q) -> b (a p) q"."""
    factors = _common_factors(inputs[0], output)
    if factors is None:
        return all_fixed(reshape, inputs, output, {}, f"no factors lead from {inputs[0]} to {output}")
    lengths = {f"x{i}": length for i, length in enumerate(factors)}
    sides = [" ".join(["b", *_split(shape, factors)]) for shape in (inputs[0], output)]
    return by_sentence(reshape, inputs, output, " -> ".join(sides), **lengths)


def _common_factors(one: Shape, other: Shape) -> list[int] | None:
    """Lengths into which the axes of both shapes split, in order; None if there are none."""
    if 0 in one:
        return None
    steps = sorted({1, *accumulate(one, mul), *accumulate(other, mul)})
    if any(b % a for a, b in pairwise(steps)):
        return None
    return [b // a for a, b in pairwise(steps)]


def _split(shape: Shape, factors: list[int]) -> Iterator[str]:
    """Each axis as the product of the factors that it is made of."""
    at = 0
    for length in shape:
        names = []
        while length > 1:
            length //= factors[at]
            names.append(f"x{at}")
            at += 1
        yield f"({' '.join(names)})" if len(names) > 1 else names[0] if names else "1"


@op_axes.register(Select)
def _(select: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    axes = list(free_axes("x", inputs[0]))
    gone = axes[select.axis]
    left = tuple(axis for axis in axes if axis is not gone)
    return OpAxes((tuple(axes),), left, {}, {gone.name: f"{select!r} takes one place of it"})


@op_axes.register(Slice)
def _(part: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    axes = free_axes("x", inputs[0])
    left = list(axes)
    left[part.axis] = NamedAxis(axes[part.axis].name, axes[part.axis].places[part.start : part.stop : part.step])
    return OpAxes((axes,), tuple(left), {}, {})


@op_axes.register(Softmax)
def _(softmax: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """Only the places along its axis see each other."""
    axis = softmax.axis % len(output)
    return by_sentence(softmax, inputs, output)._replace(mixed=frozenset({f"...{axis}"}))


@op_axes.register(Weight)
def _(weight: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    axes = free_axes("n", output)
    return OpAxes((free_axes("x", inputs[0]),), axes, {"weight": axes}, {})


@param_count.register(Weight)
def _(weight: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(output)


mac_count.register(Weight, nothing)
weightless(Reshape, Permute, Select, Slice, Softmax)

EXAMPLES = [
    (Reshape((6, 2)), (3, 4)),
    (Reshape((12,)), (3, 2, 2)),
    (Permute((1, 0)), (3, 4)),
    (Permute((2, 0, 1)), (3, 4, 2)),
    (Select(0, 0), (3, 4)),
    (Select(-1, -2), (3, 4, 2)),
    (Slice(0, 1), (3, 4)),
    (Slice(-1, 0, 5, 2), (3, 6)),
    (Softmax(), (3, 4)),
    (Softmax(0), (3, 4)),
    (Weight((2, 3)), (4,)),
]
