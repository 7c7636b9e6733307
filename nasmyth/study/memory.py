"""A journal's rows in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from nasmyth.study.claims import Claim
from nasmyth.study.events import Row, Stored
from nasmyth.study.store import ClaimChange, Conflict, free, lost


class Memory:
    """A store that ends with the process: for tests and for evaluations so cheap that nothing need be kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._claims: dict[int, Claim] = {}
        self._blobs: dict[str, bytes] = {}

    def append(self, rows: Sequence[Row], expect: int | None, change: ClaimChange | None) -> int:
        with self._lock:
            last = len(self._rows)
            if expect is not None and expect != last:
                raise Conflict(f"expected event {expect} to be the last, and it is {last}")
            if change is not None:
                self._change(change)
            self._rows += [(last + i, *row[1:]) for i, row in enumerate(rows, 1)]
            return len(self._rows)

    def read(self, after: int) -> list[Stored]:
        with self._lock:
            return [(*row, None) for row in self._rows[max(0, after) :]]

    def header(self) -> str | None:
        """Nothing is damaged here, so nothing is kept twice."""
        return None

    def claims(self) -> list[Claim]:
        with self._lock:
            return list(self._claims.values())

    def claim(self, change: ClaimChange) -> list[int]:
        with self._lock:
            return self._change(change)

    def _change(self, change: ClaimChange) -> list[int]:
        gone = [
            trial for trial in change.release if trial in self._claims and self._claims[trial].worker == change.worker
        ]
        if change.strict and len(gone) < len(change.release):
            raise lost(next(trial for trial in change.release if trial not in gone))
        for trial in gone:
            del self._claims[trial]
        now = time.time()
        got = [trial for trial in change.claim if free(self._claims.get(trial), change.worker, now)]
        self._claims.update({trial: Claim(trial, change.worker, now + change.lease) for trial in got})
        return got

    def renew(self, worker: str, lease: float) -> int:
        with self._lock:
            mine = [c.trial for c in self._claims.values() if c.worker == worker]
            self._claims.update({trial: Claim(trial, worker, time.time() + lease) for trial in mine})
            return len(mine)

    def put(self, key: str, blob: bytes) -> None:
        self._blobs.setdefault(key, bytes(blob))

    def get(self, key: str) -> bytes | None:
        return self._blobs.get(key)

    def drop(self, key: str) -> None:
        self._blobs.pop(key, None)

    def close(self) -> None:
        """Nothing to let go of: the events stay readable."""
