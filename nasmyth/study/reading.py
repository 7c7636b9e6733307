"""What a study has to show: trials, the best, the front, notes, artefacts, and all of it as plain data."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from nasmyth.study import codec
from nasmyth.study.events import Event
from nasmyth.study.journal import Journal
from nasmyth.study.log import Log
from nasmyth.study.trial import Trial


class Reading:
    """A journal and its log, which follows what this process and others append."""

    journal: Journal
    _log: Log

    def _read_from(self, journal: Journal, space: Any) -> None:
        self.journal = journal
        self._log = Log(space)
        self._lock = threading.RLock()

    def sync(self) -> None:
        """Take in what was appended since, by this process or any other."""
        with self._lock:
            self._take_in(self.journal.read(self._log.seq))

    def _take_in(self, events: Iterable[Event]) -> None:
        for one in events:
            closed = self._log.apply(one)
            if closed is not None:
                self._heard(closed)

    def _written(self, events: list[Event], last: int, now: float) -> None:
        """Take in what this process just appended, without reading it again if nobody else came between."""
        if last != self._log.seq + len(events):
            return self.sync()
        first = self._log.seq + 1
        said = [codec.decode(codec.encode(one.data)) for one in events]  # as another process will read it
        self._take_in(Event(first + i, now, e.kind, e.trial, said[i]) for i, e in enumerate(events))
        return None

    def _heard(self, closed: Trial) -> None:
        """Called with every trial that closes, in the order of the journal."""

    @property
    def seq(self) -> int:
        """The number of the last event that was taken in."""
        return self._log.seq

    @property
    def last(self) -> float:
        """When that was, in seconds since 1970."""
        return self._log.last

    @property
    def header(self) -> dict[str, Any]:
        """What the study is about: space, objectives, constraints, seed, task, environment, command."""
        return dict(self._log.header)

    @property
    def trials(self) -> list[Trial]:
        """All trials, in the order of their numbers, open ones included."""
        self.sync()
        return [trial for _, trial in sorted(self._log.trials.items())]

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What was noted, in order."""
        self.sync()
        return list(self._log.notes)

    @property
    def damaged(self) -> list[dict[str, Any]]:
        """The events that cannot be read, each {"event": number, "kind", "trial", "why"}: what they told is lost."""
        self.sync()
        return list(self._log.damaged)

    @property
    def best(self) -> Trial | None:
        """The best trial within the budget by the first objective, or None."""
        self.sync()
        return self._log.best

    @property
    def chosen(self) -> int | None:
        """The number of the trial that the search ended with by its own rule, if it has noted one."""
        self.sync()
        return self._log.chosen

    @property
    def front(self) -> list[Trial]:
        """The trials within the budget that no other beats in every objective."""
        self.sync()
        return self._log.front

    def get(self, key: str) -> bytes:
        """The bytes of a SHA-256. Raises StudyError if they are not here, or are damaged."""
        return self.journal.get(key)

    def to_frame(self) -> Any:
        """A pandas DataFrame with a row for each trial: see `nasmyth.study.frame`. Raises MissingExtraError."""
        from nasmyth.study.frame import frame

        return frame(self.trials)

    def _repr_html_(self) -> str:
        """What a notebook shows: the best trials, and what is looked for."""
        from nasmyth.study.frame import html

        self.sync()
        return html(self._log, self.journal.where)

    def summary(self) -> dict[str, Any]:
        """The study as plain data: best, front, trials, failures, funnel, spend, baseline and what it is about."""
        from nasmyth.study.summary import summarised

        self.sync()
        return summarised(self._log)
