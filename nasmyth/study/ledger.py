"""Writing into a study: results, failures, results on the way, notes, and bytes kept beside them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from nasmyth.errors import StudyError
from nasmyth.study import arguments
from nasmyth.study.events import Event, event
from nasmyth.study.header import Goals
from nasmyth.study.leases import Leases
from nasmyth.study.logs import logged
from nasmyth.study.outcome import failure
from nasmyth.study.reader import StudyReader
from nasmyth.study.store import ClaimLost, Conflict
from nasmyth.study.trial import Failure, Trial, checked, unusable


class Ledger:
    """What a worker writes down of the trials that it holds. See `Study` for the meaning of its methods."""

    def __init__(self, reader: StudyReader, leases: Leases, wanted: Goals) -> None:
        self.reader, self.leases, self.goals = reader, leases, wanted
        self._recorded: set[tuple[int, str]] = set()

    def append(
        self,
        events: list[Event],
        expect: int | None = None,
        claim: Iterable[int] = (),
        release: Iterable[int] = (),
        strict: bool = False,
    ) -> None:
        """Write events, with what becomes of claims, and take them in."""
        change, now = self.leases.change(claim, release, strict), time.time()
        with self.reader.lock:
            last = self.reader.journal.append([structs.replace(one, time=now) for one in events], expect, change)
            logged(events)
            self.reader.take_in(events, last, now)

    def known(self, trial: Trial | int) -> Trial:
        """The trial as it is now. Raises StudyError if there is none of that number."""
        number = trial.number if isinstance(trial, Trial) else arguments.whole(trial, "trial", 12)
        log = self.reader.log
        with self.reader.lock:
            if number not in log.trials:
                self.reader.sync()
            try:
                return log.trials[number]
            except KeyError:
                raise StudyError(f"there is no trial {number}: the study has {log.asked}") from None

    def tell(self, trial: Trial | int, measures: Mapping[str, Any], seconds: float | None = None) -> Trial:
        known = self.known(trial)
        told = self.completed(known, measures)
        if why := unusable({**known.measures, **told}, self.reader.log.goals):
            return self._close(known, "fail", seconds, reason="diverged", message=why, measures=told)
        return self._close(known, "tell", seconds, measures=told)

    def completed(self, trial: Trial, measures: Mapping[str, Any]) -> dict[str, float]:
        """`measures` as numbers, with what can be read from the graph. Raises StudyError if an objective is missing."""
        known = self.known(trial)
        told = {**self.goals.counted(known, measures), **checked(measures)}
        checked({**known.measures, **told}, self.reader.log.goals)
        return told

    def fail(self, trial: Trial | int, error: BaseException | str, seconds: float | None = None) -> Trial:
        known = self.known(trial)
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
        label = stage if step is None else f"{stage}@{step}"
        known = self.known(trial)
        if (known.number, label) in self._recorded:
            raise StudyError(f"stage {label!r} of trial {known.number} is recorded already; tell them apart by step=")
        self._recorded.add((known.number, label))
        if label not in known.stages:
            data = {"stage": label, "measures": checked(measures), "seconds": seconds, **more}
            self.append([event("measured", known.number, **data)])
        return self.reader.log.trials[known.number]

    def forget(self, numbers: Iterable[int]) -> None:
        """What was recorded of trials that were given back may be recorded again."""
        gone = set(numbers)
        self._recorded = {pair for pair in self._recorded if pair[0] not in gone}

    def note(self, what: str, trial: Trial | int | None = None, /, **data: Any) -> None:
        number = trial.number if isinstance(trial, Trial) else trial
        self.append([event("note", number, what=what, **data)])

    def put(self, trial: Trial | int | None, name: str, blob: bytes) -> str:
        key = self.reader.journal.put(blob)
        with self.reader.lock:
            kept = self.reader.log.artefacts if trial is None else self.known(trial).artefacts
            if kept.get(name) != key:
                number = trial.number if isinstance(trial, Trial) else trial
                self.append([event("artefact", number, name=name, hash=key, bytes=len(blob))])
        return key

    def _close(self, trial: Trial, kind: str, seconds: float | None, **data: Any) -> Trial:
        number = trial.number
        with self.reader.lock:
            since = self.leases.since(number)
            if seconds is None:
                seconds = 0.0 if since is None else time.perf_counter() - since
            events = [event(kind, number, **data, seconds=seconds)]
            try:
                if since is None:
                    raise ClaimLost
                self.append(events, release=(number,), strict=True)
            except ClaimLost:
                self._close_without_claim(events, number, held=since is not None)
            self.leases.told(number)
            return self.reader.log.trials[number]

    def _close_without_claim(self, events: list[Event], number: int, held: bool) -> None:
        while True:
            self.reader.sync()
            if self.reader.log.trials[number].closed:
                if held:
                    return None  # another worker finished what we had let lapse: the first result stands
                raise StudyError(f"trial {number} is closed already: a trial is told once")
            try:
                return self.append(events, expect=self.reader.log.seq, release=(number,))
            except Conflict:
                continue
