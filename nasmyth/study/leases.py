"""What this worker holds of a study: the trials that it was handed, until they are told or given back."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from nasmyth.errors import StudyError
from nasmyth.study import claims
from nasmyth.study.journal import Journal
from nasmyth.study.store import ClaimChange


class Leases:
    """The claims of one open study in one process, kept alive by a small thread while there are any."""

    def __init__(self, journal: Journal, lease: float = claims.LEASE) -> None:
        self._journal, self._lease = journal, lease
        self._held: dict[int, float] = {}
        self._heart: claims.Heartbeat | None = None
        self._worker = claims.enrol()
        weakref.finalize(self, claims.retire, self._worker)

    def __contains__(self, number: int) -> bool:
        return number in self._held

    def since(self, number: int) -> float | None:
        """When this worker was handed the trial, by `time.perf_counter`; None if it was not."""
        return self._held.get(number)

    def hold(self, number: int) -> None:
        """From now on the trial is in the hands of this worker, which claimed it."""
        self._held.setdefault(number, time.perf_counter())
        self._beat()

    def told(self, number: int) -> None:
        """It is done with."""
        self._held.pop(number, None)

    def claim(self, numbers: Iterable[int]) -> list[int]:
        """Those of the trials that no other live worker holds."""
        return self._journal.claim(numbers, self._worker, self._lease)

    def orphans(self, numbers: Iterable[int]) -> list[int]:
        """Those that nobody alive holds."""
        free = [number for number in numbers if number not in self._held]
        if not free:
            return []
        held, now = {claim.trial: claim for claim in self._journal.claims()}, time.time()
        return [number for number in sorted(free) if number not in held or claims.lapsed(held[number], now)]

    def release(self, numbers: Iterable[int]) -> None:
        """Give trials back."""
        listed = list(numbers)
        self._journal.release(listed, self._worker)
        for number in listed:
            self._held.pop(number, None)

    def change(self, claim: Iterable[int], release: Iterable[int], strict: bool) -> ClaimChange | None:
        """What an append does to the claims of this worker."""
        return (
            ClaimChange(self._worker, tuple(claim), tuple(release), self._lease, strict) if claim or release else None
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside, no other process works on the study; after, nothing is held. Raises StudyError where one does.

        What a process that died held is free at once; what a machine that vanished held, when its lease ends.
        """
        self._journal.claim([claims.WHOLE], self._worker, self._lease)
        try:
            refuse_busy(self._journal, self._worker)
            self._beat()
            yield
        finally:
            self.release(list(self._held))
            self._journal.release([claims.WHOLE], self._worker)

    def close(self) -> None:
        """Give everything back. Closing twice is fine."""
        if self._heart is not None:
            self._heart.stop()
            self._heart = None
        if self._held:
            self.release(list(self._held))
        claims.retire(self._worker)

    def _beat(self) -> None:
        if self._heart is None and self._journal.where is not None:
            self._heart = claims.Heartbeat(self._journal, self._worker, self._lease)


def refuse_busy(journal: Journal, me: str = "") -> None:
    """Raise StudyError, which says who it is, if another worker than `me` lives and holds something of the study."""
    now = time.time()
    for claim in journal.claims():
        if claim.worker != me and not claims.lapsed(claim, now):
            raise StudyError(
                f"{journal.where} is being worked on by {claims.spoken(claim.worker)}: wait until that has ended, or "
                f"end it, "
                f"and run this line again, which goes on from there (`nasmyth show {journal.where}` shows how far it is)"
            )
