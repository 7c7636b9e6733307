"""ProxylessNAS (Cai et al. 2019, arXiv:1812.00332): MobileNetV2's chain, with a kernel and an expansion for every layer.

    5x5_MBConv3|3x3_MBConv3|skip|skip|7x7_MBConv3|...

Six stages of four layers, the last of one. A layer has a kernel of 3, 5 or 7 and an expansion of 3 or 6, or, where it
keeps the shape, may be left out: 6^6 * 7^15 networks. `text` and `genome` convert to the names of the paper's code,
whose `Zero` (nothing beside the shortcut) is our `skip`.

With MobileNetV2's channels, proxyless(widths=(24, 32, 64, 96, 160, 320)), that network is one of the space (Sandler et al.
2018, arXiv:1801.04381).
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import conv_block, image_head, mbconv
from nasmyth.graph import Identity, chain
from nasmyth.graph.signature import Shape
from nasmyth.space import Space, choice
from nasmyth.spaces.chains import firsts, fitting_strides, layer_notation, layered, side
from nasmyth.spaces.registry import space

KERNELS, EXPANSIONS = (3, 5, 7), (3, 6)
DEPTHS = (4, 4, 4, 4, 4, 1)
WIDTHS = (24, 40, 80, 96, 192, 320)
STRIDES = (2, 2, 2, 1, 2, 1)
"""Layers, channels and stride of each stage of the network that was searched; those that were found have other widths."""
NAMES = tuple(f"{kernel}x{kernel}_MBConv{expand}" for kernel in KERNELS for expand in EXPANSIONS)

notation = layer_notation([NAMES if first else (*NAMES, "skip") for first in firsts(DEPTHS)])


def layer(out: int, stride: int, first: bool) -> Any:
    """What a layer chooses from; only one that keeps the shape may be nothing."""
    options = [mbconv(out, expand, kernel, stride, 0, "relu6") for kernel in KERNELS for expand in EXPANSIONS]
    return choice(*options) if first else choice(*options, Identity())


@space(
    "proxyless",
    source="ProxylessNAS (Cai et al. 2019, arXiv:1812.00332)",
    notation=notation,
    small={"input": (3, 8, 8), "classes": 4, "stem": 4, "narrow": 4, "widths": (4, 6, 8, 8, 10, 12), "head": 16},
)
def proxyless(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    stem: int = 32,
    narrow: int = 16,
    widths: tuple[int, ...] = WIDTHS,
    head: int = 1280,
) -> Space:
    """MobileNetV2-like chains with a kernel and an expansion for every layer.

    stem, narrow: channels of the first convolution and of the separable one behind it; widths: of the six stages; head:
    of the last convolution.
    """
    first, *strides = fitting_strides((2, *STRIDES), side(input))
    return Space(
        chain(
            stem=conv_block(stem, stride=first, activation="relu6"),
            narrow=mbconv(narrow, expand=1, kernel=3, se=0, activation="relu6"),
            layers=chain(*layered(DEPTHS, widths, strides, layer)),
            mix=conv_block(head, 1, activation="relu6"),
            head=image_head(classes),
        ),
        input,
    )
