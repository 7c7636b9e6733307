"""What a journal needs of whatever keeps its rows: events, claims, artefacts; and what goes wrong between several
writers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from nasmyth.errors import StudyError
from nasmyth.study.claims import LEASE, Claim, lapsed
from nasmyth.study.events import Row, Stored

FORMAT = 2
"""The version of tables and events. A file with a higher one is refused, with the cure."""


class Conflict(StudyError):
    """Somebody appended since the last event that was seen: read on, and decide again."""


class ClaimLost(Conflict):
    """The worker no longer holds the claim: its lease lapsed, and another worker may have taken the trial."""


class ClaimChange(msgspec.Struct, frozen=True):
    """What an append does to claims, in the same transaction: `worker` takes some trials and gives some back."""

    worker: str
    claim: tuple[int, ...] = ()
    release: tuple[int, ...] = ()
    lease: float = LEASE
    strict: bool = True
    """Whether giving back a trial that the worker does not hold raises ClaimLost, and appends nothing."""


class Store(Protocol):
    """Where a journal keeps its rows. Every method is one transaction."""

    def append(self, rows: Sequence[Row], expect: int | None, change: ClaimChange | None) -> int: ...
    def read(self, after: int) -> list[Stored]: ...
    def header(self) -> str | None: ...
    def claims(self) -> list[Claim]: ...
    def claim(self, change: ClaimChange) -> list[int]: ...
    def renew(self, worker: str, lease: float) -> int: ...
    def put(self, key: str, blob: bytes) -> None: ...
    def get(self, key: str) -> bytes | None: ...
    def close(self) -> None: ...


def free(held: Claim | None, worker: str, now: float) -> bool:
    """Whether `worker` may claim what is `held` by that claim, if any."""
    return held is None or held.worker == worker or lapsed(held, now)


def lost(trial: int) -> ClaimLost:
    """The error of a worker that gives back what it does not hold."""
    return ClaimLost(f"trial {trial} is not held by this worker any more")
