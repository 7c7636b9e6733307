"""The whole story on one page: from data and a budget to a network you own.

    found = design("digits", under=["params<=10k"], spend="90s", out="digits.db")
    print(found)            # Pareto table, where the time went, the line that reproduces it
    found.best              # a torch.nn.Module that knows its own graph, its preprocessing and its class names

What happens in between, each step a method of `funnel.designer.Designer`:

    read        the data becomes a task, the budget narrows the domain's space: nothing too large is ever proposed
    prepare     a plain hand-designed network that uses the whole budget is chosen; its first epochs show what time buys
    search      it, what is known to do well on such data, and what the strategy proposes train for equal seconds; the best
                third of each rung goes on for three times as many, and most of the time is for the best of all: a
                strategy like any other (`funnel.strategy.Funnel`), on as many processes as there are cores
    judge       the one of which most is expected meets the test split, once, and is measured against the budget

Everything found is in the journal the moment it is known, so that the same line run again goes on where it stopped, and
Ctrl-C keeps the best so far. No training starts that the rest of `spend` could not hold.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from nasmyth.errors import NasmythError, StudyError, warn
from nasmyth.funnel.designer import Designer
from nasmyth.funnel.final_test import network_of
from nasmyth.funnel.training import preload
from nasmyth.measure import Constraint, Measure, constraints, find
from nasmyth.progress import Progress, shown
from nasmyth.report.troubles import why_nothing
from nasmyth.search import Best, Evolution, Strategy, Tournament
from nasmyth.study import Processes, Study, ahead, arguments
from nasmyth.study.environment import cores
from nasmyth.study.executors import Chosen
from nasmyth.study.executors import choose as choose_executor
from nasmyth.units import Spend
from nasmyth.units import spend as read_spend

if TYPE_CHECKING:
    from nasmyth.network import Network
    from nasmyth.train import Recipe, Task

WORTH_PROCESSES = 60.0
"""Seconds of `spend` from which on it pays to train in processes, which take some to start."""
SEARCH = "search"
"""What recipe= says where recipes are searched."""
DEFAULT = Evolution(population=4, parent=Tournament(2), survive=Best())
"""A design sees tens of candidates, not thousands: some are random, and about half are mutants of the plain network."""


def design(
    data: Any,
    *,
    maximize: Any = None,
    minimize: Any = None,
    under: Iterable[str | Constraint] | None = (),
    spend: str | float | timedelta | Spend = "10m",
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    strategy: Strategy | str | None = None,
    recipe: Recipe | Literal["search"] | None = None,
    scores: Iterable[str | Measure] = (),
    on: str | Executor = "auto",
    workers: int | None = None,
    progress: bool | Callable[[Progress], object] | None = None,
    command: str = "",
    **reading: Any,
) -> Found:
    """Design a network for `data` under a budget. See the top of this file for how.

    data: a known name, a folder, a file, arrays (x, y), a DataFrame, a torch Dataset or DataLoader, or a Task.
    maximize, minimize: a score of a trained network, "auroc" or "recall:malignant"; "accuracy" for classes and "rmse" for
    numbers unless said.
    under: constraints, `params <= 3e6` or "latency@cpu<=8ms". spend: "2h", "300 trials" or both, or a timedelta.
    recipe: how every network is trained; the domain's own unless said; "search" searches it together with the network.
    scores: of untrained networks, such as "jacov": one that is seen to rank the networks of this study better than counting
    their parameters and MACs does chooses among what is proposed next; none does unless said.
    out: the study file; the same line with the same file goes on where it stopped. Kept in memory if None.
    on: where networks are trained: "here", in "processes", on a cluster by "ray", or an Executor; "auto" is a process for
    each core where the time is a minute or more, else here. workers: how many are trained at once.
    strategy: proposes candidates; one of `nasmyth list strategies` by name, or with settings of its own.
    progress: None shows it where stderr is a terminal, and in notebooks; True everywhere, False nowhere; a function is
    called with every `Progress`, some times a second. reading: passed to `nasmyth.read` (target=, size=...).

    Raises DataError, BudgetError or StudyError before any work is done: for what cannot be met, and for a file that holds
    another study or that another process works on.
    """
    began = time.perf_counter()
    from nasmyth.domains import read
    from nasmyth.measure.trained import judged_by

    limits, wanted = constraints(() if under is None else under), read_spend(spend)
    goal = _goal(maximize, minimize)
    out, seed = arguments.path_of(out), arguments.seed_of(seed)
    chosen = DEFAULT if strategy is None else arguments.strategy_of(strategy)
    executor = where(on, workers, wanted)
    aim = {f"{find(goal).direction}imize": goal} if goal else {}
    kept = ahead.look(out, under=limits, strategy=chosen, seed=seed, alone=True, **aim)
    with shown(progress) as tell, started(executor):
        tell(Progress("reading", spend=wanted))
        task = read(data, seed=seed, **reading)
        if recipe not in (None, SEARCH):
            task = task.trained_by(recipe)  # type: ignore[arg-type]  # or it says what it is not
        if goal:
            find(goal).check_task(task, "valid")
            task = judged_by(task, goal)
        elif task.doubt:
            warn(task.doubt)
        designer = Designer(
            task,
            goal or task.objective,
            limits,
            wanted,
            seed,
            out,
            chosen,
            executor,
            tell,
            command,
            began,
            kept or {},
            recipe == SEARCH,
            tuple(map(find, scores)),
        )
        interrupted = designer.run()
    return Found(designer.study, task, interrupted)


@contextmanager
def started(chosen: Chosen) -> Iterator[None]:
    """Inside, the processes of a pool of ours start while data is read; after, they are gone."""
    if not chosen.ours:
        yield
        return
    if isinstance(chosen.executor, Processes):
        for _ in range(chosen.workers):
            chosen.executor.submit(preload)
    try:
        yield
    finally:
        chosen.executor.shutdown(wait=False, cancel_futures=True)


def where(on: str | Executor, workers: int | None, spend: Spend) -> Chosen:
    """Where networks are trained: see `design`."""
    if on == "auto":
        long = spend.seconds is not None and spend.seconds >= WORTH_PROCESSES
        several = (workers or cores()) > 1 and (long or workers is not None)
        on = "processes" if several and multiprocessing.parent_process() is None else "here"
    return choose_executor(on, workers if on != "here" else None)


def _goal(maximize: Any, minimize: Any) -> str | None:
    given = maximize if minimize is None else minimize
    if (maximize is not None and minimize is not None) or isinstance(given, (list, tuple, set)):
        raise NasmythError("design() has one goal: give maximize or minimize; for several, use a Study")
    if given is None:
        return None
    measure = find(given)
    if measure.direction != ("max" if minimize is None else "min"):
        raise NasmythError(
            f"{measure.name} is better when {measure.direction}imal: write {measure.direction}imize={measure.name!r}"
        )
    if "training" not in measure.requires:
        raise NasmythError(
            f"the goal of a design is a figure of a trained network, and {measure.name} is none; put it into under="
        )
    return measure.name


@dataclass
class Found:
    """What a design found. Print it, take `.best`, or look into `.study`."""

    study: Study
    task: Task
    interrupted: bool = False

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Everything that `nasmyth show --json` prints."""
        return self.study.summary()

    @cached_property
    def best(self) -> Network:
        """The best network found, with its weights. Raises StudyError if none was trained yet."""
        best = self.summary["best"]
        if best is None:
            raise StudyError(why_nothing(self.summary))
        return self.network(best["number"])

    @cached_property
    def baseline(self) -> Network | None:
        """The plain hand-designed network, trained the same way; None if none meets the budget."""
        baseline = self.summary["baseline"]
        return None if baseline is None else self.network(baseline["number"])

    def network(self, number: int) -> Network:
        """The network of a trial whose weights were kept."""
        return network_of(self.study, next(t for t in self.study.trials if t.number == number))

    def __str__(self) -> str:
        from nasmyth.report.terminal import to_text

        return to_text(self.summary)

    def _repr_html_(self) -> str:
        """What a notebook shows: the same, and a drawing of the best network."""
        from nasmyth.report import summary_of
        from nasmyth.report.notebook import html

        return html(summary_of(self.study))


class _Callable(ModuleType):
    """`nasmyth.design` is this file and the function in it: importing one must not hide the other."""

    def __call__(self, *args: Any, **kwargs: Any) -> Found:
        return design(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
