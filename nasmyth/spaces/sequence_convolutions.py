"""Convolutional networks on sequences: gated convolutions, or depthwise ones with an MLP, beside shortcuts.

A gated layer is a convolution, half of whose output gates the other half (Dauphin 2017, arXiv:1612.08083, here with a norm in
front); the other kind is ConvNeXt's (Liu 2022, arXiv:2201.03545) on one axis.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import mlp, transformer
from nasmyth.graph import Multiply, chain, parallel, repeat, residual
from nasmyth.ops import Activation, LayerNorm, Part, SequenceConv, SequenceDepthwiseConv
from nasmyth.space import Space, choice, integer
from nasmyth.spaces.registry import space
from nasmyth.spaces.sequences import SMALL, framed, widths


@space(
    "sequence_convolutions",
    source="Dauphin et al. 2017 (arXiv:1612.08083), Liu et al. 2022 (arXiv:2201.03545)",
    small=SMALL,
)
def sequence_convolutions(input: Any = None, codes: int = 128, classes: int = 2, each: bool = False) -> Space:
    """Up to eight layers, each gated or depthwise, with a kernel of its own.

    each: every place is answered, and sees only itself and earlier ones.
    """
    width = widths()
    return framed(convolution_layers(width, each), width, input, codes, classes, each)


def convolution_layers(width: Any, causal: bool) -> Any:
    """The body: up to eight layers "b l width -> b l width"."""
    gate = chain(half=Part(1, 2, axis=-1), act=Activation("sigmoid"))
    gated = parallel(value=Part(0, 2, axis=-1), gate=gate, join=Multiply())
    convolution = residual(chain(norm=LayerNorm(), conv=SequenceConv(2 * width, choice(3, 5, 9), causal), gated=gated))
    depthwise = SequenceDepthwiseConv(choice(3, 7, 15, 31), causal)
    separable = transformer(mixer=depthwise, feedforward=mlp(choice(1, 2, 4)))
    return repeat(choice(convolution, separable), integer(1, 8))
