"""Convolutional networks for images of any size, from a thousand parameters to tens of millions.

A stem, then stages that halve the image and widen, then the mean over the image and one linear layer: the shape that
convolutional networks have had since He et al. (2015, arXiv:1512.03385). Every stage chooses its kind of layer, its depth,
width, kernel and expansion, in the manner of MnasNet (Tan et al. 2019, arXiv:1807.11626); one width scales them all.
"""

from __future__ import annotations

import math
from typing import Any

from nasmyth.blocks import basic_block, conv_block, convnext, image_head, mbconv, one_shot_aggregation, separable_conv
from nasmyth.graph import Identity, block, chain, repeat, residual
from nasmyth.graph.signature import Shape
from nasmyth.space import Space, choice, integer
from nasmyth.spaces.registry import space

GROWTH = ((1,), (1, 2, 3), (2, 3, 4, 6), (3, 4, 6, 8), (4, 6, 8, 12), (6, 8, 12, 16))
"""How many times the first width a stage may have, stage by stage."""
WIDTHS = (*range(4, 12), *range(12, 20, 2), *range(20, 64, 4), *range(64, 161, 8))
"""First widths: fine steps, so that a budget is used; but none that a vector unit pays for as for a wider one (see
`docs/architecture.md`)."""

HALVED = 20
"""From so many pixels the stem may quarter the image; half of it, at any size. Halved, a network is four times cheaper."""
STAGES = 3
"""Where there are more stages than these, and the stem may halve the image, the last may be left out."""


@block("b c h w -> b out h/stride w/stride")
def basic_stage(out: int, depth: int = 1, kernel: int = 3, stride: int = 1) -> Any:
    """`depth` residual blocks of two convolutions; the first strides and widens, as in all stages here."""
    return chain(basic_block(out, kernel, stride), repeat(basic_block(out, kernel), depth - 1))


@block("b c h w -> b out h/stride w/stride")
def mobile_stage(out: int, depth: int = 1, kernel: int = 3, expand: int = 4, stride: int = 1) -> Any:
    """`depth` inverted bottlenecks with squeeze-excite."""
    return chain(mbconv(out, expand, kernel, stride), repeat(mbconv(out, expand, kernel), depth - 1))


@block("b c h w -> b out h/stride w/stride")
def separable_stage(out: int, depth: int = 1, kernel: int = 3, stride: int = 1) -> Any:
    """`depth` separable convolutions, those that keep the shape beside a shortcut."""
    return chain(separable_conv(out, kernel, stride), repeat(residual(separable_conv(out, kernel)), depth - 1))


@block("b c h w -> b out h/stride w/stride")
def aggregation_stage(out: int, layers: int = 4, kernel: int = 3, stride: int = 1) -> Any:
    """A convolution that strides, then `layers` of half the width whose outputs are all joined at once."""
    return chain(conv_block(out, stride=stride), one_shot_aggregation(out, layers=layers, kernel=kernel))


@block("b c h w -> b out h/stride w/stride")
def convnext_stage(c: int, out: int, depth: int = 1, kernel: int = 7, expand: int = 4, stride: int = 1) -> Any:
    """A convolution over patches where the shape changes, then `depth` ConvNeXt blocks."""
    same = stride == 1 and c == out
    change = Identity() if same else conv_block(out, kernel=stride, stride=stride, activation=None)
    return chain(change, repeat(convnext(expand, kernel, scale=0.1), depth))


def stage(out: Any, stride: int, optional: bool = False) -> Any:
    """One stage, of whatever kind suits; or none, where it is optional."""
    depth = integer(1, 4)
    return choice(
        basic_stage(out, depth, choice(3, 5), stride),
        mobile_stage(out, depth, choice(3, 5), choice(2, 3, 4, 6), stride),
        separable_stage(out, depth, choice(3, 5), stride),
        aggregation_stage(out, integer(2, 5), choice(3, 5), stride),
        convnext_stage(out, depth, choice(5, 7), choice(2, 3, 4), stride),
        *((Identity(),) if optional else ()),
    )


def strides(input: Shape) -> list[int]:
    """The stride of the stem, then of each stage: an image is halved until 4 to 7 pixels are left on its short side."""
    short = min(input[1:])
    halvings = max(1, min(5, round(math.log2(short / 5))))
    return [2, *[2] * (halvings - 1)] if short >= 64 else [1, 1, *[2] * halvings]


def stem_strides(input: Shape) -> tuple[int, ...]:
    """By how much the stem may shrink an image; a tight budget needs more than is usual."""
    first = strides(input)[0]
    return (first, 2 * first) if first > 1 or min(input[1:]) < HALVED else (1, 2, 4)


@space(
    "images",
    source="MnasNet (Tan et al. 2019, arXiv:1807.11626), with the layers of this library",
    small={"input": (3, 8, 8)},
)
def images(input: Shape = (3, 32, 32), classes: int = 10) -> Space:
    """Convolutional networks on images of shape (channels, height, width) with `classes` outputs."""
    width = choice(*WIDTHS, name="width")
    first, *rest = strides(input)
    stages = []
    for i, stride in enumerate(rest):
        growth = GROWTH[min(i, len(GROWTH) - 1)]
        out = width if growth == (1,) else width * choice(*growth, name=f"growth{i}")
        stages.append(stage(out, stride, optional=i == len(rest) - 1 and i >= STAGES and first == 1))
    stem = conv_block(width, stride=choice(*stem_strides(input)))
    return Space(chain(stem=stem, stages=chain(*stages), head=image_head(classes)), input)


EXAMPLES = [
    (basic_stage(6, depth=2, stride=2), (4, 7, 6)),
    (mobile_stage(6, depth=2, stride=2), (4, 7, 6)),
    (separable_stage(6, depth=2, stride=2), (4, 7, 6)),
    (aggregation_stage(6, layers=2, stride=2), (4, 7, 6)),
    (convnext_stage(6, depth=1, stride=2), (4, 7, 6)),
]
