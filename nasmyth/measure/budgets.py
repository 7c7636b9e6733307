"""Budgets as they are written: "params<=3M", "latency@cpu<=8ms", one or several."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nasmyth.errors import BudgetError, UnitError
from nasmyth.measure.constraint import Constraint
from nasmyth.measure.measure import find, shortly

_CONSTRAINT = re.compile(r"\s*([A-Za-z_][\w.]*(?:@[^<>]+|:.+)?)\s*(<=|>=|<|>)\s*(.+?)\s*", re.DOTALL)
"""The label of a class may hold anything: of "recall:>50K>=0.8" the last comparison counts."""


def constraint(text: str | Constraint) -> Constraint:
    """Read "params<=3M" or "latency@cpu<=8ms". Raises UnitError or UnknownNameError, which suggest the nearest."""
    if isinstance(text, Constraint):
        return text
    match = _CONSTRAINT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise UnitError(
            f"cannot read {text!r:.200} as a budget; write measure<=bound, such as 'params<=3M' or 'latency@cpu<=8ms'"
        )
    found, relation, bound = find(match[1].strip()), match[2], match[3]
    return found >= bound if relation[0] == ">" else found <= bound


def constraints(texts: str | Constraint | Iterable[str | Constraint]) -> tuple[Constraint, ...]:
    """Read one or several, drop repetitions, refuse contradictions (BudgetError)."""
    several = (texts,) if isinstance(texts, (str, Constraint)) else texts
    if not isinstance(several, Iterable):
        raise UnitError(
            f"budgets are a list of texts and comparisons, such as ['params<=3M'], and this is {shortly(texts)}"
        )
    found = list(dict.fromkeys(map(constraint, several)))
    for upper in found:
        for lower in found:
            same = upper.measure.name == lower.measure.name
            if same and upper.relation == "<=" and lower.relation == ">=" and lower.bound > upper.bound:
                raise BudgetError(
                    f"{upper} and {lower} contradict each other: no number is both; drop one", binding=str(upper)
                )
    return tuple(found)
