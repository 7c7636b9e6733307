"""Blocks on spectra whose channels are pairs of real and imaginary parts (see `ops/complex.py`)."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.cell import Cell, Edge, Vertex, cell
from nasmyth.graph.chain import chain
from nasmyth.graph.joins import Add, Concat, Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, ChannelSlice, ComplexConv, ComplexMask, GroupNorm


@block("b c h w -> b growth*2*layers+c h w")
def complex_dense(growth: int, layers: int, kernel: int = 3, activation: str = "leaky_relu") -> Any:
    """Densely connected layers, each of `growth` complex channels, that look further back through wider gaps: what a
    layer reads of the i-th state before it is convolved at dilation 2^i (D3Net, Takahashi and Mitsufuji 2021,
    arXiv:2010.01733).

    All states are joined at the end. A norm over each example stands behind the sum of the convolutions.
    """
    after = chain(norm=GroupNorm(1), act=Activation(activation))
    states = tuple(range(layers + 1))
    return cell(
        layers,
        lambda source, target: ComplexConv(growth, kernel, dilation=2**source),
        vertex=after,
        join=Add(),
        output=states,
        out=Concat(),
    )


@block("b c h w -> b 2 h w")
def complex_masks(features: Any, tasks: int = 2, bound: float = 2.0) -> Any:
    """The first complex channel under one complex mask for each of `tasks`, one after another: what is left once the echo is
    masked, then the noise, say. Other channels, such as what the loudspeaker plays, only help to tell the masks.

    features: any template that keeps height and width and gives an even number of channels; a 1 x 1 complex convolution of them
        makes each mask.
    """
    look = Vertex((Edge(0, Identity()),), features)
    masked = [Vertex((Edge(0, Identity()),), ChannelSlice(2))]
    for task in range(tasks):
        masked.append(Vertex((Edge(1, ComplexConv(1, 1)), Edge(2 + task, Identity())), join=ComplexMask(bound)))
    return Cell((look, *masked))


EXAMPLES = [
    (complex_dense(2, layers=3), (4, 5, 5)),
    (complex_dense(1, layers=2, kernel=5, activation="relu"), (2, 6, 5)),
    (complex_masks(complex_dense(1, layers=1)), (4, 5, 5)),
    (complex_masks(ComplexConv(2), tasks=1, bound=1.0), (2, 4, 5)),
]
