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

import os
import time
import weakref
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, Self

from msgspec import structs

from nasmyth.errors import StudyError
from nasmyth.record import to_json
from nasmyth.study import claims
from nasmyth.study.header import LazySpace, header, refuse_if_different, resolved
from nasmyth.study.journal import Conflict, Event, Journal, Lost, Take, event
from nasmyth.study.log import identity
from nasmyth.study.outcome import failure
from nasmyth.study.proposals import Proposal, Proposer, Strategy, proposal
from nasmyth.study.reading import Reading
from nasmyth.study.trial import Failure, Trial, checked

Goals = Any
"""A measure or its name, a (name, direction) pair, or several of these."""


class Study(Reading):
    """An append-only log of trials over a space.

    `path` is a file, a postgresql:// URL, or None for memory. `under` holds constraints (`params <= 3e6`, or text).
    Raises StudyError if the path holds a study of another space, objective, constraint, strategy, seed or data.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        space: Any,
        maximize: Goals = None,
        under: Iterable[Any] = (),
        strategy: Strategy | None = None,
        seed: int = 0,
        task: Any = None,
        *,
        minimize: Goals = (),
        command: str = "",
        spend: Any = None,
        lease: float = claims.LEASE,
        timeout: float = 30.0,
    ) -> None:
        self.space = space
        self.strategy = strategy if strategy is not None else _default_strategy()
        self.seed = seed
        self.wanted = resolved(maximize, minimize, under)
        self._lease = lease
        narrowed = self.wanted.narrowed(space)
        self._proposer = Proposer(narrowed, self.strategy, seed)
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
        journal = Journal(path, readonly=True)
        first = next((e.data for e in journal.read() if e.kind == "study"), None)
        if first is None:
            journal.close()
            raise StudyError(f"{path}: a study was begun here, but has no header; run the line that made it again")
        study.space = LazySpace(first)
        study.seed = first.get("seed", 0)
        study._open(journal, study.space)
        study.sync()
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
            raise StudyError(f"{self.journal.where}: the journal does not begin with a study; choose another path")
        refuse_if_different(self.journal.where or "memory", self._log.header, mine)

    def _heard(self, closed: Trial) -> None:
        """Tell the strategy; not of a graph from outside the space, nor of a genome that does not decode."""
        invalid = closed.error is not None and closed.error.reason == "invalid"
        if not self.journal.readonly and closed.genome is not None and not invalid:
            self._state = self.strategy.tell(self._state, closed)

    # --- asking ---------------------------------------------------------------------------------------------------

    def ask(self, n: int = 1, limit: int | None = None) -> list[Trial]:
        """`n` trials for this worker alone: first those that a dead worker left, then new ones.

        Fewer when the study has `limit` trials or the space holds nothing new; none at all means that it is done.
        """
        with self._lock:
            self.sync()
            numbers = self._reclaimed(n)
            numbers += self._proposed(n - len(numbers), limit) if len(numbers) < n else []
            return [self._hand_out(number) for number in numbers]

    def add(
        self, genome: dict[str, Any] | None = None, *, graph: Any = None, recipe: Any = None, origin: str = "given"
    ) -> Trial:
        """A trial of your own: a genome of the space, or any graph (a baseline), claimed by this worker.

        The same candidate of the same origin is one trial, however often it is added: look at `.closed`.
        """
        if (genome is None) == (graph is None):
            raise StudyError("add one candidate: a genome of the space, or graph=...")
        if genome is not None:
            one = proposal(self.space, genome, origin)
            if one.error is not None:
                raise StudyError(f"not a genome of this space: {one.error.message}")
        else:
            said = None if recipe is None else to_json(recipe)
            one = Proposal(None, graph.key, origin, said, graph.to_json())
        with self._lock:
            while True:
                self.sync()
                for trial in self._log.trials.values():
                    if trial.origin == origin and identity(trial.key, trial.recipe) == one.identity:
                        mine = trial.closed or trial.number in self._held or self._claim([trial.number])
                        return self._hand_out(trial.number) if mine and not trial.closed else trial
                number = self._log.asked + 1
                try:
                    self._append([event("ask", number, **one.data())], expect=self._log.seq, claim=(number,))
                except Conflict:
                    continue
                return self._hand_out(number)

    def propose_from(self, space: Any) -> None:
        """Draw proposals from this narrower space of the same template from now on; the study stays what it is."""
        with self._lock:
            self._proposer = Proposer(self.wanted.narrowed(space), self.strategy, self.seed)

    def _reclaimed(self, n: int) -> list[int]:
        orphans = [number for number in self._log.open if number not in self._held]
        if not orphans:
            return []
        held = {claim.trial: claim for claim in self.journal.claims()}
        now = time.time()
        return self._claim([t for t in sorted(orphans) if t not in held or claims.lapsed(held[t], now)][:n])

    def _claim(self, numbers: list[int]) -> list[int]:
        """Claim open trials; one that was told a moment ago is let go of again."""
        if not numbers:
            return []
        got = self.journal.claim(numbers, self._worker, self._lease)
        self.sync()
        if told := [number for number in got if number not in self._log.open]:
            self.journal.release(told, self._worker)
        return [number for number in got if number in self._log.open]

    def _proposed(self, n: int, limit: int | None) -> list[int]:
        """Propose new trials on top of the log as it is now; if somebody was faster, think again."""
        log, found, stale = self._log, None, 0
        while True:
            asked, closings = log.asked, log.closings
            n = n if limit is None else min(n, limit - asked)
            if n <= 0:
                return []
            if found is None:
                found = self._proposer(self._state, asked, n, log.seen)
            if not found:
                return []
            events, good = _asks(found, asked)
            try:
                self._append(events, expect=log.seq, claim=good)
                return good
            except Conflict:
                self.sync()
                stale += 1
                if log.asked != asked or (log.closings != closings and stale < 5):
                    found = None  # what was proposed may no longer be new, or best; but results alone do not hold us up

    def _hand_out(self, number: int) -> Trial:
        self._held.setdefault(number, time.perf_counter())
        if self._heart is None and self.journal.where is not None:
            self._heart = claims.Heartbeat(self.journal, self._worker, self._lease)
        return self._log.trials[number]

    def elsewhere(self) -> bool:
        """Whether other workers hold trials, which may yet come back."""
        self.sync()
        return any(number not in self._held for number in self._log.open)

    # --- telling --------------------------------------------------------------------------------------------------

    def tell(self, trial: Trial | int, /, seconds: float | None = None, **measures: float) -> Trial:
        """Close a trial with its result. What a constraint or objective reads from the graph alone is filled in.

        If another worker was given the trial and told it first (this one was silent for longer than a lease), its
        result stands, and is returned. Raises StudyError if the trial is closed, or if an objective is missing.
        """
        return self.settle(trial, measures, seconds)

    def settle(self, trial: Trial | int, measures: Mapping[str, Any], seconds: float | None = None) -> Trial:
        """`tell` with the measures in a dict, for names that are not Python names: {"latency@cpu": 0.004}."""
        known = self._known(trial)
        return self._close(known, "tell", seconds, measures=self.completed(known, measures))

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

    def release(self, trials: Iterable[Trial | int]) -> None:
        """Give trials back untold: they are handed out again, to anyone, before new ones are proposed."""
        numbers = [t.number if isinstance(t, Trial) else t for t in trials]
        with self._lock:
            self.journal.release(numbers, self._worker)
            for number in numbers:
                self._held.pop(number, None)
                self._recorded = {pair for pair in self._recorded if pair[0] != number}

    def _known(self, trial: Trial | int) -> Trial:
        number = trial.number if isinstance(trial, Trial) else trial
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

    def _append(
        self,
        events: list[Event],
        expect: int | None = None,
        claim: Iterable[int] = (),
        release: Iterable[int] = (),
        strict: bool = False,
    ) -> None:
        take = Take(self._worker, tuple(claim), tuple(release), self._lease, strict) if claim or release else None
        now = time.time()
        with self._lock:
            last = self.journal.append([structs.replace(one, time=now) for one in events], expect, take)
            self._written(events, last, now)

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


def _asks(found: list[Proposal], asked: int) -> tuple[list[Event], list[int]]:
    """The events of these proposals, and the numbers of those that can be tried."""
    events, good = [], []
    for number, one in enumerate(found, asked + 1):
        events.append(event("ask", number, **one.data()))
        if one.error is None:
            good.append(number)
        else:
            events.append(event("fail", number, reason=one.error.reason, message=one.error.message, seconds=0.0))
    return events, good


def _default_strategy() -> Any:
    from nasmyth.search import Random

    return Random()
