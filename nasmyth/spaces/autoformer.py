"""AutoFormer (Chen et al. 2021, arXiv:2107.00651): vision transformers whose layers differ in heads and MLP ratio.

    192|3x3.5,3x3.5,3x3,4x4,...

The notation is the embedding width, then heads x ratio of each layer. One width holds for all layers; depth is a decision;
every layer has its own number of heads, each 64 wide whatever the embedding (table 1 of the paper). The default is the tiny
space: 3 widths times 4^12 + 4^13 + 4^14 ways to make the layers. autoformer(**SMALL) and autoformer(**BASE) are the others.

Where we depart: no relative position encoding beside the absolute one, and so a few thousand parameters less in a layer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nasmyth.blocks import sequence_head, transformer
from nasmyth.errors import GenomeError
from nasmyth.graph import chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import ClassToken, FirstToken, HeadAttention, LearnedPosition, Patchify
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import Notation, space
from nasmyth.units import is_whole

SMALL: dict[str, Any] = {
    "widths": (320, 384, 448),
    "heads": (5, 6, 7),
    "ratios": (3.0, 3.5, 4.0),
    "depths": (12, 13, 14),
}
BASE: dict[str, Any] = {
    "widths": (528, 576, 624),
    "heads": (8, 9, 10),
    "ratios": (3.0, 3.5, 4.0),
    "depths": (14, 15, 16),
}


def text(genome: Genome) -> str:
    """A genome as its width and the heads x ratio of each layer."""
    layers = (f"layers[{i}]" for i in range(genome["depth"]))
    return f"{genome['width']}|" + ",".join(
        f"{genome[f'{at}.mixer.heads']}x{genome[f'{at}.expand']:g}" for at in layers
    )


def genome(text: str) -> Genome:
    """The inverse of `text`. Raises GenomeError naming the layer and the token."""
    width, bar, rest = text.strip().partition("|")
    if not bar or not is_whole(width):
        raise GenomeError(f"{text!r}: starts with {width!r}, expected the width and '|', such as '192|'")
    tokens = rest.split(",")
    found: Genome = {"width": int(width), "depth": len(tokens)}
    for i, token in enumerate(tokens):
        read = re.fullmatch(r"(\d+)x(\d+(?:\.\d+)?)", token)
        if read is None:
            raise GenomeError(f"{text!r}: layer {i}: {token!r}, expected heads x ratio, such as '3x3.5'")
        found |= {f"layers[{i}].mixer.heads": int(read[1]), f"layers[{i}].expand": float(read[2])}
    return found


@space(
    "autoformer",
    source="AutoFormer (Chen et al. 2021, arXiv:2107.00651)",
    notation=Notation(text, genome),
    small={
        "input": (3, 8, 8),
        "classes": 4,
        "patch": 4,
        "k": 4,
        "widths": (6, 8),
        "heads": (1, 2),
        "depths": (1, 2, 3),
    },
)
def autoformer(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    patch: int = 16,
    k: int = 64,
    widths: Sequence[int] = (192, 216, 240),
    heads: Sequence[int] = (3, 4),
    ratios: Sequence[float] = (3.5, 4.0),
    depths: Sequence[int] = (12, 13, 14),
) -> Space:
    """Vision transformers of one width, with heads and an MLP ratio for every layer.

    k: features of a head. widths: of the embedding; depths: numbers of layers to choose from.
    """
    return Space(
        chain(
            patches=Patchify(patch, choice(*widths, name="width")),
            token=ClassToken(),
            position=LearnedPosition(),
            layers=repeat(_layer(heads, ratios, k), choice(*depths, name="depth")),
            head=sequence_head(classes, pool=FirstToken()),
        ),
        input,
    )


def _layer(heads: Sequence[int], ratios: Sequence[float], k: int) -> Any:
    return transformer(mixer=HeadAttention(choice(*heads), k), expand=choice(*map(float, ratios)))
