"""Single-Path NAS (Stamoulis et al. 2019, arXiv:1904.02877): a chain whose choices are nested in one superkernel a layer.

    k3_e3|k3_e3|skip|k3_e3|k5_e6|...

The 3x3 kernel is the inner part of the 5x5 one, an expansion of 3 is the first half of one of 6, and no expansion at all
leaves the layer out: {3, 5} x {3, 6}, or `skip` where a layer keeps the shape. Behind a stem and a fixed first block
(MnasNet's chain, Tan et al. 2019, arXiv:1807.11626) stand 21 layers: 4^6 * 5^15 networks. With the fixed block there are 22
layers; the paper's estimate of 5^22 gives every one of them five choices.

This is the space of the plain networks, each with weights of its own.
"""

from __future__ import annotations

from nasmyth.graph.signature import Shape
from nasmyth.space import Space
from nasmyth.spaces.chains import WIDTHS, bottleneck_notation, bottlenecks
from nasmyth.spaces.registry import space

KERNELS, EXPANSIONS = (3, 5), (3, 6)
NAMES = tuple(f"k{kernel}_e{expand}" for kernel in KERNELS for expand in EXPANSIONS)

notation = bottleneck_notation(NAMES)


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
    return bottlenecks(KERNELS, EXPANSIONS, "relu", input, classes, stem, narrow, widths, head)
