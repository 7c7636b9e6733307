"""Sending numbers elsewhere without changing them: patches as rows and back, equal parts of an axis; and products of rows.

The operations of einspace (Ericsson et al. 2024, arXiv:2405.20838) that no other op of this library is. A convolution is
`Im2Col(kernel, stride)`, `Linear(out)`, `Col2Im()`; patches for a transformer are `Im2Col(16, 16)`, `Linear(d)`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import ShapeError
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.op_axes import OpAxes, by_sentence, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing, weightless


def _unfolded(rows: Any, *shapes: Shape) -> Shape:
    if rows.kernel < 1 or rows.stride < 1:
        raise ShapeError(f"{rows!r}: kernel and stride must be at least 1")
    shape: Shape = rows.parsed_signature.result(rows.solve(*shapes), rows)
    return shape


def _square(image: Any, *shapes: Shape) -> Shape:
    axes = image.solve(*shapes)
    side = math.isqrt(axes["l"])
    if side * side != axes["l"]:
        raise ShapeError(
            f"{image!r}: {axes['l']} places are no square image; use ToImage(h), or another stride before it"
        )
    return axes["c"], side, side


def _equal_parts(part: Any, *shapes: Shape) -> Shape:
    (shape,) = shapes
    axis = part.axis + len(shape) if part.axis < 0 else part.axis
    if not 0 <= axis < len(shape):
        raise ShapeError(f"{part!r}: there is no axis {part.axis} in {shape}; axes are counted after the batch, from 0")
    if not 0 <= part.index < part.parts or shape[axis] % part.parts:
        raise ShapeError(f"{part!r}: axis {part.axis} of {shape} has no part {part.index} of {part.parts} equal ones")
    return (*shape[:axis], shape[axis] // part.parts, *shape[axis + 1 :])


@op("b c h w -> b (h/stride w/stride) (c kernel kernel)", infer=_unfolded, ordered="kernel")
class Im2Col(nn.Module):
    """Each window of an image as a row, channel by channel; windows lie as those of `Conv(kernel, stride)` do."""

    def __init__(self, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        k, s, (h, w) = self.kernel, self.stride, x.shape[2:]
        high, wide = -(-h // s), -(-w // s)
        if k % 2:
            before = after = (k - 1) // 2, (k - 1) // 2
        else:
            missing = max(0, (wide - 1) * s + k - w), max(0, (high - 1) * s + k - h)
            before = missing[0] // 2, missing[1] // 2
            after = missing[0] - before[0], missing[1] - before[1]
        x = F.pad(x, (before[0], after[0], before[1], after[1]))
        if k == 1:
            x = x[:, :, ::s, ::s]
            return x.flatten(2).transpose(1, 2)
        rows = [x[:, :, i : i + (high - 1) * s + 1 : s] for i in range(k)]
        windows = torch.stack([row[..., j : j + (wide - 1) * s + 1 : s] for row in rows for j in range(k)], 2)
        return windows.flatten(3).flatten(1, 2).transpose(1, 2)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}"


@op("b l c", infer=_square)
class Col2Im(nn.Module):
    """Rows as the pixels of a square image, line by line."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2).unflatten(2, (math.isqrt(x.shape[1]), -1))


@op("b ...", infer=_equal_parts)
class Part(nn.Module):
    """One of several equal parts of an axis, which is counted after the batch: `Part(0, 2, axis=-1)` is the first half."""

    def __init__(self, index: int, parts: int, axis: int = 0) -> None:
        super().__init__()
        self.index, self.parts, self.dim = index, parts, axis + 1 if axis >= 0 else axis

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = x.shape[self.dim] // self.parts
        return x.narrow(self.dim, self.index * length, length)

    def extra_repr(self) -> str:
        return f"{self.index} of {self.parts}, dim={self.dim}"


@op("b l k, b m k -> b l m")
class RowProducts(nn.Module):
    """The dot product of every row of one with every row of the other, over the root of their length if `scaled`
    (Vaswani 2017, arXiv:1706.03762, eq. 1)."""

    def __init__(self, scaled: bool = True) -> None:
        super().__init__()
        self.scaled = scaled

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        products = x @ y.transpose(1, 2)
        return products / math.sqrt(x.shape[2]) if self.scaled else products

    def extra_repr(self) -> str:
        return f"scaled={self.scaled}"


def _mean_of(pool: Any, *shapes: Shape) -> Shape:
    (shape,) = shapes
    if len(shape) not in (2, 3):
        raise ShapeError(f"{pool!r}: takes images (c h w) or sequences (l d), got {shape}")
    return (shape[0] if len(shape) == 3 else shape[1],)


@op("b ...", infer=_mean_of)
class Pooled(nn.Module):
    """The mean over all places, of images as of sequences: `Mean("h w")` or `Mean("l")`, whatever comes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) if x.dim() == 4 else x.mean(1)


@op_axes.register(Col2Im)
def _(image: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    return by_sentence(image, inputs, output, "b (h w) c -> b c h w", h=output[1], w=output[2])


@op_axes.register(Part)
def _(part: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    """Place i of every part is one, since the parts stay equal."""
    names = [f"x{i}" for i in range(len(output))]
    split = [*names]
    split[part.axis] = f"({part.parts} {names[part.axis]})"
    return by_sentence(part, inputs, output, f"b {' '.join(split)} -> b {' '.join(names)}")


@op_axes.register(Pooled)
def _(pool: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    return by_sentence(pool, inputs, output, "b c h w -> b c" if len(inputs[0]) == 3 else "b l d -> b d")


@mac_count.register(RowProducts)
def _(product: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(output) * inputs[0][-1]


param_count.register(RowProducts, nothing)
weightless(Im2Col, Col2Im, Part, Pooled)

EXAMPLES = [
    (Im2Col(), (3, 6, 5)),
    (Im2Col(3, 2), (2, 7, 6)),
    (Im2Col(4, 4), (2, 8, 8)),
    (Im2Col(2, 1), (2, 4, 5)),
    (Im2Col(1, 2), (3, 5, 4)),
    (Col2Im(), (9, 4)),
    (Part(1, 2), (4, 3, 3)),
    (Part(2, 3, axis=-1), (5, 6)),
    (RowProducts(), (3, 4), (2, 4)),
    (RowProducts(scaled=False), (3, 4), (3, 4)),
    (Pooled(), (3, 4, 5)),
    (Pooled(), (4, 3)),
]
