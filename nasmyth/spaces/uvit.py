"""UViT (Chen et al. 2022, arXiv:2112.09747): a vision transformer of one scale, for dense prediction as well.

Tokens of 8 by 8 pixels stay an image of one size and one width from the first layer to the last; nothing is halved, nothing
doubled. What is to be found is the balance of depth, width and input size (section 3.2.1 of the paper), and how near
attention looks: the first layers of the network attend within parts of the image, the last ones within larger parts or
everywhere (section 3.2.2). There are always six heads, so the width is a multiple of six and every sample is legal.

uvit(classes=None) ends with the map of features that a detector takes.

Where we depart: depths, widths and windows are ranges of ours around the paper's three models (18 layers of width 222, 288
and 384), which are in the space.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasmyth.blocks import image_head, split_transformer
from nasmyth.graph import chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import LayerNorm2d, LearnedPosition, Patchify, Resize, ToImage
from nasmyth.space import Space, choice
from nasmyth.spaces.registry import space

RESOLUTIONS = (128, 160, 192, 224, 256)
HEAD_WIDTHS = (24, 32, 37, 48, 56, 64)
DEPTHS = (3, 6, 9, 12)


@space(
    "uvit",
    source="UViT (Chen et al. 2022, arXiv:2112.09747)",
    small={
        "input": (3, 8, 8),
        "classes": 4,
        "resolutions": (8, 16),
        "patch": 2,
        "head_widths": (1, 2),
        "depths": (1, 2),
    },
)
def uvit(
    input: Shape = (3, 256, 256),
    classes: int | None = 1000,
    resolutions: Sequence[int] = RESOLUTIONS,
    patch: int = 8,
    heads: int = 6,
    head_widths: Sequence[int] = HEAD_WIDTHS,
    depths: Sequence[int] = DEPTHS,
) -> Space:
    """Transformers of constant resolution and width, that attend near in their first part and far in the second.

    Every resolution must be a multiple of 4 * patch, so that the image can be split four ways a side. The width is heads
    times one of head_widths; each of the two parts has one of `depths` layers.
    """
    size = choice(*resolutions, name="resolution")
    expand = choice(2, 3, 4, name="expand")
    near = split_transformer(heads, expand, choice(1, 2, 4, name="near"))
    far = split_transformer(heads, expand, choice(1, 2, name="far"))
    parts = {
        "resize": Resize(size),
        "patches": Patchify(patch, heads * choice(*head_widths, name="head_width")),
        "position": LearnedPosition(),
        "image": ToImage(size // patch),
        "first": repeat(near, choice(*depths, name="first")),
        "second": repeat(far, choice(*depths, name="second")),
        "norm": LayerNorm2d(),
    }
    return Space(chain(**parts, **({} if classes is None else {"head": image_head(classes)})), input)
