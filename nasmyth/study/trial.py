"""A trial: one candidate, from being proposed to its result.

Objectives are oriented so that more is better; `violation` is the sum of relative violations, 0 within the budget.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nasmyth.bounds import excess, violation
from nasmyth.errors import StudyError
from nasmyth.search.strategy import FULL, Stage


class Objective(NamedTuple):
    """A measure by name, and which way is better: "max" or "min"."""

    name: str
    direction: str = "max"

    def oriented(self, measures: Mapping[str, float]) -> float:
        """Its value with more being better; NaN if it was not measured."""
        value = measures.get(self.name, math.nan)
        return value if self.direction == "max" else -value


class Limit(NamedTuple):
    """A constraint as the journal writes it: "params<=10000", "latency@cpu<=0.008s"."""

    name: str
    relation: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read what `str` of a constraint wrote. Raises StudyError."""
        match = re.fullmatch(r"\s*(.+?)\s*(<=|>=)\s*([-+0-9.eE]+)\s*[A-Za-z]*\s*", text)
        try:
            if match is not None:
                return cls(match[1], match[2], float(match[3]))
        except ValueError:
            pass
        raise StudyError(f"cannot read the constraint {text!r} of the study")

    def violation(self, measures: Mapping[str, float]) -> float:
        """By how much it is missed, relative to the bound: 0 if it is met, infinite if it was not measured."""
        return violation(measures.get(self.name, math.nan), self.relation, self.bound)

    def excess(self, measures: Mapping[str, float]) -> float:
        """The same, and negative by how much there is to spare where it is met."""
        return excess(measures.get(self.name, math.nan), self.relation, self.bound)

    def __str__(self) -> str:
        return f"{self.name}{self.relation}{self.bound!r}"


@dataclass(frozen=True)
class Failure:
    """Why a candidate has no result: `reason` is diverged, memory, time, crashed or invalid."""

    reason: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


@dataclass(frozen=True)
class Trial:
    """One piece of work: a candidate at a stage, and what came of it. Frozen: what happens later makes a new Trial."""

    number: int
    genome: dict[str, Any] | None
    """`{address: choice}`, or None for a graph that was brought from outside the space."""
    key: str
    origin: str = ""
    stage: Stage = FULL
    """How much of a training it is worth; the same candidate at a further stage is another trial."""
    parent: int | None = None
    """The trial whose trained state it starts from; None starts from new weights."""
    recipe: Any = None
    """The training settings of this candidate, as JSON, where the space holds some."""
    measures: dict[str, float] = field(default_factory=dict)
    """The latest value of each measure, over what was recorded on the way and the result."""
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was recorded on the way, by label: {"short": {"measures": ..., "seconds": ..., "curve": ...}}."""
    objectives: tuple[float, ...] = ()
    """All to be maximised; NaN where not measured; empty for a trial that failed."""
    violation: float = 0.0
    excess: dict[str, float] = field(default_factory=dict)
    """Of each constraint, as it is written: by what fraction of its bound it is missed, negative with room to spare."""
    error: Failure | None = None
    closed: bool = False
    """Whether the trial has its result or its failure."""
    seconds: float = 0.0
    """Time that the evaluation took."""
    at: float = 0.0
    """Seconds of work on the study when it was closed."""
    artefacts: dict[str, str] = field(default_factory=dict)
    """{name: hash} of what was kept for this trial, such as its weights."""
    drawing: Any = field(default=None, repr=False)
    """The graph as JSON, where the candidate came from outside the space."""
    space: Any = field(default=None, repr=False, compare=False)
    start: bytes | None = field(default=None, repr=False, compare=False)
    """The trained state of its parent, where this trial is on its way to be evaluated."""

    @property
    def graph(self) -> Any:
        """The architecture. Raises StudyError where the space is not known in this process."""
        if self.drawing is not None:
            from nasmyth.graph.graph import Graph

            import_library()
            return Graph.from_json(self.drawing)
        if self.space is None:
            raise StudyError(f"trial {self.number}: its space is not known here; open the study with its space")
        return self.space.decode(self.genome)

    def __getstate__(self) -> dict[str, Any]:
        """Another process gets the graph, and not the whole space."""
        return {**self.__dict__, "space": None if self.space is None or self.genome is None else Decoded(self.graph)}

    @property
    def finished(self) -> bool:
        """Whether it has a result (and did not fail)."""
        return self.closed and self.error is None

    @property
    def full(self) -> bool:
        """Whether it is a training in full, or anything that knows of no stages."""
        return self.stage.name == FULL.name

    @property
    def feasible(self) -> bool:
        """Whether it has a result within the budget, with every objective a finite number."""
        return self.finished and self.violation == 0 and all(map(math.isfinite, self.objectives))


class Decoded(NamedTuple):
    """Stands for the space of one trial where only its graph is known."""

    graph: Any

    def decode(self, genome: Any) -> Any:
        """The graph."""
        return self.graph


def import_library() -> None:
    """Import what the library's own spaces are made of, so that graphs can be read from JSON (loads torch)."""
    for module in ("nasmyth.ops", "nasmyth.blocks", "nasmyth.spaces", "nasmyth.train.recipe"):
        importlib.import_module(module)


def checked(measures: Mapping[str, Any], goals: Sequence[Objective] = ()) -> dict[str, float]:
    """`measures` as plain numbers, with every goal among them. Raises StudyError for what is not a number."""
    plain = {}
    for name, value in measures.items():
        number = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
        if not isinstance(number, (int, float)):
            raise StudyError(f"{name}={value!r}: a measure is a number, and this is a {type(value).__name__}")
        plain[str(name)] = number
    for goal in goals:
        if goal.name not in plain:
            told = ", ".join(plain) or "nothing"
            raise StudyError(f"the objective {goal.name!r} was not told (told: {told}); pass {goal.name}=...")
    return plain


def unusable(measures: Mapping[str, float], goals: Sequence[Objective]) -> str:
    """What is wrong with objectives that are no finite numbers: "accuracy is nan"; empty where all are."""
    return " and ".join(
        f"{goal.name} is {measures[goal.name]}" for goal in goals if not math.isfinite(measures[goal.name])
    )
