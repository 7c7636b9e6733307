"""Inverted bottlenecks: wide in the middle, depthwise there, narrow at the ends, with squeeze-and-excitation."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.convolution import conv_block, depthwise_block
from nasmyth.graph.chain import chain, parallel, residual
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, DropPath, Linear, Mean, Multiply


@block("b c h w -> b c h w")
def squeeze_excite(
    c: int, ratio: float = 0.25, width: int | None = None, activation: str = "relu", gate: str = "sigmoid"
) -> Any:
    """Weighs each channel by what the whole image holds (Hu 2018, arXiv:1709.01507).

    The squeezed vector has `width` numbers; if not given, c * ratio, rounded, at least 1.
    """
    squeezed = max(1, round(c * ratio)) if width is None else width
    weigh = chain(
        pool=Mean("h w"),
        squeeze=Linear(squeezed),
        act=Activation(activation),
        excite=Linear(c),
        gate=Activation(gate),
    )
    return parallel(skip=Identity(), weigh=weigh, join=Multiply())


@block("b c h w -> b out h/stride w/stride")
def mbconv(
    c: int,
    out: int,
    expand: float = 4,
    kernel: int = 3,
    stride: int = 1,
    se: float = 0.25,
    activation: str = "silu",
    drop_path: float = 0.0,
) -> Any:
    """Expand, depthwise, squeeze-excite, project, with a shortcut where the shape stays (MobileNetV2, Sandler 2018,
    arXiv:1801.04381; MnasNet, Tan 2019, arXiv:1807.11626; EfficientNet, Tan 2019, arXiv:1905.11946).

    The middle has c * expand channels, rounded, at least 1; an expansion of 1 has no expanding layer. `se` is the
    squeezed width as a share of c, the *narrow* width, as in EfficientNet; 0 leaves it out.
    """
    middle = max(1, round(c * expand))
    parts: dict[str, Any] = {}
    if expand != 1:
        parts["expand"] = conv_block(middle, 1, activation=activation)
    parts["depthwise"] = depthwise_block(kernel, stride, activation=activation)
    if se:
        parts["se"] = squeeze_excite(width=max(1, round(c * se)), activation=activation)
    parts["project"] = conv_block(out, 1, activation=None)
    return with_shortcut(parts, stride == 1 and c == out, drop_path)


@block("b c h w -> b out h/stride w/stride")
def fused_mbconv(
    c: int,
    out: int,
    expand: float = 4,
    kernel: int = 3,
    stride: int = 1,
    activation: str = "silu",
    drop_path: float = 0.0,
) -> Any:
    """`mbconv` with one full convolution in place of expansion and depthwise: faster on most devices while there are few
    channels (EfficientNetV2, Tan 2021, arXiv:2104.00298, figure 2). An expansion of 1 has no projection either."""
    if expand == 1:
        return with_shortcut(
            {"conv": conv_block(out, kernel, stride, activation=activation)}, stride == 1 and c == out, drop_path
        )
    parts = {
        "expand": conv_block(max(1, round(c * expand)), kernel, stride, activation=activation),
        "project": conv_block(out, 1, activation=None),
    }
    return with_shortcut(parts, stride == 1 and c == out, drop_path)


def with_shortcut(parts: dict[str, Any], shortcut: bool, drop_path: float) -> Any:
    """The parts as a chain, inside a residual if there is a shortcut; only then can their path be dropped."""
    if not shortcut:
        return chain(**parts)
    return residual(chain(**parts, **({"drop": DropPath(drop_path)} if drop_path else {})))


EXAMPLES = [
    (squeeze_excite(), (6, 4, 4)),
    (squeeze_excite(ratio=0.01, gate="hardsigmoid"), (6, 4, 4)),
    (mbconv(6), (6, 5, 5)),
    (mbconv(8, expand=1, kernel=5, stride=2, se=0, activation="relu6"), (4, 6, 7)),
    (mbconv(6, expand=1.5, drop_path=0.2), (6, 5, 5)),
    (fused_mbconv(6, stride=2), (4, 6, 6)),
    (fused_mbconv(4, expand=1), (4, 6, 6)),
]
