"""The loop that drives a study: ask, evaluate somewhere, write down, until the budget or the space is used up.

An evaluation is a function of the graph, or of the whole trial if its first parameter is called `trial`:

    def evaluate(graph): return {"accuracy": ..., "latency@cpu": ...}     # or a number, with one objective
    def evaluate(trial): return train(trial.graph, recipe=trial.recipe)

In its place may stand a task, on which every candidate is then measured (`evaluation.Evaluation`). What an
evaluation raises is the outcome of that candidate (`CandidateError`s say the reason), and the search goes on.
"""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nasmyth.errors import StudyError
from nasmyth.study.arguments import whole
from nasmyth.study.evaluation import evaluation
from nasmyth.study.executors import choose
from nasmyth.study.following import following
from nasmyth.study.header import Goals
from nasmyth.study.ledger import Ledger
from nasmyth.study.log import rank_key
from nasmyth.study.outcome import Outcome, numbers
from nasmyth.study.queue import Queue
from nasmyth.study.trial import Trial
from nasmyth.train import is_task
from nasmyth.units import Spend, quantity

if TYPE_CHECKING:
    from nasmyth.train import Recipe, Task

LOG = logging.getLogger(__name__)
MAX_CRASHES = 20
"""Crashes in a row, with no result ever, after which the evaluation itself is taken to be wrong."""
_PATIENCE = 0.5
"""Seconds between two looks at trials that other workers hold."""


@dataclass
class Run:
    """What a run did: `reason` is "trials", "time", "exhausted" or "interrupted"."""

    reason: str = ""
    closed: int = 0
    failed: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.closed} trials in {self.seconds:.1f} s{failed} (ended: {self.reason})"


def run(
    queue: Queue,
    ledger: Ledger,
    seed: int,
    evaluate: Callable[[Any], Any] | Task,
    *,
    trials: int | None = None,
    seconds: float | str | None = None,
    on: str | Executor = "here",
    epochs: float | None = None,
    recipe: Recipe | None = None,
    workers: int | None = None,
    limit_seconds: float | str | None = None,
    limit_memory: float | str | None = None,
    progress: bool | Callable[[Trial], object] | None = None,
    on_start: Callable[[Trial], object] | None = None,
) -> Run:
    """Evaluate until the study has `trials` trials in all, or this run has lasted `seconds`.

    on: "here", "processes", "ray" or an Executor. epochs, recipe: of trainings on a task. limit_seconds, limit_memory:
    for one candidate. progress: None shows it where stderr is a terminal, and in notebooks; True everywhere, False
    nowhere; a function is called with every trial that closes; on_start with every one that is about to be evaluated.
    Ctrl-C keeps all results and returns; so does the end of the time, with what is still being evaluated given back.
    Raises StudyError if the evaluation never once works.
    """
    if trials is None and seconds is None:
        raise StudyError("say how long to search: trials=500, or seconds='2h'")
    trials = None if trials is None else whole(trials, "trials", 500)
    evaluate = _evaluation(ledger.goals, seed, evaluate, epochs, recipe)
    allowed = None if seconds is None else quantity(seconds, "s")
    chosen = choose(on, workers, limit_seconds, limit_memory)
    end = None if allowed is None else time.monotonic() + allowed
    with following(ledger.reader, progress, Spend(allowed, trials)) as closed:
        loop = _Loop(queue, ledger, evaluate, chosen.executor, chosen.workers, trials, end, closed, on_start)
        start = time.monotonic()
        try:
            loop.go()
        except KeyboardInterrupt:
            loop.run.reason = "interrupted"
        finally:
            left = loop.abandon()
            if chosen.ours:
                chosen.executor.shutdown(wait=not left, cancel_futures=True)
            loop.run.seconds = time.monotonic() - start
    LOG.info("%s: %s", ledger.reader.journal.where or "study in memory", loop.run)
    return loop.run


@dataclass
class _Loop:
    queue: Queue
    ledger: Ledger
    evaluate: Callable[[Any], Any]
    executor: Executor
    workers: int
    trials: int | None
    end: float | None
    progress: Callable[[Trial], object]
    on_start: Callable[[Trial], object] | None = None
    run: Run = field(default_factory=Run)
    running: dict[Future[Any], Trial] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.call = functools.partial(_timed, self.evaluate)
        self.whole = _takes_trial(self.evaluate)
        self.crashes = 0
        self.worked = False

    def go(self) -> None:
        while not self.run.reason:
            asked = self._fill()
            if self.running:
                self._collect()
            elif self._late():
                self.run.reason = "time"
            elif not asked:
                self._wait_for_others()

    def _fill(self) -> bool:
        """Keep every worker busy; False if there was nothing to ask for."""
        room = self.workers - len(self.running)
        if room <= 0 or self._late():
            return True
        asked = self.queue.ask(room, self.trials)
        pending = list(asked)
        try:
            while pending:
                trial = pending[0]
                if self.on_start is not None:
                    self.on_start(trial)
                future = self.executor.submit(self.call, self._started(trial) if self.whole else trial.graph)
                self.running[future] = pending.pop(0)
        finally:
            if pending:
                self.queue.release(pending)
        return bool(asked)

    def _collect(self) -> None:
        left = None if self.end is None else max(0.0, self.end - time.monotonic())
        done, _ = wait(self.running, left, FIRST_COMPLETED)
        for future in sorted(done, key=lambda f: self.running[f].number):
            self._settle(future, self.running[future])
            del self.running[future]
        if not done and self._late():
            self.run.reason = "time"

    def _settle(self, future: Future[Any], trial: Trial) -> None:
        ledger = self.ledger
        try:
            result, seconds = future.result()
            if isinstance(result, Outcome):
                result = self._told(trial, result)
            measures = ledger.completed(trial, numbers(result, ledger.goals.objectives))
        except (BrokenExecutor, CancelledError) as broken:
            raise StudyError(f"the executor broke: {broken}; results are kept: run the same line again") from broken
        except (Exception, SystemExit) as raised:
            if isinstance(raised, StudyError) and future.exception() is raised:
                raise  # a worker could not be started: no fault of the candidate
            closed = ledger.fail(trial, raised)
        else:
            closed = ledger.tell(trial, measures, seconds)
        self.run.closed += 1
        self.run.failed += closed.error is not None
        self._stop_if_all_crash(closed)
        self.progress(closed)

    def _started(self, trial: Trial) -> Trial:
        """The trial, with the trained state of its parent if it has one. Raises StudyError where that was not kept."""
        if trial.parent is None:
            return trial
        kept = self.ledger.known(trial.parent).artefacts
        name = next((name for name in ("state", "weights") if name in kept), None)
        return trial if name is None else replace(trial, start=self.ledger.reader.get(kept[name]))

    def _told(self, trial: Trial, outcome: Outcome) -> Mapping[str, float]:
        """Record what was told with the figures, and keep the artefacts of what is better than all before."""
        ledger, details = self.ledger, dict(outcome.details)
        told = ledger.completed(
            trial, outcome.measures
        )  # with all that the budget asks for: what is best depends on it
        known = ledger.record(trial, outcome.stage, told, seconds=details.pop("seconds", 0.0), **details)
        best = ledger.reader.best
        if trial.stage.keep or (not known.violation and (best is None or _rank(known) > _rank(best))):
            for name, blob in outcome.artefacts.items():
                ledger.put(trial, name, blob)
        return told

    def _stop_if_all_crash(self, closed: Trial) -> None:
        if closed.error is None or closed.error.reason != "crashed":
            self.worked = True
        self.crashes += 1
        if (
            not self.worked
            and self.crashes >= MAX_CRASHES
            and not any(trial.finished for trial in self.ledger.reader.trials)
        ):
            raise StudyError(
                f"{self.crashes} candidates in a row crashed, and none ever worked; the last: {closed.error}. "
                "All are recorded; mend the evaluation and start a new study"
            )

    def _wait_for_others(self) -> None:
        """Nothing to ask for and nothing running: done, unless others hold trials that may yet come back."""
        if self.queue.elsewhere():
            time.sleep(_PATIENCE)
        else:
            enough = self.trials is not None and len(self.ledger.reader.trials) >= self.trials
            self.run.reason = "trials" if enough else "exhausted"

    def _late(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end

    def abandon(self) -> bool:
        """Give back what is still running; whether there was any."""
        for future in self.running:
            future.cancel()
        left = list(self.running.values())
        self.running = {}
        if left:
            self.queue.release(left)
        return bool(left)


def _rank(trial: Trial) -> tuple[Any, ...]:
    """What was trained in full counts before what was trained a little."""
    return (trial.full, rank_key(trial))


def _timed(evaluate: Callable[[Any], Any], candidate: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = evaluate(candidate)
    return result, time.perf_counter() - start


def _evaluation(wanted: Goals, seed: int, given: Any, epochs: float | None, recipe: Any) -> Callable[[Any], Any]:
    if is_task(given):
        return evaluation(wanted, given, recipe=recipe, epochs=epochs, seed=seed)
    if not callable(given):
        raise StudyError(
            f"evaluate with a function of the graph, or train on a Task (nasmyth.read(data)); got {given!r:.80}"
        )
    if epochs is not None or recipe is not None:
        raise StudyError("epochs= and recipe= are for training on a Task; a function of your own takes its own")
    evaluate: Callable[[Any], Any] = given
    return evaluate


def _takes_trial(evaluate: Callable[[Any], Any]) -> bool:
    try:
        names = list(inspect.signature(evaluate).parameters)
    except (TypeError, ValueError):
        return False
    return bool(names) and names[0] == "trial"
