"""An image moved by a pixel, for what strides and would miss every other one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.graph.op import op
from nasmyth.ops.rules import weightless


@op("b c h w -> b c h w", ordered="h w", mixes="h w")
class ShiftPixel(nn.Module):
    """The image moved up and left by one pixel, zeros where none is left: a convolution of stride 2 on it sees the pixels
    that one on the image itself leaves out (NASNet's factorised reduction, Zoph et al. 2018, arXiv:1707.07012)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x[:, :, 1:, 1:], (0, 1, 0, 1))


weightless(ShiftPixel)

EXAMPLES = [(ShiftPixel(), (3, 4, 5))]
