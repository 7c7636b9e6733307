"""Blocks over vectors, such as rows of a table: plain and residual (Gorishniy 2021, arXiv:2106.11959), and members that share
their matrices (Gorishniy 2024, arXiv:2410.24210)."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain, repeat, residual
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Dropout, Linear, MemberHead, MemberLinear, Members


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


@block("b k d -> b k out")
def member_block(out: int, adapters: bool = False, activation: str = "relu", dropout: float = 0.0) -> Any:
    """A linear layer that all members share, with factors of each member's if there are adapters; an activation; dropout."""
    drop = {"drop": Dropout(dropout)} if dropout else {}
    linear = MemberLinear(out) if adapters else Linear(out)
    return chain(linear=linear, act=Activation(activation), **drop)


@block("b d -> b out")
def tabm(
    out: int,
    width: int = 64,
    depth: int = 2,
    k: int = 16,
    adapters: bool = False,
    answers: str = "classes",
    share: int = 1,
    dropout: float = 0.0,
) -> Any:
    """An MLP of k members in one (TabM; without adapters in the layers TabM mini): see `ops/members.py`.

    share: each example trains one in so many of the members, one at least.
    """
    layers = repeat(member_block(width, adapters, dropout=dropout), depth)
    return chain(members=Members(k, max(1, k // share)), layers=layers, head=MemberHead(out, answers))


EXAMPLES = [
    (dense_block(5, dropout=0.1), (6,)),
    (dense_residual(), (6,)),
    (dense_residual(expand=0.1, dropout=0.1), (6,)),
    (member_block(5, dropout=0.1), (3, 4)),
    (member_block(5, adapters=True), (3, 4)),
    (tabm(3, width=5, k=4), (6,)),
    (tabm(1, width=5, k=4, adapters=True, answers="values", share=4), (6,)),
]
