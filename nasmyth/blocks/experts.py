"""Transformers and image fields with experts: late ones, pyramids, beside a fixed layer, over shared depth."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks.feedforward import mlp
from nasmyth.blocks.transformer import transformer
from nasmyth.errors import SpaceError
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.op import block
from nasmyth.graph.shared_depth import shared_depth
from nasmyth.ops import Activation, Attention, GatedSum, HashGrid, LayerNorm, Linear, MixtureOfExperts


@block("b l d -> b l d")
def residual_experts(
    d: int, experts: int = 8, k: int = 1, expand: float = 4, capacity: Any = None, balance: float = 0.01
) -> Any:
    """A fixed feed-forward layer that every place passes, and beside it k of many (Residual-MoE of DeepSpeed-MoE, Rajbhandari
    2022, arXiv:2201.05596, section 4.1; shared experts of DeepSeekMoE, Dai 2024, arXiv:2401.06066). Their sum goes on."""
    routed = MixtureOfExperts(experts, k, max(1, round(d * expand)), capacity, balance=balance)
    return parallel(fixed=mlp(expand), routed=routed)


@block("b l d -> b l d")
def expert_transformer(
    d: int,
    experts: tuple[int, ...] = (0, 0, 4, 8),
    k: int = 1,
    heads: int = 4,
    expand: float = 4,
    fixed: bool = False,
    causal: bool = False,
    capacity: Any = None,
    balance: float = 0.01,
) -> Any:
    """A transformer block for each number of experts, 0 for a dense one: (0, 0, 4, 4) has experts late only, as what places
    need apart is told apart late (Zheng 2024, arXiv:2410.10626); (4, 4, 8, 8) is a pyramid, and with `fixed` the
    pyramid-residual mixture of Rajbhandari 2022 (arXiv:2201.05596, section 4.1)."""
    if not experts:
        raise SpaceError("expert_transformer(experts=()): one number for each layer, 0 for a dense one: experts=(0, 4)")
    middle = max(1, round(d * expand))

    def feedforward(count: int) -> Any:
        if not count:
            return mlp(expand)
        if fixed:
            return residual_experts(count, k, expand, capacity, balance)
        return MixtureOfExperts(count, k, middle, capacity, balance=balance)

    return chain(*[transformer(mixer=Attention(heads, causal=causal), feedforward=feedforward(n)) for n in experts])


@block("b l d -> b l d")
def wide_transformer(
    d: int,
    count: int = 4,
    experts: int = 4,
    k: int = 2,
    heads: int = 4,
    expand: float = 4,
    causal: bool = False,
    balance: float = 0.01,
) -> Any:
    """Wider instead of deeper: one attention and one mixture of experts for all depths, each depth with norms of its own
    (WideNet, Xue 2021, arXiv:2107.11817)."""
    mixture = MixtureOfExperts(experts, k, max(1, round(d * expand)), balance=balance)
    return shared_depth(Attention(heads, causal=causal), mixture, own=LayerNorm(), count=count)


@block("b ... d -> b ... out")
def hash_experts(
    out: int,
    ranges: tuple[tuple[int, int], ...] = ((4, 16), (16, 64)),
    levels: int = 4,
    table: int = 1024,
    hidden: int = 32,
    gate_table: int = 256,
    balance: float = 0.01,
) -> Any:
    """A field over coordinates: a gate over a hash grid sends each to one of several experts, hash grids with a range of
    resolutions (coarsest, finest) each (Switch-NeRF++, Mi and Xu 2025)."""

    def field(coarsest: int, finest: int, entries: int, answers: int) -> Any:
        grid = HashGrid(levels, 2, entries, coarsest, finest)
        return chain(grid=grid, hide=Linear(hidden), act=Activation("relu"), tell=Linear(answers))

    coarsest, finest = min(low for low, _ in ranges), max(high for _, high in ranges)
    gate = field(coarsest, max(coarsest, finest // 4), gate_table, len(ranges))
    experts = {f"expert{i}": field(*of, table, out) for i, of in enumerate(ranges)}
    return parallel(gate=gate, **experts, join=GatedSum(1, balance))


EXAMPLES = [
    (residual_experts(3, expand=2), (4, 6)),
    (expert_transformer((0, 2, 3), k=2, heads=2, expand=1), (4, 6)),
    (expert_transformer((2,), heads=2, expand=1, fixed=True, causal=True, capacity=1.0), (4, 6)),
    (wide_transformer(3, experts=3, heads=2, expand=1), (4, 6)),
    (hash_experts(3, ranges=((2, 4), (4, 8)), levels=2, table=16, hidden=4, gate_table=8), (5, 2)),
]
