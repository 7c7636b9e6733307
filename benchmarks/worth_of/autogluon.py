"""AutoGluon's quick preset, for all of the time. Runs in an environment of its own."""

from __future__ import annotations

import tempfile
from typing import Any

from worth_of.frames import parts, scored
from worth_of.job import Job


def run(job: Job) -> dict[str, Any]:
    from autogluon.tabular import TabularPredictor

    train, test = parts(job.data, str(job.target))
    with tempfile.TemporaryDirectory() as folder:
        classes = job.metric == "accuracy"
        kind = None if classes else "regression"  # it would take whole numbers for classes
        metric = "accuracy" if classes else "root_mean_squared_error"
        predictor = TabularPredictor(job.target, problem_type=kind, eval_metric=metric, path=folder, verbosity=0)
        predictor.fit(train, time_limit=job.left, presets="medium_quality", num_cpus=job.cores, num_gpus=0)
        score = scored(job.metric, test[job.target], predictor.predict(test.drop(columns=job.target)))
        return {"score": score, "details": {"model": predictor.model_best}}
