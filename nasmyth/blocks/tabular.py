"""Blocks over vectors, such as rows of a table: plain and residual (Gorishniy 2021, arXiv:2106.11959)."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain, residual
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Dropout, Linear


@block("b d -> b out")
def dense_block(
    out: int,
    norm: Any = BatchNorm(),  # noqa: B008  a frozen value
    activation: str = "relu",
    dropout: float = 0.0,
) -> Any:
    """A linear layer, a norm (any template, Identity() for none), an activation, dropout."""
    drop = {"drop": Dropout(dropout)} if dropout else {}
    return chain(linear=Linear(out), norm=norm, act=Activation(activation), **drop)


@block("b d -> b d")
def dense_residual(
    d: int,
    expand: float = 2,
    norm: Any = BatchNorm(),  # noqa: B008
    activation: str = "relu",
    dropout: float = 0.0,
) -> Any:
    """The block of the paper's ResNet (section 3.2): norm, widen, activate, drop, narrow, beside a shortcut.

    The middle has d * expand features, rounded, at least 1. Departure: no second dropout behind the narrowing layer.
    """
    drop = {"drop": Dropout(dropout)} if dropout else {}
    middle = max(1, round(d * expand))
    return residual(chain(norm=norm, expand=Linear(middle), act=Activation(activation), **drop, project=Linear(d)))


EXAMPLES = [
    (dense_block(5, dropout=0.1), (6,)),
    (dense_residual(), (6,)),
    (dense_residual(expand=0.1, dropout=0.1), (6,)),
]
