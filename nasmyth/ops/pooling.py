"""Pooling: windows of an image (`MaxPool`, `AvgPool`), whole axes (`Mean`), and a learned weighting (`AttentionPool`).

Windows give ceil(h / stride) outputs. With an odd kernel they are centred and what they overhang does not count (as in
NAS-Bench-201 and DARTS: averages leave padding out). A kernel equal to its stride tiles the image without padding; the
last tile may be cut off. Other even kernels are refused. Pooling counts no MACs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless


def _odd_or_tiling(pool: Any) -> None:
    known = type(pool.kernel) is int and type(pool.stride) is int
    if known and (pool.kernel < 1 or (pool.kernel % 2 == 0 and pool.kernel != pool.stride)):
        raise SpaceError(f"{pool!r}: kernel is odd, or equal to the stride ({pool.stride})")


@op("b c h w -> b c h/stride w/stride", check=_odd_or_tiling)
class MaxPool(nn.Module):
    """The largest number in each window."""

    def __init__(self, kernel: int = 2, stride: int = 2) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.padding = 0 if kernel == stride else kernel // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(x, self.kernel, self.stride, self.padding, ceil_mode=self.kernel == self.stride)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}"


@op("b c h w -> b c h/stride w/stride", check=_odd_or_tiling)
class AvgPool(nn.Module):
    """The mean of each window, over the pixels of it that exist."""

    def __init__(self, kernel: int = 2, stride: int = 2) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.padding = 0 if kernel == stride else kernel // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tiles = self.kernel == self.stride
        return F.avg_pool2d(x, self.kernel, self.stride, self.padding, ceil_mode=tiles, count_include_pad=False)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}"


LAYOUTS = ("c h w", "l d")
"""The axes of images and of sequences."""


def _layout(axes: str) -> list[str]:
    wanted = set(axes.split())
    return next((names.split() for names in LAYOUTS if wanted < set(names.split())), [])


def _some_axes(mean: Any) -> None:
    if isinstance(mean.axes, str) and not (mean.axes.split() and _layout(mean.axes)):
        raise SpaceError(f"{mean!r}: axes are some of 'c h w' (images) or of 'l d' (sequences), not all")


def _mean_signature(mean: Any) -> str:
    layout, gone = _layout(mean.axes), mean.axes.split()
    if gone == ["l"]:
        return "b l d, mask?: b l -> b d"
    return f"b {' '.join(layout)} -> b {' '.join(axis for axis in layout if axis not in gone)}"


@op(_mean_signature, check=_some_axes)
class Mean(nn.Module):
    """The mean over whole axes: `Mean("h w")` of images is global average pooling (Lin 2014, arXiv:1312.4400), `Mean("l")`
    of sequences the mean token, of those that the graph's input `mask` does not leave out."""

    def __init__(self, axes: str = "h w") -> None:
        super().__init__()
        self.dims = [{"c": 1, "h": 2, "w": 3, "l": 1, "d": 2}[axis] for axis in axes.split()]

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if mask is None:
            return x.mean(self.dims)
        seen = (mask > 0).to(x.dtype).unsqueeze(2)
        return (x * seen).sum(1) / seen.sum(1).clamp(min=1.0)

    def extra_repr(self) -> str:
        return f"dims={self.dims}"


@op(
    "b l d=(heads k) -> b d",
    weights={
        "query": "heads 1 k",
        "key_value.weight": "(2 heads k) d",
        "key_value.bias": "(2 heads k)",
        "out.weight": "d (heads k)",
        "out.bias": "d",
    },
    mixes="d",
)
class AttentionPool(nn.Module):
    """One learned query for each head attends to all places (Lee 2019, arXiv:1810.00825, eq. 11 with one seed vector and
    no feed-forward part)."""

    def __init__(self, d: int, heads: int = 1) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Parameter(torch.empty(heads, 1, d // heads))
        nn.init.trunc_normal_(self.query, std=0.02)
        self.key_value = nn.Linear(d, 2 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        key, value = self.key_value(x).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query = self.query.expand(x.shape[0], -1, -1, -1)
        return self.out(F.scaled_dot_product_attention(query, key, value).flatten(1))


@param_count.register(AttentionPool)
def _(pool: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    (d,) = output
    return d + 2 * d * (d + 1) + d * (d + 1)


@mac_count.register(AttentionPool)
def _(pool: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Keys and values, one row of scores and one weighted sum, the output projection."""
    length, d = inputs[0]
    return 2 * length * d * d + 2 * length * d + d * d


weightless(MaxPool, AvgPool, Mean)


@fan_ins.register(AttentionPool)
def _(pool: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Values, and the projection of what was gathered."""
    return (float(output[-1]), float(output[-1]))


EXAMPLES = [
    (MaxPool(), (3, 7, 6)),
    (MaxPool(3, stride=1), (3, 5, 5)),
    (MaxPool(3, stride=2), (2, 8, 7)),
    (AvgPool(), (3, 7, 6)),
    (AvgPool(3, stride=1), (3, 5, 5)),
    (AvgPool(5, stride=2), (2, 8, 7)),
    (Mean("h w"), (4, 5, 6)),
    (Mean("l"), (5, 4)),
    (Mean("d"), (5, 4)),
    (AttentionPool(heads=2), (5, 6)),
]
