"""The inverted bottleneck with every choice that searches have made in it; `mbconv` is the plain one.

FBNet groups its 1x1 convolutions and keeps the first one even where it expands nothing (Wu et al. 2019,
arXiv:1812.03443, figure 3); MobileNetV3 takes squeeze-excite from the wide middle, gated by a hard sigmoid, and keeps
all widths multiples of 8 (Howard et al. 2019, arXiv:1905.02244).
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.convolution import conv_block, depthwise_block
from nasmyth.blocks.mobile import squeeze_excite, with_shortcut
from nasmyth.errors import SpaceError
from nasmyth.graph.chain import chain, residual
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, ChannelShuffle, Conv, LayerNorm2d, SplitAttention


def round_to(width: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, at least one, and not less than nine tenths of `width` (MobileNetV2's rule)."""
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * width else rounded


@block("b c h w -> b out h/stride w/stride")
def inverted_residual(
    c: int,
    out: int,
    expand: float = 6,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    se: float = 0.0,
    se_of: str = "middle",
    divisor: int = 8,
    activation: str = "relu",
    always_expand: bool = False,
    drop_path: float = 0.0,
) -> Any:
    """Expand, depthwise, squeeze-excite, project, with a shortcut where the shape stays.

    The middle has c * expand channels, rounded to a multiple of `divisor`. groups: of the 1x1 convolutions; channels are
    shuffled behind the first. se: the squeezed width as a share of the "middle" or of the "input" (`se_of`), rounded
    likewise; 0 leaves it out. always_expand: the first 1x1 convolution stays where it keeps the width.
    """
    middle = round_to(c * expand, divisor)
    parts: dict[str, Any] = {}
    if always_expand or middle != c:
        parts["expand"] = conv_block(middle, 1, groups=groups, activation=activation)
        if groups > 1:
            parts["shuffle"] = ChannelShuffle(groups)
    parts["depthwise"] = depthwise_block(kernel, stride, activation=activation)
    if se:
        parts["se"] = squeeze_excite(width=round_to(se * _width(se_of, c, middle), divisor), gate="hardsigmoid")
    parts["project"] = conv_block(out, 1, groups=groups, activation=None)
    return with_shortcut(parts, stride == 1 and c == out, drop_path)


def _width(which: str, c: int, middle: int) -> int:
    if which not in ("middle", "input"):
        raise SpaceError(
            f"inverted_residual(se_of={which!r}): squeeze-excite is a share of the 'middle' or the 'input'"
        )
    return middle if which == "middle" else c


@block("b c h w -> b out h/stride w/stride")
def skip_or_match(c: int, out: int, stride: int = 1, activation: str | None = "relu") -> Any:
    """Nothing where the shape stays; otherwise the 1x1 convolution that makes it fit, with norm and activation."""
    return Identity() if stride == 1 and c == out else conv_block(out, 1, stride, activation=activation)


@block("b c h w -> b c h w")
def split_transformer(c: int, heads: int = 4, expand: float = 4, split: int = 1, activation: str = "gelu") -> Any:
    """A transformer block over the pixels of an image, that attends within `split` by `split` parts of it.

    Pre-norm, as `transformer` is, with which it agrees for split=1; the middle has c * expand channels, rounded.
    """
    middle = max(1, round(c * expand))
    think = (Conv(middle, 1, bias=True), Activation(activation), Conv(c, 1, bias=True))
    return chain(
        mix=residual(chain(norm=LayerNorm2d(), mixer=SplitAttention(heads, split))),
        feed=residual(chain(norm=LayerNorm2d(), expand=think[0], act=think[1], project=think[2])),
    )


EXAMPLES = [
    (inverted_residual(8), (8, 5, 5)),
    (inverted_residual(16, expand=1, groups=2, always_expand=True), (16, 4, 4)),
    (inverted_residual(8, expand=3, kernel=5, stride=2, se=0.25, activation="hardswish"), (8, 6, 7)),
    (inverted_residual(8, expand=1, se=0.5, se_of="input", divisor=2, drop_path=0.1), (8, 5, 5)),
    (skip_or_match(4), (4, 5, 5)),
    (skip_or_match(6, stride=2), (4, 5, 5)),
    (split_transformer(heads=2, expand=1.5, split=2), (4, 4, 6)),
]
