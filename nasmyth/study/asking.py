"""Asking: what is handed out next. First what a dead worker left, then what the strategy proposes.

Several workers may ask at once, on several machines. A proposal is written only on top of the log that it was made from;
whoever comes second reads what the first wrote and thinks again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import structs

from nasmyth.errors import StudyError
from nasmyth.record import to_json
from nasmyth.study import arguments, claims
from nasmyth.study.events import Event, event
from nasmyth.study.header import Wanted
from nasmyth.study.journal import Conflict, Journal, Take
from nasmyth.study.log import identity
from nasmyth.study.logs import logged
from nasmyth.study.proposals import Proposal, Proposer, Strategy, proposal
from nasmyth.study.reading import Reading
from nasmyth.study.trial import Trial

MOST_ASKED = 100_000
"""Trials that one worker may be handed at once."""


class Asking(Reading):
    """The half of a study that hands out trials."""

    space: Any
    strategy: Strategy
    seed: int
    distinct: str
    wanted: Wanted
    _proposer: Proposer
    _state: Any
    _held: dict[int, float]
    _recorded: set[tuple[int, str]]
    _heart: claims.Heartbeat | None
    _worker: str
    _lease: float

    def ask(self, n: int = 1, limit: int | None = None) -> list[Trial]:
        """`n` trials for this worker alone: first those that a dead worker left, then new ones.

        Fewer when the study has `limit` trials or the space holds nothing new; none at all means that it is done.
        """
        n = arguments.whole(n, "n", 4, least=0)
        if n > MOST_ASKED:
            raise StudyError(
                f"n={n}: at most {MOST_ASKED:,} trials are asked for at once; ask again when these are told"
            )
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
            one = proposal(self.space, genome, origin, self.distinct)
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
            self._proposer = Proposer(self.wanted.narrowed(space), self.strategy, self.seed, self.distinct)

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
        self._beat()
        return self._log.trials[number]

    def _beat(self) -> None:
        if self._heart is None and self.journal.where is not None:
            self._heart = claims.Heartbeat(self.journal, self._worker, self._lease)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside, no other process works on the study; after, nothing is held. Raises StudyError where one does.

        What a process that died held is free at once; what a machine that vanished held, when its lease ends.
        """
        self.journal.claim([claims.WHOLE], self._worker, self._lease)
        try:
            refuse_busy(self.journal, self._worker)
            self._beat()
            yield
        finally:
            self.release(list(self._held))
            self.journal.release([claims.WHOLE], self._worker)

    def release(self, trials: Iterable[Trial | int]) -> None:
        """Give trials back untold: they are handed out again, to anyone, before new ones are proposed."""
        numbers = [t.number if isinstance(t, Trial) else t for t in trials]
        with self._lock:
            self.journal.release(numbers, self._worker)
            for number in numbers:
                self._held.pop(number, None)
                self._recorded = {pair for pair in self._recorded if pair[0] != number}

    def elsewhere(self) -> bool:
        """Whether other workers hold trials, which may yet come back."""
        self.sync()
        return any(number not in self._held for number in self._log.open)

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
            logged(events)
            self._written(events, last, now)


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
