"""A vector beside features at many places: repeated at each of them, or taken out of them.

Places are the last axes of images ("c h w", `axis="c"`) or the first of sequences ("l d", `axis="d"`), as for `Concat`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.op import op
from nasmyth.ops.rules import weightless


def _known_axis(beside: Any) -> None:
    if isinstance(beside.axis, str) and beside.axis not in ("c", "d"):
        raise SpaceError(
            f"{beside!r}: axis is 'c', features first as in images (c h w), or 'd', features last as in sequences (l d)"
        )


def _repeated(repeat: Any) -> str:
    return "b c, b e ... -> b c ..." if repeat.axis == "c" else "b d, b ... e -> b ... d"


def _taken_out(orthogonal: Any) -> str:
    return "b c ..., b c -> b c ..." if orthogonal.axis == "c" else "b ... d, b d -> b ... d"


@op(_repeated, check=_known_axis)
class RepeatLike(nn.Module):
    """A vector at every place of the second input, of which only the places are read."""

    def __init__(self, axis: str = "c") -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        if self.axis == "c":
            return x.reshape(x.shape + (1,) * (like.dim() - 2)).expand(*x.shape, *like.shape[2:])
        return x.reshape(x.shape[:1] + (1,) * (like.dim() - 2) + x.shape[1:]).expand(*like.shape[:-1], x.shape[1])

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


@op(_taken_out, check=_known_axis, mixes=lambda orthogonal: orthogonal.axis)
class Orthogonal(nn.Module):
    """The features of each place without what they share with a vector: f - <f, g> g / |g|^2 (DOLG, Yang 2021,
    arXiv:2108.02927).

    Departure: the projection is taken out twice, since what the first leaves in float32 grows with the features. Of a vector
    of zeros nothing is taken out.
    """

    def __init__(self, axis: str = "c") -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        unit = vector / torch.linalg.vector_norm(vector, dim=1, keepdim=True).clamp(min=1e-12)
        dim = 1 if self.axis == "c" else x.dim() - 1
        ones = (1,) * (x.dim() - 2)
        unit = unit.reshape(*unit.shape, *ones) if self.axis == "c" else unit.reshape(-1, *ones, unit.shape[1])
        x = x - (x * unit).sum(dim, keepdim=True) * unit
        return x - (x * unit).sum(dim, keepdim=True) * unit

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


weightless(RepeatLike, Orthogonal)

EXAMPLES = [
    (RepeatLike(), (3,), (4, 2, 5)),
    (RepeatLike("d"), (3,), (5, 4)),
    (RepeatLike(), (3,), (4,)),
    (Orthogonal(), (4, 3, 5), (4,)),
    (Orthogonal("d"), (5, 4), (4,)),
    (Orthogonal(), (4,), (4,)),
]
