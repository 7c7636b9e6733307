"""OverLoCK: an overview first, then a close look that it guides (Lou and Yu 2025, arXiv:2502.20087).

A base network extracts features; an overview network makes a small context of them at half their resolution; a focus
network works on the features once more, at every block together with the context, which it also updates. Its
convolutions have kernels that the context makes (`ContMix`).

What flows through the focus network is one image whose channels are, in this order, the features, the context, and the
context as it first was. Where we depart: the kernels that the authors build from several dilated ones are plain large
kernels here, as theirs are once deployed, and the second classifier that helps their training is left out.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.convolution import conv_block
from nasmyth.blocks.heads import image_head
from nasmyth.blocks.mobile import squeeze_excite
from nasmyth.blocks.resnet_rs import stem_strides
from nasmyth.graph.chain import chain, parallel, repeat, residual
from nasmyth.graph.joins import Concat, Identity, Multiply
from nasmyth.graph.op import block
from nasmyth.ops import (
    Activation,
    AvgPool,
    BatchNorm,
    ChannelSlice,
    ContMix,
    Conv,
    DepthwiseConv,
    GlobalResponseNorm,
    LayerNorm2d,
    LayerScale2d,
    ResizeLike,
)


@block("b c h w -> b c h w")
def overlock_base(c: int, kernel: int = 7, expand: int = 4, scale: float = 0.0) -> Any:
    """A block of the base and the overview network: large depthwise kernel, squeeze-excite, convolutional MLP.

    scale: a learned factor for each channel of the shortcut starts at this (0: without); theirs has it in the two last
    stages.
    """
    body = chain(
        norm=LayerNorm2d(),
        depthwise=chain(conv=DepthwiseConv(kernel), norm=BatchNorm()),
        excite=_excite(c),
        mlp=_mlp(c * expand, c),
    )
    return chain(local=_local(3), mix=parallel(skip=_scaled(scale), body=body))


@block("b t h w -> b t h w")
def overlock_focus(
    t: int,
    context: int,
    heads: int = 4,
    kernel: int = 7,
    small: int = 5,
    regions: int = 7,
    expand: int = 3,
    scale: float = 1.0,
) -> Any:
    """A block of the focus network on t = c + 2 * context channels: features, context, the context at first.

    scale: learned factors of the shortcuts start at this (0: without).
    """
    c = t - 2 * context
    now, first = ChannelSlice(context, c), ChannelSlice(context, c + context)
    recalled = parallel(now=chain(part=now, scale=LayerScale2d(1.0)), first=chain(part=first, scale=LayerScale2d(1.0)))
    look = chain(
        join=parallel(features=ChannelSlice(c), context=recalled, join=Concat()),
        local=_local(3),
        mix=parallel(skip=_scaled(scale), body=_dynamic(c, context, heads, kernel, small, regions)),
        local2=_local(3),
        feed=parallel(skip=_scaled(scale), body=chain(norm=LayerNorm2d(), mlp=_mlp(c * expand, c + context))),
    )
    return parallel(look=look, first=first, join=Concat())


def _dynamic(c: int, context: int, heads: int, kernel: int, small: int, regions: int) -> Any:
    """Features and context fused to values; gathered by dynamic kernels beside a static one, and gated."""
    fuse = chain(
        depthwise=DepthwiseConv(3, bias=True),
        norm=BatchNorm(),
        act=Activation("gelu"),
        mix=Conv(c, 1, bias=True),
        respond=GlobalResponseNorm(),
    )
    value, query, key = ChannelSlice(c), ChannelSlice(c, c), ChannelSlice(context, 2 * c)
    gathered = chain(
        kernels=parallel(value=value, query=query, context=key, join=ContMix(heads, kernel, small, regions)),
        mix=conv_block(c, 1, activation=None),
    )
    static = chain(value=value, conv=DepthwiseConv(kernel), norm=BatchNorm())
    return chain(
        norm=LayerNorm2d(),
        fuse=parallel(value=fuse, all=Identity(), join=Concat()),  # values, then queries, then context
        gated=parallel(
            mixed=chain(sum=parallel(gathered=gathered, static=static), excite=_excite(c)),
            gate=chain(value=value, conv=conv_block(c, 1, activation="silu")),
            join=Multiply(),
        ),
        norm2=BatchNorm(),
        project=Conv(c + context, 1, bias=True),
    )


@block("b t h w -> b 2*context+out h/2 w/2")
def overlock_focus_downsample(t: int, out: int, context: int) -> Any:
    """Features to `out` channels at half the resolution, the context along with them, the first context likewise.

    Departure: the authors go back to the first context before it was enlarged; this one is it enlarged and averaged.
    """
    c = t - 2 * context
    return parallel(
        features=chain(part=ChannelSlice(c), down=conv_block(out, 3, 2, activation=None)),
        context=chain(part=ChannelSlice(context, c), down=conv_block(context, 3, 2, activation=None)),
        first=chain(part=ChannelSlice(context, c + context), down=AvgPool(2, 2)),
        join=Concat(),
    )


@block("b c h w -> b out h/stride w/stride")
def overlock_stem(out: int, stride: int = 4) -> Any:
    """Four convolutions, two of which stride (stride 4); at 2 or 1 the first, or none, does."""
    half, (first, third) = max(1, out // 2), stem_strides(stride)
    return chain(
        conv_block(half, 3, first, activation="gelu"),
        conv_block(half, activation="gelu"),
        conv_block(out, 3, third, activation="gelu"),
        conv_block(out, activation=None),
    )


@block("b c h w -> b out")
def overlock(
    out: int,
    widths: tuple[int, ...] = (56, 112, 256, 336),
    depths: tuple[int, ...] = (2, 2, 3, 2),
    focus: tuple[int, ...] = (6, 2),
    heads: tuple[int, ...] = (4, 6),
    kernels: tuple[int, ...] = (17, 15, 13, 7),
    small: int = 5,
    regions: int = 7,
    expand: int = 4,
    focus_expand: int = 3,
    features: int = 1024,
    stride: int = 4,
) -> Any:
    """The whole network, by default OverLoCK-XT.

    widths, depths, kernels: of the four stages; the first three are the base network, the last the overview. focus, heads:
    blocks and heads of the focus network at the two last resolutions. features: before the classifier.
    """
    context = max(1, widths[3] // 4)

    def stage(i: int) -> Any:
        start = conv_block(widths[i], 3, 2, activation=None) if i else overlock_stem(widths[0], stride)
        return chain(start=start, blocks=repeat(overlock_base(kernels[i], expand, 1.0 if i > 1 else 0.0), depths[i]))

    def looks(i: int) -> Any:
        size = {"kernel": kernels[2 + i], "small": small, "regions": regions, "expand": focus_expand}
        return repeat(overlock_focus(context, heads[i], **size), focus[i])

    overview = chain(stage=stage(3), narrow=Conv(context, 1, bias=True))
    enlarged = parallel(overview=overview, like=Identity(), join=ResizeLike())
    return chain(
        base=chain(stage(0), stage(1), stage(2)),
        guide=parallel(
            features=Identity(),
            context=chain(once=enlarged, twice=parallel(Identity(), Identity(), join=Concat())),
            join=Concat(),
        ),
        focus=looks(0),
        down=overlock_focus_downsample(widths[3], context),
        focus2=looks(1),
        last=ChannelSlice(widths[3] + context),
        head=chain(conv_block(features, 1, activation="silu"), image_head(out)),
    )


def _local(kernel: int) -> Any:
    return residual(DepthwiseConv(kernel, bias=True))


def _scaled(start: float) -> Any:
    return LayerScale2d(start) if start else Identity()


def _excite(c: int) -> Any:
    return squeeze_excite(width=max(16, c // 8), activation="gelu")


def _mlp(middle: int, out: int) -> Any:
    return chain(
        expand=Conv(middle, 1, bias=True),
        act=Activation("gelu"),
        local=_local(3),
        respond=GlobalResponseNorm(),
        project=Conv(out, 1, bias=True),
    )


EXAMPLES = [
    (overlock_base(kernel=5, expand=2), (4, 6, 6)),
    (overlock_base(scale=1.0), (4, 5, 6)),
    (overlock_focus(2, heads=2, kernel=5, small=3, regions=2, expand=2), (12, 4, 5)),
    (overlock_focus_downsample(6, 2), (8, 5, 6)),
    (overlock_stem(6, stride=2), (3, 7, 6)),
    (
        overlock(5, (4, 8, 8, 12), (1, 1, 1, 1), (1, 1), (2, 2), (5, 5, 5, 3), 3, 2, 2, 2, 16, stride=1),
        (3, 16, 16),
    ),
]
