"""From features to answers: pool, drop, and one linear layer of `out` logits or values."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import Dropout, LayerNorm, Linear, Mean, UnitVector


@block("b c h w -> b out")
def image_head(out: int, dropout: float = 0.0) -> Any:
    """The mean over all pixels, then a linear layer (Lin 2014, arXiv:1312.4400)."""
    return chain(pool=Mean("h w"), **_drop(dropout), linear=Linear(out))


@block("b l d -> b out")
def sequence_head(
    out: int,
    dropout: float = 0.0,
    norm: Any = LayerNorm(),  # noqa: B008  a frozen value
    pool: Any = Mean("l"),  # noqa: B008
) -> Any:
    """A norm, for the residual stream has none at its end, the mean over all places (or another pool), a linear layer."""
    return chain(norm=norm, pool=pool, **_drop(dropout), linear=Linear(out))


@block("b ... d -> b ... 4")
def rotation_head() -> Any:
    """A rotation as a unit quaternion, (w, x, y, z): four numbers, divided by their length."""
    return chain(linear=Linear(4), unit=UnitVector())


def _drop(dropout: float) -> dict[str, Any]:
    return {"drop": Dropout(dropout)} if dropout else {}


EXAMPLES = [
    (image_head(3, dropout=0.1), (4, 5, 5)),
    (sequence_head(3), (5, 4)),
    (rotation_head(), (5, 3)),
]
