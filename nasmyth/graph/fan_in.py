"""How many numbers each output of a weighted layer is summed from, dispatched on the op like its costs.

    fan_ins(Conv(64, kernel=3), ((32, 8, 8),), (64, 8, 8))      # (288,): c k^2 / g
    fan_ins(Attention(), ((16, 128),), (16, 128))                # (128, 128): values, and then the projection out

An op that is one weighted layer needs no rule: its multiply-accumulates over the numbers that come out are c k^2 / g for every
convolution (plain, grouped, one filter a channel, transposed) and d for every linear layer. An op of several layers has a rule
beside it: `@fan_ins.register(Attention)`.
"""

from __future__ import annotations

import math
from functools import singledispatch

from nasmyth.graph.op import Op, mac_count, param_count
from nasmyth.graph.signature import Shape


@singledispatch
def fan_ins(op: Op, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...] | None:
    """The fan-ins of the weighted layers on the deepest way through an op; none where nothing learned is multiplied.

    None where it cannot be told, since the op has no rules for its costs.
    """
    return of_costs(param_count(op, inputs, output), mac_count(op, inputs, output), output)


def of_costs(params: int | None, macs: int | None, output: Shape) -> tuple[float, ...] | None:
    """The same of one layer with these costs. A fan-in is at least 1: where fewer numbers are multiplied than come out, the
    others are passed on."""
    if params is None or macs is None:
        return None
    return (max(1.0, macs / math.prod(output)),) if params and macs else ()
