"""Networks for texts: embeddings of characters, then one of three kinds of stack, whichever the budget and the data like best.

Layers that choose what mixes places (`mixers`), recurrent ones (`recurrent`), or convolutions (`sequence_convolutions`).
"""

from __future__ import annotations

from typing import Any

from nasmyth.space import Genome, Space, choice
from nasmyth.spaces.mixers import mixer_layers
from nasmyth.spaces.recurrent import recurrent_layers
from nasmyth.spaces.registry import space
from nasmyth.spaces.sequence_convolutions import convolution_layers
from nasmyth.spaces.sequences import HEADS, SMALL, framed, widths


@space(
    "texts",
    source="Vaswani et al. 2017 (arXiv:1706.03762), Gers et al. 2000, Dauphin et al. 2017 (arXiv:1612.08083)",
    small=SMALL,
)
def texts(input: Any = None, codes: int = 128, classes: int = 2, each: bool = False) -> Space:
    """Networks on sequences of codes; each: every place is answered, and sees only itself and earlier ones."""
    width = widths()
    body = choice(mixer_layers(width, each), recurrent_layers(width, each), convolution_layers(width, each))
    return framed(body, width, input, codes, classes, each)


def attention(width: int) -> Genome:
    """A transformer, deeper where it is wider."""
    return {"width": _for_heads(width), "position": 1, **_layers(width, mixer=0)}


def gru(width: int) -> Genome:
    """Two gated recurrent layers beside shortcuts."""
    return _recurrent(width, 0)


def lstm(width: int) -> Genome:
    """Two layers of long short-term memory beside shortcuts."""
    return _recurrent(width, 1)


def state_spaces(width: int) -> Genome:
    """A stack of selective state spaces, deeper where it is wider."""
    return {"width": _for_heads(width), "position": 0, **_layers(width, mixer=6, state=8)}


def convolutions(width: int) -> Genome:
    """Gated convolutions, deeper where they are wider."""
    count = _depth(width)
    layers = {
        f"body:2[{i}]{name}": value for i in range(count) for name, value in (("", 0), (":0.body.conv.kernel", 5))
    }
    return {"width": _for_heads(width), "position": 0, "body": 2, "body:2.count": count, **layers}


def _for_heads(width: int) -> int:
    return max(HEADS, width // HEADS * HEADS)


def _depth(width: int) -> int:
    return max(2, min(8, width // 24))


def _layers(width: int, mixer: int, **settings: int) -> Genome:
    """A stack with one kind of mixer and an MLP four times as wide."""
    own = {"mixer": mixer, **{f"mixer:{mixer}.{name}": value for name, value in settings.items()}}
    each = {**own, "feedforward": 0, "feedforward:0.expand": 4, "dropout": 0.0}
    count = _depth(width)
    return {
        "body": 0,
        "body:0.count": count,
        **{f"body:0[{i}].{name}": value for i in range(count) for name, value in each.items()},
    }


def _recurrent(width: int, reader: int) -> Genome:
    layers = {
        f"body:1[{i}].body.{name}": value for i in range(2) for name, value in (("reader", reader), ("drop.rate", 0.0))
    }
    return {"width": _for_heads(width), "position": 0, "body": 1, "body:1.count": 2, **layers}


WIDTHS = tuple(range(HEADS, 513, HEADS))
FAMILIES = {
    "attention": attention,
    "gru": gru,
    "lstm": lstm,
    "state spaces": state_spaces,
    "convolutions": convolutions,
}
