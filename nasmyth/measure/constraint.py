"""A constraint: a comparison of a measure with a bound."""

from __future__ import annotations

import math
from typing import Any

from nasmyth import bounds
from nasmyth.errors import UnitError
from nasmyth.units import quantity


class Constraint:
    """`measure <= bound` or `measure >= bound`. Two that say the same are equal; the text of one reads back as it."""

    __slots__ = ("bound", "measure", "relation")

    def __init__(self, measure: Any, relation: str, bound: float | str) -> None:
        self.measure, self.relation = measure, relation  # a `Measure`, which stands above this file
        self.bound = quantity(bound, measure.unit)
        if not math.isfinite(self.bound):
            raise UnitError(f"{measure.name}{relation}{bound}: a bound must be a finite number")

    def satisfied(self, value: float) -> bool:
        """Whether a measured value meets the bound; a value that is not a number never does."""
        return bounds.satisfied(value, self.relation, self.bound)

    def violation_ratio(self, value: float) -> float:
        """How hard the constraint presses: above 1 exactly when it is missed (`nasmyth.bounds`)."""
        return bounds.violation_ratio(value, self.relation, self.bound)

    def violation(self, value: float) -> float:
        """0 when met, else by what fraction of the bound it is missed."""
        return bounds.violation(value, self.relation, self.bound)

    def at(self, value: float) -> Constraint:
        """The same comparison with another bound."""
        return Constraint(self.measure, self.relation, value)

    def __str__(self) -> str:
        return f"{self.measure.name}{self.relation}{_exact(self.bound, self.measure.unit)}"

    def __repr__(self) -> str:
        return f"<constraint {self}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constraint) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __bool__(self) -> bool:
        raise TypeError(f"{self} is neither true nor false by itself: write two constraints, not `a <= measure <= b`")


def _exact(value: float, unit: str) -> str:
    """A number with its base unit, exact, so that it reads back as the same number."""
    text = str(int(value)) if value == int(value) else repr(value)
    return f"{text}{unit}" if unit in ("s", "B", "J") else text
