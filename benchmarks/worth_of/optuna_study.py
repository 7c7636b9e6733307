"""An Optuna study over width, depth and recipe of a small ResNet: what one would set up by hand.

Half of the time goes to trials of a sixteenth each, TPE with a median pruner, on all cores; what is left trains the best
of them, one on each core, for all of it. Chosen by validation.
"""

from __future__ import annotations

import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from nasmyth.errors import BudgetError
from nasmyth.train import SGD, Crop, Flip, Recipe
from worth_of.job import Job, on_each_core
from worth_of.resnet import WIDTHS, resnet
from worth_of.training import Search, best_of, largest, quality_of

EXPLORING, TRIAL = 0.5, 1 / 16
ENDLESS = 100_000
STEPS = 10
"""How often a trial is compared with the others."""


def run(job: Job) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return best_of(on_each_core(work, job, str(Path(folder) / "journal")))


def work(job: Job, number: int, journal: str) -> dict[str, Any] | None:
    """One process."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = Search(job)
    study = optuna.create_study(
        study_name="resnet", load_if_exists=True, direction="maximize",
        storage=optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(journal)),
        sampler=optuna.samplers.TPESampler(seed=1000 * job.seed + number, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=2),
    )  # fmt: skip
    half = EXPLORING * job.spend - (job.spend - (job.end - time.time()))  # of the whole time, what is over included
    study.optimize(lambda trial: trained(trial, search), timeout=max(1.0, half))
    done = [one for one in study.trials if one.state.name == "COMPLETE" and one.values]
    ranked = sorted(done, key=lambda one: one.value, reverse=True)
    if ranked:
        graph, recipe = configured(ranked[min(number, len(ranked) - 1)], search)
        search.train(graph, recipe, job.seed + number)
    return search.told()


def trained(trial: Any, search: Search) -> float:
    """The score in validation of a configuration that is proposed."""
    import optuna

    try:
        graph, recipe = configured(trial, search)
    except BudgetError as error:
        raise optuna.TrialPruned(str(error)) from None
    seconds, steps, poor = TRIAL * search.job.spend, set(), []

    def look(entry: dict[str, float]) -> None:
        step = int(STEPS * entry["seconds"] / seconds)
        if step not in steps:
            steps.add(step)
            trial.report(quality_of(entry, search.job.metric)[0], step)
            poor.append(trial.should_prune())

    def stop() -> bool:
        return bool(poor) and poor[-1]

    scores = search.train(graph, recipe, search.job.seed, seconds, on_epoch=look, stop=stop)
    if scores is None or stop():
        raise optuna.TrialPruned
    return quality_of(scores, search.job.metric)[0]


def configured(trial: Any, search: Search) -> tuple[Any, Recipe]:
    """The network and the recipe of a trial, new or finished: its own width, as a share of the largest that fits."""
    depth, stages = value_of(trial, "depth", 1, 3), value_of(trial, "stages", 2, 4)
    stem, share = value_of(trial, "stem", 1, 2), value_of(trial, "share", 0.3, 1.0)
    widest = _widest(search, depth, stages, stem)
    if not widest:
        raise BudgetError(f"no ResNet of {stages} stages keeps within {search.job.under}")
    width = max(w for w in WIDTHS if w <= max(WIDTHS[0], share * widest))
    side = min(search.task.inputs.shape[1:])
    crop = Crop(max(1, side // 10))
    recipe = Recipe(
        optimizer=SGD(
            lr=value_of(trial, "lr", 0.01, 0.4, log=True),
            weight_decay=value_of(trial, "decay", 1e-5, 1e-2, log=True),
        ),
        augment=(crop, Flip()) if value_of(trial, "flip", 0, 1) else (crop,),
        batch=2 ** value_of(trial, "batch", 5, 8),
        smoothing=value_of(trial, "smoothing", 0.0, 0.15),
        epochs=ENDLESS,
    )
    return resnet(search.task, width, depth, stages, stem), recipe


def value_of(trial: Any, name: str, low: Any, high: Any, log: bool = False) -> Any:
    """What is suggested, or was."""
    if not hasattr(trial, "suggest_int"):
        return trial.params[name]
    suggest = trial.suggest_int if isinstance(low, int) else trial.suggest_float
    return suggest(name, low, high, log=log)


@cache
def _widest(search: Search, depth: int, stages: int, stem: int) -> int:
    """The largest width that keeps within the budget; 0 if none does."""
    try:
        return largest(lambda width: resnet(search.task, width, depth, stages, stem), WIDTHS, search)
    except BudgetError:
        return 0
