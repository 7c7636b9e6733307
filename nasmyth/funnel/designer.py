"""One run of a design: what is read is prepared, the funnel searches, and the best is judged.

`nasmyth.design` tells the story; each step of it is a method here.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nasmyth.domains import domain_for
from nasmyth.errors import BudgetError
from nasmyth.funnel.boosting import boosted, suits
from nasmyth.funnel.clock import READING, Clock
from nasmyth.funnel.final_test import choose, final_test, test_cost
from nasmyth.funnel.joint import differing, joined, options, space_of, trained_alike
from nasmyth.funnel.leaderboard import BASELINE, Leaderboard
from nasmyth.funnel.memory import at_once
from nasmyth.funnel.pace import Pace, speedup
from nasmyth.funnel.plan import affordable, cheap
from nasmyth.funnel.planner import Planner
from nasmyth.funnel.screen import Scorer, Screened
from nasmyth.funnel.strategy import Funnel
from nasmyth.funnel.timely import within_time
from nasmyth.funnel.training import Rung
from nasmyth.measure import Constraint, Measure, find
from nasmyth.progress import Progress, Step, watching
from nasmyth.search import Strategy
from nasmyth.search.strategy import FULL, hashable
from nasmyth.study import Processes, Study, Trial
from nasmyth.study.evaluation import Evaluation, trained
from nasmyth.study.executors import Chosen
from nasmyth.train.threads import threads
from nasmyth.units import Spend

if TYPE_CHECKING:
    from nasmyth.bench.trust import Trust
    from nasmyth.graph import Graph
    from nasmyth.space import Genome
    from nasmyth.train import Recipe, Task


BOOSTED, BOOSTING = 0.04, 10.0
"""The share of the time that gradient boosting may take beside a design; the seconds where time is not bounded."""


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
    on: Chosen
    progress: Callable[[Progress], object]
    command: str
    began: float
    kept: Mapping[str, Any]
    """The header of the study that this one goes on with; empty for a new one."""
    search_recipe: bool = False
    """Whether what is proposed after the starts may be trained in other ways than they are."""
    scores: Sequence[Measure | str] = ()
    """Of untrained networks, which may choose among what is proposed (`funnel/screen.py`)."""
    now: Progress = Progress("timing")  # noqa: RUF009  frozen
    names: tuple[str, ...] = (FULL.name,)
    """The stages of the funnel."""
    paces: dict[tuple[Graph, Recipe], Pace] = field(default_factory=dict)
    """Of the networks that were timed before anything is trained."""
    sized: str = ""
    """Why what it starts from is smaller than the budget allows, if it is."""

    def run(self) -> bool:
        """All steps, as far as the time goes, alone on the study; whether it was interrupted."""
        self.read()
        try:
            with self.study.alone():
                interrupted = self.work()
        except BaseException:
            self.study.close()
            raise
        self.report_progress("interrupted" if interrupted else "done")
        return interrupted

    def work(self) -> bool:
        """Whether it was interrupted."""
        interrupted = False
        try:
            with watching(self.watched):
                self.clock.account(READING)
                self.prepare()
                interrupted = self.search()
                if not interrupted:
                    self.judge()
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            self.clock.account("interrupted")
        return interrupted

    def read(self) -> None:
        """Sort the constraints by what they need, narrow the space to what a graph tells, and open the study."""
        self.domain = domain_for(self.task)
        scorer = Scorer(self.scores, self.task, self.seed, self.screened) if self.scores else None
        self.explore = self.strategy if scorer is None else Screened(self.strategy, scorer)
        self.counted = tuple(limit for limit in self.limits if limit.measure.requires <= {"graph"})
        self.space = space_of(self.task, self.domain, self.kept).narrow(*self.counted)
        goal: Any = {f"{find(self.goal).direction}imize": self.goal}
        self.study = Study(
            self.out, self.space, under=self.limits, strategy=self.strategy,
            seed=self.seed, task=self.task, command=self.command, spend=self.spend, **goal,
        )  # fmt: skip
        self.clock = Clock(self.study, self.spend, self.began)
        self.board = Leaderboard(self.study, self.goal, self.limits)

    def prepare(self) -> None:
        """Choose what is tried first, plan everything from the time that the first epochs of the plain network take, and
        set the funnel up."""
        study = self.study
        self.report_progress("sizing")
        starts = self.starts()
        first = joined(self.space, starts[0][1]) if starts else cheap(trained_alike(self.space), self.seed)
        self.report_progress("timing")
        also = trained([find(self.goal), *(limit.measure for limit in self.limits)])
        pace, several = self.pace_of(first), self.on.workers > 1
        with self.as_trained():
            plan = Planner(study, self.clock, first, pace, self.task, self.domain, also, self.cores, several).plan()
        starts = [(origin, joined(self.space, genome, plan.adapted)) for origin, genome in starts]
        self.workers = at_once(self.on.workers) if self.is_local else self.on.workers
        self.clock.kept = (plan.metric_seconds + plan.look) * test_cost(self.task) + self.boosting
        worked, left = study.reader.log.worked, self.clock.left
        until = None if self.spend.seconds is None else worked + left
        self.names = plan.names
        self.funnel = Funnel(
            plan,
            self.explore,
            tuple((origin, hashable(genome)) for origin, genome in starts),
            self.goal,
            len(self.task.valid),
            self.spend.trials,
            worked,
            until,
        )
        graph = self.space.decode(first)
        if not self.search_recipe:
            varied = differing(self.space, [genome for _, genome in starts])
            self.space = trained_alike(self.space, joined(self.space, first, plan.adapted), varied)
        self.space = affordable(self.space, plan, graph, self.limits)
        end = None if until is None else time.time() + left
        self.training = Rung(
            Evaluation(self.task, plan.recipe, seed=self.seed, under=self.limits, measures=(self.goal,)), plan, end
        )

    def starts(self) -> list[tuple[str, Genome]]:
        """The plain network first, as "baseline", then the others of the domain; those of the run that this one goes on
        from."""
        noted = next((note for note in self.study.notes if note["what"] == "starts"), None)
        if noted is not None:
            return [(origin, genome) for origin, genome in noted["genomes"]]
        try:
            plain, *others = self.domain.starts(self.task, self.limits, self.bounds)
            known = [
                (f"start {one.name}", joined(self.space, one.genome, options(self.space, one.recipe))) for one in others
            ]
            found = [(BASELINE, plain.genome), *known]
        except BudgetError as error:
            found = []
            self.study.note("baseline", missing=str(error))
        self.study.note("starts", genomes=[list(pair) for pair in found], why=self.sized)
        return found

    def bounds(self, plain: Genome) -> list[Constraint]:
        """What the time allows, where the largest plain network is too large for it."""
        genome = joined(self.space, plain)
        graph, recipe = self.space.decode(genome), self.space.recipe_of(genome)
        wanted = min(self.domain.passes(self.task), recipe.epochs)
        if self.spend.seconds is None or not wanted:
            return []
        epoch = self.pace_of(genome).epoch
        found, self.sized = within_time(
            graph, epoch, recipe.epochs, wanted, self.clock.left,
            lambda: speedup(graph, self.task, recipe, epoch, self.cores),
        )  # fmt: skip
        return found

    @property
    def is_local(self) -> bool:
        """Whether networks are trained on this machine, in processes of their own."""
        return isinstance(self.on.executor, Processes)

    @property
    def cores(self) -> int:
        """How many one training could have where it is the only one."""
        return self.on.workers if self.is_local else 1

    def pace_of(self, genome: Genome) -> Pace:
        """What a step takes of the network of a genome. Timed once, since that takes seconds itself."""
        graph, recipe = self.space.decode(genome), self.space.recipe_of(genome)
        if (graph, recipe) not in self.paces:
            with self.as_trained():
                self.paces[graph, recipe] = Pace.of(graph, self.task, recipe, self.seed)
        return self.paces[graph, recipe]

    def as_trained(self) -> AbstractContextManager[None]:
        """As many threads as those have who train a network."""
        return threads(1 if self.on.workers > 1 else 0)

    def search(self) -> bool:
        """Let the funnel propose and the workers train, until only the time of the end is left; whether it was interrupted.

        Where the space is used up before the time is, the best of it are trained in full.
        """
        for funnel in (self.funnel, self.funnel.replace(explore=None)):
            if self.clock.left <= 0:
                break
            self.study.propose_from(self.space, funnel)
            seconds = None if self.spend.seconds is None else self.clock.left + max(1.0, 0.02 * self.spend.seconds)
            ran = self.study.run(
                self.training, trials=sys.maxsize, seconds=seconds, on=self.on.executor, workers=self.workers,
                progress=self.closed, on_start=self.started,
            )  # fmt: skip
            if ran.reason == "interrupted":
                return True
            if ran.reason == "time":
                break
        return False

    def judge(self) -> None:
        """The best in validation meets the test split and the budget on this device: once, unless a longer run finds a
        better."""
        self.report_progress("judge")
        best = choose(self.board, self.task, self.names, self.funnel.plan.scored)
        seen = [note["trial"] for note in self.study.notes if note["what"] == "result"]
        if best is not None and (not seen or seen[-1] != best.number):
            told = final_test(self.study, best, self.board.baseline, self.task, self.limits, self.goal)
            self.study.note("result", **told, looks=len(seen) + 1)
        self.compare()
        self.clock.account("judge")

    @property
    def boosting(self) -> float:
        """Seconds that are kept for gradient boosting, which is what one would otherwise take for a table; 0 where it was
        tried, or has no place."""
        known = any(note["what"] == "boosting" for note in self.study.notes)
        if known or not suits(self.task):
            return 0.0
        return BOOSTING if self.spend.seconds is None else BOOSTED * self.spend.seconds

    def compare(self) -> None:
        """Note what boosting does on the same split, beside the network."""
        if seconds := self.boosting:
            self.study.note("boosting", **boosted(self.task, self.goal, seconds, self.seed))

    def screened(self, trust: Trust, trained: int) -> None:
        """Note which score is trusted, when it is another one than before."""
        known = [note["score"] for note in self.study.notes if note["what"] == "screen"]
        if known[-1:] != [trust.name]:
            self.study.note("screen", score=trust.name, chance=trust.chance, gain=trust.gain.value, trained=trained)

    # --- progress -------------------------------------------------------------------------------------------------

    def started(self, trial: Trial) -> None:
        """Tell `progress` what is worked on now."""
        self.report_progress(self.phase_of(trial))

    def closed(self, trial: Trial) -> None:
        """Account for the time since the last trial."""
        self.clock.trained = True
        self.clock.account(self.phase_of(trial))
        self.report_progress(self.now.phase)

    def phase_of(self, trial: Trial) -> str:
        """What is going on while a trial is trained."""
        if trial.stage.name == self.names[0]:
            return "baseline" if trial.origin == BASELINE else "explore"
        return FULL.name if trial.full else "long"

    def report_progress(self, phase: str) -> None:
        """Tell `progress` what is going on."""
        best = self.board.leader
        figure = "" if best is None else f"{find(self.goal).show(best.measures[self.goal])} {self.goal}"
        count = len({hashable(trial.genome) for trial in self.study.trials if trial.genome is not None})
        self.now = Progress(phase, count, figure, self.clock.spent, self.spend)
        self.progress(self.now)

    def watched(self, step: Step) -> None:
        """Tell `progress` where the training is that goes on now in this process."""
        self.progress(replace(self.now, step=step, spent=self.clock.spent))
