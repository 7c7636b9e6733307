"""From features to answers: pool, drop, and one linear layer of `out` logits or values."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import CosineLinear, Dropout, LabelLinear, LabelPool, LayerNorm, Linear, Mean, UnitVector


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


@block("b l d -> b out")
def label_head(
    out: int,
    inner: int = 0,
    dropout: float = 0.0,
    norm: Any = LayerNorm(),  # noqa: B008
) -> Any:
    """A norm, then each label has its own view of the places and its own classifier (Biswas 2021, arXiv:2104.10652)."""
    return chain(norm=norm, pool=LabelPool(out, inner), **_drop(dropout), linear=LabelLinear())


@block("b d -> b out")
def cosine_head(out: int, width: int = 32, scale: float = 16.0) -> Any:
    """An embedding of `width` features, and classes as directions in it (Pereira 2021, arXiv:2102.03243)."""
    return chain(embed=Linear(width), classes=CosineLinear(out, scale))


@block("b ... d -> b ... 4")
def rotation_head() -> Any:
    """A rotation as a unit quaternion, (w, x, y, z): four numbers, divided by their length."""
    return chain(linear=Linear(4), unit=UnitVector())


def _drop(dropout: float) -> dict[str, Any]:
    return {"drop": Dropout(dropout)} if dropout else {}


EXAMPLES = [
    (image_head(3, dropout=0.1), (4, 5, 5)),
    (sequence_head(3), (5, 4)),
    (label_head(3, inner=2, dropout=0.1), (5, 4)),
    (cosine_head(3, width=4), (5,)),
    (rotation_head(), (5, 3)),
]
