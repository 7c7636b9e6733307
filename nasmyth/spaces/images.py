"""Convolutional networks for images of any size, from a thousand parameters to tens of millions.

A stem, then stages that halve the image and widen, then the mean over the image and one linear layer: the shape that
convolutional networks have had since He et al. (2015, arXiv:1512.03385). Every stage chooses its kind of layer, its depth,
width, kernel and expansion, in the manner of MnasNet (Tan et al. 2019, arXiv:1807.11626); one width scales them all.
"""

from __future__ import annotations

import math
from typing import Any

from nasmyth.blocks import basic_block, conv_block, convnext, image_head, mbconv, one_shot_aggregation, separable_conv
from nasmyth.errors import SpaceError
from nasmyth.graph import Identity, block, chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.space import Space, choice, integer
from nasmyth.spaces.registry import space

WIDTHS = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128)
KINDS = ("basic", "mbconv", "separable", "aggregation", "convnext")


@block("b c h w -> b out h/stride w/stride")
def stage(
    c: int, out: int, depth: int = 1, kind: str = "basic", kernel: int = 3, expand: int = 4, stride: int = 1
) -> Any:
    """`depth` layers of one kind; the first strides and widens, the others keep the shape."""
    if kind == "convnext":  # keeps shapes by its nature, so that a convolution of patches changes them between stages
        same = stride == 1 and c == out
        change = Identity() if same else conv_block(out, kernel=stride, stride=stride, activation=None)
        return chain(change, repeat(convnext(kernel=2 * kernel + 1, expand=expand, scale=0.1), depth))
    first = _layer(kind, out, kernel, expand, stride)
    return chain(first, repeat(_layer(kind, out, kernel, expand, 1), depth - 1))


def _layer(kind: str, out: int, kernel: int, expand: int, stride: int) -> Any:
    if kind == "basic":
        return basic_block(out, kernel=kernel, stride=stride)
    if kind == "mbconv":
        return mbconv(out, expand=expand, kernel=kernel, stride=stride)
    if kind == "separable":
        return separable_conv(out, kernel=kernel, stride=stride)
    if kind == "aggregation":
        return chain(conv_block(out, stride=stride), one_shot_aggregation(out, layers=expand, kernel=kernel))
    raise SpaceError(f"stage(kind={kind!r}): use one of {', '.join(map(repr, KINDS))}")


def halvings(input: Shape) -> int:
    """How often an image is halved, so that 4 to 7 pixels are left on its short side."""
    return max(1, min(5, round(math.log2(min(input[1:]) / 5))))


@space("images", source="MnasNet (Tan et al. 2019, arXiv:1807.11626), in the layers of this library")
def images(input: Shape = (3, 32, 32), classes: int = 10) -> Space:
    """Convolutional networks on images of shape (channels, height, width) with `classes` outputs."""
    width = choice(*WIDTHS, name="width")
    times = halvings(input)
    stem_stride = 2 if min(input[1:]) >= 64 else 1
    parts = [conv_block(width, kernel=3, stride=stem_stride)]
    growths = ((1,), (1, 2), (1, 2, 3, 4), (2, 4, 6, 8), (4, 8, 12, 16), (8, 16, 24))
    for i in range(times + 2 - stem_stride):
        growth = growths[min(i, 5)]
        out = width if growth == (1,) else width * choice(*growth, name=f"growth{i}")
        parts.append(
            stage(
                out,
                depth=integer(1, 4),
                kind=choice(*KINDS),
                kernel=choice(3, 5),
                expand=choice(2, 3, 4, 6),
                stride=1 if i == 0 else 2,
            )
        )
    return Space(chain(stem=parts[0], stages=chain(*parts[1:]), head=image_head(classes)), input)


def plain(width: int, input: Shape, classes: int) -> Any:
    """The baseline: a residual network of basic blocks whose width doubles whenever the image is halved."""
    stem_stride = 2 if min(input[1:]) >= 64 else 1
    parts = [conv_block(width, kernel=3, stride=stem_stride)]
    for i in range(halvings(input) + 2 - stem_stride):
        parts.append(stage(min(width * 2**i, width * 16), stride=1 if i == 0 else 2))
    return chain(stem=parts[0], stages=chain(*parts[1:]), head=image_head(classes))
