"""A trial: one candidate, from being proposed to its result; and the log, which is all trials folded from the events.

The fold knows nothing of spaces and strategies, so a report reads a study in a process that lacks the code that made
it. Objectives are oriented so that more is better; `violation` is the sum of relative violations, 0 within the budget.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from nasmyth.errors import StudyError
from nasmyth.study import pareto
from nasmyth.study.journal import Event


FULL = "final"
"""The stage of a trial that was trained in full."""


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
        value = measures.get(self.name, math.nan)
        if not math.isfinite(value):
            return math.inf
        excess = value - self.bound if self.relation == "<=" else self.bound - value
        return excess / max(abs(self.bound), 1e-12) if excess > 0 else 0.0

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
    """One candidate and what is known of it. Frozen: what happens later makes a new Trial."""

    number: int
    genome: dict[str, Any] | None
    """`{address: choice}`, or None for a graph that was brought from outside the space."""
    key: str
    origin: str = ""
    recipe: Any = None
    """The training settings of this candidate, as JSON, where the space holds some."""
    measures: dict[str, float] = field(default_factory=dict)
    """The latest value of each measure, over stages and the final result."""
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was recorded on the way: {"short": {"measures": ..., "seconds": ..., "curve": ...}}."""
    objectives: tuple[float, ...] = ()
    """All to be maximised; NaN where not measured; empty for a trial that failed."""
    violation: float = 0.0
    error: Failure | None = None
    closed: bool = False
    """Whether the trial has its result or its failure."""
    seconds: float = 0.0
    """Time that the evaluation took, stages included."""
    artefacts: dict[str, str] = field(default_factory=dict)
    """{name: hash} of what was kept for this trial, such as its weights."""
    drawing: Any = field(default=None, repr=False)
    """The graph as JSON, where the candidate came from outside the space."""
    space: Any = field(default=None, repr=False, compare=False)

    @property
    def graph(self) -> Any:
        """The architecture. Raises StudyError where the space is not known in this process."""
        if self.drawing is not None:
            from nasmyth.graph.graph import Graph

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
    def feasible(self) -> bool:
        """Whether it has a result within the budget, with every objective a finite number."""
        return self.finished and self.violation == 0 and all(map(math.isfinite, self.objectives))


class Decoded(NamedTuple):
    """Stands for the space of one trial where only its graph is known."""

    graph: Any

    def decode(self, genome: Any) -> Any:
        """The graph."""
        return self.graph


class Log:
    """All trials, as told by the events so far. `apply` takes events in order."""

    def __init__(self, space: Any = None) -> None:
        self.space = space
        self.seq = 0
        self.header: dict[str, Any] = {}
        self.trials: dict[int, Trial] = {}
        self.open: dict[int, None] = {}
        self.closings = 0
        self.notes: list[dict[str, Any]] = []
        self.artefacts: dict[str, str] = {}
        self.first = self.last = 0.0
        self.asked = 0
        self.goals: tuple[Objective, ...] = ()
        self.limits: tuple[Limit, ...] = ()

    def apply(self, event: Event) -> Trial | None:
        """Take in the next event; returns the trial if the event closed one (a second closing is not one)."""
        self.seq, self.last = event.seq, event.time
        self.first = self.first or event.time
        if event.kind == "study":
            if not self.header:
                self.header = event.data
                self.goals = tuple(Objective(*pair) for pair in event.data.get("objectives", ()))
                self.limits = tuple(map(Limit.parse, event.data.get("under", ())))
        elif event.kind == "note":
            about = {} if event.trial is None else {"trial": event.trial}
            self.notes.append({"time": event.time, **about, **event.data})
        elif event.kind == "ask" and event.trial is not None:
            self._ask(event.trial, event.data)
        elif event.kind == "artefact" and event.trial is None:
            self.artefacts[event.data["name"]] = event.data["hash"]
        elif event.trial in self.trials:
            return self._change(self.trials[event.trial], event)
        return None

    def _ask(self, number: int, data: dict[str, Any]) -> None:
        self.asked = max(self.asked, number)
        self.trials[number] = Trial(
            number,
            data.get("genome"),
            data.get("key", ""),
            data.get("origin", ""),
            recipe=data.get("recipe"),
            objectives=(math.nan,) * len(self.goals),
            violation=math.inf if self.limits else 0.0,
            drawing=data.get("graph"),
            space=self.space,
        )
        self.open[number] = None

    def _change(self, trial: Trial, event: Event) -> Trial | None:
        data = event.data
        if event.kind == "artefact":
            self.trials[trial.number] = replace(trial, artefacts={**trial.artefacts, data["name"]: data["hash"]})
        elif event.kind == "measured":
            stages = {**trial.stages, data["stage"]: {k: v for k, v in data.items() if k != "stage"}}
            self._set(trial, data, stages=stages, seconds=trial.seconds + data.get("seconds", 0.0))
        elif event.kind in ("tell", "fail") and not trial.closed:
            error = Failure(data.get("reason", "crashed"), data.get("message", "")) if event.kind == "fail" else None
            seconds = max(trial.seconds, data.get("seconds", 0.0))
            self.open.pop(trial.number, None)
            self.closings += 1
            return self._set(trial, data, error=error, closed=True, seconds=seconds)
        return None

    def _set(self, trial: Trial, data: dict[str, Any], **changes: Any) -> Trial:
        measures = {**trial.measures, **data.get("measures", {})}
        failed = trial.error is not None or changes.get("error") is not None
        new = replace(
            trial,
            measures=measures,
            objectives=() if failed else tuple(goal.oriented(measures) for goal in self.goals),
            violation=math.fsum(limit.violation(measures) for limit in self.limits),
            **changes,
        )
        self.trials[trial.number] = new
        return new

    @property
    def best(self) -> Trial | None:
        """The best trial within the budget, by the first objective, then the next, then the lower loss.

        What was trained in full counts before what was trained a little, and the earliest of equals before the others.
        """
        able = self._feasible()
        full = [trial for trial in able if FULL in trial.stages]
        return max(full or able, key=_merit, default=None)

    @property
    def front(self) -> list[Trial]:
        """The trials within the budget that no other beats in everything: objectives, and costs that are bounded.

        Without a bound, `params` is the cost, where it is known. The best in the first objective comes first.
        """
        able = self._feasible()
        names = [limit.name for limit in self.limits if limit.relation == "<="] or ["params"]
        goals = {goal.name for goal in self.goals}
        costs = [name for name in names if name not in goals and all(name in trial.measures for trial in able)]
        points = [(*trial.objectives, *(-trial.measures[name] for name in costs)) for trial in able]
        kept: dict[tuple[float, ...], Trial] = {}  # one trial a point: the earliest
        for i in pareto.front(points):
            kept.setdefault(points[i], able[i])
        return sorted(kept.values(), key=lambda trial: (*(-value for value in trial.objectives), trial.number))

    def _feasible(self) -> list[Trial]:
        return [trial for _, trial in sorted(self.trials.items()) if trial.feasible]


def _merit(trial: Trial) -> tuple[Any, ...]:
    loss = trial.measures.get("loss", math.nan)
    return (trial.objectives, -loss if math.isfinite(loss) else -math.inf, -trial.number)


def fold(events: Iterable[Event]) -> Log:
    """The log that these events tell."""
    log = Log()
    for event in events:
        log.apply(event)
    return log


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
