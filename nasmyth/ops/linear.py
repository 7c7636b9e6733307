"""The linear layer, over the last axis of anything: `Linear(10)` is also the usual head of a classifier."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import with_bias


@op("... d -> ... out", weights=with_bias({"weight": "out d"}, {"bias": "out"}))
class Linear(nn.Linear):
    """A matrix product over the last axis, and a bias."""

    def __init__(self, d: int, out: int, bias: bool = True) -> None:
        super().__init__(d, out, bias)


@param_count.register(Linear)
def _(linear: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[-1] * (inputs[0][-1] + bool(linear.bias))


@mac_count.register(Linear)
def _(linear: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(inputs[0]) * output[-1]


EXAMPLES = [
    (Linear(5), (7,)),
    (Linear(3, bias=False), (4, 6)),
]
