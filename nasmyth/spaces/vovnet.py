"""VoVNet (Lee et al. 2019, arXiv:1904.09730): stages of one-shot aggregation, judged by what they move, not by MACs.

Three convolutions, then four stages of aggregation blocks with max pooling between them. VoVNetV2 (Lee and Park 2020,
arXiv:1911.06667) weighs the channels of each block (`effective_se`) and adds its input where the shape stays.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import conv_block, image_head, one_shot_aggregation
from nasmyth.blocks.resnet_rs import stem_strides
from nasmyth.graph import Identity, block, chain, parallel, repeat, residual
from nasmyth.graph.signature import Shape
from nasmyth.ops import Activation, Linear, MaxPool, Mean, Multiply
from nasmyth.space import Genome, Space, choice, integer
from nasmyth.spaces.registry import space

OUT = (256, 512, 768, 1024)
LAYER = (128, 160, 192, 224)
"""Channels of the stages, and of the layers inside their blocks, of the larger published networks."""


def _member(counts: tuple[int, ...], share: int = 1, version: int = 1, layers: int = 5) -> Genome:
    genome: Genome = {"slim": share, "version": version, "layers": layers}
    return genome | {f"blocks{i}": count for i, count in enumerate(counts)}


FAMILY = {
    "vovnet-27-slim": _member((1, 1, 1, 1), share=2),
    "vovnet-39": _member((1, 1, 2, 2)),
    "vovnet-57": _member((1, 1, 4, 3)),
    "vovnetv2-39": _member((1, 1, 2, 2), version=2),
    "vovnetv2-57": _member((1, 1, 4, 3), version=2),
    "vovnetv2-99": _member((1, 3, 9, 3), version=2),
}
"""The published networks of the paper, and of the second."""


@block("b c h w -> b c h w")
def effective_se(c: int) -> Any:
    """Squeeze-and-excitation with one layer, which loses nothing (VoVNetV2)."""
    weigh = chain(pool=Mean("h w"), excite=Linear(c), gate=Activation("hardsigmoid"))
    return parallel(skip=Identity(), weigh=weigh, join=Multiply())


@block("b c h w -> b out h w")
def vov_block(c: int, out: int, width: int, layers: int = 5, version: int = 1, excite: bool = True) -> Any:
    """One aggregation block, in its first or its second version, the second with or without `effective_se`."""
    body = one_shot_aggregation(out, width, layers)
    if version == 1:
        return body
    if excite:
        body = chain(aggregate=body, excite=effective_se())
    return residual(body) if c == out else body


@block("b c h w -> b out/slim h w")
def vov_stage(out: int, width: int, count: int = 1, slim: int = 1, layers: int = 5, version: int = 1) -> Any:
    """`count` blocks, the last of which excites in version 2, as in the authors' code; slim: so many times fewer
    channels."""
    settings = -(-out // slim), max(1, width // slim), layers, version
    return chain(repeat(vov_block(*settings, excite=False), count - 1), last=vov_block(*settings))


@block("b c h w -> b out h/stride w/stride")
def vov_stem(out: int, stride: int = 4) -> Any:
    """Three convolutions, of which the first and the last stride (stride 4), or the first alone (2), or none (1)."""
    half, (first, last) = max(1, out // 2), stem_strides(stride)
    return chain(conv_block(half, 3, first), conv_block(half), conv_block(out, 3, last))


@space(
    "vovnet",
    source="VoVNet (Lee et al. 2019, arXiv:1904.09730)",
    small={
        "input": (1, 8, 8),
        "classes": 10,
        "out": (4, 6, 8, 8),
        "layer": (2, 3, 4, 4),
        "most": (1, 2, 2, 2),
        "stride": 1,
    },
)
def vovnet(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    out: tuple[int, ...] = OUT,
    layer: tuple[int, ...] = LAYER,
    most: tuple[int, ...] = (2, 3, 9, 3),
    stride: int = 4,
) -> Space:
    """Blocks in each stage, layers in each block, how slim they are, and their version.

    out, layer, most: of each stage its channels, those of its layers, and the largest number of blocks. stride: of the
        stem.
    """
    slim, layers = choice(1, 2, name="slim"), choice(3, 4, 5, 6, name="layers")
    version, stages = choice(1, 2, name="version"), []
    for i, (channels, width) in enumerate(zip(out, layer, strict=True)):
        count = integer(1, most[i], name=f"blocks{i}")
        stage = vov_stage(channels, width, count, slim, layers, version)
        stages.append(chain(pool=MaxPool(3, 2), stage=stage) if i else stage)
    stem = vov_stem(max(1, out[0] // 2), stride)
    return Space(chain(stem=stem, stages=chain(*stages), head=image_head(classes)), input)


EXAMPLES = [
    (effective_se(), (4, 5, 5)),
    (vov_block(6, 3, layers=2, version=2), (6, 5, 5)),
    (vov_stage(6, 4, count=2, slim=2, layers=2, version=2), (4, 5, 5)),
    (vov_stem(6), (3, 9, 8)),
]
