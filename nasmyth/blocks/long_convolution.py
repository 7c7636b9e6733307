"""Convolutions along all of a sequence in the place of attention, with gates around them: Hyena and Orchid."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Multiply
from nasmyth.graph.op import block
from nasmyth.ops import Activation, Convolve, Linear, LongConv, RingConv, RMSNorm, SequenceDepthwiseConv


@block("b l d -> b l d")
def hyena(d: int, order: int = 2, kernel: int = 3, width: int = 16, bands: int = 4, causal: bool = True) -> Any:
    """Values are gated, convolved with a long filter of the place, and gated again, `order` - 1 times over (Hyena, Poli 2023,
    arXiv:2302.10866, definition 3.1): order 2 is q * LongConv(k * v). Use it as `transformer(mixer=hyena())`.

    Gates and values are projections of their own, each through a short filter.
    """
    flow = _projected(d, kernel, causal)
    for _ in range(order - 1):
        gated = parallel(value=flow, gate=_projected(d, kernel, causal), join=Multiply())
        flow = chain(gated=gated, long=LongConv(width, bands, causal))
    return chain(gated=parallel(value=flow, gate=_projected(d, kernel, causal), join=Multiply()), project=Linear(d))


@block("b l d -> b l d")
def orchid(d: int, kernel: int = 3, activation: str = "silu") -> Any:
    """Values are convolved with a kernel that the sequence makes, and gated by it (Orchid, Karami and Ghodsi 2024,
    arXiv:2402.18508). Use it as `transformer(mixer=orchid())`; the sequence is a ring, and every place sees all of it.

    The kernel is the correlation of two features of the sequence, each a short filter, an activation and a projection: it does
    not change when the sequence is shifted, so that what comes out is shifted along (their second conditioning network).

    Departure: a norm of each place stands behind the convolution, since how large a sum over all places is depends on how many
    of them matter. No projection before it has a bias, so that places where nothing is stay out of the sum.
    """

    def feature() -> Any:
        return chain(short=_projected(d, kernel), act=Activation(activation), project=Linear(d, bias=False))

    made = parallel(first=feature(), second=feature(), join=Convolve(correlate=True))
    convolved = parallel(value=_projected(d, kernel), kernel=made, join=Convolve())
    normed = chain(convolved=convolved, norm=RMSNorm())
    gated = parallel(value=normed, gate=_projected(d, kernel), join=Multiply())
    return chain(gated=gated, project=Linear(d))


def _projected(d: int, kernel: int, causal: bool = False) -> Any:
    return chain(linear=Linear(d, bias=False), short=SequenceDepthwiseConv(kernel) if causal else RingConv(kernel))


EXAMPLES = [
    (hyena(), (6, 4)),
    (hyena(order=3, width=3, bands=2, causal=False), (5, 4)),
    (orchid(), (6, 4)),
    (orchid(kernel=5, activation="gelu"), (4, 3)),
]
