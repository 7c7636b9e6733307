"""Once-for-all on MobileNetV3 (Cai et al. 2020, arXiv:1908.09791): depth, kernels, expansions and resolution.

    r204|k7e6,k5e4|k5e4,k5e6|k7e6,k7e3|k5e4,k7e3|k5e3,k7e6,k3e3

Five stages of two to four layers; each layer has a kernel of 3, 5 or 7 and an expansion of 3, 4 or 6; images come in one
of 25 sizes from 128 to 224 pixels: (9^2 + 9^3 + 9^4)^5 * 25 networks, the paper's 2 * 10^19 at each size. Activations and
squeeze-excite are MobileNetV3's, stage by stage (Howard et al. 2019, arXiv:1905.02244).

The notation is the resolution, then the layers of each stage. Tables have it in the columns ks, e, d and r: 20 kernels, 20
expansions (four a stage), 5 depths, the resolution; what stands behind a stage's depth is not part of the network.

Where we depart: images are made smaller by a layer in front of the network, bilinearly, so that the resolution is part of
what is built, counted and exported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from nasmyth.blocks import conv_block, inverted_residual
from nasmyth.blocks.inverted import round_to
from nasmyth.errors import GenomeError
from nasmyth.graph import chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, Dropout, Linear, Mean, Resize
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.chains import fitting_strides, side
from nasmyth.spaces.registry import Notation, space

KERNELS, EXPANSIONS, DEPTHS = (3, 5, 7), (3, 4, 6), (2, 3, 4)
RESOLUTIONS = tuple(range(128, 225, 4))
WIDTHS = (24, 40, 80, 112, 160)
STRIDES = (2, 2, 2, 1, 2)
ACTIVATIONS = ("relu", "relu", "hardswish", "hardswish", "hardswish")
SQUEEZED = (0.0, 0.25, 0.0, 0.25, 0.25)
"""Channels, stride, activation and squeeze-excite of each stage (0: none; otherwise its share of the wide middle)."""


def stage(i: int, out: int, stride: int) -> Any:
    """Two to four layers, the first of which strides and widens; how many is the decision `depth1` to `depth5`."""

    def layer(stride: int) -> Any:
        expand, kernel = choice(*EXPANSIONS), choice(*KERNELS)
        return inverted_residual(out, expand, kernel, stride, se=SQUEEZED[i], activation=ACTIVATIONS[i])

    return chain(first=layer(stride), rest=repeat(layer(1), choice(*DEPTHS, name=f"depth{i + 1}") - 1))


def addresses(genome: Genome) -> Iterator[list[str]]:
    """For each stage, the addresses of its layers."""
    for i in range(len(WIDTHS)):
        rest = [f"stages[{i}].rest[{j}]" for j in range(genome[f"depth{i + 1}"] - 1)]
        yield [f"stages[{i}].first", *rest]


def text(genome: Genome) -> str:
    """A genome as its resolution and the layers of each stage."""
    stages = [[f"k{genome[f'{at}.kernel']}e{genome[f'{at}.expand']}" for at in stage] for stage in addresses(genome)]
    return "|".join([f"r{genome['resolution']}", *map(",".join, stages)])


def genome(text: str) -> Genome:
    """The inverse of `text`. Raises GenomeError naming the stage, the layer and the token."""
    first, *stages = text.strip().split("|")
    size = re.fullmatch(r"r(\d+)", first)
    if size is None:
        raise GenomeError(f"{text!r}: starts with {first!r}, expected the resolution, such as 'r224'")
    if len(stages) != len(WIDTHS):
        raise GenomeError(f"{text!r} has {len(stages)} stages behind its resolution, this space has {len(WIDTHS)}")
    layers = [stage.split(",") for stage in stages]
    found: Genome = {"resolution": int(size[1])}
    for i, tokens in enumerate(layers, 1):
        if len(tokens) not in DEPTHS:
            raise GenomeError(f"{text!r}: stage {i} ({stages[i - 1]!r}) has {len(tokens)} layers and must have 2 to 4")
        found[f"depth{i}"] = len(tokens)
    for i, places in enumerate(addresses(found), 1):
        for j, (at, token) in enumerate(zip(places, layers[i - 1], strict=True), 1):
            read = re.fullmatch(r"k(\d)e(\d)", token)
            if read is None or int(read[1]) not in KERNELS or int(read[2]) not in EXPANSIONS:
                raise GenomeError(
                    f"{text!r}: stage {i}, layer {j}: {token!r}, expected 'k' and a kernel of 3, 5 or 7, then 'e' and an "
                    "expansion of 3, 4 or 6"
                )
            found |= {f"{at}.expand": int(read[2]), f"{at}.kernel": int(read[1])}
    return found


def row(ks: Sequence[int], e: Sequence[int], d: Sequence[int], r: int) -> str:
    """The notation of a table's row: four kernels and expansions a stage, of which it has as many as its depth says."""
    stages = [",".join(f"k{ks[4 * i + j]}e{e[4 * i + j]}" for j in range(depth)) for i, depth in enumerate(map(int, d))]
    return "|".join([f"r{r}", *stages])


@space(
    "ofa",
    source="Once-for-all (Cai et al. 2020, arXiv:1908.09791)",
    notation=Notation(text, genome, ("ks", "e", "d", "r"), row),
    small={"input": (3, 12, 12), "classes": 4, "width": 0.1, "resolutions": (8, 12)},
)
def ofa(
    input: Shape = (3, 224, 224), classes: int = 1000, width: float = 1.0, resolutions: Sequence[int] | None = None
) -> Space:
    """MobileNetV3-like chains of elastic depth, kernel, expansion and resolution.

    width: multiplies all channels (1.0 and 1.2 are published). resolutions: sizes of the image to choose from; if not
    given, the published ones that are not above the image's own, or that alone.
    """
    short = side(input)
    sizes = tuple(resolutions or [size for size in RESOLUTIONS if size <= short] or [short])
    narrow, *widths = (round_to(w * width) for w in (16, *WIDTHS))
    wide, head = round_to(6 * WIDTHS[-1] * width), round_to(1280 * width)
    stem, *strides = fitting_strides((2, *STRIDES), max(sizes))
    stages = [stage(i, out, stride) for i, (out, stride) in enumerate(zip(widths, strides, strict=True))]
    return Space(
        chain(
            resize=Resize(choice(*sizes, name="resolution")),
            stem=conv_block(narrow, stride=stem, activation="hardswish"),
            narrow=inverted_residual(narrow, expand=1),
            stages=chain(*stages),
            mix=conv_block(wide, 1, activation="hardswish"),
            pool=Mean("h w"),
            head=chain(
                widen=Linear(head, bias=False), act=Activation("hardswish"), drop=Dropout(0.1), out=Linear(classes)
            ),
        ),
        input,
    )
