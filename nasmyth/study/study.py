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

import logging
import os
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Self

from nasmyth.errors import StudyError
from nasmyth.origin import changed
from nasmyth.search.strategy import FULL, Stage
from nasmyth.study import arguments, claims
from nasmyth.study.events import event
from nasmyth.study.header import header, refuse_if_different, refuse_unsuitable, resolved
from nasmyth.study.journal import Journal
from nasmyth.study.leases import Leases
from nasmyth.study.ledger import Ledger
from nasmyth.study.proposals import Proposer, Strategy
from nasmyth.study.queue import Queue
from nasmyth.study.reader import StudyReader
from nasmyth.study.run import Run, run
from nasmyth.study.store import FORMAT, Conflict
from nasmyth.study.trial import Trial

LOGGER = logging.getLogger("nasmyth.study")
Goals = Any
"""A measure or its name, a (name, direction) pair, or several of these."""


class Study:
    """An append-only log of trials over a space: a reader, a queue of work, and a ledger of results.

    No architecture is tried twice; with `distinct="genome"`, no genome is. `path` is a file, a postgresql:// URL, or None
    for memory. `under` holds constraints (`params <= 3e6`, or text). Raises StudyError if the path holds a study of another
    space, objective, constraint, strategy, seed or data.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        space: Any,
        maximize: Goals = None,
        under: Iterable[Any] | None = (),
        strategy: Strategy | str | None = None,
        seed: int = 0,
        task: Any = None,
        *,
        minimize: Goals = (),
        command: str = "",
        spend: Any = None,
        distinct: str = "graph",
        lease: float = claims.LEASE,
        timeout: float = 30.0,
    ) -> None:
        path, self.space = arguments.path_of(path), arguments.space_of(space)
        self.strategy = arguments.strategy_of(strategy)
        self.seed = seed = arguments.seed_of(seed)
        if distinct not in ("graph", "genome"):
            raise StudyError(f"distinct={distinct!r}: candidates are told apart by 'graph' or by 'genome'")
        self.goals = resolved(maximize, minimize, under)
        self.strategy = self.goals.aimed(self.strategy)
        refuse_unsuitable(self.goals, task)
        proposer = Proposer(self.goals.narrowed(space), self.strategy, seed, distinct)
        mine = header(self.goals, space, self.strategy, seed, task, command, spend)
        # last: what is asked for wrongly leaves no file behind
        self.reader = StudyReader(Journal(path, timeout=timeout), space, self._heard)
        self._leases = Leases(self.reader.journal, lease)
        self._ledger = Ledger(self.reader, self._leases, self.goals)
        self._queue = Queue(self.reader, self._leases, self._ledger, proposer)
        try:
            self._begin(mine)
        except BaseException:
            self.close()
            raise

    open = StudyReader.open
    """A study to read from: see `StudyReader`."""

    def _begin(self, mine: dict[str, Any]) -> None:
        reader, where = self.reader, self.journal.where or "memory"
        reader.sync()
        if not reader.log.header:
            try:
                self.journal.append(event("study", **mine), expect=0)
            except Conflict:
                pass  # somebody began the same study at this moment
            reader.sync()
        if not reader.log.header:
            lost = "".join(f" (event {one['event']} is damaged: {one['why']})" for one in self.damaged[:1])
            raise StudyError(f"{where}: the journal does not begin with a study{lost}; choose another path")
        refuse_old(where, reader.log.header)
        refuse_if_different(where, reader.log.header, mine)
        for one in reader.log.damaged:
            about = "" if one["trial"] is None else f" of trial {one['trial']}"
            LOGGER.warning(
                "%s: event %d (%s%s) is damaged: %s; it is taken as lost, and the study goes on without it",
                where, one["event"], one["kind"] or "of no kind", about, one["why"],
            )  # fmt: skip
        for sentence in changed(reader.log.header.get("made_of")):
            warnings.warn(f"{where}: {sentence}: older results are of other networks", stacklevel=3)

    def _heard(self, closed: Trial) -> None:
        self._queue.proposer.heard(closed)

    # --- asking ---------------------------------------------------------------------------------------------------

    def ask(self, n: int = 1, limit: int | None = None) -> list[Trial]:
        """`n` trials for this worker alone: first those that a dead worker left, then new ones.

        Fewer when the study has `limit` trials, the strategy waits for what is pending, or the space holds nothing new;
        none at all while nothing is pending means that it is done.
        """
        return self._queue.ask(n, limit)

    def add(
        self,
        genome: dict[str, Any] | None = None,
        *,
        graph: Any = None,
        recipe: Any = None,
        origin: str = "given",
        stage: Stage = FULL,
    ) -> Trial:
        """A trial of your own: a genome of the space, or any graph (a baseline), claimed by this worker.

        The same candidate of the same origin and stage is one trial, however often it is added: look at `.closed`.
        """
        return self._queue.add(self.space, genome, graph, recipe, origin, stage)

    def propose_from(self, space: Any, strategy: Strategy | None = None) -> None:
        """Draw proposals from this narrower space of the same template, and by this strategy, from now on.

        The study stays what it is. Another strategy hears all that was told before.
        """
        with self.reader.lock:
            self.reader.sync()
            old = self._queue.proposer
            new = Proposer(self.goals.narrowed(space), strategy or self.strategy, self.seed, old.distinct)
            for number in self.reader.log.closed:
                new.heard(self.reader.log.trials[number])
            self._queue.proposer = new

    @property
    def state(self) -> Any:
        """The state of the strategy: `tell` folded over what was told."""
        return self._queue.proposer.state

    def release(self, trials: Iterable[Trial | int]) -> None:
        """Give trials back untold: they are handed out again, to anyone, before new ones are proposed."""
        self._queue.release(trials)

    def elsewhere(self) -> bool:
        """Whether other workers hold trials, which may yet come back."""
        return self._queue.elsewhere()

    def alone(self) -> AbstractContextManager[None]:
        """Inside, no other process works on the study; after, nothing is held. Raises StudyError where one does.

        What a process that died held is free at once; what a machine that vanished held, when its lease ends.
        """
        return self._leases.alone()

    # --- telling --------------------------------------------------------------------------------------------------

    def tell(
        self,
        trial: Trial | int,
        told: Mapping[str, Any] | None = None,
        /,
        seconds: float | None = None,
        **measures: float,
    ) -> Trial:
        """Close a trial with its result. What a constraint or objective reads from the graph alone is filled in.

        Names that are not Python names are told in a dict: tell(trial, {"latency@cpu": 0.004}). An objective that is not a
        finite number closes the trial as a failure: the candidate diverged. If another worker was given the trial and
        told it first (this one was silent for longer than a lease), its result stands, and is returned. Raises
        StudyError if the trial is closed, or if an objective is missing.
        """
        return self._ledger.tell(trial, {**(told or {}), **measures}, seconds)

    def fail(self, trial: Trial | int, error: BaseException | str, /, seconds: float | None = None) -> Trial:
        """Close a trial that has no result, with the reason: diverged, memory, time, crashed."""
        return self._ledger.fail(trial, error, seconds)

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
        return self._ledger.record(trial, stage, measures, seconds=seconds, step=step, **more)

    def note(self, what: str, trial: Trial | int | None = None, /, **data: Any) -> None:
        """Write down anything else worth keeping: what="funnel", "phase", "rejected", "result"."""
        self._ledger.note(what, trial, **data)

    def put(self, trial: Trial | int | None, name: str, blob: bytes) -> str:
        """Keep bytes beside the events, such as weights; returns their SHA-256. The last of a name counts."""
        return self._ledger.put(trial, name, blob)

    def run(
        self,
        evaluate: Any,
        trials: int | None = None,
        seconds: float | str | None = None,
        on: str | Executor = "here",
        **options: Any,
    ) -> Run:
        """Evaluate candidates, or train them on a task, until the study has `trials` trials, or for `seconds`.

        See `nasmyth.study.run.run`.
        """
        return run(self._queue, self._ledger, self.seed, evaluate, trials=trials, seconds=seconds, on=on, **options)

    # --- reading: see `StudyReader` -------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        return self.reader.journal

    @property
    def header(self) -> dict[str, Any]:
        return self.reader.header

    @property
    def trials(self) -> list[Trial]:
        return self.reader.trials

    @property
    def notes(self) -> list[dict[str, Any]]:
        return self.reader.notes

    @property
    def damaged(self) -> list[dict[str, Any]]:
        return self.reader.damaged

    @property
    def best(self) -> Trial | None:
        return self.reader.best

    @property
    def front(self) -> list[Trial]:
        return self.reader.front

    @property
    def chosen(self) -> int | None:
        return self.reader.chosen

    def get(self, key: str) -> bytes:
        return self.reader.get(key)

    def summary(self) -> dict[str, Any]:
        return self.reader.summary()

    def to_frame(self) -> Any:
        return self.reader.to_frame()

    def _repr_html_(self) -> str:
        return self.reader._repr_html_()

    def close(self) -> None:
        """Give back what is not told, and let go of the file. Closing twice is fine."""
        self._leases.close()
        self.reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        done = sum(trial.closed for trial in self.reader.log.trials.values())
        return f"Study({self.journal.where!r}: {done} of {len(self.reader.log.trials)} trials closed)"


def refuse_old(where: str, header: Mapping[str, Any]) -> None:
    """Raise StudyError for a study that an older Nasmyth began: it can be read, and not gone on with."""
    if header.get("format", FORMAT) != FORMAT:
        raise StudyError(
            f"{where}: begun by Nasmyth {header.get('nasmyth') or '0.1'} (format {header['format']}), which goes on "
            f"with it; this "
            f"one (format {FORMAT}) shows it and exports its networks (`nasmyth show {where}`): begin anew in another file"
        )
