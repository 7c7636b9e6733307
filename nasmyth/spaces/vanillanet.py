"""VanillaNet (Chen et al. 2023, arXiv:2305.12972): a handful of layers, no shortcuts, no attention.

A stem of patches, 1x1 convolutions with max pooling, a linear layer: 5 to 13 layers in all. While it trains each is two,
with a nonlinearity in between that fades away; `nasmyth.transform.merge` then makes one of the two. `form="merged"`
gives the networks as they are deployed, whose parameters are those that the paper lists; `form="plain"` those without deep
training, one convolution and one norm a layer.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import vanilla_block, vanilla_head, vanilla_stem
from nasmyth.graph import block, chain
from nasmyth.graph.signature import Shape
from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.registry import space

DEPTHS = tuple(range(5, 14))
WIDTHS = (256, 384, 512, 768)
FAMILY: dict[str, Genome] = {
    **{f"vanillanet-{depth}": {"depth": depth, "width": 512, "series": 3} for depth in DEPTHS},
    "vanillanet-13-1.5x": {"depth": 13, "width": 768, "series": 3},
}
"""The published networks."""


def plan(depth: int) -> tuple[tuple[int, int], ...]:
    """For each layer between stem and classifier: its channels, in widths of the stem, and its stride (as published)."""
    if depth == 5:
        return ((2, 2), (4, 2), (8, 2))
    if depth == 6:
        return ((2, 2), (4, 2), (8, 2), (8, 1))
    return ((1, 1), (2, 2), (4, 2), *[(4, 1)] * (depth - 7), (8, 2), (8, 1))


@block("b c h w -> b width*8 h/patch/8 w/patch/8")
def vanilla_layers(
    width: int = 512, depth: int = 6, series: int = 3, patch: int = 4, share: float = 1.0, form: str = "deep"
) -> Any:
    """The stem and all layers but the classifier of a VanillaNet of `depth` layers."""
    settings = {"series": series, "share": share, "form": form}
    layers = (vanilla_block(width * times, stride, **settings) for times, stride in plan(depth))
    return chain(stem=vanilla_stem(width, patch, **settings), layers=chain(*layers))


@space(
    "vanillanet",
    source="VanillaNet (Chen et al. 2023, arXiv:2305.12972)",
    small={"input": (1, 8, 8), "classes": 10, "widths": (2, 3), "depths": (5, 6, 8), "patch": 1},
)
def vanillanet(
    input: Shape = (3, 224, 224),
    classes: int = 1000,
    widths: tuple[int, ...] = WIDTHS,
    depths: tuple[int, ...] = DEPTHS,
    patch: int = 4,
    share: float = 1.0,
    form: str = "deep",
) -> Space:
    """Depth, width and length of the series of VanillaNets.

    share: the part of the training in which the nonlinearities inside layers fade. patch: pixels that the stem joins;
    1 or 2 suits small images. form: of the layers (see `blocks.vanilla.FORMS`).
    """
    size = {"depth": choice(*depths, name="depth"), "series": choice(0, 1, 2, 3, name="series")}
    layers = vanilla_layers(choice(*widths, name="width"), **size, patch=patch, share=share, form=form)
    return Space(chain(body=layers, head=vanilla_head(classes, share=share, form=form)), input)


EXAMPLES = [
    (vanilla_layers(2, depth=7, series=1, patch=1), (1, 8, 8)),
    (vanilla_layers(2, 5, form="merged"), (1, 32, 32)),
]
