"""Coordinates as features that are learned at the corners of grids of many resolutions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing


def _sound(grid: Any) -> None:
    for name in ("levels", "features", "table", "coarsest"):
        value = getattr(grid, name)
        if type(value) is int and value < 1:
            raise SpaceError(f"{grid!r}: {name}={value}, and it must be at least 1")
    if type(grid.finest) is int and type(grid.coarsest) is int and grid.finest < grid.coarsest:
        raise SpaceError(f"{grid!r}: finest={grid.finest} is coarser than coarsest={grid.coarsest}: exchange the two")


@op(
    "b ... d -> b ... (levels features)",
    check=_sound,
    weights={"corners": "(levels table) features"},
    ordered="d levels table",
)
class HashGrid(nn.Module):
    """Features of coordinates from 0 to 1, linear between the corners of `levels` grids, whose numbers of cells along an axis
    grow geometrically from `coarsest` to `finest` (Instant NGP, Müller 2022, arXiv:2201.05989, section 3).

    Corners beyond a `table` of entries share them by a hash: the exclusive or of corner times large primes, modulo the table
    (eq. 4). Where all corners of a level fit, each has an entry of its own. What is beyond 0 and 1 counts as the border.
    Corners start uniform within 1e-4, as in the paper.
    """

    sizes: torch.Tensor
    bits: torch.Tensor
    primes: torch.Tensor
    strides: torch.Tensor
    fits: torch.Tensor
    starts: torch.Tensor

    def __init__(
        self, d: int, levels: int = 8, features: int = 2, table: int = 4096, coarsest: int = 4, finest: int = 64
    ) -> None:
        super().__init__()
        if d > 7:
            raise ValueError(f"coordinates of {d} numbers have {2**d} corners around them; 7 numbers are the most")
        self.levels, self.features, self.table = levels, features, table
        growth = (finest / coarsest) ** (1 / max(1, levels - 1))
        sizes = torch.tensor([round(coarsest * growth**i) for i in range(levels)])
        primes = [1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737][:d]
        bits = torch.tensor([[corner >> i & 1 for i in range(d)] for corner in range(2**d)])
        for name, constant in (
            ("sizes", sizes),
            ("bits", bits),
            ("primes", torch.tensor(primes)),
            ("strides", torch.stack([(sizes + 1) ** i for i in range(d)], -1)),
            ("fits", (sizes + 1).double() ** d <= table),
            ("starts", torch.arange(levels) * table),
        ):
            self.register_buffer(name, constant, persistent=False)
        self.corners = nn.Parameter((torch.rand(levels * table, features) * 2 - 1) * 1e-4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scaled = x.clamp(0, 1).unsqueeze(-2) * self.sizes.unsqueeze(-1).to(x.dtype)  # ... levels d
        low = scaled.floor()
        share = (scaled - low).unsqueeze(-2)
        weight = torch.where(self.bits > 0, share, 1 - share).prod(-1)  # ... levels corners
        corner = low.long().unsqueeze(-2) + self.bits
        own = (corner * self.strides.unsqueeze(-2)).sum(-1)
        mixed = corner * self.primes
        hashed = mixed[..., 0]
        for i in range(1, x.shape[-1]):
            hashed = hashed ^ mixed[..., i]
        entry = torch.where(self.fits.unsqueeze(-1), own, hashed) % self.table + self.starts.unsqueeze(-1)
        return (F.embedding(entry, self.corners) * weight.unsqueeze(-1)).sum(-2).flatten(-2)

    def extra_repr(self) -> str:
        return f"levels={self.levels}, features={self.features}, table={self.table}"


@param_count.register(HashGrid)
def _(grid: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(grid.levels * grid.table * grid.features)


mac_count.register(HashGrid, nothing)

EXAMPLES = [
    (HashGrid(levels=2, features=3, table=16, coarsest=2, finest=6), (4, 2)),
    (HashGrid(levels=3, features=2, table=8, coarsest=1, finest=4), (3,)),
]
