"""ZiCo: gradients that are large and do not vary (Li et al. 2023, arXiv:2301.11300, equation 16).

    sum over layers of log( sum over weights of mean |g| / std g ),    over parts of the batch

The gradient of each part is told by what the layers took and what was differentiated by what they gave, so that one
backward pass serves all parts. Departure: the parts are PARTS pieces of one batch, normalised together, where the paper takes
batches; weights whose gradient is the same in all parts are left out, as there.
"""

from __future__ import annotations

import math
from typing import Any

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.layer_gradients import by_part, told
from nasmyth.measure.scores.passes import refuse_one

PARTS = 4


@measure(unit="", direction="max", needs=("forward", "backward"))
def zico(forward: Any, backward: Any) -> float:
    """Sum over layers of the logarithm of mean over deviation of gradients (ZiCo, Li et al. 2023, arXiv:2301.11300)."""
    refuse_one(forward, "zico")
    total, parts = 0.0, min(PARTS, forward.rows)
    known = {id(call) for call in told(forward)}
    for call, gradient in zip(forward.layers, backward.layers, strict=True):
        if id(call) not in known:
            continue
        found = by_part(call, gradient, parts)
        spread = found.std(0, unbiased=False)
        varies = spread > 0
        if bool(varies.any()):
            total += math.log(float((found.abs().mean(0)[varies] / spread[varies]).sum()))
    if not total:
        raise CandidateError("zico compares gradients of parts of a batch, and this network's do not differ")
    return total
