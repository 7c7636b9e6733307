"""The residual blocks of ResNet-RS (Bello et al. 2021, arXiv:2103.07579): those of ResNet-D with squeeze-and-excitation.

ResNet-D (He et al. 2019, arXiv:1812.01187): a stem of three convolutions, the stride in the 3x3 convolution, and shortcuts
that average before their 1x1 convolution, so that no pixel is dropped. ResNet-RS replaces the pooling of the stem by a
strided convolution as well.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.convolution import conv_block
from nasmyth.blocks.mobile import squeeze_excite
from nasmyth.errors import ShapeError
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, AvgPool, DropPath

STEM_STRIDES = {1: (1, 1), 2: (2, 1), 4: (2, 2)}


def stem_strides(stride: int) -> tuple[int, int]:
    """Of the two layers of a stem that may stride, so that together they do so. Raises ShapeError."""
    if stride not in STEM_STRIDES:
        raise ShapeError(f"a stem of stride {stride}: its stride is one of {', '.join(map(str, STEM_STRIDES))}")
    return STEM_STRIDES[stride]


@block("b c h w -> b out h/stride w/stride")
def resnet_d_stem(out: int, stride: int = 4, activation: str = "relu") -> Any:
    """Three 3x3 convolutions to out / 2, out / 2 and `out` channels, and a fourth in place of the pooling.

    stride: 4 as published; 2 and 1, for small images, have a first, or no convolution that strides.
    """
    half, (first, last) = max(1, out // 2), stem_strides(stride)
    deep = chain(*(conv_block(width, 3, s, activation=activation) for width, s in ((half, first), (half, 1), (out, 1))))
    return chain(deep=deep, pool=conv_block(out, 3, last, activation=activation))


@block("b c h w -> b out h/stride w/stride")
def rs_bottleneck(
    c: int, out: int, stride: int = 1, se: float = 0.25, activation: str = "relu", drop_path: float = 0.0
) -> Any:
    """Narrow to a quarter, convolve, widen, excite, beside a shortcut. `se` 0 leaves out the squeeze-excite."""
    middle = max(1, out // 4)
    body: dict[str, Any] = {
        "narrow": conv_block(middle, 1, activation=activation),
        "conv": conv_block(middle, 3, stride, activation=activation),
        "widen": conv_block(out, 1, activation=None),
    }
    if se:
        body["se"] = squeeze_excite(se, activation=activation)
    if drop_path:
        body["drop"] = DropPath(drop_path)
    shortcut = conv_block(out, 1, activation=None)
    if stride > 1:
        shortcut = chain(pool=AvgPool(stride, stride), mix=shortcut)
    same = stride == 1 and c == out
    return chain(sum=parallel(skip=Identity() if same else shortcut, body=chain(**body)), act=Activation(activation))


EXAMPLES = [
    (resnet_d_stem(6), (3, 9, 8)),
    (resnet_d_stem(6, stride=1), (3, 5, 5)),
    (rs_bottleneck(8), (8, 5, 5)),
    (rs_bottleneck(8, stride=2, drop_path=0.1), (4, 7, 6)),
    (rs_bottleneck(8, se=0), (4, 5, 5)),
]
