"""The small sentences of convolutional networks: convolution, norm, activation, in this order."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Conv, DepthwiseConv


@block("b c h w -> b out h/stride w/stride")
def conv_block(
    out: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    dilation: int = 1,
    norm: Any = BatchNorm(),  # noqa: B008  a frozen value
    activation: str | None = "relu",
) -> Any:
    """A convolution, a norm (any template), an activation (None: without)."""
    return chain(conv=Conv(out, kernel, stride, groups, dilation), norm=norm, **_activated(activation))


@block("b c h w -> b c h/stride w/stride")
def depthwise_block(
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    norm: Any = BatchNorm(),  # noqa: B008
    activation: str | None = "relu",
) -> Any:
    """A depthwise convolution, a norm (any template), an activation (None: without)."""
    return chain(conv=DepthwiseConv(kernel, stride, dilation), norm=norm, **_activated(activation))


@block("b c h w -> b out h/stride w/stride")
def separable_conv(
    out: int,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    norm: Any = BatchNorm(),  # noqa: B008
    activation: str | None = "relu",
) -> Any:
    """A filter for each channel, then a mix of channels, each with norm and activation (MobileNet, Howard 2017,
    arXiv:1704.04861, figure 3)."""
    return chain(
        depthwise=depthwise_block(kernel, stride, dilation, norm, activation),
        pointwise=conv_block(out, 1, norm=norm, activation=activation),
    )


def _activated(activation: str | None) -> dict[str, Any]:
    return {"act": Activation(activation)} if activation else {}


EXAMPLES = [
    (conv_block(6, kernel=5, stride=2, activation="silu"), (3, 9, 8)),
    (conv_block(6, groups=3, activation=None), (3, 5, 5)),
    (depthwise_block(stride=2), (3, 7, 7)),
    (separable_conv(5, stride=2), (3, 8, 8)),
]
