"""Convolutions with a rectangular kernel. 1 x k and k x 1 one after the other see k x k pixels for 2k weights (Szegedy et
al. 2016, arXiv:1512.00567, section 3.2)."""

from __future__ import annotations

from typing import Any

from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape


def _odd(conv: Any) -> None:
    if any(type(k) is int and (k < 1 or k % 2 == 0) for k in (conv.tall, conv.wide)):
        raise SpaceError(f"{conv!r}: tall and wide are odd")


@op("b c h w -> b out h/down w/across", check=_odd, weights={"weight": "out c tall wide"}, ordered="tall wide")
class RectConv(nn.Conv2d):
    """A convolution of `tall` x `wide` pixels, with a stride for each axis; zeros around the image, no bias."""

    def __init__(self, c: int, out: int, tall: int = 1, wide: int = 7, down: int = 1, across: int = 1) -> None:
        super().__init__(c, out, (tall, wide), (down, across), (tall // 2, wide // 2), bias=False)


@param_count.register(RectConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return inputs[0][0] * output[0] * int(conv.tall * conv.wide)


@mac_count.register(RectConv)
def _(conv: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    c, h, w = output
    return c * h * w * inputs[0][0] * int(conv.tall * conv.wide)


EXAMPLES = [
    (RectConv(4), (3, 5, 8)),
    (RectConv(4, tall=5, wide=1, down=2), (3, 7, 4)),
    (RectConv(2, tall=3, wide=5, down=2, across=2), (3, 6, 7)),
]
