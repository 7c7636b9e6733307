"""A bound on a number, `value <= bound` or `value >= bound`: whether it is met, and by how much it is missed.

Numbers are compared as they are, infinite ones too; what is not a number, or was never measured, meets nothing.
"""

from __future__ import annotations

import math


def satisfied(value: float, relation: str, bound: float) -> bool:
    """Whether the bound is met; NaN never meets one."""
    return value <= bound if relation == "<=" else value >= bound


def violation_ratio(value: float, relation: str, bound: float) -> float:
    """How hard the bound presses: 0.8 with a fifth to spare, 1.2 when missed by a fifth, infinite for NaN.

    Above 1 exactly when the bound is missed, and never less for a worse value.
    """
    if math.isnan(value):
        return math.inf
    missed_by = value - bound if relation == "<=" else bound - value
    ratio = 1.0 + missed_by / max(abs(bound), 1e-12)
    return min(ratio, 1.0) if satisfied(value, relation, bound) else max(ratio, math.nextafter(1.0, 2.0))


def excess(value: float, relation: str, bound: float) -> float:
    """By what fraction of the bound it is missed; negative by how much there is to spare."""
    return violation_ratio(value, relation, bound) - 1.0


def violation(value: float, relation: str, bound: float) -> float:
    """0 when met, else by what fraction of the bound it is missed."""
    return max(0.0, excess(value, relation, bound))
