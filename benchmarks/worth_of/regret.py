"""What a design trained in full, judged on the test split after the run: was the one that it handed over the best of them?

    python benchmarks/worth.py --regret digits.db digits2.db --data digits         # of studies that exist

Runs with the checkout that the study was made by. The figures of validation are those of the journal.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

from worth_of.job import Job

SAME = 1e-3
"""Two looks at one split may differ so much, relatively, by how sums are rounded; of accuracies, by two examples."""


def run(job: Job) -> dict[str, Any]:
    from nasmyth.domains import read
    from nasmyth.errors import DataError, StudyError
    from nasmyth.study import Study

    with closing(Study.open(job.study)) as study:
        seed = study.seed if job.seed < 0 else job.seed
        task = read(job.data, job.target, seed=seed)
        trials, notes = study.trials, study.notes
        result = next((note for note in reversed(notes) if note["what"] == "result"), None)
        if result is None:
            raise StudyError(f"{job.study}: this design has not come to its end; run it to the end first")
        handed = next(trial for trial in trials if trial.number == result["trial"])
        kept = [one for one in trials if one.finished and "weights" in one.artefacts]
        finals = [one for one in kept if in_full(one) or one is handed]
        told = {one.number: final(study, one, task) for one in finals}
    score, again = float(result["test"][task.objective]), told[handed.number]["test"]
    if abs(score - again) > max(SAME * abs(score), 2 / len(task.test) if task.objective == "accuracy" else 0.0):
        raise DataError(
            f"{job.study}: what was handed over had {score:.5g} on test, and has {again:.5g} on this data: give the data, "
            "the target and the seed of the study"
        )
    return {
        "score": score, "finals": list(told.values()), "handed": handed.number, "metric": task.objective,
        "details": {"trials": len(trials), "missed": result.get("missed", [])},
    }  # fmt: skip


def in_full(trial: Any) -> bool:
    """Whether a trial that left its network was trained in full: all were in old checkouts, which have no such word."""
    return getattr(trial, "full", True)


def final(study: Any, trial: Any, task: Any) -> dict[str, Any]:
    """A network that was trained in full: what validation said of it, and what it does on the test split."""
    from nasmyth.network import Network
    from nasmyth.train import evaluate

    network = Network.from_bytes(study.get(trial.artefacts["weights"]))
    valid = known(trial, task.objective) or evaluate(network, task, "valid")
    return {
        "number": trial.number, "origin": trial.origin, "params": trial.measures.get("params"),
        "valid": float(valid[task.objective]), "loss": float(valid["loss"]),
        "test": float(evaluate(network, task, "test")[task.objective]),
    }  # fmt: skip


def known(trial: Any, objective: str) -> dict[str, float] | None:
    """Score and loss in validation as the search knew them; None where the journal does not say both."""
    told = trial.measures
    return told if objective in told and "loss" in told else None
