"""Wide attention (Brown et al. 2022, arXiv:2210.00640): many heads in one layer, or few in many, and always as many in all.

With `layers = choice(1, 2, 3, 6, name="layers")` the rule is one line of the language:

    repeat(transformer(mixer=HeadAttention(48 // layers)), layers)

Heads keep their width, so attention costs the same in every one of these networks; what a shallow one saves is the
feed-forward parts. The sequences are bytes, as in the paper's text classification.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasmyth.blocks import sequence_head, transformer
from nasmyth.errors import SpaceError
from nasmyth.graph import chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import Embedding, HeadAttention, LearnedPosition
from nasmyth.space import Space, choice
from nasmyth.spaces.registry import space


@space(
    "wide_attention",
    source="Wide attention (Brown et al. 2022, arXiv:2210.00640)",
    small={"input": (12,), "codes": 16, "width": 8, "k": 2, "heads": 12, "depths": (1, 2, 3, 6)},
)
def wide_attention(
    input: Shape = (1000,),
    classes: int = 2,
    codes: int = 256,
    width: int = 512,
    heads: int = 48,
    k: int = 64,
    depths: Sequence[int] = (1, 2, 3, 6),
) -> Space:
    """Transformers over sequences of codes that share out a number of heads among their layers.

    input: (length,), whole numbers below `codes`. heads: in all layers together, a multiple of each of `depths`; k:
    features of each; width: of the embedding.
    """
    odd = [depth for depth in depths if heads % depth]
    if odd:
        raise SpaceError(f"wide_attention: {heads} heads cannot be shared out evenly among {odd[0]} layers")
    layers = choice(*depths, name="layers")
    body = repeat(transformer(mixer=HeadAttention(heads // layers, k)), layers)
    parts = {"embed": Embedding(codes, width), "position": LearnedPosition()}
    return Space(chain(**parts, body=body, head=sequence_head(classes)), input)
