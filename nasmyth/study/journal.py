"""The journal: what happened in a study, in order, appended to and never edited.

>>> from nasmyth.study.events import event
>>> journal = Journal()                                    # in memory; a path or a postgresql:// URL is kept
>>> journal.append([event("ask", 1, genome={"width": 8})])
1
>>> [(e.seq, e.kind, e.trial, e.data) for e in journal.read()]
[(1, 'ask', 1, {'genome': {'width': 8}})]

Events are numbered 1, 2, 3 ... without gaps, in the order in which they were committed, so a reader that asks for what
came after the last event that it saw never misses one. `append(events, expect=n)` succeeds only if the last event is
still number n: that is all that concurrent writers need to agree on what comes next.

| kind     | trial | data                                                                                            |
|----------|-------|-------------------------------------------------------------------------------------------------|
| study    |       | the header: space, objectives, constraints, strategy, seed, task, environment, command, spend    |
| ask      | yes   | genome, key, origin; stage and parent where they are not as usual; recipe where the space holds one |
| measured | yes   | stage, measures, seconds, and what else the stage has to show, such as a learning curve          |
| tell     | yes   | measures, seconds: closes the trial                                                              |
| fail     | yes   | reason (diverged, memory, time, crashed, invalid), message, seconds: closes the trial            |
| artefact | maybe | name, hash, bytes: the bytes themselves are kept beside the events, by hash                      |
| note     | maybe | what: "funnel", "phase", "rejected", "result" ..., and what it has to say                        |

What cannot be read as it was written is an event of the kind "damaged", and the rest goes on (`events.py`).

Claims (which worker holds which trial) and artefacts live beside the events: they change, or are large, and neither is
part of what happened.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from typing import Any

from nasmyth.errors import StudyError
from nasmyth.study import codec, events
from nasmyth.study.claims import LEASE, Claim
from nasmyth.study.events import Event
from nasmyth.study.memory import Memory
from nasmyth.study.store import ClaimChange, Store


class Journal:
    """An append-only log. `where` is a file (SQLite), a database URL, or None for memory.

    A file or database that is missing is made, unless `readonly`. Raises StudyError for what cannot be opened: not a
    study, damaged, from a newer Nasmyth, locked for longer than `timeout` seconds, not writable, no server.
    """

    def __init__(
        self, where: str | os.PathLike[str] | None = None, *, readonly: bool = False, timeout: float = 30.0
    ) -> None:
        self.where = None if where is None or os.fspath(where) == ":memory:" else os.fspath(where)
        self.readonly = readonly
        self.timeout = timeout
        if self.where is None:
            self._store: Store = Memory()
        else:
            from nasmyth.study.sql import open_store  # SQLAlchemy: not before a journal is opened

            self._store = open_store(self.where, readonly=readonly, timeout=timeout)

    def append(
        self, happened: Event | Iterable[Event], expect: int | None = None, change: ClaimChange | None = None
    ) -> int:
        """Write all events or none, and return the number of the last event of the journal.

        With `expect`, raises Conflict unless that is the number of the last event now. `change` changes claims in the
        same transaction. When this returns, the events survive the death of this process.
        """
        if self.readonly:
            raise StudyError(f"{self.where}: opened for reading only; open it with Study(path, space) to go on with it")
        now = time.time()
        listed = [happened] if isinstance(happened, Event) else list(happened)
        rows = [(0, e.time or now, e.kind, e.trial, codec.encode(e.data)) for e in listed]
        return self._store.append(rows, expect, change)

    def read(self, after: int = 0) -> list[Event]:
        """The events after number `after`, in order; in place of a damaged one, what says so (see `events`)."""
        rows = self._store.read(after)
        return list(events.read(rows, after, None if after else self._store.header()))

    def claims(self) -> list[Claim]:
        """All claims that are recorded, lapsed ones included."""
        return self._store.claims()

    def claim(self, trials: Iterable[int], worker: str, lease: float = LEASE) -> list[int]:
        """Claim those of `trials` that no live worker holds; returns the ones that are now held by `worker`."""
        return self._store.claim(ClaimChange(worker, claim=tuple(trials), lease=lease))

    def release(self, trials: Iterable[int], worker: str) -> None:
        """Give back the claims that `worker` holds on `trials`; others are left alone."""
        self._store.claim(ClaimChange(worker, release=tuple(trials), strict=False))

    def renew(self, worker: str, lease: float = LEASE) -> int:
        """Extend every claim of `worker` to `lease` seconds from now; returns how many it holds."""
        return self._store.renew(worker, lease)

    def put(self, blob: bytes) -> str:
        """Keep `blob`, and return its SHA-256. The same bytes are kept once."""
        key = hashlib.sha256(blob).hexdigest()
        self._store.put(key, blob)
        return key

    def get(self, key: str) -> bytes:
        """The bytes of that SHA-256. Raises StudyError if there are none, or if they were damaged."""
        blob = self._store.get(key)
        if blob is None:
            raise StudyError(f"{self.where or 'memory'}: no artefact {key[:12]}... is kept here")
        if hashlib.sha256(blob).hexdigest() != key:
            raise StudyError(f"{self.where or 'memory'}: the artefact {key[:12]}... is damaged")
        return blob

    def close(self) -> None:
        """Let go of the file or the connections. Closing twice is fine."""
        self._store.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the same file or database; a journal in memory cannot be shared."""
        if self.where is None:
            raise StudyError("a journal in memory cannot be sent to another process: give the study a file")
        return _reopened, (self.where, self.readonly, self.timeout)


def _reopened(where: str, readonly: bool, timeout: float) -> Journal:
    return Journal(where, readonly=readonly, timeout=timeout)
