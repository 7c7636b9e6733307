"""HistGradientBoosting with its settings searched for all of the time: random draws, chosen by a validation part.

The best is fitted again on all training rows. The first draw is the settings as they come.
"""

from __future__ import annotations

import random
import time
from typing import Any

from worth_of.boosting import fitted
from worth_of.frames import parts, scored
from worth_of.job import Job

VALIDATION = 0.15


def run(job: Job) -> dict[str, Any]:
    train, test = parts(job.data, str(job.target))
    rng = random.Random(f"{job.seed} boosting")
    valid = train.sample(frac=VALIDATION, random_state=job.seed)
    rest = train.drop(valid.index)
    inputs, best, slowest, count = valid.drop(columns=job.target), (float("-inf"), {}), 0.0, 0
    while job.left > 2.5 * slowest:  # another one, and the last one on all rows
        start, settings = time.time(), {} if not count else draw(rng)
        found = scored(job.metric, valid[job.target], fitted(job, rest, settings).predict(inputs))
        best = max(best, (found if job.metric == "accuracy" else -found, settings), key=lambda one: one[0])
        slowest, count = max(slowest, time.time() - start), count + 1
    model = fitted(job, train, best[1])
    score = scored(job.metric, test[job.target], model.predict(test.drop(columns=job.target)))
    return {"score": score, "details": {"settings": best[1], "trained": count}}


def draw(rng: random.Random) -> dict[str, Any]:
    """Settings around the usual ones."""
    return {
        "learning_rate": 10 ** rng.uniform(-2.0, -0.5),
        "max_iter": 1000,
        "early_stopping": True,
        "max_leaf_nodes": rng.choice((15, 31, 63, 127)),
        "min_samples_leaf": rng.choice((5, 10, 20, 50)),
        "l2_regularization": 10 ** rng.uniform(-3.0, 1.0),
        "max_features": rng.choice((0.5, 0.75, 1.0)),
    }
