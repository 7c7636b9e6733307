"""Mixers of sequences that keep a state of fixed size: for the place of attention, `transformer(mixer=mamba())`."""

from __future__ import annotations

import math
from typing import Any

from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.joins import Multiply
from nasmyth.graph.op import block
from nasmyth.ops import Activation, GatedRecurrence, Linear, SelectiveStateSpace, SequenceDepthwiseConv


@block("b l d -> b l d")
def mamba(d: int, state: int = 16, expand: float = 2, kernel: int = 4) -> Any:
    """Widen, look at the last few places, a selective state space, a gate beside them, narrow (Gu & Dao 2023,
    arXiv:2312.00752, section 3.4).

    The middle has d * expand features, rounded, at least 1; steps go through a sixteenth of d, rounded up.
    """
    middle = max(1, round(d * expand))
    act = Activation("silu")
    main = chain(
        linear=Linear(middle, bias=False),
        conv=SequenceDepthwiseConv(kernel),
        act=act,
        ssm=SelectiveStateSpace(state, rank=math.ceil(d / 16)),
    )
    gate = chain(linear=Linear(middle, bias=False), act=act)
    return chain(gated=parallel(main=main, gate=gate, join=Multiply()), project=Linear(d, bias=False))


@block("b l d -> b l out")
def min_gru(out: int) -> Any:
    """A recurrence whose gate and values are linear in the input (minGRU: Feng 2024, arXiv:2410.01201, section 3.1)."""
    return parallel(gate=Linear(out), value=Linear(out), join=GatedRecurrence())


EXAMPLES = [
    (mamba(state=3), (5, 4)),
    (mamba(state=2, expand=1.5, kernel=2), (4, 6)),
    (min_gru(3), (5, 4)),
]
