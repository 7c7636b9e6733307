"""Stacks whose every layer chooses what mixes its places: attention, convolution, linear attention, state space or recurrence.

All stand in the frame of a transformer: a norm before each part, and a shortcut beside it. What mixes features is a choice as
well: an MLP, a gated one, or a sparse mixture of experts.
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import gated_mlp, hyena, mlp, transformer
from nasmyth.graph import repeat
from nasmyth.ops import (
    GRU,
    LSTM,
    Attention,
    GatedLinearAttention,
    GroupedAttention,
    LinearAttention,
    MixtureOfExperts,
    SelectiveStateSpace,
    SequenceConv,
)
from nasmyth.space import Space, choice, integer
from nasmyth.spaces.registry import space
from nasmyth.spaces.sequences import HEADS, SMALL, framed, widths


@space(
    "mixers",
    source="Vaswani et al. 2017 (arXiv:1706.03762), Gu and Dao 2023 (arXiv:2312.00752), Yang et al. 2023 (arXiv:2312.06635), "
    "Poli et al. 2023 (arXiv:2302.10866), Fedus et al. 2021 (arXiv:2101.03961)",
    small=SMALL,
)
def mixers(input: Any = None, codes: int = 128, classes: int = 2, each: bool = False) -> Space:
    """Every layer chooses its mixer, its state, its expansion and its experts; all have one width.

    each: every place is answered, and sees only itself and earlier ones.
    """
    width = widths()
    return framed(mixer_layers(width, each), width, input, codes, classes, each)


def mixer_layers(width: Any, causal: bool) -> Any:
    """The body: up to eight layers "b l width -> b l width"."""
    mixer = choice(
        Attention(HEADS, causal=causal),
        GroupedAttention(choice(1, 2, 4), 2, choice(8, 16, 32), positions="rotary", causal=causal),
        SequenceConv(width, choice(3, 5, 9), causal=causal),
        hyena(causal=causal),
        LinearAttention(HEADS),
        GatedLinearAttention(HEADS),
        SelectiveStateSpace(choice(4, 8, 16)),
        GRU(width),
        LSTM(width),
    )
    feedforward = choice(
        mlp(choice(1, 2, 4)), gated_mlp(choice(1, 2, 4)), MixtureOfExperts(choice(2, 4, 8), choice(1, 2), 2 * width)
    )
    return repeat(transformer(mixer=mixer, feedforward=feedforward, dropout=choice(0.0, 0.1)), integer(1, 8))
