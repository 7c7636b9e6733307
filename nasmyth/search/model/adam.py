"""Minimising a loss by its gradients, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

FAST, SLOW, TINY = 0.9, 0.99, 1e-8
"""Of Adam (Kingma and Ba 2015); its second moments are those of a short training."""


def minimised(
    parameters: Sequence[Any], slopes: Callable[[Sequence[Any]], Sequence[Any]], steps: int, rate: float
) -> list[Any]:
    """The parameters after so many steps of Adam. slopes: the gradient by each of them. The rate is constant, then goes down to
    zero from the middle on."""
    at = list(parameters)
    slow, fast = [np.zeros_like(p) for p in at], [np.zeros_like(p) for p in at]
    for step in range(1, steps + 1):
        now = rate * min(1.0, 2 - 2 * step / (steps + 1))
        for i, slope in enumerate(slopes(at)):
            fast[i] = FAST * fast[i] + (1 - FAST) * slope
            slow[i] = SLOW * slow[i] + (1 - SLOW) * slope**2
            scale = np.sqrt(slow[i] / (1 - SLOW**step)) + TINY
            at[i] = at[i] - now * fast[i] / (1 - FAST**step) / scale
    return at
