"""A study: a space, what to look for in it, and a journal of what was found. Run the same line again and it goes on.

    study = Study("flowers.db", space, maximize="accuracy", under=["params<=3M"], strategy=Evolution(population=64))
    study.run(task, trials=500)                      # trains; or a function Graph -> {"accuracy": 0.93}
    for trial in study.ask(4):                       # or drive it yourself
        study.tell(trial, accuracy=evaluate(trial.graph))
    study.best, study.front

A study holds nothing that the journal does not: opening one folds its events into trials and into the state of the
strategy. A trial that was handed out and never told (its process was killed) is handed out again, with its number and
genome, before new ones are proposed; so the journal of a search that was interrupted ends like that of one that was
not. That holds for one worker at a time: several at once tell their results in the order in which they finish.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
import weakref
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, Self

from nasmyth.errors import StudyError
from nasmyth.origin import changed
from nasmyth.study import arguments, claims
from nasmyth.study.asking import Asking
from nasmyth.study.events import DAMAGED, HEADER, Event, event
from nasmyth.study.header import LazySpace, header, refuse_if_different, refuse_unsuitable, resolved
from nasmyth.study.journal import Conflict, Journal, Lost
from nasmyth.study.outcome import failure
from nasmyth.study.proposals import Proposer, Strategy
from nasmyth.study.trial import Failure, Trial, checked, unusable

LOGGER = logging.getLogger("nasmyth.study")
Goals = Any
"""A measure or its name, a (name, direction) pair, or several of these."""


class Study(Asking):
    """An append-only log of trials over a space.

    No architecture is tried twice; with `distinct="genome"`, no genome is. `path` is a file, a postgresql:// URL, or
    None for memory. `under` holds constraints (`params <= 3e6`, or text). Raises StudyError if the path holds a study
    of another space, objective, constraint, strategy, seed or data.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        space: Any,
        maximize: Goals = None,
        under: Iterable[Any] | None = (),
        strategy: Strategy | str | None = None,
        seed: int = 0,
        task: Any = None,
        *,
        minimize: Goals = (),
        command: str = "",
        spend: Any = None,
        distinct: str = "graph",
        lease: float = claims.LEASE,
        timeout: float = 30.0,
    ) -> None:
        path, self.space = arguments.path_of(path), arguments.space_of(space)
        self.strategy = arguments.strategy_of(strategy)
        self.seed = seed = arguments.seed_of(seed)
        if distinct not in ("graph", "genome"):
            raise StudyError(f"distinct={distinct!r}: candidates are told apart by 'graph' or by 'genome'")
        self.distinct = distinct
        self.wanted = resolved(maximize, minimize, under)
        refuse_unsuitable(self.wanted, task)
        self._lease = lease
        narrowed = self.wanted.narrowed(space)
        self._proposer = Proposer(narrowed, self.strategy, seed, distinct)
        self._state = self.strategy.init(narrowed)
        mine = header(self.wanted, space, self.strategy, seed, task, command, spend)
        self._open(Journal(path, timeout=timeout), space)  # last: what is asked for wrongly leaves no file behind
        try:
            self._begin(mine)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Study:
        """A study to read from: nothing is written, and a file that is missing is not made. Raises StudyError."""
        study = cls.__new__(cls)
        journal = Journal(arguments.path_of(path), readonly=True)
        try:
            events = journal.read()
            first = next((e.data for e in events if e.kind == HEADER), None)
            if first is None:
                why = next(
                    (f"event {e.seq} of it is damaged: {e.data['why']}" for e in events if e.kind == DAMAGED), ""
                )
                raise StudyError(
                    f"{path}: a study was begun here, but has no header; " + (why or "run the line that made it again")
                )
            study.space = LazySpace(first)
            study.seed = first.get("seed", 0)
            study._open(journal, study.space)
            study.sync()
        except BaseException:
            journal.close()
            raise
        return study

    def _open(self, journal: Journal, space: Any) -> None:
        self._read_from(journal, space)
        self._held: dict[int, float] = {}
        self._recorded: set[tuple[int, str]] = set()
        self._heart: claims.Heartbeat | None = None
        self._worker = claims.enrol()
        weakref.finalize(self, claims.retire, self._worker)

    def _begin(self, mine: dict[str, Any]) -> None:
        self.sync()
        if not self._log.header:
            try:
                self.journal.append(event("study", **mine), expect=0)
            except Conflict:
                pass  # somebody began the same study at this moment
            self.sync()
        if not self._log.header:
            lost = "".join(f" (event {one['event']} is damaged: {one['why']})" for one in self.damaged[:1])
            raise StudyError(
                f"{self.journal.where}: the journal does not begin with a study{lost}; choose another path"
            )
        refuse_if_different(self.journal.where or "memory", self._log.header, mine)
        for one in self._log.damaged:
            about = "" if one["trial"] is None else f" of trial {one['trial']}"
            LOGGER.warning(
                "%s: event %d (%s%s) is damaged: %s; it is taken as lost, and the study goes on without it",
                self.journal.where, one["event"], one["kind"] or "of no kind", about, one["why"],
            )  # fmt: skip
        for sentence in changed(self._log.header.get("made_of")):
            warnings.warn(f"{self.journal.where}: {sentence}: older results are of other networks", stacklevel=3)

    def _heard(self, closed: Trial) -> None:
        """Tell the strategy; not of a graph from outside the space, nor of a genome that does not decode."""
        invalid = closed.error is not None and closed.error.reason == "invalid"
        if not self.journal.readonly and closed.genome is not None and not invalid:
            self._state = self.strategy.tell(self._state, closed)

    # --- telling --------------------------------------------------------------------------------------------------

    def tell(self, trial: Trial | int, /, seconds: float | None = None, **measures: float) -> Trial:
        """Close a trial with its result. What a constraint or objective reads from the graph alone is filled in.

        An objective that is not a finite number closes it as a failure: the candidate diverged.
        If another worker was given the trial and told it first (this one was silent for longer than a lease), its
        result stands, and is returned. Raises StudyError if the trial is closed, or if an objective is missing.
        """
        return self.settle(trial, measures, seconds)

    def settle(self, trial: Trial | int, measures: Mapping[str, Any], seconds: float | None = None) -> Trial:
        """`tell` with the measures in a dict, for names that are not Python names: {"latency@cpu": 0.004}."""
        known = self._known(trial)
        told = self.completed(known, measures)
        if why := unusable({**known.measures, **told}, self._log.goals):
            return self._close(known, "fail", seconds, reason="diverged", message=why, measures=told)
        return self._close(known, "tell", seconds, measures=told)

    def completed(self, trial: Trial, measures: Mapping[str, Any]) -> dict[str, float]:
        """`measures` as numbers, with what can be read from the graph. Raises StudyError if an objective is missing."""
        known = self._known(trial)
        told = {**self.wanted.counted(known, measures), **checked(measures)}
        checked({**known.measures, **told}, self._log.goals)
        return told

    def fail(self, trial: Trial | int, error: BaseException | str, /, seconds: float | None = None) -> Trial:
        """Close a trial that has no result, with the reason: diverged, memory, time, crashed."""
        known = self._known(trial)
        why = failure(error) if isinstance(error, BaseException) else Failure("crashed", error)
        figures = getattr(error, "measures", None)
        more = {"measures": checked(figures)} if figures else {}
        return self._close(known, "fail", seconds, reason=why.reason, message=why.message, **more)

    def record(
        self,
        trial: Trial | int,
        stage: str,
        measures: Mapping[str, Any],
        *,
        seconds: float = 0.0,
        step: int | None = None,
        **more: Any,
    ) -> Trial:
        """Write down a result on the way, without closing the trial (one that is closed may be recorded on, too).

        A stage is recorded once; `step` tells several of one kind apart ("short@3"). What a killed worker recorded
        stands: its successor may repeat the stage, and the journal stays as it was.
        """
        label = stage if step is None else f"{stage}@{step}"
        known = self._known(trial)
        if (known.number, label) in self._recorded:
            raise StudyError(f"stage {label!r} of trial {known.number} is recorded already; tell them apart by step=")
        self._recorded.add((known.number, label))
        if label not in known.stages:
            data = {"stage": label, "measures": checked(measures), "seconds": seconds, **more}
            self._append([event("measured", known.number, **data)])
        return self._log.trials[known.number]

    def note(self, what: str, trial: Trial | int | None = None, /, **data: Any) -> None:
        """Write down anything else worth keeping: what="funnel", "phase", "rejected", "result"."""
        number = trial.number if isinstance(trial, Trial) else trial
        self._append([event("note", number, what=what, **data)])

    def put(self, trial: Trial | int | None, name: str, blob: bytes) -> str:
        """Keep bytes beside the events, such as weights; returns their SHA-256. The last of a name counts."""
        key = self.journal.put(blob)
        with self._lock:
            kept = self._log.artefacts if trial is None else self._known(trial).artefacts
            if kept.get(name) != key:
                number = trial.number if isinstance(trial, Trial) else trial
                self._append([event("artefact", number, name=name, hash=key, bytes=len(blob))])
        return key

    def _known(self, trial: Trial | int) -> Trial:
        number = trial.number if isinstance(trial, Trial) else arguments.whole(trial, "trial", 12)
        with self._lock:
            if number not in self._log.trials:
                self.sync()
            try:
                return self._log.trials[number]
            except KeyError:
                raise StudyError(f"there is no trial {number}: the study has {self._log.asked}") from None

    def _close(self, trial: Trial, kind: str, seconds: float | None, **data: Any) -> Trial:
        number = trial.number
        with self._lock:
            since = self._held.get(number)
            if seconds is None:
                seconds = 0.0 if since is None else time.perf_counter() - since
            events = [event(kind, number, **data, seconds=seconds)]
            try:
                if since is None:
                    raise Lost
                self._append(events, release=(number,), strict=True)
            except Lost:
                self._close_without_claim(events, number, held=since is not None)
            self._held.pop(number, None)
            return self._log.trials[number]

    def _close_without_claim(self, events: list[Event], number: int, held: bool) -> None:
        while True:
            self.sync()
            if self._log.trials[number].closed:
                if held:
                    return None  # another worker finished what we had let lapse: the first result stands
                raise StudyError(f"trial {number} is closed already: a trial is told once")
            try:
                return self._append(events, expect=self._log.seq, release=(number,))
            except Conflict:
                continue

    # --- running --------------------------------------------------------------------------------------------------

    def run(
        self,
        evaluate: Any,
        trials: int | None = None,
        seconds: float | str | None = None,
        on: str | Executor = "here",
        **options: Any,
    ) -> Any:
        """Evaluate candidates, or train them on a task, until the study has `trials` trials, or for `seconds`.

        See `nasmyth.study.run.run`.
        """
        from nasmyth.study.run import run

        return run(self, evaluate, trials=trials, seconds=seconds, on=on, **options)

    def close(self) -> None:
        """Give back what is not told, and let go of the file. Closing twice is fine."""
        if self._heart is not None:
            self._heart.stop()
            self._heart = None
        if self._held:
            held, self._held = list(self._held), {}
            self.journal.release(held, self._worker)
        claims.retire(self._worker)
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        done = sum(trial.closed for trial in self._log.trials.values())
        return f"Study({self.journal.where!r}: {done} of {len(self._log.trials)} trials closed)"
