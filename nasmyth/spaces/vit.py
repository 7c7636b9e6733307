"""Plain vision transformers (Dosovitskiy et al. 2021, arXiv:2010.11929; DeiT, Touvron et al. 2021, arXiv:2012.12877).

Patches of the image become tokens, a class token joins them, and equal layers follow. Resolution, patch, heads, depth and
expansion are decisions; heads are always 64 wide, so the width follows from their number and every sample is legal. DeiT's
Ti, S and B and ViT's B and L are networks of this space.

`autoformer` decides layer by layer; `uvit` keeps the tokens an image and attends in windows; `as_vit` is a pyramid;
`wide_attention` trades layers for heads.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasmyth.blocks import sequence_head, transformer
from nasmyth.graph import chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import ClassToken, FirstToken, LearnedPosition, Patchify, Resize
from nasmyth.space import Space, choice
from nasmyth.spaces.registry import space

RESOLUTIONS = (128, 160, 192, 224)
PATCHES = (16, 32)
HEADS = (2, 3, 4, 6, 8, 12, 16)
DEPTHS = (4, 6, 8, 10, 12, 16, 20, 24)
EXPANSIONS = (2, 3, 4)


@space(
    "vit",
    source="ViT (Dosovitskiy et al. 2021, arXiv:2010.11929), DeiT (Touvron et al. 2021, arXiv:2012.12877)",
    small={
        "input": (3, 16, 16),
        "classes": 4,
        "resolutions": (8, 16),
        "patches": (4, 8),
        "heads": (1, 2, 3),
        "depths": (1, 2, 3),
        "k": 4,
    },
)
def vit(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    resolutions: Sequence[int] = RESOLUTIONS,
    patches: Sequence[int] = PATCHES,
    heads: Sequence[int] = HEADS,
    depths: Sequence[int] = DEPTHS,
    k: int = 64,
) -> Space:
    """Plain vision transformers of any resolution, patch, width, depth and expansion.

    Every resolution must be a multiple of every patch. k: features of a head; the width is heads * k.
    """
    number = choice(*heads, name="heads")
    layer = transformer(number, choice(*EXPANSIONS, name="expand"))
    return Space(
        chain(
            resize=Resize(choice(*resolutions, name="resolution")),
            patches=Patchify(choice(*patches, name="patch"), k * number),
            token=ClassToken(),
            position=LearnedPosition(),
            layers=repeat(layer, choice(*depths, name="depth")),
            head=sequence_head(classes, pool=FirstToken()),
        ),
        input,
    )
