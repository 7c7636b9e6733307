"""The log: all trials, folded from the events of a journal.

The fold knows nothing of spaces and strategies, so a report reads a study in a process that lacks the code that made
it. An event of a kind that is not known here changes nothing, and so do a second closing of a trial and a word about a
trial that was never proposed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from nasmyth.record import content_key
from nasmyth.search import pareto
from nasmyth.search.strategy import FULL, Stage
from nasmyth.study.events import DAMAGED, HEADER, Event
from nasmyth.study.trial import Failure, Limit, Objective, Trial

OLD_STAGES = {"short": Stage("short", 1 / 9), "long": Stage("long", 1 / 3), "final": FULL}
"""In studies of format 1 a trial went through all stages; it is taken to be at the last that was recorded."""
IDLE, SLACK = 60.0, 1.0
"""A longer silence than this is a pause, unless the event that ends it says that it took so long, give or take SLACK."""


class Log:
    """All trials, as told by the events so far. `apply` takes events in order."""

    def __init__(self, space: Any = None) -> None:
        self.space = space
        self.seq = 0
        self.header: dict[str, Any] = {}
        self.trials: dict[int, Trial] = {}
        self.open: dict[int, None] = {}
        self.closed: list[int] = []
        """The numbers of all trials that closed, in that order."""
        self.notes: list[dict[str, Any]] = []
        self.chosen: int | None = None
        """The trial that the search ended with, by its own rule: a note "chosen", with no full training after it."""
        self.artefacts: dict[str, str] = {}
        self.damaged: list[dict[str, Any]] = []
        """What cannot be read: number of the event, kind, trial and why. The study is what the others tell."""
        self.first = self.last = 0.0
        self.worked = 0.0
        """Seconds from the first event to the last, without the time in which nobody worked on the study."""
        self.timeline: list[tuple[float, int, float]] = []
        """(`worked`, trial, value) of every result for the first objective, in order."""
        self.asked = 0
        self.seen: set[str] = set()
        """The identities of all work that was proposed."""
        self.candidates: dict[str, list[int]] = {}
        """For every candidate, by its identity, the numbers of its trials."""
        self.goals: tuple[Objective, ...] = ()
        self.limits: tuple[Limit, ...] = ()
        self.under: tuple[str, ...] = ()
        """The limits as the journal writes them."""

    def apply(self, event: Event) -> Trial | None:
        """Take in the next event; returns the trial if the event closed one (a second closing is not one)."""
        self.first = self.first or event.time
        if event.time:  # what is damaged has none
            self.worked += _at_work(event, event.time - (self.last or event.time))
        self.seq, self.last = event.seq, event.time or self.last
        if event.kind == DAMAGED:
            self._lost(event)
        elif event.kind == HEADER:
            if not self.header:
                self.header = event.data
                self.goals = tuple(Objective(*pair) for pair in event.data.get("objectives", ()))
                self.under = tuple(event.data.get("under", ()))
                self.limits = tuple(map(Limit.parse, self.under))
        elif event.kind == "note":
            about = {} if event.trial is None else {"trial": event.trial}
            self.notes.append({"time": event.time, "what": "", **about, **event.data})
            if event.data.get("what") == "chosen":
                self.chosen = event.trial
        elif event.kind == "ask" and event.trial is not None:
            self._ask(event.trial, event.data)
        elif event.kind == "artefact" and event.trial is None:
            self.artefacts[event.data["name"]] = event.data["hash"]
        elif event.trial in self.trials:
            return self._change(self.trials[event.trial], event)
        elif event.trial is not None:
            self.asked = max(self.asked, event.trial)  # its proposal is lost; its number stays taken
        return None

    def _lost(self, event: Event) -> None:
        """Take note of a damaged event; the number of a proposal that was one is not given again."""
        kind, why = event.data["kind"], event.data["why"]
        self.damaged.append({"event": event.seq, "kind": kind, "trial": event.trial, "why": why})
        if kind == "ask" and event.trial == self.asked + 1:
            self.asked = event.trial

    def _ask(self, number: int, data: dict[str, Any]) -> None:
        self.asked = max(self.asked, number)
        stage, parent = stage_of(data), data.get("parent")
        candidate = identity(data.get("key", ""), data.get("recipe"))
        self.seen.add(work(candidate, stage, parent))
        self.candidates.setdefault(candidate, []).append(number)
        self.trials[number] = Trial(
            number,
            data.get("genome"),
            data.get("key", ""),
            data.get("origin", ""),
            stage,
            parent,
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
            if data["stage"] == FULL.name:
                self.chosen = None
            stages = {**trial.stages, data["stage"]: {k: v for k, v in data.items() if k != "stage"}}
            stage = OLD_STAGES.get(data["stage"], trial.stage) if self.header.get("format") == 1 else trial.stage
            self._set(trial, data, stages=stages, stage=stage, seconds=trial.seconds + data.get("seconds", 0.0))
        elif event.kind in ("tell", "fail") and not trial.closed:
            error = Failure(data.get("reason", "crashed"), data.get("message", "")) if event.kind == "fail" else None
            seconds = max(trial.seconds, data.get("seconds", 0.0))
            self.open.pop(trial.number, None)
            self.closed.append(trial.number)
            return self._set(trial, data, error=error, closed=True, seconds=seconds, at=self.worked)
        return None

    def _set(self, trial: Trial, data: dict[str, Any], **changes: Any) -> Trial:
        measures = {**trial.measures, **data.get("measures", {})}
        failed = trial.error is not None or changes.get("error") is not None
        new = replace(
            trial,
            measures=measures,
            objectives=() if failed else tuple(goal.oriented(measures) for goal in self.goals),
            violation=math.fsum(limit.violation(measures) for limit in self.limits),
            excess={text: limit.excess(measures) for text, limit in zip(self.under, self.limits, strict=True)},
            **changes,
        )
        self.trials[trial.number] = new
        if not failed and self.goals and self.goals[0].name in data.get("measures", {}):
            self.timeline.append((self.worked, trial.number, measures[self.goals[0].name]))
        return new

    @property
    def best(self) -> Trial | None:
        """The best trial within the budget, by the first objective, then the next, then the lower loss.

        What the search itself chose (see `chosen`) stands before all that.
        What was trained in full counts before what was trained a little, and the earliest of equals before the others.
        """
        if self.chosen in self.trials:
            return self.trials[self.chosen]
        able = [trial for trial in self.furthest() if trial.feasible]
        return max([trial for trial in able if trial.full] or able, key=rank_key, default=None)

    @property
    def front(self) -> list[Trial]:
        """The trials within the budget that no other beats in everything: objectives, and costs that are bounded.

        Without a bound, `params` is the cost, where it is known. The best in the first objective comes first.
        """
        able = [trial for trial in self.furthest() if trial.feasible]
        names = [limit.name for limit in self.limits if limit.relation == "<="] or ["params"]
        goals = {goal.name for goal in self.goals}
        costs = [name for name in names if name not in goals and all(name in trial.measures for trial in able)]
        points = [(*trial.objectives, *(-trial.measures[name] for name in costs)) for trial in able]
        kept: dict[tuple[float, ...], Trial] = {}  # one trial a point: the earliest
        for i in pareto.front(points):
            kept.setdefault(points[i], able[i])
        return sorted(kept.values(), key=lambda trial: (*(-value for value in trial.objectives), trial.number))

    def furthest(self) -> list[Trial]:
        """For every candidate its closed trial at the furthest stage, the last of equals; in the order of their numbers."""
        found = []
        for numbers in self.candidates.values():
            closed = [self.trials[number] for number in numbers if self.trials[number].closed]
            if closed:
                found.append(max(closed, key=lambda trial: (trial.full, trial.stage.share, trial.number)))
        return sorted(found, key=lambda trial: trial.number)


def _at_work(event: Event, passed: float) -> float:
    """How much of the time since the last event was work on the study: what the event says it took, or a minute at most."""
    took = event.data.get("seconds")
    return max(0.0, min(passed, max(IDLE, took + SLACK) if isinstance(took, (int, float)) else IDLE))


def rank_key(trial: Trial) -> tuple[Any, ...]:
    """What the better of two trials has more of: objectives, then a low loss, then an early number."""
    loss = trial.measures.get("loss", math.nan)
    return (trial.objectives, -loss if math.isfinite(loss) else -math.inf, -trial.number)


def fold(events: Iterable[Event]) -> Log:
    """The log that these events tell."""
    log = Log()
    for event in events:
        log.apply(event)
    return log


def identity(key: str, recipe: Any) -> str:
    """The key of the graph, joined by the recipe where the space holds one."""
    return key if recipe is None else f"{key}/{content_key(_frozen(recipe))}"


def work(candidate: str, stage: Stage, parent: int | None) -> str:
    """Equal for two proposals that would be the same piece of work."""
    return candidate + ("" if stage.name == FULL.name else f"@{stage.name}") + ("" if parent is None else f"<{parent}")


def stage_of(data: Mapping[str, Any]) -> Stage:
    """The stage that an ask event says."""
    said = data.get("stage")
    return Stage(**{name: said[name] for name in Stage._fields if name in said}) if isinstance(said, Mapping) else FULL


def stage_data(stage: Stage) -> dict[str, Any]:
    """What an ask event says of a stage, without what is as usual."""
    return {name: value for name, value in stage._asdict().items() if value != getattr(FULL, name)}


def _frozen(recipe: Any) -> Any:
    return [[name, _frozen(value)] for name, value in sorted(recipe.items())] if isinstance(recipe, Mapping) else recipe
