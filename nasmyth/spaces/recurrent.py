"""Stacks of gated recurrent layers beside shortcuts: LSTM (Hochreiter 1997; Gers 2000) and GRU (Cho 2014, arXiv:1406.1078).

The shortcut around each layer is that of deep LSTMs (Wu 2016, arXiv:1609.08144, section 3.1), here with a norm in front.
"""

from __future__ import annotations

from typing import Any

from nasmyth.graph import chain, repeat, residual
from nasmyth.ops import GRU, LSTM, Dropout, LayerNorm
from nasmyth.space import Space, choice, integer
from nasmyth.spaces.registry import space
from nasmyth.spaces.sequences import SMALL, framed, widths


@space("recurrent", source="Cho et al. 2014 (arXiv:1406.1078), Gers et al. 2000", small=SMALL)
def recurrent(input: Any = None, codes: int = 128, classes: int = 2, each: bool = False) -> Space:
    """Up to four layers, each LSTM or GRU; both ways where all places are there at once.

    each: every place is answered, and sees only itself and earlier ones.
    """
    width = widths()
    return framed(recurrent_layers(width, each), width, input, codes, classes, each)


def recurrent_layers(width: Any, causal: bool) -> Any:
    """The body: up to four layers "b l width -> b l width"."""
    both = () if causal else (GRU(width, bidirectional=True), LSTM(width, bidirectional=True))
    layer = chain(norm=LayerNorm(), reader=choice(GRU(width), LSTM(width), *both), drop=Dropout(choice(0.0, 0.1, 0.2)))
    return repeat(residual(layer), integer(1, 4))
