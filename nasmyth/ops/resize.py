"""Images at another size: a given one (`Resize`), or that of another image (`ResizeLike`).

Put in front of a network, `Resize` makes the resolution a decision. Bilinear interpolation goes between pixel centres,
without smoothing first: an image may be made smaller by less than half without skipping pixels.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.op import op
from nasmyth.ops.rules import weightless


def _known_mode(resize: Any) -> None:
    if isinstance(resize.mode, str) and resize.mode not in ("nearest", "bilinear"):
        raise SpaceError(f"{resize!r}: mode is 'nearest' or 'bilinear'")


@op("b c h w -> b c size size", check=_known_mode, ordered="h w size")
class Resize(nn.Module):
    """The whole image at `size` by `size` pixels, whatever its shape was."""

    def __init__(self, size: int, mode: str = "bilinear") -> None:
        super().__init__()
        self.size, self.mode = size, mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, size=(self.size, self.size), mode=self.mode)

    def extra_repr(self) -> str:
        return f"size={self.size}, mode={self.mode}"


@op("b c h w, b d p q -> b c p q", check=_known_mode, ordered="h w p q")
class ResizeLike(nn.Module):
    """The first image at the size of the second."""

    def __init__(self, mode: str = "bilinear") -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, size=like.shape[2:], mode=self.mode)

    def extra_repr(self) -> str:
        return f"mode={self.mode}"


weightless(Resize, ResizeLike)

EXAMPLES = [
    (Resize(5), (3, 8, 8)),
    (Resize(9, mode="nearest"), (2, 6, 7)),
    (Resize(4), (2, 4, 4)),
    (ResizeLike(), (3, 4, 5), (2, 7, 9)),
    (ResizeLike(mode="nearest"), (3, 6, 6), (2, 3, 3)),
]
