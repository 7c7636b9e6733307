"""How much of a result is the search, how much the recipe, and how much luck: for real trainings, or for any evaluation.

Accuracies of two papers cannot be compared: they differ in space, recipe and seeds, and each of these does more than most
searches do (Yang et al. 2020, "NAS evaluation is frustratingly hard", arXiv:1912.12522). So a search is compared with the
average network that is drawn at random from its own space and trained in the same way:

    evaluate = trainings(task, epochs=20)                             # (graph, recipe, seed) -> accuracy
    improvement(evaluate, found, draw(space), recipe, seeds=8)      # RI = 100 (found - random) / random, with its interval
    ablation(evaluate, found[0], plain, full, seeds=8)                # the recipe's tricks, one at a time
    audit(evaluate, found, draw(space), claimed, recipe, seeds=8)     # what is left of a claim under the common recipe

found: what several runs of the search ended with, one for each seed: a single one would leave the luck of the search out.
evaluate: any function of a candidate (whatever the search gives), a recipe and a seed that gives a number, so that a table
serves as well as a training. Intervals are of 95 %, by Student's t: for means of two groups with Welch's degrees of
freedom, for what the same network gains with the same seed in pairs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasmyth.bench.tricks import covers, tricks, with_settings
from nasmyth.errors import DataError
from nasmyth.intervals import Interval, interval, student_t
from nasmyth.measure import Candidate, Effort, evaluate
from nasmyth.record import Value

if TYPE_CHECKING:
    from nasmyth.space import Space
    from nasmyth.train import Recipe, Task

Evaluate = Callable[[Any, Any, int], float]


@dataclass(frozen=True)
class Improvement:
    """Relative improvement over the average random network, in per cent; more is better, whatever the figure."""

    percent: Interval
    found: tuple[float, ...]
    random: tuple[float, ...]

    def __str__(self) -> str:
        doubt = ", which may be chance" if self.percent.covers() else ""
        return (
            f"{self.percent} % over the average of {len(self.random)} random networks "
            f"({statistics.fmean(self.found):.4g} against {statistics.fmean(self.random):.4g}){doubt}"
        )


def draw(space: Space) -> Callable[[int], Any]:
    """Random networks of a space: the graph for each seed."""
    return lambda seed: space.decode(space.sample(f"fair {seed}"))


def improvement(
    evaluate: Evaluate,
    found: Sequence[Any],
    draw: Callable[[int], Any],
    recipe: Any,
    *,
    seeds: int | Iterable[int] = 8,
    less: bool = False,
) -> Improvement:
    """Train what was found and as many random networks by one recipe. less: whether less of the figure is better.

    With seed i, found[i] is trained, around again where there are fewer of them. Costs two trainings a seed.
    """
    numbers = _seeds(seeds)
    ours = _scores(evaluate, _each(found, numbers), recipe, numbers)
    return compared(ours, _scores(evaluate, map(draw, numbers), recipe, numbers), less=less)


def compared(found: Sequence[float], random: Sequence[float], *, less: bool = False) -> Improvement:
    """The improvement of results over those of random networks, at least two of each.

    The interval is that of a ratio of means (delta method). Raises DataError for fewer, or for a mean of zero.
    """
    if min(len(found), len(random)) < 2:
        raise DataError(f"{len(found)} and {len(random)} results: an interval needs two of each at least, better eight")
    ours, theirs = statistics.fmean(found), statistics.fmean(random)
    if theirs == 0:
        raise DataError("the average random network scores 0: a relative improvement over it means nothing")
    ratio, sign = ours / theirs, -1.0 if less else 1.0
    parts = (statistics.variance(found) / len(found), ratio**2 * statistics.variance(random) / len(random))
    half = 100 / abs(theirs) * student_t(_welch(parts, (len(found), len(random)))) * math.sqrt(sum(parts))
    value = 100 * sign * (ours - theirs) / abs(theirs)
    return Improvement(Interval(value, value - half, value + half), tuple(found), tuple(random))


# --- what the recipe does -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One trick of a recipe: what it gains alone, and on top of those before it, in the unit of the figure."""

    trick: str
    alone: Interval
    added: Interval


@dataclass(frozen=True)
class Ablation:
    """A recipe taken apart: results with the plain one and the full one, and the steps between."""

    plain: tuple[float, ...]
    full: tuple[float, ...]
    whole: Interval
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        width = max([len("all of it"), *(len(step.trick) for step in self.steps)])
        rows = [f"{step.trick:{width}}  alone {step.alone}  added {step.added}" for step in self.steps]
        return "\n".join([*rows, f"{'all of it':{width}}  {self.whole}"])


def ablation(
    evaluate: Evaluate,
    candidate: Any,
    plain: Value,
    full: Value,
    *,
    seeds: int | Iterable[int] = 8,
    groups: Mapping[str, Iterable[str]] | None = None,
    less: bool = False,
) -> Ablation:
    """One network by recipes that lead from `plain` to `full`, one trick at a time, each with the same seeds.

    groups: {trick: settings} where several settings belong together, such as {"mixing": ["augment.Mixup",
    "optimizer.lr"]} (see `tricks.py`); they are added in this order. Costs about two trainings a trick and seed. Raises
    DataError if the recipes do not differ, or if the groups leave out a difference.
    """
    numbers, parts = _seeds(seeds), {name: tuple(fields) for name, fields in (groups or tricks(plain, full)).items()}
    _refuse_incomplete(plain, full, parts)
    known: dict[Any, list[float]] = {}

    def scores(recipe: Value) -> list[float]:
        if recipe not in known:
            known[recipe] = _scores(evaluate, [candidate] * len(numbers), recipe, numbers)
        return known[recipe]

    steps, reached = [], plain
    for name, fields in parts.items():
        before, reached = reached, with_settings(reached, full, fields)
        alone = _gain(scores(plain), scores(with_settings(plain, full, fields)), less)
        steps.append(Step(name, alone, _gain(scores(before), scores(reached), less)))
    base, most = scores(plain), scores(full)
    return Ablation(tuple(base), tuple(most), _gain(base, most, less), tuple(steps))


def _refuse_incomplete(plain: Value, full: Value, parts: Mapping[str, tuple[str, ...]]) -> None:
    differing, named = tricks(plain, full), {field for fields in parts.values() for field in fields}
    if not differing:
        raise DataError(f"the recipes are the same ({plain}): there is nothing to take apart")
    left = sorted(setting for setting in differing if not covers(named, setting))
    if left:
        raise DataError(f"the recipes differ in {left[0]!r} as well: put it into one of the groups")


# --- what is left of a claim -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Audit:
    """A claim, tested: the found and random networks, each by the claimed recipe and by the common one."""

    claimed: Improvement
    """Found networks by their own recipe, random ones by the common recipe: what a table in a paper compares."""
    common: Improvement
    """Both by the common recipe: what the search has found."""
    recipe: Improvement
    """Random networks by the claimed recipe, against themselves by the common one: what the recipe does for any network."""

    @property
    def exposed(self) -> bool:
        """Whether the claimed advantage was there and is not under the common recipe."""
        return self.claimed.percent.low > 0 and self.common.percent.low <= 0

    @property
    def share(self) -> float:
        """How much of the claimed improvement is left under the common recipe: 1 for all of it; NaN if none was claimed."""
        whole = self.claimed.percent.value
        return self.common.percent.value / whole if whole > 0 else math.nan

    def __str__(self) -> str:
        told = {
            "as claimed": self.claimed,
            "by the common recipe": self.common,
            "the recipe, on random networks": self.recipe,
        }
        rows = [f"{name:31}{one.percent} %" for name, one in told.items()]
        return "\n".join([*rows, self.verdict])

    @property
    def verdict(self) -> str:
        """In one sentence."""
        if self.exposed:
            return "The advantage is the recipe's: under the common recipe it cannot be told from chance."
        if self.claimed.percent.low <= 0:
            return "As claimed, the advantage over random networks cannot be told from chance."
        return f"The search has found something: {100 * self.share:.0f} % of the claim is left under the common recipe."


def audit(
    evaluate: Evaluate,
    found: Sequence[Any],
    draw: Callable[[int], Any],
    claimed: Any,
    recipe: Any,
    *,
    seeds: int | Iterable[int] = 8,
    less: bool = False,
) -> Audit:
    """Hold a search whose networks were trained by the recipe `claimed` to the common `recipe`. Four trainings a seed."""
    numbers = _seeds(seeds)
    networks, others = _each(found, numbers), [draw(seed) for seed in numbers]
    ours = {one: _scores(evaluate, networks, by, numbers) for one, by in (("own", claimed), ("common", recipe))}
    theirs = {one: _scores(evaluate, others, by, numbers) for one, by in (("own", claimed), ("common", recipe))}
    pairs = ((ours["own"], theirs["common"]), (ours["common"], theirs["common"]), (theirs["own"], theirs["common"]))
    return Audit(*(compared(mine, random, less=less) for mine, random in pairs))


# --- trainings ----------------------------------------------------------------------------------------------------------


def trainings(task: Task, *, epochs: float | None = None, figure: str | None = None, split: str = "test") -> Evaluate:
    """An evaluation that trains a graph on a task and gives a figure of it: the task's objective unless said.

    The epoch that is kept is chosen on the validation split, so the figure is told on another one.
    """

    def trained(graph: Any, recipe: Recipe, seed: int) -> float:
        candidate = Candidate(graph, recipe, seed, task, split=split, effort=Effort(epochs=epochs))
        wanted = figure or task.objective
        return evaluate(candidate, [wanted]).require()[wanted]

    return trained


# --- inside -------------------------------------------------------------------------------------------------------------


def _seeds(seeds: int | Iterable[int]) -> list[int]:
    numbers = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if len(numbers) < 2:
        raise DataError(f"seeds={seeds!r}: one result says nothing of chance; give two at least, better eight")
    return numbers


def _each(found: Sequence[Any], seeds: Sequence[int]) -> list[Any]:
    if not found:
        raise DataError("nothing was found that could be compared: give what the search ended with, one for each seed")
    return [found[i % len(found)] for i in range(len(seeds))]


def _scores(evaluate: Evaluate, candidates: Iterable[Any], recipe: Any, seeds: Sequence[int]) -> list[float]:
    scores = []
    for candidate, seed in zip(candidates, seeds, strict=True):
        score = float(evaluate(candidate, recipe, seed))
        if not math.isfinite(score):
            raise DataError(
                f"the evaluation with seed {seed} gave {score}: leave that seed out, or count it as the worst"
            )
        scores.append(score)
    return scores


def _gain(before: Sequence[float], after: Sequence[float], less: bool) -> Interval:
    """What the same network gains with the same seed."""
    gains = [(b - a if less else a - b) for b, a in zip(before, after, strict=True)]
    mean, half = interval(gains)
    return Interval(mean, mean - half, mean + half)


def _welch(parts: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Degrees of freedom of a difference of means whose variances differ (Welch 1947); `parts` are those of the means."""
    below = sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    return sum(parts) ** 2 / below if below else float(sum(sizes) - 2)
