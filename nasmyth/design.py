"""The whole story on one page: from data and a budget to a network you own.

    found = design("digits", under=["params<=10k"], spend="90s", out="digits.db")
    print(found)            # Pareto table, where the time went, the line that reproduces it
    found.best              # a torch.nn.Module that knows its own graph, its preprocessing and its class names

What happens in between, each step one method of `Designer` below:

    read        the data becomes a task, the budget narrows the domain's space: nothing too large is ever proposed
    baseline    a plain hand-designed network that uses the whole budget is trained in full; it also shows what time buys
    explore     short trainings of what the strategy proposes; the best third of each rung is trained three times longer
                (asynchronous successive halving: Li et al. 2018, arXiv:1810.05934, started anew at each rung)
    finish      the best of what was trained long are trained in full, as the baseline was
    judge       the best in validation meets the test split, once, and is measured against the budget

Everything found is in the journal the moment it is known, so that the same line run again goes on where it stopped, and
Ctrl-C keeps the best so far. Time is planned from what the baseline's first epochs took; no training starts that the rest
of `spend` could not hold.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nasmyth.errors import BudgetError, CandidateError, NasmythError, OverBudget, StudyError
from nasmyth.measure import Constraint, constraints, find
from nasmyth.record import from_json
from nasmyth.search import Evolution, Strategy, Tournament
from nasmyth.study import Study, Trial
from nasmyth.units import Spend
from nasmyth.units import spend as read_spend

if TYPE_CHECKING:
    from nasmyth.network import Network
    from nasmyth.space import Genome, Space
    from nasmyth.train import Fitted, Recipe, Task

ETA = 3  # each rung trains this many times longer than the one below, and takes as small a share of it
SLACK = (
    4.0  # a network may be so many times faster for its MACs than the baseline is, before it is ruled out unmeasured
)
USED = (
    0.3  # the share of the budget for parameters that a candidate uses at least: larger networks are better as a rule
)
UNBOUNDED = 1e18
RUNGS = ("short", "long", "final")
FULL = 0.2  # a full training takes at most this share of the time, so that there can be several
LAST = 0.35  # the share of the time that is kept for full trainings
DEFAULT = Evolution(population=6, parent=Tournament(4))  # small: a design sees tens of candidates, not thousands
TIMED = 5  # epochs of which the fastest says what an epoch costs
FEWEST = 8  # epochs that a full training has at least: what cannot be trained so long is not proposed


def design(
    data: Any,
    *,
    maximize: Any = None,
    minimize: Any = None,
    under: Iterable[str | Constraint] = (),
    spend: str | float | Spend = "10m",
    seed: int = 0,
    out: str | None = None,
    strategy: Strategy | None = None,
    progress: Callable[[Progress], object] | None = None,
    command: str = "",
    **reading: Any,
) -> Found:
    """Design a network for `data` under a budget. See the top of this file for how.

    data: a known name, a folder, a file, arrays (x, y), a DataFrame, a torch Dataset or DataLoader, or a Task.
    maximize, minimize: a figure of a trained network; "accuracy" for classes and "rmse" for numbers unless said.
    under: constraints, `params <= 3e6` or "latency@cpu<=8ms". spend: "2h", "300 trials" or both.
    out: the study file; the same line with the same file goes on where it stopped. Kept in memory if None.
    progress: called with a `Progress` whenever something is known. reading: passed to `nasmyth.read` (target=, size=...).

    Raises DataError, BudgetError or StudyError before any work is done.
    """
    began = time.perf_counter()
    from nasmyth.domains import read

    limits, wanted = constraints(under), read_spend(spend)
    goal = _goal(maximize, minimize)
    task = read(data, seed=seed, **reading)
    return Designer(task, goal or task.objective, limits, wanted, seed, out, strategy, progress, command, began).run()


def _goal(maximize: Any, minimize: Any) -> str | None:
    if maximize is not None and minimize is not None:
        raise NasmythError("design() has one goal: give maximize or minimize; for several, use a Study")
    if maximize is None and minimize is None:
        return None
    measure = find(maximize if minimize is None else minimize)
    if measure.direction != ("max" if minimize is None else "min"):
        raise NasmythError(
            f"{measure.name} is better when {measure.direction}imal: write {measure.direction}imize={measure.name!r}"
        )
    if "training" not in measure.needs:
        raise NasmythError(
            f"the goal of a design is a figure of a trained network, and {measure.name} is none; put it into under="
        )
    return measure.name


@dataclass(frozen=True)
class Progress:
    """What is going on: for a line that is rewritten."""

    phase: str
    trials: int
    best: str
    spent: float
    spend: Spend


@dataclass(frozen=True)
class Plan:
    """How long each rung trains: planned once, from the baseline's first epochs, and kept in the journal."""

    epochs: float
    """Epochs of a full training."""
    price: float
    """Seconds that the baseline's full training is expected to take."""
    macs: float
    """More MACs than this would take too long to train in full."""

    def of(self, rung: str) -> float:
        """Epochs of a training at this rung."""
        return max(1.0, self.epochs / ETA ** (2 - RUNGS.index(rung)))


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
            raise StudyError("nothing within the budget was trained yet; run the same line again with more to spend")
        return self.network(best["number"])

    @cached_property
    def baseline(self) -> Network | None:
        """The plain hand-designed network, trained the same way; None if none meets the budget."""
        baseline = self.summary["baseline"]
        return None if baseline is None else self.network(baseline["number"])

    def network(self, number: int) -> Network:
        """The network of a trial whose weights were kept."""
        from nasmyth.network import Network

        trial = next(t for t in self.study.trials if t.number == number)
        if "weights" not in trial.artefacts:
            raise StudyError(
                f"the weights of trial {number} were not kept: only full trainings and the best so far are"
            )
        return Network.from_bytes(self.study.get(trial.artefacts["weights"]))

    def __str__(self) -> str:
        from nasmyth.report.terminal import plain

        return plain(self.summary)


@dataclass
class Designer:
    """One run of `design`."""

    task: Task
    goal: str
    limits: tuple[Constraint, ...]
    spend: Spend
    seed: int
    out: str | None
    strategy: Strategy | None
    progress: Callable[[Progress], object] | None
    command: str
    began: float
    prices: dict[str, float] = field(default_factory=dict)

    def run(self) -> Found:
        """All steps, as far as the time goes."""
        from nasmyth.domains import domain_for

        self.domain = domain_for(self.task)
        self.recipe: Recipe = self.domain.recipe(self.task)
        self.counted = tuple(limit for limit in self.limits if limit.measure.needs <= {"graph"})
        self.measured = tuple(limit for limit in self.limits if "device" in limit.measure.needs)
        self.scored = tuple(limit for limit in self.limits if "training" in limit.measure.needs)
        self.space: Space = self.domain.space(self.task).narrow(*self.counted)
        measure = find(self.goal)
        goal: Any = {f"{measure.direction}imize": measure.name}
        self.study = Study(
            self.out, self.space, under=self.limits, strategy=self.strategy or DEFAULT,
            seed=self.seed, task=self.task, command=self.command, spend=self.spend, **goal,
        )  # fmt: skip
        self._done_before = any(note["what"] == "result" for note in self.study.notes)
        self.before = sum(note["seconds"] for note in self.study.notes if note["what"] == "phase")
        self.mark = self.began
        interrupted = False
        try:
            self.account("read")
            plan = self.baseline()
            self.explore(plan)
            self.finish(plan)
            self.judge()
        except KeyboardInterrupt:
            interrupted = True
            self.account("interrupted")
        if not self._done_before:
            self.note_funnel()
        self.say("interrupted" if interrupted else "done")
        return Found(self.study, self.task, interrupted)

    # --- time -----------------------------------------------------------------------------------------------------

    @property
    def spent(self) -> float:
        """Seconds used, by this run and by those that it goes on from."""
        return self.before + time.perf_counter() - self.began

    @property
    def left(self) -> float:
        """Seconds that trainings may still use: a little is kept for the end."""
        if self.spend.seconds is None:
            return float("inf")
        return self.spend.seconds - self.spent - max(1.0, 0.01 * self.spend.seconds)

    def account(self, phase: str) -> None:
        """Write down what was done since the last call, for `show` and for the run that goes on from this one."""
        now = time.perf_counter()
        self.study.note("phase", name=phase, seconds=now - self.mark)
        self.mark = now

    def say(self, phase: str) -> None:
        if self.progress is not None:
            best = self.leader()
            figure = "" if best is None else f"{find(self.goal).show(best.measures[self.goal])} {self.goal}"
            self.progress(Progress(phase, len(self.study.trials), figure, self.spent, self.spend))

    # --- steps ----------------------------------------------------------------------------------------------------

    def baseline(self) -> Plan:
        """Train the domain's plain network in full, and plan everything else from the time that it takes."""
        genome = self._plain()
        graph = self.space.decode(genome or self.space.sample(self.seed))
        trial = self.study.add(genome, origin="baseline") if genome else None
        plan = self._plan(graph)
        if trial is not None and not trial.closed:
            self.say("baseline")
            try:
                self._gate(trial, float("inf"))
                trial = self.train(trial, "final", plan)
                self.study.settle(trial, {})
            except CandidateError as error:
                self.study.fail(trial, error)
            self.account("baseline")
        self.space = self._worthwhile(self._affordable(plan, graph))
        self.study.propose_from(self.space)
        return plan

    def explore(self, plan: Plan) -> None:
        """Promote the best of each rung, or else try something new, until only the time of the last step is left."""
        while self.left > LAST * (self.spend.seconds or 0.0) and not self._enough():
            if not (self._promote(plan, "final") or self._promote(plan, "long") or self._try(plan)):
                break  # the space is used up

    def finish(self, plan: Plan) -> None:
        """Full trainings of the best that were not trained in full, as many as there is time for."""
        while self.spend.seconds is not None or not self._finals():
            ranked = self._ranked([t for t in self._candidates() if "final" not in t.stages])
            ranked.sort(key=lambda trial: -len(trial.stages))  # what was trained long is known better
            affordable = [t for t in ranked if self._price(t, plan) <= self.left]
            if not affordable or not self._advance(affordable[0], "final", plan):
                break

    def judge(self) -> None:
        """The best in validation meets the test split and the budget on this device."""
        if self._done_before or self.leader() is None:
            return
        self.say("judge")
        self.study.note("result", **self._verdict(Found(self.study, self.task)))
        self.account("judge")

    def _verdict(self, found: Found) -> dict[str, Any]:
        """The best and the baseline on the test split, and what the best measures on this device."""
        from nasmyth.graph.text import rows
        from nasmyth.train import difference, judge

        best, plain = self.leader(), self._baseline_trial()
        assert best is not None
        network = found.network(best.number)
        ours = judge(network, self.task)
        noted: dict[str, Any] = {
            "trial": best.number,
            "test": ours.scores,
            **ours.picture,
            "layers": rows(network.graph),
        }
        if self.measured:
            noted["device"] = {limit.measure.name: limit.measure(network) for limit in self.measured}
        if plain is not None and "weights" in plain.artefacts:
            theirs = judge(found.network(plain.number), self.task)
            gain, low, high = difference(ours, theirs, self.goal)
            noted["baseline"] = {"trial": plain.number, "test": theirs.scores}
            noted["difference"] = {"value": gain, "low": low, "high": high}
        return noted

    def note_funnel(self) -> None:
        """How many candidates each stage saw and let pass, and what one cost."""
        tried = [t for t in self.study.trials if t.origin != "baseline"]
        reached = [[t for t in tried if stage in t.stages] for stage in ("device", *RUNGS)]
        stages = [("proposed", tried), *zip(("device", *RUNGS), reached, strict=True)]
        stages = [(name, there) for name, there in stages if there]
        if not stages:
            return
        for (name, there), after in zip(stages, [*(there for _, there in stages[1:]), self._finals()], strict=True):
            price = sum(t.stages[name]["seconds"] for t in there) / len(there) if name != "proposed" else 0.0
            self.study.note("funnel", stage=name, entered=len(there), passed=len(after), price_s=price)

    # --- candidates -----------------------------------------------------------------------------------------------

    def _try(self, plan: Plan) -> bool:
        """A short training of something new; False if the space holds nothing new."""
        asked = self.study.ask(1, limit=self.spend.trials)
        for trial in asked:
            self.say("explore")
            try:
                self._gate(trial, self.prices.get("short", 0.0))
                self.study.settle(self.train(trial, "short", plan), {})
            except KeyboardInterrupt:
                raise
            except Exception as error:  # whatever one candidate does is an outcome of that candidate
                self.study.fail(trial, error)
            self.account("short")
        return bool(asked)

    def _promote(self, plan: Plan, rung: str) -> bool:
        """Train the best of the rung below for longer, if more than a third of what is there has not been."""
        below = RUNGS[RUNGS.index(rung) - 1]
        there = self._ranked([trial for trial in self._candidates() if below in trial.stages])
        allowed = there[: len(there) // ETA]
        for trial in allowed:
            if rung not in trial.stages and self._price(trial, plan, rung) <= self.left:
                return self._advance(trial, rung, plan)
        return False

    def _advance(self, trial: Trial, rung: str, plan: Plan) -> bool:
        """Train a closed trial at a higher rung. What goes wrong there is recorded as its stage, with no figures."""
        self.say(rung)
        try:
            self._gate(trial, float("inf"))
            self.train(trial, rung, plan)
        except CandidateError as error:
            self.study.record(trial, rung, {self.goal: float("nan")}, failed=f"{error.reason}: {error}")
        self.account(rung)
        return True

    def _gate(self, trial: Trial, price: float) -> None:
        """Measure what needs a device, if that is cheaper than what comes next. Raises OverBudget."""
        for limit in self.measured:
            name = limit.measure.name
            if name in trial.measures or self.prices.get(name, 0.0) > price:
                continue
            start = time.perf_counter()
            value = limit.measure(trial.graph)
            self.prices[name] = time.perf_counter() - start
            self.study.record(trial, "device", {name: value}, seconds=self.prices[name])
            if not limit.satisfied(value):
                raise OverBudget(f"{name} is {limit.measure.show(value)}, and the budget is {limit}")

    def train(self, trial: Trial, rung: str, plan: Plan) -> Trial:
        """Train a candidate from new weights at a rung; record its figures, its curve and, if they matter, its weights."""
        from nasmyth.network import build
        from nasmyth.train import fit, initialise

        start = time.perf_counter()
        graph = trial.graph
        network = build(graph, self.seed, self.task.inputs, self.task.outputs)
        initialise(network, self.seed)
        recipe = from_json(trial.recipe) if trial.recipe else self.recipe
        wanted = {limit.measure for limit in self.counted} | {find("params"), find("macs")}
        counts = {measure.name: measure(graph) for measure in wanted}
        cap = (
            None
            if self.spend.seconds is None
            else max(1.0, min(self.left, 2.0 * plan.price * plan.of(rung) / plan.epochs))
        )
        fitted: Fitted = fit(network, self.task, recipe, epochs=plan.of(rung), seconds=cap, seed=self.seed)
        seconds = time.perf_counter() - start
        if rung == "short":
            self.prices["short"] = seconds
        leader = self.leader()
        told = self.study.record(
            trial, rung, {**counts, **fitted.scores}, seconds=seconds, curve=list(fitted.curve), epochs=fitted.epochs,
            training=fitted.seconds, ended=fitted.reason,
        )  # fmt: skip
        if rung == "final" or leader is None or self._rank(told) > self._rank(leader):
            self.study.put(told, "weights", network.to_bytes())
        return told

    # --- who is best ----------------------------------------------------------------------------------------------

    def leader(self) -> Trial | None:
        """The best within the budget whose weights were kept; a full training counts before a shorter one."""
        kept = [trial for trial in self.study.trials if "weights" in trial.artefacts and self._fits(trial)]
        full = [trial for trial in kept if "final" in trial.stages]
        return max(full or kept, key=self._rank, default=None)

    def _rank(self, trial: Trial) -> tuple[float, float]:
        """By the goal, then by the loss in validation, which tells apart what a small validation split cannot."""
        sign = 1.0 if find(self.goal).direction == "max" else -1.0
        value = sign * trial.measures.get(self.goal, float("nan"))
        return (value if value == value else float("-inf"), -trial.measures.get("loss", float("inf")))

    def _ranked(self, trials: list[Trial]) -> list[Trial]:
        return sorted(trials, key=self._rank, reverse=True)

    def _fits(self, trial: Trial) -> bool:
        known = [limit for limit in self.limits if limit.measure.name in trial.measures]
        return trial.error is None and all(limit.satisfied(trial.measures[limit.measure.name]) for limit in known)

    def _candidates(self) -> list[Trial]:
        return [t for t in self.study.trials if t.finished and t.origin != "baseline" and self._fits(t)]

    def _finals(self) -> list[Trial]:
        return [trial for trial in self._candidates() if "final" in trial.stages]

    def _baseline_trial(self) -> Trial | None:
        return next((t for t in self.study.trials if t.origin == "baseline" and t.error is None), None)

    def _enough(self) -> bool:
        return self.spend.trials is not None and sum(t.closed for t in self.study.trials) >= self.spend.trials

    # --- plans ----------------------------------------------------------------------------------------------------

    def _plain(self) -> Genome | None:
        """The domain's plain network at the largest width that meets the budget, measured on the device if need be."""
        try:
            return self.domain.baseline(self.task, self.limits)
        except BudgetError as error:
            self.study.note("baseline", missing=str(error))
            return None

    def _plan(self, graph: Any) -> Plan:
        """Read the plan of an earlier run, or time one epoch of `graph` and make one."""
        from nasmyth.network import build
        from nasmyth.train import fit

        for note in self.study.notes:
            if note["what"] == "plan":
                return Plan(note["epochs"], note["price"], note["macs"])
        wanted = float(self.recipe.epochs)
        if self.spend.seconds is None:
            return Plan(wanted, UNBOUNDED, UNBOUNDED)
        self.say("timing")
        allowance = FULL * max(self.left, 1.0)
        network = build(graph, seed=self.seed)
        timed = fit(network, self.task, self.recipe, epochs=TIMED, seconds=allowance / 2, seed=self.seed)
        marks = [0.0, *(entry["seconds"] for entry in timed.curve)]
        whole = [
            after - before for before, after in pairwise(marks)
        ]  # the first is slower, and others may be disturbed
        epoch = min(whole) if len(whole) > 1 else timed.seconds / max(timed.epochs, 1e-9)
        epochs = max(1.0, min(wanted, allowance / epoch))
        slack = max(1.0, allowance / (epoch * min(FEWEST, wanted)))
        plan = Plan(epochs, epoch * epochs, slack * find("macs")(graph))
        self.study.note("plan", epochs=plan.epochs, price=plan.price, macs=plan.macs)
        self.account("timing")
        return plan

    def _affordable(self, plan: Plan, graph: Any) -> Space:
        """The space without what could not be trained in time, or is sure to be too slow on the device."""
        macs, bounds = find("macs"), [plan.macs]
        trial = self._baseline_trial()
        for limit in self.measured:
            if trial is not None and limit.measure.name in trial.measures and limit.relation == "<=":
                bounds.append(SLACK * macs(graph) * limit.bound / trial.measures[limit.measure.name])
        try:
            return self.space.narrow(macs <= min(bounds)) if min(bounds) < UNBOUNDED else self.space
        except BudgetError:
            return self.space  # even the cheapest takes long: it is tried all the same, and time-boxed

    def _worthwhile(self, space: Space) -> Space:
        """The space without what leaves most of the budget for parameters or bytes unused, if there is enough besides."""
        floors = [
            c.measure >= USED * c.bound
            for c in self.counted
            if c.relation == "<=" and c.measure.name in ("params", "size")
        ]
        try:
            return space.narrow(*floors)
        except BudgetError:
            return space

    def _price(self, trial: Trial, plan: Plan, rung: str = "final") -> float:
        """Seconds that a training is expected to take, from what this candidate took before."""
        stage = max(trial.stages.values(), key=lambda s: s.get("training", 0.0), default={})
        per_epoch = stage["training"] / stage["epochs"] if stage.get("epochs") else plan.price / plan.epochs
        return min(per_epoch * plan.of(rung), 2.0 * plan.price)


class _Callable(ModuleType):
    """`nasmyth.design` is this file and the function in it: importing one must not hide the other."""

    def __call__(self, *args: Any, **kwargs: Any) -> Found:
        return design(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
