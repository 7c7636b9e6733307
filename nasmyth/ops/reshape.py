"""Moving numbers without mixing them: reshapes, shuffles, enlarging. They cost nothing by our convention."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.op import op
from nasmyth.graph.op_axes import NamedAxis, OpAxes, free_axis, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless


@op("b ... -> b (...)")
class Flatten(nn.Module):
    """All numbers of an example as one vector."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)


@op("b c h w -> b (h w) c")
class ToSequence(nn.Module):
    """An image as a sequence of pixels, row by row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).transpose(1, 2)


@op("b (h w) c -> b c h w")
class ToImage(nn.Module):
    """A sequence as an image of height h, row by row: undoes `ToSequence`."""

    def __init__(self, h: int) -> None:
        super().__init__()
        self.h = h

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2).unflatten(2, (self.h, -1))


@op("b c=(groups n) h w -> b (n groups) h w")
class ChannelShuffle(nn.Module):
    """Deals the channels of each group out to all groups (Zhang 2018, arXiv:1707.01083)."""

    def __init__(self, groups: int = 2) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)


def _some_channels(part: Any, *shapes: Shape) -> Shape:
    shape: Shape = part.parsed_signature.result(part.solve(*shapes), part)
    if part.start < 0 or part.start + part.count > shapes[0][0]:
        raise ShapeError(
            f"{part!r}: channels {part.start} to {part.start + part.count - 1} are not all there, the input has "
            f"{shapes[0][0]}"
        )
    return shape


@op("b c h w -> b count h w", infer=_some_channels)
class ChannelSlice(nn.Module):
    """`count` channels of an image, from number `start` on: takes apart what `Concat()` has joined."""

    def __init__(self, count: int, start: int = 0) -> None:
        super().__init__()
        self.start, self.count = start, count

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.start : self.start + self.count]

    def extra_repr(self) -> str:
        return f"{self.start}:{self.start + self.count}"


def _known_mode(upsample: Any) -> None:
    if isinstance(upsample.mode, str) and upsample.mode not in ("nearest", "bilinear"):
        raise SpaceError(f"{upsample!r}: mode is 'nearest' or 'bilinear'")


@op("b c h w -> b c h*factor w*factor", check=_known_mode)
class Upsample(nn.Module):
    """Enlarges an image `factor` times, by repeating pixels ("nearest") or between them ("bilinear")."""

    def __init__(self, factor: int = 2, mode: str = "nearest") -> None:
        super().__init__()
        self.factor, self.mode = float(factor), mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=self.factor, mode=self.mode)


@op_axes.register(ChannelSlice)
def _(part: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    c, h, w = (free_axis(name, length) for name, length in zip("chw", inputs[0], strict=True))
    kept = NamedAxis("count", c.places[part.start : part.start + part.count])
    return OpAxes(((c, h, w),), (kept, h, w), {}, {})


weightless(Flatten, ToSequence, ToImage, ChannelShuffle, ChannelSlice, Upsample)

EXAMPLES = [
    (Flatten(), (3, 4, 5)),
    (ToSequence(), (3, 4, 5)),
    (ToImage(4), (20, 3)),
    (ChannelShuffle(2), (6, 3, 4)),
    (ChannelSlice(3, start=2), (6, 3, 4)),
    (Upsample(3), (2, 3, 4)),
    (Upsample(mode="bilinear"), (2, 3, 4)),
]
