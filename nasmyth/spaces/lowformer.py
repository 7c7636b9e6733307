"""LowFormer (Nottebaum et al. 2024, arXiv:2409.03460): a macro design chosen by measured time, not by MACs.

A stem and four stages, each of which halves the image. The early stages, where images are large, have few layers, all of
them fused inverted bottlenecks; the later two are mostly blocks with slim attention, whose convolutions are fused while
there are few channels. What the paper weighed by measuring is decided here: depths, expansions, the resolution and width
of attention, and up to how many channels convolutions are fused.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import conv_block, fused_mbconv, lowformer_block
from nasmyth.graph import block, chain, repeat
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, LayerNorm, Linear, Mean
from nasmyth.space import Genome, Space, choice, integer
from nasmyth.spaces.registry import space

WIDTHS = (16, 20, 32)


def _member(width: int, expand: int, depths: tuple[int, int, int, int, int]) -> Genome:
    genome: Genome = {"width": width, "expand": expand, "stride": 2, "ratio": 0.5, "fused": 255}
    return genome | {f"depth{i}": depth for i, depth in enumerate(depths)}


FAMILY = {
    "lowformer-b0": _member(16, 4, (0, 0, 0, 3, 4)),
    "lowformer-b1": _member(16, 6, (0, 0, 0, 5, 5)),
    "lowformer-b1.5": _member(20, 6, (0, 0, 0, 6, 6)),
    "lowformer-b3": _member(32, 6, (1, 1, 2, 6, 6)),
}
"""The published networks; depths do not count the layer of each stage that strides. B1.5 has a wider classifier:
`lowformer(features=2304, hidden=2560)`."""


@block("b c h w -> b out h/stride w/stride")
def local_stage(out: int, depth: int = 0, expand: int = 6, stride: int = 2) -> Any:
    """A fused inverted bottleneck that strides, then `depth` that do not, which expand four times."""
    first = fused_mbconv(out, expand, stride=stride, activation="hardswish")
    return chain(first=first, blocks=repeat(fused_mbconv(out, 4, activation="hardswish"), depth))


@block("b c h w -> b out h/2 w/2")
def attention_stage(
    out: int, depth: int, expand: int = 6, stride: int = 2, ratio: float = 0.5, fused: int = 255
) -> Any:
    """A fused inverted bottleneck that strides, then `depth` blocks with slim attention.

    stride, ratio: of the attention. fused: the blocks' convolutions are full ones up to so many channels.
    """
    first = fused_mbconv(out, expand, stride=2, activation="hardswish")
    return chain(first=first, blocks=repeat(lowformer_block(stride, 4, ratio, fused=out <= fused), depth))


@block("b c h w -> b out")
def lowformer_head(out: int, features: int = 1536, hidden: int = 1600) -> Any:
    """Wide features, their mean, a hidden layer, a classifier."""
    act = Activation("hardswish")
    return chain(
        features=conv_block(features, 1, activation="hardswish"),
        pool=Mean("h w"),
        hidden=chain(linear=Linear(hidden, bias=False), norm=LayerNorm(1e-5), act=act),
        linear=Linear(out),
    )


@space(
    "lowformer",
    source="LowFormer (Nottebaum et al. 2024, arXiv:2409.03460)",
    small={"input": (1, 16, 16), "classes": 10, "widths": (2, 3), "most": (1, 1, 1, 2, 1), "features": 8, "hidden": 8,
           "stem": 1},
)  # fmt: skip
def lowformer(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    widths: tuple[int, ...] = WIDTHS,
    most: tuple[int, ...] = (1, 2, 3, 8, 8),
    features: int = 1536,
    hidden: int = 1600,
    stem: int = 2,
) -> Space:
    """Widths, depths, expansions, attention and fusion of LowFormers.

    most: the largest depths, of the stem, the two early stages and the two with attention, which have one block at least.
    stem: its stride; 1 suits small images. features, hidden: of the classifier.
    """
    width, expand = choice(*widths, name="width"), choice(4, 6, name="expand")
    depth = [integer(1 if i > 2 else 0, top, name=f"depth{i}") for i, top in enumerate(most)]
    fused = choice(0, 255, name="fused")
    ratio, stride = choice(0.5, 1.0, name="ratio"), choice(1, 2, name="stride")
    opening = chain(
        conv=conv_block(width, 3, stem, activation="hardswish"),
        blocks=repeat(fused_mbconv(width, 4, activation="hardswish"), depth[0]),
    )
    early = (local_stage(2 * width, depth[1], expand), local_stage(4 * width, depth[2], expand))
    late = (
        attention_stage(8 * width, depth[3], expand, stride, ratio, fused),
        attention_stage(16 * width, depth[4], expand, 1, ratio, fused),
    )
    head = lowformer_head(classes, features, hidden)
    return Space(chain(stem=opening, early=chain(*early), late=chain(*late), head=head), input)


EXAMPLES = [
    (local_stage(6, depth=1, expand=2), (4, 7, 6)),
    (attention_stage(6, 1, expand=2), (4, 8, 8)),
    (attention_stage(6, 1, expand=2, stride=1, ratio=1.0, fused=0), (4, 6, 6)),
    (lowformer_head(3, 8, 6), (4, 3, 3)),
]
