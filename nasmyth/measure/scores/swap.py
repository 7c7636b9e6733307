"""SWAP: how many different patterns activations make over the examples (Peng et al. 2024, arXiv:2403.04161, definition 3.3).

Each activation is on for some examples and off for the others; the score is the number of different patterns. With N
examples there are 2^N at most, so that N must not be small. No labels.

    swap                    the number
    swap_regularised        times exp(-((p - mu) / sigma)^2),  p the parameters (equation 6): near mu

Departure: mu and sigma, which are tuned to a space in the paper, are 5e5 and 5e5 here, unless a measure of one's own is made
with `regularised(mu, sigma)`. Equation 6 divides by sigma, not by its square; its sigma is ours squared.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from nasmyth.measure.made import PASSES
from nasmyth.measure.measure import measure
from nasmyth.measure.needs import need
from nasmyth.measure.scores.passes import Forward, gates_of, refuse_one

MU, SIGMA = 5e5, 5e5


@need(takes=("forward",), price=PASSES)
def patterns(forward: Forward) -> int:
    """How many different patterns activations make over the examples."""
    refuse_one(forward, "swap")
    return different(gates_of(forward, "swap"))


def different(gates: list[Tensor]) -> int:
    """How many different columns of signs there are."""
    found = np.concatenate([codes(one.detach().cpu().numpy() > 0) for one in gates], 1)
    if len(found) == 1:
        sorted_codes = np.sort(found[0])
        return 1 + int(np.count_nonzero(sorted_codes[1:] != sorted_codes[:-1]))
    return len(np.unique(found, axis=1).T)


def codes(on: Any) -> Any:
    """Columns of booleans, N D, as whole numbers of 64 bits: as many rows as N takes."""
    packed = np.packbits(on, axis=0)
    words = []
    for start in range(0, len(packed), 8):
        word = np.zeros(packed.shape[1], np.uint64)
        for place, part in enumerate(packed[start : start + 8]):
            word |= part.astype(np.uint64) << np.uint64(8 * place)
        words.append(word)
    return np.stack(words)


@measure(unit="", direction="max", needs=("patterns",))
def swap(patterns: int) -> float:
    """Different patterns of activations over the examples (SWAP, Peng et al. 2024, arXiv:2403.04161)."""
    return float(patterns)


@measure(unit="", direction="max", needs=("graph", "patterns"))
def swap_regularised(graph: Any, patterns: int) -> float:
    """Patterns of activations, fewer the farther the parameters are from 500,000 (Peng et al. 2024, equation 6)."""
    return patterns * near(graph.costs.params)


def near(count: float, mu: float = MU, sigma: float = SIGMA) -> float:
    """1 at mu, less away from it."""
    return math.exp(-(((count - mu) / sigma) ** 2))
