"""Hand-designed families of networks for images, as genomes of the space `images`: each a function of the first width.

All halve images of 20 pixels and more in the stem, which makes them four times cheaper, and then at each stage but the first,
where they widen. Coarser ones, for tight budgets, shrink them twice as much in the stem. A first width is the largest of
WIDTHS that is not above the one asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nasmyth.graph.signature import Shape
from nasmyth.space import Genome
from nasmyth.spaces.images import GROWTH, HALVED, STAGES, WIDTHS, strides

KINDS = ("basic", "mobile", "separable", "aggregation", "convnext", "none")
"""The kinds of stages, in the order of the space."""


def family(width: int, input: Shape, kind: str, coarser: int = 1, **settings: Any) -> Genome:
    """A network of stages of one kind, all with the same settings, that doubles its width whenever it halves the image.

    coarser: how many times as much as usual the stem shrinks the image: 1 or 2.
    """
    first, *rest = strides(input)
    halved = first == 1 and min(input[1:]) >= HALVED
    genome: Genome = {
        "width": max(w for w in WIDTHS if w <= max(width, WIDTHS[0])),
        "stem.stride": coarser * (2 if halved else first),
    }
    for i in range(len(rest)):
        if halved and i == len(rest) - 1 >= STAGES:  # the stem has halved it already
            genome[f"stages[{i}]"] = KINDS.index("none")
            break
        if i:
            growth = GROWTH[min(i, len(GROWTH) - 1)]
            genome[f"growth{i}"] = min(growth, key=lambda times: abs(times - 2**i))
        number = KINDS.index(kind)
        genome |= {f"stages[{i}]": number, **{f"stages[{i}]:{number}.{k}": value for k, value in settings.items()}}
    return genome


FAMILIES: dict[str, Callable[[int, Shape], Genome]] = {
    "residual": partial(family, kind="basic", depth=1, kernel=3),
    "mobile": partial(family, kind="mobile", depth=2, kernel=3, expand=4),
    "separable": partial(family, kind="separable", depth=2, kernel=3),
    "aggregation": partial(family, kind="aggregation", layers=4, kernel=3),
    "convnext": partial(family, kind="convnext", depth=2, kernel=5, expand=4),
}
"""residual: two convolutions a stage beside a shortcut (He et al. 2015, arXiv:1512.03385). mobile: inverted bottlenecks with
squeeze-excite (Tan et al. 2019, arXiv:1905.11946). separable: depthwise and pointwise convolutions (Howard et al. 2017,
arXiv:1704.04861), with shortcuts. aggregation: all layers of a stage joined at once (Lee et al. 2019, arXiv:1904.09730).
convnext: large depthwise kernels and an MLP at each pixel (Liu et al. 2022, arXiv:2201.03545)."""
