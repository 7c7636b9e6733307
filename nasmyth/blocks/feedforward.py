"""Two linear layers at each place, with a wider middle: plain and gated. For sequences and for vectors."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.hadamard import glu
from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import Activation, Dropout, Linear


@block("... d -> ... d")
def mlp(d: int, expand: float = 4, activation: str = "gelu", dropout: float = 0.0) -> Any:
    """Widen, activate, narrow (Vaswani 2017, arXiv:1706.03762, eq. 2).

    The middle has d * expand features, rounded, at least 1.
    """
    middle = max(1, round(d * expand))
    drop = {"drop": Dropout(dropout)} if dropout else {}
    return chain(expand=Linear(middle), act=Activation(activation), **drop, project=Linear(d))


@block("... d -> ... d")
def gated_mlp(d: int, expand: float = 4, activation: str = "silu", bias: bool = False, dropout: float = 0.0) -> Any:
    """The middle is multiplied by an activated gate: SwiGLU with "silu", GEGLU with "gelu" (Shazeer 2020,
    arXiv:2002.05202, eq. 6).

    The middle has 2/3 * d * expand features, rounded, at least 1, so that its three matrices cost what the two of
    `mlp(expand)` cost, as in the paper.
    """
    middle = max(1, round(2 * d * expand / 3))
    drop = {"drop": Dropout(dropout)} if dropout else {}
    return chain(gated=glu(middle, activation, bias), **drop, project=Linear(d, bias))


EXAMPLES = [
    (mlp(), (4, 6)),
    (mlp(expand=0.5, activation="relu", dropout=0.2), (6,)),
    (gated_mlp(), (4, 6)),
    (gated_mlp(expand=0.1, bias=True, dropout=0.2), (6,)),
]
