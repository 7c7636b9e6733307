"""The learning rate as a pure function of progress: a linear warm-up, then half a cosine.

>>> [round(factor(p, warmup=0.2), 3) for p in (0.0, 0.1, 0.2, 0.6, 1.0)]
[0.0, 0.5, 1.0, 0.5, 0.0]
"""

from __future__ import annotations

import math


def factor(progress: float, warmup: float = 0.0, final: float = 0.0) -> float:
    """What the peak learning rate is multiplied by when `progress`, 0..1, of the training is done.

    Rises as progress / warmup, then falls from 1 to `final` as 1 + cos (Loshchilov & Hutter, SGDR, 2017, equation 5,
    without restarts). Progress, not a step count, so that a run bounded by time still ends at a low rate.
    """
    progress = min(max(progress, 0.0), 1.0)
    if progress < warmup:
        return progress / warmup
    fall = (progress - warmup) / (1.0 - warmup) if warmup < 1.0 else 1.0
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * fall))
