"""The transformer block, with anything in the place of attention and of the feed-forward part."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.feedforward import mlp
from nasmyth.blocks.mobile import with_shortcut
from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import Attention, Dropout, LayerNorm, LayerScale


@block("b l d -> b l d")
def transformer(
    heads: int = 4,
    expand: float = 4,
    mixer: Any = None,
    feedforward: Any = None,
    norm: Any = LayerNorm(),  # noqa: B008  a frozen value
    activation: str = "gelu",
    dropout: float = 0.0,
    drop_path: float = 0.0,
    scale: float = 0.0,
) -> Any:
    """Mix places, then mix features, each after a norm and beside a shortcut (pre-norm: Xiong 2020, arXiv:2002.04745).

    mixer, feedforward: any templates "b l d -> b l d"; if not given, `Attention(heads)` and `mlp(expand, activation)`.
    scale: layer scale starts at this; 0: without (Touvron 2021, arXiv:2103.17239).
    """
    after: dict[str, Any] = {}
    if scale:
        after["scale"] = LayerScale(scale)
    if dropout:
        after["dropout"] = Dropout(dropout)
    mix = {"norm": norm, "mixer": Attention(heads) if mixer is None else mixer, **after}
    think = {"norm": norm, "mlp": mlp(expand, activation) if feedforward is None else feedforward, **after}
    return chain(mix=with_shortcut(mix, True, drop_path), feed=with_shortcut(think, True, drop_path))


EXAMPLES = [
    (transformer(heads=2), (4, 6)),
    (transformer(mixer=mlp(2), norm=LayerNorm(1e-5), dropout=0.1, drop_path=0.1, scale=1e-4), (4, 6)),
]
