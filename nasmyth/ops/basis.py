"""Each feature as several functions of it: what learned one-dimensional functions are sums of.

A layer of a Kolmogorov-Arnold network (KAN, Liu 2024, arXiv:2404.19756) adds up functions of single features. Each is a
weighted sum of the same few functions, so the layer is `BasisExpansion` and a linear layer behind it, and a convolution
behind it makes the convolutional layer: `blocks.kan_linear`, `blocks.kan_conv`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.op import op
from nasmyth.ops.rules import weightless

LEAST = {"spline": 5, "fourier": 2, "radial": 3, "chebyshev": 2}
"""How many functions each kind has at least, silu included: a grid needs ends."""


def _enough_functions(basis: Any) -> None:
    kind, size = basis.kind, basis.size
    if isinstance(kind, str) and kind not in LEAST:
        raise SpaceError(f"{basis!r}: kind is one of {', '.join(LEAST)}{nearest(kind, LEAST)}")
    if isinstance(kind, str) and type(size) is int and size < LEAST[kind]:
        raise SpaceError(f"{basis!r}: silu and a {kind} basis are at least size={LEAST[kind]} functions")


@op("... d -> ... (d size)", check=_enough_functions, ordered="size")
class BasisExpansion(nn.Module):
    """silu(x) and size - 1 functions of tanh(x), in the place of each feature x (KAN, Liu 2024, arXiv:2404.19756).

    kind: "spline" is cubic B-splines on an even grid; "radial" Gaussian bumps (FastKAN, Li 2024, arXiv:2405.06721); "chebyshev"
    polynomials of degree 1 on (Sidharth 2024, arXiv:2405.07200); "fourier" sines and cosines of periods 2, 1, 2/3, ...

    Departure: tanh keeps all features on the grid, which the authors of KAN adapt to the data instead.
    """

    def __init__(self, kind: str = "spline", size: int = 8) -> None:
        super().__init__()
        self.kind, self.size = kind, size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        functions = getattr(self, self.kind)(x.tanh())
        return torch.cat((F.silu(x)[..., None], functions), -1).flatten(-2)

    def places(self, x: torch.Tensor) -> torch.Tensor:
        """0, 1, 2, ..., a number for each function."""
        return torch.arange(self.size - 1, dtype=x.dtype, device=x.device)

    def spline(self, x: torch.Tensor) -> torch.Tensor:
        """The cubic B-splines that are not 0 in all of (-1, 1), each four steps of the grid wide."""
        step = 2 / (self.size - 4)
        away = ((x[..., None] + 1) / step + 1 - self.places(x)).abs()
        return (F.relu(2 - away) ** 3 - 4 * F.relu(1 - away) ** 3) / 6

    def radial(self, x: torch.Tensor) -> torch.Tensor:
        """As wide as they are apart."""
        step = 2 / (self.size - 2)
        return torch.exp(-(((x[..., None] + 1) / step - self.places(x)) ** 2))

    def fourier(self, x: torch.Tensor) -> torch.Tensor:
        """sin(pi x), cos(pi x), sin(2 pi x), ..."""
        places = self.places(x)
        return torch.sin(math.pi * ((places // 2 + 1) * x[..., None] + places % 2 / 2))

    def chebyshev(self, x: torch.Tensor) -> torch.Tensor:
        """By the recursion, as arccos has no slope at the ends."""
        found = [torch.ones_like(x), x]
        for _ in range(self.size - 2):
            found.append(2 * x * found[-1] - found[-2])
        return torch.stack(found[1:], -1)

    def extra_repr(self) -> str:
        return f"{self.kind}, size={self.size}"


weightless(BasisExpansion)

EXAMPLES = [
    (BasisExpansion(), (4,)),
    (BasisExpansion("fourier", size=4), (3, 4)),
    (BasisExpansion("radial", size=5), (3,)),
    (BasisExpansion("chebyshev", size=6), (2, 3)),
]
