"""ProxylessNAS (Cai et al. 2019, arXiv:1812.00332): MobileNetV2's chain, with a kernel and an expansion for every layer.

    5x5_MBConv3|3x3_MBConv3|skip|skip|7x7_MBConv3|...

Six stages of four layers, the last of one. A layer has a kernel of 3, 5 or 7 and an expansion of 3 or 6, or, where it
keeps the shape, may be left out: 6^6 * 7^15 networks. `text` and `genome` convert to the names of the paper's code,
whose `Zero` (nothing beside the shortcut) is our `skip`.

With MobileNetV2's channels, proxyless(widths=(24, 32, 64, 96, 160, 320)), that network is one of the space (Sandler et al.
2018, arXiv:1801.04381).
"""

from __future__ import annotations

from nasmyth.graph.signature import Shape
from nasmyth.space import Space
from nasmyth.spaces.chains import WIDTHS, bottleneck_notation, bottlenecks
from nasmyth.spaces.registry import space

KERNELS, EXPANSIONS = (3, 5, 7), (3, 6)
NAMES = tuple(f"{kernel}x{kernel}_MBConv{expand}" for kernel in KERNELS for expand in EXPANSIONS)

notation = bottleneck_notation(NAMES)


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
    return bottlenecks(KERNELS, EXPANSIONS, "relu6", input, classes, stem, narrow, widths, head)
