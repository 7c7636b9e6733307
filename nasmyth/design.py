"""The whole story on one page: from data and a budget to a network you own.

    found = design("digits", under=["params<=10k"], spend="90s", out="digits.db")
    print(found)            # Pareto table, where the time went, the line that reproduces it
    found.best              # a torch.nn.Module that knows its own graph, its preprocessing and its class names

What happens in between, each step one method of `Designer` below:

    read        the data becomes a task, the budget narrows the domain's space: nothing too large is ever proposed
    baseline    a plain hand-designed network that uses the whole budget is trained in full; it also shows what time buys
    explore     short trainings of what the strategy proposes; the best third of each rung is trained three times longer
    finish      the best of what was trained long are trained in full, as the baseline was
    judge       the best in validation meets the test split, once, and is measured against the budget

Everything found is in the journal the moment it is known, so that the same line run again goes on where it stopped, and
Ctrl-C keeps the best so far. Time is planned from what the baseline's first epochs took (`funnel/plan.py`); no training
starts that the rest of `spend` could not hold.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nasmyth.errors import BudgetError, NasmythError, StudyError
from nasmyth.funnel.clock import READING, Clock
from nasmyth.funnel.plan import LAST, SHORTEST, UNBOUNDED, affordable, cheap, planned, worthwhile
from nasmyth.funnel.rungs import Rungs, note_funnel
from nasmyth.funnel.standing import Standing
from nasmyth.funnel.verdict import choose, looks, network_of, verdict
from nasmyth.measure import Constraint, constraints, find
from nasmyth.progress import Progress, Step, shown, watching
from nasmyth.report.troubles import why_nothing
from nasmyth.search import Best, Evolution, Strategy, Tournament
from nasmyth.study import Study, ahead, arguments
from nasmyth.study.run import HOPELESS
from nasmyth.study.training import Training, trained
from nasmyth.units import Spend
from nasmyth.units import spend as read_spend

if TYPE_CHECKING:
    from nasmyth.network import Network
    from nasmyth.train import Recipe, Task

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
    recipe: Recipe | None = None,
    progress: bool | Callable[[Progress], object] | None = None,
    command: str = "",
    **reading: Any,
) -> Found:
    """Design a network for `data` under a budget. See the top of this file for how.

    data: a known name, a folder, a file, arrays (x, y), a DataFrame, a torch Dataset or DataLoader, or a Task.
    maximize, minimize: a figure of a trained network; "accuracy" for classes and "rmse" for numbers unless said.
    under: constraints, `params <= 3e6` or "latency@cpu<=8ms". spend: "2h", "300 trials" or both, or a timedelta.
    recipe: how every network is trained; the domain's own unless said.
    out: the study file; the same line with the same file goes on where it stopped. Kept in memory if None.
    strategy: proposes candidates; one of `nasmyth list strategies` by name, or with settings of its own.
    progress: None shows it where stderr is a terminal, and in notebooks; True everywhere, False nowhere; a function is
    called with every `Progress`, some times a second. reading: passed to `nasmyth.read` (target=, size=...).

    Raises DataError, BudgetError or StudyError before any work is done: for what cannot be met, and for a file that holds
    another study or that another process works on.
    """
    began = time.perf_counter()
    from nasmyth.domains import read

    limits, wanted = constraints(() if under is None else under), read_spend(spend)
    goal = _goal(maximize, minimize)
    out, seed = arguments.path_of(out), arguments.seed_of(seed)
    chosen = DEFAULT if strategy is None else arguments.strategy_of(strategy)
    aim = {f"{find(goal).direction}imize": goal} if goal else {}
    ahead.look(out, under=limits, strategy=chosen, seed=seed, alone=True, **aim)
    with shown(progress) as tell:
        tell(Progress("reading", spend=wanted))
        task = read(data, seed=seed, **reading)
        if recipe is not None:
            task = task.trained_by(recipe)
        return Designer(task, goal or task.objective, limits, wanted, seed, out, chosen, tell, command, began).run()


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
    if "training" not in measure.needs:
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


@dataclass
class Designer:
    """One run of `design`."""

    task: Task
    goal: str
    limits: tuple[Constraint, ...]
    spend: Spend
    seed: int
    out: str | os.PathLike[str] | None
    strategy: Strategy
    progress: Callable[[Progress], object]
    command: str
    began: float
    now: Progress = Progress("timing")  # noqa: RUF009  frozen

    def run(self) -> Found:
        """All steps, as far as the time goes, alone on the study."""
        self.read()
        try:
            with self.study.alone():
                interrupted = self.work()
        except BaseException:
            self.study.close()
            raise
        self.say("interrupted" if interrupted else "done")
        return Found(self.study, self.task, interrupted)

    def work(self) -> bool:
        """Whether it was interrupted."""
        interrupted = False
        try:
            with watching(self.watched):
                self.clock.account(READING)
                if self.baseline():
                    self.explore()
                    self.finish()
                self.judge()
        except KeyboardInterrupt:
            interrupted = True
            self.clock.account("interrupted")
        note_funnel(self.study, self.standing.finals)
        return interrupted

    def read(self) -> None:
        """Sort the constraints by what they need, narrow the space to what a graph tells, and open the study."""
        from nasmyth.domains import domain_for

        self.domain = domain_for(self.task)
        self.counted = tuple(limit for limit in self.limits if limit.measure.needs <= {"graph"})
        self.measured = tuple(limit for limit in self.limits if "device" in limit.measure.needs)
        self.space = self.domain.space(self.task).narrow(*self.counted)
        goal: Any = {f"{find(self.goal).direction}imize": self.goal}
        self.study = Study(
            self.out, self.space, under=self.limits, strategy=self.strategy,
            seed=self.seed, task=self.task, command=self.command, spend=self.spend, **goal,
        )  # fmt: skip
        self.clock = Clock(self.study, self.spend, self.began)
        self.standing = Standing(self.study, self.goal, self.limits)

    def baseline(self) -> bool:
        """Train the domain's plain network in full, and plan everything else from the time that it takes.

        Gives False where too little time is left to train it, by a run that goes on from others.
        """
        study = self.study
        self.say("sizing")
        try:
            genome = self.domain.baseline(self.task, self.limits)
        except BudgetError as error:
            genome = None
            study.note("baseline", missing=str(error))
        trial = study.add(genome, origin="baseline") if genome else None
        graph = trial.graph if trial else cheap(self.space, self.seed)
        self.say("timing")
        also = trained([find(self.goal), *(limit.measure for limit in self.limits)])
        self.plan = planned(study, self.clock, graph, self.task, self.domain, also)
        self.clock.kept = (self.plan.telling + self.plan.look) * looks(self.task)
        training = Training(self.task, self.plan.recipe, seed=self.seed, also=also)
        self.rungs = Rungs(study, self.standing, training, self.measured, self.clock, self.plan)
        if trial is not None and not trial.closed:
            if self.clock.left < SHORTEST * self.plan.price < UNBOUNDED:
                return False
            self.say("baseline")
            self.rungs.enter(trial, "final")
        within = affordable(self.space, self.plan, graph, self.standing.baseline, self.measured)
        study.propose_from(worthwhile(within, self.counted))
        return True

    def explore(self) -> None:
        """Promote the best of each rung, or else try something new, until only the time of the last step is left."""
        while self._may_explore() and not self._enough():
            for rung in ("final", "long"):
                if trial := self.rungs.promotable(rung):
                    self.say(rung)
                    self.rungs.advance(trial, rung)
                    break
            else:
                self.say("explore")
                asked = self.study.ask(1, limit=self.spend.trials)
                for trial in asked:
                    self.rungs.enter(trial)
                if not asked or self._hopeless():
                    break  # the space is used up, or nothing in it can be trained in time

    def finish(self) -> None:
        """Full trainings of the best that were not trained in full, as many as there is time for; the last may be
        shorter."""
        while self.spend.seconds is not None or not self.standing.finals:
            waiting = self.standing.ranked(t for t in self.standing.candidates if "final" not in t.stages)
            waiting.sort(key=lambda trial: -len(trial.stages))  # what was trained long is known better
            shares = [(trial, self.clock.left / self.plan.price_of(trial)) for trial in waiting]
            fitting = [(t, share) for t, share in shares if share >= 1] or [(t, s) for t, s in shares if s >= SHORTEST]
            if not fitting:
                break
            trial, share = fitting[0]
            self.say("final")
            self.rungs.advance(trial, "final", min(1.0, share))

    def judge(self) -> None:
        """The best in validation meets the test split and the budget on this device: once, unless a longer run finds a
        better."""
        self.say("judge")
        best = choose(self.standing, self.task)
        seen = [note["trial"] for note in self.study.notes if note["what"] == "result"]
        if best is not None and (not seen or seen[-1] != best.number):
            told = verdict(self.study, best, self.standing.baseline, self.task, self.limits, self.goal)
            self.study.note("result", **told, looks=len(seen) + 1)
        self.clock.account("judge")

    def say(self, phase: str) -> None:
        """Tell `progress` what is going on."""
        best = self.standing.leader
        figure = "" if best is None else f"{find(self.goal).show(best.measures[self.goal])} {self.goal}"
        self.now = Progress(phase, len(self.study.trials), figure, self.clock.spent, self.spend)
        self.progress(self.now)

    def watched(self, step: Step) -> None:
        """Tell `progress` where the training is that goes on now."""
        self.progress(replace(self.now, step=step, spent=self.clock.spent))

    def _may_explore(self) -> bool:
        """Whether more time is left than for the last step; without a candidate yet, than for a short training."""
        if self.standing.candidates:
            return self.clock.share_left > LAST
        return self.clock.left > self.plan.seconds("short") or self.spend.seconds is None

    def _hopeless(self) -> bool:
        """Whether all of many candidates were too slow; StudyError if all crashed. More would only use up the time."""
        closed = [trial for trial in self.study.trials if trial.closed]
        reasons = {trial.error.reason if trial.error else "" for trial in closed if trial.origin != "baseline"}
        if len(closed) < HOPELESS or len(reasons) > 1:
            return False
        if reasons == {"crashed"} and all(trial.error for trial in closed):
            raise StudyError(f"all of {len(closed)} candidates crashed, the last with: {closed[-1].error}")
        return reasons == {"time"}

    def _enough(self) -> bool:
        return self.spend.trials is not None and sum(t.closed for t in self.study.trials) >= self.spend.trials


class _Callable(ModuleType):
    """`nasmyth.design` is this file and the function in it: importing one must not hide the other."""

    def __call__(self, *args: Any, **kwargs: Any) -> Found:
        return design(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
