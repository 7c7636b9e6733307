"""Networks for texts: embeddings of characters, then layers that mix places by attention or convolution.

The layers are those of a transformer (Vaswani 2017, arXiv:1706.03762) with a norm before each part; what mixes places may be a
convolution instead (van den Oord 2016, arXiv:1609.03499; Kim 2014, arXiv:1408.5882).
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import sequence_head, transformer
from nasmyth.graph import Spec, chain, repeat
from nasmyth.ops import Attention, Embedding, LayerNorm, LearnedPosition, Linear, SequenceConv
from nasmyth.space import Genome, Space, choice, integer
from nasmyth.spaces.registry import space

HEADS = 4


@space(
    "texts",
    source="Vaswani et al. 2017 (arXiv:1706.03762), Kim 2014 (arXiv:1408.5882)",
    small={"input": {"tokens": Spec((10,), "int")}, "codes": 9, "classes": 3},
)
def texts(input: Any = None, codes: int = 128, classes: int = 2, each: bool = False) -> Space:
    """Networks on sequences of codes; each: every place is answered, and sees only itself and earlier ones."""
    input = {"tokens": Spec((64,), "int")} if input is None else input
    width, expand = integer(4, 512, 4, name="width"), choice(1, 2, 4)
    mixer = choice(Attention(HEADS, causal=each), SequenceConv(width, choice(3, 5, 9), causal=each))
    body = repeat(transformer(mixer=mixer, expand=expand, dropout=choice(0.0, 0.1)), integer(1, 6))
    head = chain(norm=LayerNorm(), linear=Linear(classes)) if each else sequence_head(classes)
    return Space(chain(embed=Embedding(codes, width), position=LearnedPosition(), body=body, head=head), input)


def plain(width: int) -> Genome:
    """The baseline, as a genome of `texts`: two layers of attention."""
    layers = {
        f"body[{i}].{name}": value for i in range(2) for name, value in (("mixer", 0), ("expand", 4), ("dropout", 0.0))
    }
    return {"width": max(4, width // 4 * 4), "body.count": 2, **layers}
