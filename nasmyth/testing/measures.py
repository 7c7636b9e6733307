"""The laws of a measure: a finite number, the same again, of what it says that it needs. Nothing here needs torch."""

from __future__ import annotations

import math
import pickle
from typing import Any

from nasmyth.measure.measure import Measure, constraint
from nasmyth.testing.laws import law


def check_measure(measure: Measure, *candidates: Any, context: tuple[Any, ...] = ()) -> None:
    """Every law of a measure, on some candidates (graphs if it needs no more), with what else it is called with."""
    law(bool(measure.__doc__), measure, "says nothing of what it measures")
    law(measure.direction in ("min", "max"), measure, f"has the direction {measure.direction!r}")
    law(pickle.loads(pickle.dumps(measure)) is measure, measure, "pickle does not lead back to it: register it")
    for bound in (0.0, 1.0, 1234.5, 2.5e-7):
        for made in (measure <= bound, measure >= bound):
            law(constraint(str(made)) == made, measure, f"{made} does not read back")
    for candidate in candidates:
        value = measure(candidate, *context)
        law(isinstance(value, float), measure, f"gives {value!r}, not a float")
        law(math.isfinite(value), measure, f"gives {value}: raise a CandidateError where there is no number")
        again = measure(candidate, *context)
        law(measure.stochastic or again == value, measure, f"gives {value}, then {again}, and is not called stochastic")
        if measure.needs <= {"graph"}:
            copy = pickle.loads(pickle.dumps(getattr(candidate, "graph", candidate)))
            law(measure(copy) == value, measure, "says that it needs a graph alone, and differs on an equal one")
