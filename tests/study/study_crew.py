"""A worker of a crew that really trains: `train` runs in processes of its own, which may be killed at any moment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightning_fabric  # noqa: F401 - what training imports late, so that a process forked from one that has this is at work at once
import torch
import torchmetrics  # noqa: F401

import nasmyth
from nasmyth import Space, chain, choice, ops
from nasmyth.search import Random
from nasmyth.study import Study
from nasmyth.study.evaluation import Evaluation

EPOCHS = 3
SPACE = Space(
    chain(
        stem=ops.Conv(choice(*range(4, 24)), kernel=3, stride=2),
        act=ops.Activation(),
        body=ops.Conv(choice(*range(4, 24)), kernel=3),
        pool=ops.Mean("h w"),
        head=ops.Linear(10),
    ),
    (1, 8, 8),
)
TASK = nasmyth.read("digits")


def searched(where: str | None) -> Study:
    """The study of all."""
    return Study(where, SPACE, strategy=Random(), seed=3, task=TASK)


def train(where: str | None, side: str, trials: int) -> dict[int, Any]:
    """A seeded search on digits, which writes its process and the trial for each training that came to its end; what became of
    each trial."""
    torch.set_num_threads(1)
    trains = Evaluation(TASK, epochs=EPOCHS)

    def evaluate(trial: Any) -> Any:
        outcome = trains(trial)
        with Path(side).open("a") as file:
            file.write(f"{os.getpid()} {trial.number}\n")
        return outcome

    with searched(where) as study:
        study.run(evaluate, trials=trials)
        return outcomes(study)


def outcomes(study: Any) -> dict[int, Any]:
    """What became of each closed trial: the same whoever trained it."""
    return {
        trial.number: (trial.genome, trial.error, {name: trial.measures.get(name) for name in ("accuracy", "loss")})
        for trial in study.trials
        if trial.closed
    }
