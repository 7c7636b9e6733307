"""What a study is about: its objectives, constraints and header; and when another header is another study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nasmyth.errors import StudyError, UnitError, UnknownNameError
from nasmyth.origin import made_of, refuse_missing
from nasmyth.record import Value, content_key, to_json
from nasmyth.search import Auto
from nasmyth.study.arguments import is_pair, listed
from nasmyth.study.environment import environment, version
from nasmyth.study.store import FORMAT
from nasmyth.study.trial import Limit, Objective, Trial, import_library
from nasmyth.train import is_task

FIXED = ("space", "objectives", "under", "strategy", "seed", "task")
"""What may not change in a study. Versions, environment, command and spend may."""


@dataclass(frozen=True)
class Goals:
    """Objectives by name; constraints as they were given; and the measures behind both, where they are known."""

    objectives: tuple[Objective, ...]
    constraints: tuple[Any, ...]
    free: tuple[Any, ...]
    """Measures that need only the graph, and so cost next to nothing."""

    def narrowed(self, space: Any) -> Any:
        """The space of what meets the constraints on graphs, where the space can say so. Raises BudgetError."""
        known = set(getattr(space, "constraints", ()))
        limits = [c for c in self.constraints if getattr(c, "measure", None) in self.free and c not in known]
        return space.narrow(*limits) if limits and hasattr(space, "narrow") else space

    def aimed(self, strategy: Any) -> Any:
        """A strategy that chooses by the goal is told it; any other is as it was."""
        names = {measure.name for measure in self.free}
        goal = self.objectives[0]
        if not isinstance(strategy, Auto) or strategy.goal or len(self.objectives) > 1 or goal.name not in names:
            return strategy
        return strategy.replace(goal=goal.name, direction=goal.direction)

    def counted(self, trial: Trial, told: Mapping[str, Any]) -> dict[str, float]:
        """The free measures that nobody told."""
        missing = [m for m in self.free if m.name not in told and m.name not in trial.measures]
        if not missing:
            return {}
        from nasmyth.measure import Candidate, evaluate

        return evaluate(Candidate(trial.graph), missing).require()

    def measurable(self) -> tuple[Any, ...]:
        """The constraints, each with its measure. Raises UnknownNameError for a figure that only an evaluation knows of."""
        from nasmyth.measure import Constraint, find

        return tuple(
            Constraint(find(one.name), one.relation, one.bound) if isinstance(one, Limit) else one
            for one in self.constraints
        )


def resolved(maximize: Any, minimize: Any, under: Iterable[Any] | None) -> Goals:
    """Read objectives and constraints: any measure may be made large or small. Raises StudyError."""
    if maximize is None and not listed(minimize):
        maximize = "accuracy"
    pairs = [_goal(one, "max") for one in listed(maximize)] + [_goal(one, "min") for one in listed(minimize)]
    objectives = tuple(goal for goal, _ in pairs)
    if not objectives:
        raise StudyError("a study needs an objective: maximize='accuracy', or minimize='rmse'")
    if len({goal.name for goal in objectives}) < len(objectives):
        raise StudyError(f"an objective is named twice: {', '.join(goal.name for goal in objectives)}")
    constraints = tuple(_constraint(one) for one in listed(under))
    measures = [measure for _, measure in pairs] + [getattr(one, "measure", None) for one in constraints]
    free = [m for m in measures if m is not None and getattr(m, "requires", None) and m.requires <= {"graph"}]
    return Goals(objectives, constraints, tuple(dict.fromkeys(free)))


def _goal(given: Any, direction: str) -> tuple[Objective, Any]:
    if is_pair(given):
        return Objective(str(getattr(given[0], "name", given[0])), given[1]), _measure(given[0])
    if not isinstance(given, str) and not hasattr(given, "name"):
        raise StudyError(f"{direction}imize={given!r:.80}: a goal is a measure or its name, such as 'accuracy'")
    return Objective(str(getattr(given, "name", given)), direction), _measure(given)


def _measure(given: Any) -> Any:
    """The measure itself, or the one of that name; a name may also be one that only an evaluation tells."""
    from nasmyth.measure import find
    from nasmyth.measure.measure import Family

    if isinstance(given, Family):
        return find(given)  # which asks for which of them
    if not isinstance(given, str):
        return given
    try:
        return find(given)
    except (UnknownNameError, UnitError):
        return None


def _constraint(given: Any) -> Any:
    if isinstance(given, str):
        from nasmyth.measure import constraint

        return constraint(given)
    if not (hasattr(given, "measure") or isinstance(given, Limit)):
        raise StudyError(f"under={given!r:.80}: write a budget, such as params <= 3e6 or 'params<=3M'")
    return given


def refuse_unsuitable(wanted: Goals, task: Any) -> None:
    """Raise DataError for a goal or a constraint that is no figure of such a task, or that its validation split cannot tell."""
    if not is_task(task):
        return
    from nasmyth.measure import find

    limits = [limit.measure for limit in wanted.constraints if hasattr(limit, "measure")]
    for one in (*(goal.name for goal in wanted.objectives), *limits):
        try:
            measure = find(one)
        except (UnknownNameError, UnitError):
            continue  # a figure that only whoever evaluates knows of
        measure.check_task(task, "valid")


def judged(task: Any, wanted: Goals) -> Any:
    """The task, judged by the first goal where that is a score of its answers."""
    from nasmyth.measure.trained import judged_by

    return judged_by(task, wanted.objectives[0].name) if is_task(task) else task


def header(wanted: Goals, space: Any, strategy: Any, seed: int, task: Any, command: str, spend: Any) -> dict[str, Any]:
    """The first event of a study."""
    return {
        "format": FORMAT,
        "nasmyth": version("nasmyth"),
        "space": _written(space),
        "space_key": str(space.key),
        "made_of": made_of(getattr(space, "template", None), strategy),
        **asked(wanted, strategy, seed),
        "task": _described(judged(task, wanted)),
        "environment": environment(),
        "command": command,
        "spend": spend._asdict() if hasattr(spend, "_asdict") else spend,
    }


def asked(wanted: Goals, strategy: Any, seed: int) -> dict[str, Any]:
    """What of the header is known before there is data."""
    return {
        "objectives": [list(goal) for goal in wanted.objectives],
        "under": [str(limit) for limit in wanted.constraints],
        "strategy": to_json(wanted.aimed(strategy)) if isinstance(strategy, Value) else {"$": type(strategy).__name__},
        "seed": seed,
    }


def _written(space: Any) -> Any:
    try:
        return space.to_json() if hasattr(space, "to_json") else None
    except (TypeError, ValueError):
        return None  # a space with a part that has no JSON form can be searched, and is known by its key


def _described(task: Any) -> Any:
    if task is None or isinstance(task, (str, dict)):
        return task
    if not hasattr(task, "describe"):
        raise StudyError(f"task={task!r:.80}: give what is learned, such as task=nasmyth.read('flowers/')")
    return task.describe()


def refuse_if_different(name: str, kept: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Raise StudyError naming every field of FIXED in which the study on file differs from what `mine` asks for."""
    if found := differences(kept, mine):
        raise StudyError(f"{name} holds another study; {'; '.join(found)}. Choose another path, or ask for the same")


def differences(kept: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    """A sentence for every field of FIXED in which a study differs from what `mine` says of itself."""
    found = []
    for field in (field for field in FIXED if field in mine or (field == "space" and "space_key" in mine)):
        theirs, ours = _identity(field, kept), _identity(field, mine)
        if theirs != ours:
            found.append(f"{field}: it has {_shown(field, kept)}, this asks for {_shown(field, mine)}")
    return found


def _identity(field: str, said: Mapping[str, Any]) -> Any:
    if field == "space":
        return said.get("space_key")
    if field == "task":
        task = said.get("task")
        return task.get("fingerprint", task) if isinstance(task, dict) else task
    value = said.get(field)
    return sorted(value) if field == "under" and value else _plain(value)


def _plain(value: Any) -> Any:
    """The value as it reads back from JSON, so that a tuple equals the list it was written as."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _shown(field: str, said: Mapping[str, Any]) -> str:
    if field == "space":
        return f"space {str(said.get('space_key'))[:8]}"
    value = said.get(field)
    if field == "task" and isinstance(value, dict):
        return f"{value.get('name', 'data')} ({str(value.get('fingerprint', content_key(str(value))))[:8]})"
    if field == "objectives" and value:
        return " and ".join(f"{direction} {name}" for name, direction in value)
    if field == "under":
        return ", ".join(value) if value else "no constraints"
    if field == "strategy" and isinstance(value, dict):
        return f"{value.get('$')}({', '.join(f'{k}={v}' for k, v in value.items() if k != '$')})"
    return "none" if value is None else str(value)


class LazySpace:
    """The space that a header holds, read when a graph is asked for: your own ops must have been imported by then."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.key = str(said.get("space_key", ""))
        self._said = said.get("space")
        self._made_of = said.get("made_of")
        self._space: Any = None

    @property
    def space(self) -> Any:
        """The space itself. Raises StudyError if the study does not hold it, UnknownNameError if its classes are not
        imported."""
        if self._space is None:
            if self._said is None:
                raise StudyError("the study does not hold its space; open it with Study(path, space)")
            from nasmyth.space import Space

            import_library()
            refuse_missing(self._made_of)
            self._space = Space.from_json(self._said)
        return self._space

    def decode(self, genome: Any) -> Any:
        """The graph of a genome."""
        return self.space.decode(genome)

    def recipe_of(self, genome: Any) -> Any:
        """The recipe of a genome, or None."""
        return self.space.recipe_of(genome)
