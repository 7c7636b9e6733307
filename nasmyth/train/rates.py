"""Which learning rate a graph bears, beside another: the largest one that trains it scales with the lengths of its paths.

    rate_scale(graph)                                              # about 1 / sqrt(sum of L^3 over the paths)
    rate = tuned * rate_scale(graph) / rate_scale(tuned_on)         # carried over from one architecture to another

Chen et al., "Principled Architecture-aware Scaling of Hyperparameters", ICLR 2024 (arXiv:2402.17440), section 3: the rate at
which the mean squared change of the last pre-activations in one step of gradient descent is the same for all networks of the
same width is proportional to

    (sum over paths p of L_p^3)^(-1/2) / q

where L_p is the number of weighted layers on path p, and q the side of the kernels of a convolutional network. It is of plain
gradient descent on networks without norms; what adapts each weight's step by itself (AdamW, Muon) is out of its reach.

Where we depart: the paper has one kernel for all layers. Here each path has its own: q^2 is the mean, over the layers on the
path, of the places that their kernels cover, which is the paper's formula where all are alike. The head counts as a layer of
one place.

shares=True is ours: the mean over paths instead of the sum, each weighing 1 / (terms) at every join on it. Where a layer's
first variance is divided by the terms that it is summed with (`initialise(..., aware=True)`), that is the part of the output's
variance which came along that path. The sum doubles with every residual block; the mean does not.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from nasmyth.errors import NasmythError
from nasmyth.graph.lengths import lengths


def rate_scale(graph: Any, *, within: str = "", shares: bool = False) -> float:
    """The largest learning rate of a graph, up to a factor that all graphs of one width and task share.

    within: the address of a part that alone is looked at, such as one cell of many equal ones. shares: see the top of this
    file. Exact sums, so that it takes any number of paths. Raises NasmythError where no path has a weighted layer.
    """
    squared = lengths(graph, within, shares).areas[2]
    if not squared:
        where = f" in {within!r}" if within else ""
        raise NasmythError(
            f"no way from the input to the output has a weighted layer{where}: there is nothing to train"
        )
    return math.exp(-0.5 * _log(squared))


def _log(number: int | Fraction) -> float:
    """The logarithm of what may be larger than any float."""
    exact = Fraction(number)
    return math.log(exact.numerator) - math.log(exact.denominator)
