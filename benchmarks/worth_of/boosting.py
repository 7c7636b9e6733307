"""scikit-learn's HistGradientBoosting as it comes: what one would otherwise take for a table. It takes seconds."""

from __future__ import annotations

from typing import Any

from worth_of.frames import parts, scored
from worth_of.job import Job


def run(job: Job) -> dict[str, Any]:
    assert job.target is not None
    train, test = parts(job.data, job.target)
    model = fitted(job, train, {})
    return {"score": scored(job.metric, test[job.target], model.predict(test.drop(columns=job.target)))}


def fitted(job: Job, rows: Any, settings: dict[str, Any]) -> Any:
    """A model of these rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if job.metric == "accuracy" else HistGradientBoostingRegressor
    model = kind(categorical_features="from_dtype", random_state=job.seed, **settings)
    return model.fit(rows.drop(columns=job.target), rows[job.target])
