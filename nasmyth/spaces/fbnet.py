"""FBNet (Wu et al. 2019, arXiv:1812.03443): 22 layers, each one of nine blocks.

    k3_e6|k5_e1|skip|k3_e1_g2|...

A block is an inverted bottleneck with a kernel k of 3 or 5 and an expansion e of 1, 3 or 6; g2 groups its 1x1 convolutions
by two and shuffles channels; `skip` leaves the layer out, or makes the shapes meet where they change. Every layer decides
for itself: 9^22, about 10^21 networks. `text` and `genome` convert to the names of HW-NAS-Bench (Li et al. 2021,
arXiv:2103.10584), joined by `|`.

Published tables on this space are for 32x32 images and 100 classes: fbnet(input=(3, 32, 32), classes=100). Our parameters
are theirs; `published_flops` counts as they do.
"""

from __future__ import annotations

import math
from typing import Any

from nasmyth.blocks import conv_block, image_head, inverted_residual, skip_or_match
from nasmyth.graph import Graph, chain
from nasmyth.graph.op import mac_count
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, BatchNorm, Conv, DepthwiseConv, Linear, Mean
from nasmyth.space import Space, choice
from nasmyth.spaces.chains import fitting_strides, layer_notation, layered, scaled, side
from nasmyth.spaces.registry import space

BLOCKS = {
    "k3_e1": (3, 1, 1),
    "k3_e1_g2": (3, 1, 2),
    "k3_e3": (3, 3, 1),
    "k3_e6": (3, 6, 1),
    "k5_e1": (5, 1, 1),
    "k5_e1_g2": (5, 1, 2),
    "k5_e3": (5, 3, 1),
    "k5_e6": (5, 6, 1),
}
"""Kernel, expansion and groups of each block, in the order of the options of every layer; `skip` comes last."""
DEPTHS = (1, 4, 4, 4, 4, 4, 1)
WIDTHS = (16, 24, 32, 64, 112, 184, 352)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Layers, channels and stride of each stage (table 1 of the paper)."""
NAMES = (*BLOCKS, "skip")

notation = layer_notation([NAMES] * sum(DEPTHS), columns=("op_names",))


def layer(out: int, stride: int, first: bool) -> Any:
    """The nine blocks that a layer chooses from."""
    blocks = [
        inverted_residual(out, expand, kernel, stride, groups, divisor=2, always_expand=True)
        for kernel, expand, groups in BLOCKS.values()
    ]
    return choice(*blocks, skip_or_match(out, stride))


@space(
    "fbnet",
    source="FBNet (Wu et al. 2019, arXiv:1812.03443)",
    notation=notation,
    small={"input": (3, 8, 8), "classes": 4, "width": 0.25, "head": 16},
)
def fbnet(input: Shape = (3, 224, 224), classes: int = 1000, width: float = 1.0, head: int = 1504) -> Space:
    """Nine inverted bottlenecks to choose from in each of 22 layers.

    width: multiplies all channels; head: those of the last convolution (FBNet-B and -C have 1984).
    """
    stem, *strides = fitting_strides((2, *STRIDES), side(input))
    widths = scaled(WIDTHS, width)
    return Space(
        chain(
            stem=conv_block(widths[0], stride=stem),
            layers=chain(*layered(DEPTHS, widths, strides, layer)),
            mix=conv_block(head, 1),
            head=image_head(classes),
        ),
        input,
    )


def published_flops(graph: Graph) -> int:
    """FLOPs as NASFLAT's table of this space counts them (Akhauri and Abdelfattah 2024, arXiv:2403.02446).

    One for each multiply-accumulate of convolutions and the linear layer, two for each number that a batch norm puts out,
    one for each that a ReLU puts out (but a block has one ReLU that is applied twice, and only the second time counts), one
    for each number that enters the pooling. Biases count nothing.
    """
    total = 0
    for node in graph.nodes[1:]:
        inputs = tuple(graph.nodes[i].shape for i in node.inputs)
        if isinstance(node.op, (Conv, DepthwiseConv, Linear)):
            total += mac_count(node.op, inputs, node.shape) or 0
        elif isinstance(node.op, BatchNorm):
            total += 2 * math.prod(node.shape)
        elif isinstance(node.op, Mean):
            total += math.prod(inputs[0])
        elif isinstance(node.op, Activation) and not node.address.endswith("expand.act"):
            total += math.prod(node.shape)
    return total
