"""FLAML's AutoML as it comes, for all of the time. Runs in an environment of its own."""

from __future__ import annotations

from typing import Any

from worth_of.frames import parts, scored
from worth_of.job import Job


def run(job: Job) -> dict[str, Any]:
    from flaml import AutoML

    train, test = parts(job.data, str(job.target))
    model = AutoML()
    model.fit(
        dataframe=train, label=job.target, task="classification" if job.metric == "accuracy" else "regression",
        metric=job.metric, time_budget=job.left, n_jobs=job.cores, seed=job.seed, verbose=0,
    )  # fmt: skip
    score = scored(job.metric, test[job.target], model.predict(test.drop(columns=job.target)))
    return {"score": score, "details": {"model": model.best_estimator}}
