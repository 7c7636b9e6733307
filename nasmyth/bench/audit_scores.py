"""Whether a training-free score is worth anything on this space and this data: held against trained networks.

    found = audit_scores(space, task, ["synflow", "naswot"], truth=20, out="audit.db")     # trains twenty
    found = audit_on_table(Table.read("nb201", "nb201.parquet"), "valid_acc_200ep", ["synflow"], task)    # trains none
    print(found)              a row a score, beside the baselines `params` and `macs`; then what speaks against each

A score that does not rank better than counting parameters and MACs does nothing that these do not do for free (White et al.
2022, "A deeper look at zero-cost proxies", ICLR blog track), so both are always in the table, and every score is compared with
them on the same resamples of the networks. `nasmyth.bench.audit` is another thing: it holds the claim of a search to a recipe.

Candidates are scored first, so that what cannot be told is said before anything is trained. Trainings are trials of a `Study`:
killed and begun again they go on, and an audit of other scores on the same study trains nothing. Scores are measured anew each
time, since it may be the score that is worked on.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random as Generator
from typing import Any

from nasmyth.bench.score_table import ScoreAudit, judged
from nasmyth.bench.scoring import refuse, scored
from nasmyth.bench.table import Table
from nasmyth.errors import DataError, StudyError
from nasmyth.measure import Measure, find
from nasmyth.progress import Display, Progress
from nasmyth.search import Random
from nasmyth.search.strategy import FULL
from nasmyth.study import Study
from nasmyth.study.arguments import whole
from nasmyth.units import Spend, quantity

BASELINES = ("params", "macs")
SECONDS = 6.0
"""Of one training, where nobody says how long it is: twenty of them, and what is scored, stay within three minutes."""
LEAST = 3
"""Networks that can be ranked at all."""


def audit_scores(
    space: Any,
    task: Any,
    by: Iterable[Measure | str] = (),
    *,
    truth: int = 20,
    sample: int | None = None,
    epochs: float | None = None,
    seconds: float | str | None = None,
    seeds: int = 3,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    on: Any = "here",
    workers: int | None = None,
    limit_seconds: float | str | None = None,
    limit_memory: float | str | None = None,
    progress: Any = None,
    command: str = "",
) -> ScoreAudit:
    """Score random networks of a space, train `truth` of them on a task, and say how well the scores rank those.

    by: measures of untrained networks, beside the baselines. sample: how many are scored, by default those that are trained;
    what is scored only tells of failures, time and luck. epochs, seconds: the most that a training takes; 6 seconds, or the
    recipe's epochs, unless said. seeds: first weights, and batches, that variances are of. out: the study, which goes on where
    it stopped. on, workers, limit_seconds, limit_memory, progress: as in `Study.run`. Ctrl-C keeps what is trained.

    Raises UnknownNameError and DataError for measures that cannot be told or need training, ShapeError for a space that does
    not suit the task, StudyError for a study of something else; all before anything is trained.
    """
    truth, seeds = _counted(truth, "truth"), whole(seeds, "seeds", 3)
    measures = _asked(by)
    refuse(measures, task)
    seconds = SECONDS if seconds is None and epochs is None else seconds
    limit = None if seconds is None else quantity(seconds, "s")
    if min(1.0 if one is None else one for one in (epochs, limit)) <= 0:
        raise DataError(f"epochs={epochs}, seconds={limit}: a training takes more than nothing")
    goal: Any = [(task.objective, task.direction)]
    goals: Any = {"maximize": goal} if task.direction == "max" else {"maximize": (), "minimize": goal}
    _refuse_misfit(space, task)
    with Study(out, space, strategy=Random(), seed=seed, task=task, command=command, **goals) as study:
        _refuse_other_length(study, epochs, limit)
        drawn = _drawn(study, truth)
        graphs = [trial.graph for trial in drawn]
        graphs += _more(space, seed, {graph.key for graph in graphs}, (sample or truth) - len(graphs))
        told = scored(graphs, measures, task, seed=seed, seeds=seeds, told=_telling(progress, len(graphs)))
        evaluate = _training(task, epochs, limit, seed)
        study.run(
            evaluate, trials=len(drawn), on=on, workers=workers, limit_seconds=limit_seconds, limit_memory=limit_memory,
            progress=progress,
        )  # fmt: skip
        trials = {trial.number: trial for trial in study.trials}
    truths = {
        i: trials[one.number].measures[task.objective] for i, one in enumerate(drawn) if trials[one.number].finished
    }
    failed = Counter(
        str(trials[one.number].error).splitlines()[0] for one in drawn if trials[one.number].error is not None
    )
    cut = sum(trials[drawn[i].number].stages.get(FULL.name, {}).get("ended") == "time" for i in truths)
    how = f"trained for {' and '.join(_length(epochs, limit))} at most"
    return _judged(measures, told, graphs, truths, task.objective, task.direction, how, dict(failed), cut, seed)


def audit_on_table(
    table: Table,
    column: str,
    by: Iterable[Measure | str] = (),
    task: Any = None,
    *,
    sample: int = 1000,
    maximize: bool | None = None,
    seeds: int = 3,
    seed: int = 0,
    progress: Any = None,
) -> ScoreAudit:
    """Score networks of a published table, and say how well the scores rank them by a column of it. Nothing is trained.

    task: the data, where a score needs some; its shape must be that of the table's space. sample: how many of its networks.
    Those without a figure in the column are left out. Raises DataError for a column that is not there.
    """
    sample, seeds = _counted(sample, "sample"), whole(seeds, "seeds", 3)
    measures, goal = _asked(by), table.goal(column, maximize)
    refuse(measures, task)
    if task is not None:
        _refuse_misfit(table.space, task)
    values = table.check(column)
    texts = sorted(text for text, row in table.index.items() if values[row] - values[row] == 0)
    chosen = Generator(f"audit {seed}").sample(texts, min(sample, len(texts)))
    graphs = [table.space.decode(table.notation.genome(text)) for text in chosen]
    told = scored(graphs, measures, task, seed=seed, seeds=seeds, told=_telling(progress, len(graphs)))
    truths = {i: values[table.index[text]] for i, text in enumerate(chosen)}
    return _judged(measures, told, graphs, truths, column, goal.direction, f"from {table.name}", {}, 0, seed)


# --- inside -------------------------------------------------------------------------------------------------------------


def _counted(value: Any, name: str) -> int:
    return whole(value, name, 20, least=LEAST)


def _asked(by: Iterable[Measure | str]) -> list[Measure]:
    """The baselines, then what is asked for."""
    given = [by] if isinstance(by, (str, Measure)) else list(by)
    return list(dict.fromkeys(map(find, (*BASELINES, *given))))


def _refuse_misfit(space: Any, task: Any) -> None:
    """Raise ShapeError where networks of the space do not take the inputs of a task, or do not give its answers."""
    from nasmyth.network.layers import refuse_misfit

    refuse_misfit(space.decode(space.sample("audit")), task.inputs, task.outputs)


def _refuse_other_length(study: Study, epochs: float | None, seconds: float | None) -> None:
    """Write down how long trainings are; raise StudyError where those of the study are not so long."""
    mine = {"epochs": epochs, "seconds": seconds}
    kept = next((note for note in study.notes if note["what"] == "audit"), None)
    if kept is None:
        study.note("audit", **mine)
        return
    theirs = {name: kept.get(name) for name in mine}
    if theirs != mine:
        raise StudyError(
            f"{study.journal.where}: its networks were trained for {' and '.join(_length(**theirs))} at most, and this "
            f"asks for {' and '.join(_length(**mine))}: choose another file, or ask for the same"
        )


def _length(epochs: float | None, seconds: float | None) -> list[str]:
    """ "20 epochs", "8 s"; the recipe's epochs where nothing is said of them."""
    said = ["the epochs of the recipe" if epochs is None else f"{epochs:g} epochs"]
    return [*said, *([] if seconds is None else [f"{seconds:g} s"])]


def _drawn(study: Study, truth: int) -> list[Any]:
    """The trials that are trained, or were: those of the study, then new ones; fewer where the space has no more.

    What else is open in the study is held until it is closed, so that it is not trained now.
    """
    trials = study.trials
    asked = study.ask(sum(not trial.closed for trial in trials) + max(0, truth - len(trials)), truth)
    drawn = [trial for trial in study.trials if trial.error is None or trial.error.reason != "invalid"][:truth]
    if len(drawn) < LEAST:
        raise DataError(f"the space has {len(drawn)} networks to train: a ranking takes {LEAST} at least")
    study.release({trial.number for trial in asked} & {trial.number for trial in drawn})
    return drawn


def _more(space: Any, seed: int, known: set[str], count: int) -> list[Any]:
    """Random networks that are not among the known ones; fewer where there are hardly any others."""
    found: list[Any] = []
    for i in range(20 * max(0, count)):
        graph = space.decode(space.sample(f"audit {seed} {i}"))
        if graph.key not in known:
            known.add(graph.key)
            found.append(graph)
        if len(found) == count:
            break
    return found


def _training(task: Any, epochs: float | None, seconds: float | None, seed: int) -> Any:
    from nasmyth.study.evaluation import Evaluation

    return Evaluation(task, epochs=epochs, seconds=seconds, seed=seed, measures=(task.objective,))


def _telling(progress: Any, count: int) -> Callable[[int], object]:
    """What tells a display of how many candidates were scored."""
    if not isinstance(progress, Display):
        return lambda done: None
    return lambda done: progress(Progress("scoring", done, spend=Spend(None, count)))


def _judged(
    measures: Sequence[Measure], told: Any, graphs: Sequence[Any], truths: dict[int, float], objective: str, direction: str,
    how: str, failed: dict[str, int], cut: int, seed: int,
) -> ScoreAudit:  # fmt: skip
    if len(truths) < LEAST:
        why = f": {next(iter(failed))}" if failed else ""
        raise DataError(
            f"{len(truths)} of the networks have a result, and a ranking takes {LEAST} at least{why}; the same line goes on"
        )
    keys = [graph.key for graph in graphs]
    return judged(
        measures, told, keys, truths, objective, direction, BASELINES, how=how, failed=failed, cut=cut, seed=seed
    )
