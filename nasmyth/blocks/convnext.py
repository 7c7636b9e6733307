"""ConvNeXt: convolutions arranged like a transformer (Liu 2022, arXiv:2201.03545)."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.mobile import with_shortcut
from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import Activation, Conv, DepthwiseConv, LayerNorm2d, LayerScale2d


@block("b c h w -> b c h w")
def convnext(
    c: int, expand: float = 4, kernel: int = 7, activation: str = "gelu", scale: float = 1e-6, drop_path: float = 0.0
) -> Any:
    """Depthwise convolution, norm, an MLP at each pixel, layer scale that starts at `scale` (0: without), shortcut.

    The middle of the MLP has c * expand channels, rounded, at least 1.
    """
    parts: dict[str, Any] = {
        "depthwise": DepthwiseConv(kernel, bias=True),
        "norm": LayerNorm2d(),
        "expand": Conv(max(1, round(c * expand)), 1, bias=True),
        "act": Activation(activation),
        "project": Conv(c, 1, bias=True),
    }
    if scale:
        parts["scale"] = LayerScale2d(scale)
    return with_shortcut(parts, True, drop_path)


@block("b c h w -> b out h/stride w/stride")
def convnext_downsample(out: int, stride: int = 2) -> Any:
    """A norm and a convolution over patches, between two stages."""
    return chain(norm=LayerNorm2d(), conv=Conv(out, stride, stride, bias=True))


EXAMPLES = [
    (convnext(kernel=5), (4, 6, 6)),
    (convnext(expand=0.1, scale=0, drop_path=0.1), (4, 6, 6)),
    (convnext_downsample(6), (4, 7, 6)),
]
