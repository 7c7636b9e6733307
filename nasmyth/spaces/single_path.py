"""Single-Path NAS (Stamoulis et al. 2019, arXiv:1904.02877): a chain whose choices are nested in one superkernel a layer.

    k3_e3|k3_e3|skip|k3_e3|k5_e6|...

The 3x3 kernel is the inner part of the 5x5 one, an expansion of 3 is the first half of one of 6, and no expansion at all
leaves the layer out: {3, 5} x {3, 6}, or `skip` where a layer keeps the shape. Behind a stem and a fixed first block
(MnasNet's chain, Tan et al. 2019, arXiv:1807.11626) stand 21 layers: 4^6 * 5^15 networks. With the fixed block there are 22
layers; the paper's estimate of 5^22 gives every one of them five choices.

This is the space of the plain networks, each with weights of its own.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import conv_block, image_head, mbconv
from nasmyth.graph import Identity, chain
from nasmyth.graph.signature import Shape
from nasmyth.space import Space, choice
from nasmyth.spaces.chains import firsts, fitting_strides, layer_notation, layered, side
from nasmyth.spaces.registry import space

KERNELS, EXPANSIONS = (3, 5), (3, 6)
DEPTHS = (4, 4, 4, 4, 4, 1)
WIDTHS = (24, 40, 80, 96, 192, 320)
STRIDES = (2, 2, 2, 1, 2, 1)
NAMES = tuple(f"k{kernel}_e{expand}" for kernel in KERNELS for expand in EXPANSIONS)

notation = layer_notation([NAMES if first else (*NAMES, "skip") for first in firsts(DEPTHS)])


def layer(out: int, stride: int, first: bool) -> Any:
    """The sub-kernels of one superkernel, and nothing where the shape stays."""
    options = [mbconv(out, expand, kernel, stride, 0, "relu") for kernel in KERNELS for expand in EXPANSIONS]
    return choice(*options) if first else choice(*options, Identity())


@space(
    "single_path",
    source="Single-Path NAS (Stamoulis et al. 2019, arXiv:1904.02877)",
    notation=notation,
    small={"input": (3, 8, 8), "classes": 4, "stem": 4, "narrow": 4, "widths": (4, 6, 8, 8, 10, 12), "head": 16},
)
def single_path(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    stem: int = 32,
    narrow: int = 16,
    widths: tuple[int, ...] = WIDTHS,
    head: int = 1280,
) -> Space:
    """Chains of nested kernels and expansions.

    stem, narrow: channels of the first convolution and of the separable one behind it; widths: of the six stages; head:
    of the last convolution.
    """
    first, *strides = fitting_strides((2, *STRIDES), side(input))
    return Space(
        chain(
            stem=conv_block(stem, stride=first),
            narrow=mbconv(narrow, expand=1, kernel=3, se=0, activation="relu"),
            layers=chain(*layered(DEPTHS, widths, strides, layer)),
            mix=conv_block(head, 1),
            head=image_head(classes),
        ),
        input,
    )
