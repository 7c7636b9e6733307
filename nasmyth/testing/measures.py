"""The conformance suite of measures.

check_measure(params, graph, bigger_graph)                 # raises AssertionError, which names the law that is broken
check_measure(naswot, Candidate(graph, task=task))         # what needs more than a graph, on candidates

That `needs` is truthful is a law: chance aside, a figure is the same where what is not needed differs, and what it was
given is left as it was for the measures that come after it.
"""

from __future__ import annotations

import inspect
import math
import pickle
from typing import Any

from nasmyth.measure import Candidate, Measure, constraint, evaluate
from nasmyth.testing.laws import law
from nasmyth.units import UNITS


def check_measure(measure: Measure, *candidates: Any) -> None:
    """Every law of a measure, on some candidates (or graphs, if it needs no more)."""
    law(bool(measure.__doc__), measure, "says nothing of what it measures")
    law(measure.direction in ("min", "max"), measure, f"has the direction {measure.direction!r}")
    law(measure.unit in UNITS, measure, f"has the unit {measure.unit!r}; there are {', '.join(map(repr, UNITS))}")
    law(pickle.loads(pickle.dumps(measure)) is measure, measure, "pickle does not lead back to it: register it")
    for bound in (0.0, 1.0, 1234.5, 2.5e-7):
        for made in (measure <= bound, measure >= bound):
            law(constraint(str(made)) == made, measure, f"{made} does not read back")
    law(_takes(measure), measure, f"needs {', '.join(measure.needs)}: its function has to take as many arguments")
    for one in candidates:
        candidate = one if isinstance(one, Candidate) else Candidate(getattr(one, "graph", one))
        value = _value(measure, candidate.again())
        law(math.isfinite(value), measure, f"gives {value}: raise a CandidateError where there is no number")
        if not measure.stochastic:
            _repeats(measure, candidate, value)
            _uses_what_it_declares(measure, candidate, value)
        _leaves_as_it_was(measure, candidate.again())


def _takes(measure: Measure) -> bool:
    try:
        inspect.signature(measure.function).bind(*measure.needs)
    except TypeError:
        return False
    return True


def _value(measure: Measure, candidate: Candidate) -> float:
    told = evaluate(candidate, [measure])
    if told.error is not None:
        raise told.error
    return told.values[measure.name]


def _repeats(measure: Measure, candidate: Candidate, value: float) -> None:
    for what, twin in (
        ("again", candidate.again()),
        ("on an equal graph", candidate.again(graph=pickle.loads(pickle.dumps(candidate.graph)))),
    ):
        found = _value(measure, twin)
        law(found == value, measure, f"gives {value}, and {what} {found}, and is not called stochastic")
    if measure.many:
        alone = evaluate([candidate.again(), candidate.again()], [measure])
        law(all(told.values == {measure.name: value} for told in alone), measure, "depends on who is asked beside it")


def _uses_what_it_declares(measure: Measure, candidate: Candidate, value: float) -> None:
    from nasmyth.train import Recipe

    others = {"seed": candidate.seed + 1, "task": None, "recipe": Recipe(epochs=1), "split": "test"}
    for name in others.keys() - measure.requires:
        twin = candidate.again(**{name: others[name]})
        found = _value(measure, twin)
        law(
            found == value,
            measure,
            f"does not say that it needs the {name}, and gives {found} instead of {value} with another",
        )


def _leaves_as_it_was(measure: Measure, candidate: Candidate) -> None:
    """Weights, statistics, mode and batch: the next measure is given the same objects."""
    shared = [name for name in ("network", "batch", "labels", "gradients") if name in measure.requires]
    before = [_state(candidate[name]) for name in shared]
    _value(measure, candidate)
    for name, old in zip(shared, before, strict=True):
        law(_state(candidate[name]) == old, measure, f"changes the {name}, which others need as it was")


def _state(made: Any) -> Any:
    """A value that is equal as long as nothing was changed."""
    if hasattr(made, "state_dict"):
        modes = [module.training for module in made.modules()]
        asked = [(weight.requires_grad, weight.grad is None) for weight in made.parameters()]
        return (_state(made.state_dict()), modes, asked)
    if hasattr(made, "items"):
        return {name: _state(value) for name, value in made.items()}
    if isinstance(made, (tuple, list)):
        return [_state(value) for value in made]
    return made.detach().cpu().numpy().tobytes() if hasattr(made, "detach") else made
