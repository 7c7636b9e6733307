"""A study to read from: trials, the best, the front, notes, artefacts, and all of it as plain data.

    study = Study.open("flowers.db")        # a StudyReader: nothing is written
    study.best, study.front, study.to_frame()

It follows what this process and others append. A `Study`, which also asks and tells, has one.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Self

from nasmyth.errors import StudyError
from nasmyth.study import arguments, codec
from nasmyth.study.events import DAMAGED, HEADER, Event
from nasmyth.study.header import LazySpace
from nasmyth.study.journal import Journal
from nasmyth.study.log import Log
from nasmyth.study.trial import Trial


class StudyReader:
    """A journal and its log, which follows what is appended. `heard` is called with every trial that closes, in order."""

    def __init__(self, journal: Journal, space: Any, heard: Callable[[Trial], object] | None = None) -> None:
        self.journal, self.space = journal, space
        self.log = Log(space)
        self.lock = threading.RLock()
        self._heard = (
            None if heard is None else weakref.WeakMethod(heard)
        )  # a study that is forgotten lets go of its file

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> StudyReader:
        """Read a study: nothing is written, and a file that is missing is not made. Raises StudyError."""
        journal = Journal(arguments.path_of(path), readonly=True)
        try:
            reader = cls(journal, LazySpace(_header(path, journal.read())))
            reader.sync()
        except BaseException:
            journal.close()
            raise
        return reader

    def sync(self) -> None:
        """Take in what was appended since, by this process or any other."""
        with self.lock:
            self._take_in(self.journal.read(self.log.seq))

    def take_in(self, events: list[Event], last: int, now: float) -> None:
        """Take in what this process just appended, without reading it again if nobody else came between."""
        if last != self.log.seq + len(events):
            return self.sync()
        first = self.log.seq + 1
        said = [codec.decode(codec.encode(one.data)) for one in events]  # as another process will read it
        self._take_in(Event(first + i, now, e.kind, e.trial, said[i]) for i, e in enumerate(events))
        return None

    def _take_in(self, events: Iterable[Event]) -> None:
        for one in events:
            closed = self.log.apply(one)
            listener = None if closed is None or self._heard is None else self._heard()
            if closed is not None and listener is not None:
                listener(closed)

    @property
    def seed(self) -> int:
        """By which it was begun."""
        return int(self.log.header.get("seed", 0))

    @property
    def seq(self) -> int:
        """The number of the last event that was taken in."""
        return self.log.seq

    @property
    def last(self) -> float:
        """When that was, in seconds since 1970."""
        return self.log.last

    @property
    def header(self) -> dict[str, Any]:
        """What the study is about: space, objectives, constraints, seed, task, environment, command."""
        return dict(self.log.header)

    @property
    def trials(self) -> list[Trial]:
        """All trials, in the order of their numbers, open ones included."""
        self.sync()
        return [trial for _, trial in sorted(self.log.trials.items())]

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What was noted, in order."""
        self.sync()
        return list(self.log.notes)

    @property
    def damaged(self) -> list[dict[str, Any]]:
        """The events that cannot be read, each {"event": number, "kind", "trial", "why"}: what they told is lost."""
        self.sync()
        return list(self.log.damaged)

    @property
    def best(self) -> Trial | None:
        """The best trial within the budget by the first objective, or None."""
        self.sync()
        return self.log.best

    @property
    def chosen(self) -> int | None:
        """The number of the trial that the search ended with by its own rule, if it has noted one."""
        self.sync()
        return self.log.chosen

    @property
    def front(self) -> list[Trial]:
        """The trials within the budget that no other beats in every objective."""
        self.sync()
        return self.log.front

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
        return html(self.log, self.journal.where)

    def summary(self) -> dict[str, Any]:
        """The study as plain data: best, front, trials, failures, funnel, spend, baseline and what it is about."""
        from nasmyth.study.summary import summarised

        self.sync()
        return summarised(self.log)

    def close(self) -> None:
        """Let go of the file. Closing twice is fine."""
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name in ("ask", "add", "tell", "fail", "record", "note", "put", "run", "release"):
            raise StudyError(
                f"{self.journal.where}: opened for reading only; open it with Study(path, space, ...) to {name} and "
                f"go on with it"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        done = sum(trial.closed for trial in self.log.trials.values())
        return f"{type(self).__name__}({self.journal.where!r}: {done} of {len(self.log.trials)} trials closed)"


def _header(path: Any, events: Iterable[Event]) -> dict[str, Any]:
    """Raises StudyError where there is none."""
    damage = ""
    for one in events:
        if one.kind == HEADER:
            return one.data
        if one.kind == DAMAGED:
            damage = damage or f"event {one.seq} of it is damaged: {one.data['why']}"
    raise StudyError(
        f"{path}: a study was begun here, but has no header; {damage or 'run the line that made it again'}"
    )
