"""Blocks that work on groups of channels one after another (DeFTAN-II, Lee and Choi 2024, arXiv:2308.15777)."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.convolution import conv_block
from nasmyth.errors import SpaceError
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Add, Concat, Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, ChannelSlice, Conv, DepthwiseConv, DotProductAttention, GroupNorm, Linear, Slice


@block("b c h w -> b c/groups h w")
def split_dense(
    c: int,
    groups: int = 4,
    kernel: int = 3,
    norm: Any = GroupNorm(1),  # noqa: B008  a frozen value
    activation: str | None = "leaky_relu",
) -> Any:
    """The channels in `groups` of width w: the first through a convolution, then each next one together with what came of those
    before it, each time to w channels. So all are seen, and a layer never reads more than 2 w.

    A dense block of this width, in which every layer reads the input and all layers before it, takes
    (3 groups^2 - groups) / (2 (2 groups - 1)) times the multiply-accumulates: 3.1 times with 4 groups.

    Departure: a group is `w` channels side by side, where the authors deal channels out to groups in turn.
    """
    width = _width(c, groups, "split_dense")
    layer = conv_block(width, kernel, norm=norm, activation=activation)
    vertices = [Vertex((Edge(0, ChannelSlice(width)),), layer)]
    for i in range(1, groups):
        vertices.append(Vertex((Edge(i, Identity()), Edge(0, ChannelSlice(width, i * width))), layer))
    return Cell(tuple(vertices), join=Concat())


@block("b l d -> b l d")
def subgroup_attention(d: int, groups: int = 4, bias: bool = True) -> Any:
    """The features in `groups` of width w, one head each: the first attends to itself; the queries of each next one meet keys
    and values of itself and, added to it, of what came of the one before. All that came is joined and projected.

    Queries, keys and values together take 3 d^2 / groups products at each place, where attention among all features takes
    3 d^2. The subgroups' cross-attention in the spirit of the paper, whose own attention follows a split-dense block of the
    sequence; added as in cascaded group attention (Liu 2023, arXiv:2305.07027, section 2.2).
    """
    width = _width(d, groups, "subgroup_attention")
    vertices: list[Vertex] = []
    for i in range(groups):
        part = Slice(-1, i * width, (i + 1) * width)
        if i:
            vertices.append(Vertex((Edge(0, part), Edge(len(vertices), Identity())), join=Add()))
        else:
            vertices.append(Vertex((Edge(0, part),)))
        seen = len(vertices)
        query = Edge(0, chain(part=part, query=Linear(width, bias)))
        met = (query, Edge(seen, Linear(width, bias)), Edge(seen, Linear(width, bias)))
        vertices.append(Vertex(met, join=DotProductAttention()))
    mixed = Cell(tuple(vertices), output=tuple(range(2, 2 * groups + 1, 2)), out=Concat("d"))
    return chain(mixed=mixed, project=Linear(d, bias))


@block("b c h w -> b c h w")
def dual_path_feedforward(c: int, expand: float = 4, kernel: int = 5, dilation: int = 1) -> Any:
    """Widen, activate, narrow, where half of the middle also looks around, by a depthwise convolution.

    The middle has c * expand channels, rounded to an even number, at least 2.
    """
    half = max(1, round(c * expand / 2))
    narrow = chain(widen=Conv(half, 1, bias=True), act=Activation("gelu"))
    around = chain(
        widen=Conv(half, 1, bias=True),
        act=Activation("gelu"),
        depthwise=DepthwiseConv(kernel, dilation=dilation, bias=True),
        norm=GroupNorm(1),
        act2=Activation("leaky_relu"),
    )
    return chain(paths=parallel(point=narrow, around=around, join=Concat()), narrow=Conv(c, 1, bias=True))


def _width(channels: int, groups: int, who: str) -> int:
    if groups < 1 or channels % groups:
        raise SpaceError(f"{who}(groups={groups}): {channels} channels do not fall into {groups} equal groups")
    return channels // groups


EXAMPLES = [
    (split_dense(groups=3), (6, 5, 4)),
    (split_dense(groups=1, kernel=5, activation=None), (2, 5, 5)),
    (subgroup_attention(groups=2), (5, 6)),
    (subgroup_attention(groups=3, bias=False), (4, 6)),
    (dual_path_feedforward(2), (3, 5, 6)),
    (dual_path_feedforward(0.5, kernel=3, dilation=2), (4, 6, 6)),
]
