"""As-ViT (Chen et al. 2022, arXiv:2202.11921): the topology of a pyramid of transformers.

    8,2,3|4,1,2|4,1,4|4,1,6|32

Four stages of K,S,E: the kernel K of the convolution that makes its tokens (stride 4, then 2, so that they may
overlap), the parts S by S within which pixels attend to each other, the expansion E of its MLPs; the last stage attends
to all. Then the heads of the last stage, of which the one before it has half, and so on. 4,556,250 topologies (section
3.3 of the paper); the string above is the one it found.

The paper grows depths and widths afterwards: as_vit(depths=(5, 2, 5, 2), width=180) has its largest network.

Where we depart: a stage's tokens are normalised at each pixel before the convolution that merges them, not as one long
vector for each patch; even kernels are padded as all convolutions here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nasmyth.blocks import split_transformer
from nasmyth.errors import GenomeError
from nasmyth.graph import chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, Conv, LayerNorm2d, Linear, Mean
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import Notation, space
from nasmyth.units import is_whole

KERNELS = ((4, 5, 6, 7, 8), (2, 3, 4), (2, 3, 4), (2, 3, 4))
SPLITS = ((2, 4, 8), (1, 2, 4), (1, 2), (1,))
EXPANSIONS = (2, 3, 4, 5, 6)
HEADS = (16, 32, 64)
WIDEST = 1024
"""Channels that no stage exceeds."""


def text(genome: Genome) -> str:
    """A genome in the notation of the paper's code."""
    stages = [
        f"{genome[f'kernel{i}']},{genome.get(f'split{i}', 1)},{genome[f'expand{i}']}"
        for i in range(1, len(KERNELS) + 1)
    ]
    return "|".join([*stages, str(genome["heads"])])


def genome(text: str) -> Genome:
    """The inverse of `text`. Raises GenomeError naming the stage and the number."""
    *stages, heads = text.strip().split("|")
    if len(stages) != len(KERNELS) or not is_whole(heads):
        raise GenomeError(f"{text!r}: expected 4 stages 'kernel,split,expansion' and the heads, joined by '|'")
    found: Genome = {}
    for i, stage in enumerate(stages):
        read = re.fullmatch(r"(\d+),(\d+),(\d+)", stage)
        if read is None:
            raise GenomeError(f"{text!r}: stage {i + 1}: {stage!r}, expected 'kernel,split,expansion', such as '4,1,2'")
        offered = {"kernel": KERNELS[i], "split": SPLITS[i], "expand": EXPANSIONS}
        for (name, options), number in zip(offered.items(), map(int, read.groups()), strict=True):
            if number not in options:
                raise GenomeError(
                    f"{text!r}: stage {i + 1}: {name} {number} is not among {', '.join(map(str, options))}"
                )
            if len(options) > 1:
                found[f"{name}{i + 1}"] = number
    return {**found, "heads": int(heads)}


def stage(i: int, width: int, depth: int, heads: Any) -> Any:
    """The convolution that makes stage number i's tokens, and its transformer layers."""
    kernel, expand = choice(*KERNELS[i], name=f"kernel{i + 1}"), choice(*EXPANSIONS, name=f"expand{i + 1}")
    split = choice(*SPLITS[i], name=f"split{i + 1}") if len(SPLITS[i]) > 1 else SPLITS[i][0]
    if i == 0:
        tokens = chain(conv=Conv(width, kernel, 4, bias=True), norm=LayerNorm2d())
    else:
        tokens = chain(norm=LayerNorm2d(), conv=Conv(width, kernel, 2))
    return chain(tokens=tokens, layers=repeat(split_transformer(heads // 2 ** (3 - i), expand, split), depth))


@space(
    "as_vit",
    source="As-ViT (Chen et al. 2022, arXiv:2202.11921)",
    notation=Notation(text, genome),
    small={"input": (3, 32, 32), "classes": 4, "width": 4, "heads": (8, 16)},
)
def as_vit(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    width: int = 32,
    depths: Sequence[int] = (1, 1, 1, 1),
    heads: Sequence[int] = HEADS,
) -> Space:
    """Pyramids of transformers: how tokens are made, within what they attend, how much MLPs expand.

    Height and width of the image must be multiples of 32. width: channels of the first stage, doubled from stage to stage
    up to 1024; depths: layers of each stage, one in the paper's search; heads: of the last stage.
    """
    widths = [min(WIDEST, width * 2**i) for i in range(4)]
    number = choice(*heads, name="heads")
    stages = [stage(i, w, depth, number) for i, (w, depth) in enumerate(zip(widths, depths, strict=True))]
    head = chain(
        norm=LayerNorm2d(), pool=Mean("h w"), mix=Linear(widths[-1]), act=Activation("tanh"), out=Linear(classes)
    )
    return Space(chain(stages=chain(*stages), head=head), input)
