"""Asking: what is handed out next. First what a dead worker left, then what the strategy proposes.

Several workers may ask at once, on several machines. A proposal is written only on top of the log that it was made from;
whoever comes second reads what the first wrote and thinks again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nasmyth.errors import StudyError
from nasmyth.record import to_json
from nasmyth.search.strategy import FULL, Pending, Stage
from nasmyth.study import arguments
from nasmyth.study.events import Event, event
from nasmyth.study.leases import Leases
from nasmyth.study.ledger import Ledger
from nasmyth.study.log import Log, identity, work
from nasmyth.study.proposals import Candidate, Proposer, candidate
from nasmyth.study.reader import StudyReader
from nasmyth.study.store import Conflict
from nasmyth.study.trial import Trial

MOST_ASKED = 100_000
"""Trials that one worker may be handed at once."""


class Queue:
    """The work of a study that is still to be done."""

    def __init__(self, reader: StudyReader, leases: Leases, ledger: Ledger, proposer: Proposer) -> None:
        self._reader, self._leases, self._ledger = reader, leases, ledger
        self.proposer = proposer

    @property
    def _log(self) -> Log:
        return self._reader.log

    def ask(self, n: int = 1, limit: int | None = None) -> list[Trial]:
        n = arguments.whole(n, "n", 4, least=0)
        if n > MOST_ASKED:
            raise StudyError(
                f"n={n}: at most {MOST_ASKED:,} trials are asked for at once; ask again when these are told"
            )
        with self._reader.lock:
            self._reader.sync()
            numbers = self._claim(self._leases.orphans(self._log.open)[:n])
            numbers += self._proposed(n - len(numbers), limit) if len(numbers) < n else []
            return [self._hand_out(number) for number in numbers]

    def add(
        self, space: Any, genome: dict[str, Any] | None, graph: Any, recipe: Any, origin: str, stage: Stage = FULL
    ) -> Trial:
        if (genome is None) == (graph is None):
            raise StudyError("add one candidate: a genome of the space, or graph=...")
        if genome is not None:
            one = candidate(space, genome, origin, self.proposer.distinct, stage)
            if one.error is not None:
                raise StudyError(f"not a genome of this space: {one.error.message}")
        else:
            said = None if recipe is None else to_json(recipe)
            one = Candidate(None, graph.key, origin, said, graph.to_json(), stage=stage)
        with self._reader.lock:
            while True:
                self._reader.sync()
                for trial in self._log.trials.values():
                    if trial.origin == origin and _work(trial) == one.identity:
                        free = trial.closed or trial.number in self._leases or self._claim([trial.number])
                        return self._hand_out(trial.number) if free and not trial.closed else trial
                number = self._log.asked + 1
                try:
                    self._ledger.append([event("ask", number, **one.data())], expect=self._log.seq, claim=(number,))
                except Conflict:
                    continue
                return self._hand_out(number)

    def release(self, trials: Iterable[Trial | int]) -> None:
        numbers = [t.number if isinstance(t, Trial) else t for t in trials]
        with self._reader.lock:
            self._leases.release(numbers)
            self._ledger.forget(numbers)

    def elsewhere(self) -> bool:
        self._reader.sync()
        return any(number not in self._leases for number in self._log.open)

    def _claim(self, numbers: list[int]) -> list[int]:
        """Claim open trials; one that was told a moment ago is let go of again."""
        if not numbers:
            return []
        got = self._leases.claim(numbers)
        self._reader.sync()
        if told := [number for number in got if number not in self._log.open]:
            self._leases.release(told)
        return [number for number in got if number in self._log.open]

    def _proposed(self, n: int, limit: int | None) -> list[int]:
        """Propose new trials on top of the log as it is now; if somebody was faster, think again."""
        log, found, stale = self._log, None, 0
        while True:
            asked, closings = log.asked, len(log.closed)
            n = n if limit is None else min(n, limit - asked)
            if n <= 0:
                return []
            if found is None:
                found = self.proposer(asked, n, log.seen, _pending(log))
            if not found:
                return []
            events, good = _asks(found, asked)
            try:
                self._ledger.append(events, expect=log.seq, claim=good)
                return good
            except Conflict:
                self._reader.sync()
                stale += 1
                if log.asked != asked or (len(log.closed) != closings and stale < 5):
                    found = None  # what was proposed may no longer be new, or best; but results alone do not hold us up

    def _hand_out(self, number: int) -> Trial:
        self._leases.hold(number)
        return self._log.trials[number]


def _work(trial: Trial) -> str:
    return work(identity(trial.key, trial.recipe), trial.stage, trial.parent)


def _pending(log: Log) -> tuple[Pending, ...]:
    """What is being worked on, oldest first."""
    open_ = (log.trials[number] for number in log.open)
    return tuple(Pending(one.number, one.genome, one.stage, one.parent) for one in open_)


def _asks(found: list[Candidate], asked: int) -> tuple[list[Event], list[int]]:
    """The events of these proposals, and the numbers of those that can be tried."""
    events, good = [], []
    for number, one in enumerate(found, asked + 1):
        events.append(event("ask", number, **one.data()))
        if one.error is None:
            good.append(number)
        else:
            events.append(event("fail", number, reason=one.error.reason, message=one.error.message, seconds=0.0))
    return events, good
