"""Studies written by hand through the real journal: what a search would leave, without the search."""

from __future__ import annotations

import json
import math
import random
from typing import Any

from nasmyth.blocks import basic_block, conv_block, image_head
from nasmyth.graph import Graph, chain, repeat
from nasmyth.measure import macs, params
from nasmyth.search import Evolution
from nasmyth.search.strategy import FULL, Stage
from nasmyth.space import Space, choice, integer
from nasmyth.study import Study

TASK = {
    "name": "digits", "kind": "classification", "fingerprint": "f" * 20, "classes": [str(i) for i in range(10)],
    "input": [1, 8, 8], "sizes": {"train": 1077, "valid": 360, "test": 360},
    "notes": ["target digit: 10 different whole numbers, taken as classes", "columns left out: <b>none</b>"],
    "recipe": {"$": "Recipe", "epochs": 20, "batch": 64},
    "chance": {"score": "accuracy", "value": 0.1, "error": 0.0158, "answer": "3", "share": 0.102},
}  # fmt: skip
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
"""A black pixel."""
MISTAKES = {
    "examples": [{"true": "3", "answer": "<b>5</b>", "sure": 0.97, "image": DOT}] * 5, "wrong": 5, "of": 360, "columns": [],
}  # fmt: skip
COMMAND = "nasmyth design digits --under 'params<=20k' --spend 90s --seed 0 -o digits.db"


def network(width: Any, depth: Any, kernel: Any) -> Any:
    """Residual networks on 8x8 images; the arguments may be holes."""
    stages = chain(repeat(basic_block(width, kernel=kernel), depth), basic_block(width, stride=2))
    return chain(stem=conv_block(width), stages=stages, head=image_head(10))


class Staged(Evolution):
    """Every fourth candidate is trained in full, the others a little."""

    def tell(self, state: Any, trial: Any) -> Any:
        members, number = state or ((), 0)
        return (
            (super().tell(members, trial), number)
            if trial.origin == "baseline"
            else (super().tell(members, trial), number + 1)
        )

    def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Any]:
        members, number = state or ((), 0)
        stage = FULL if number % 4 == 0 else Stage("short", 0.3)
        return [one._replace(stage=stage, origin="evolution") for one in super().ask(members, space, rng, n, pending)]


def digits(path: Any, trials: int = 40, seed: int = 0) -> Any:
    """A study of digit classifiers under params<=20k: a baseline, `trials` candidates, three failures, a result."""
    rng = random.Random(seed)
    space = Space(network(choice(*range(4, 17), name="width"), integer(1, 3), choice(1, 3, 5)), (1, 8, 8))
    study = Study(
        path, space, "accuracy", ["params<=20k"], Staged(), seed, TASK, command=COMMAND, spend={"seconds": 90.0}
    )
    baseline = study.add(graph=Graph.of(network(14, 1, 3), (1, 8, 8)), origin="baseline")
    _train(study, baseline, 0.9722, 20, rng)
    study.note("phase", name="baseline", seconds=9.2)
    for number in range(trials):
        (trial,) = study.ask(1)
        if number % 13 == 7:
            study.fail(trial, "the loss became NaN in epoch 3; a lower learning rate is the usual cure", seconds=1.4)
            continue
        reached = 0.985 - 0.25 * math.exp(-params(trial.graph) / 3500) - abs(rng.gauss(0, 0.006))
        _train(study, trial, reached if number % 10 else 0.1 + 0.001 * number, 20 if number % 4 == 0 else 6, rng)
    best = study.best
    study.put(best, "mistakes", json.dumps(MISTAKES).encode())
    study.note("phase", name="short", seconds=41.0)
    study.note("phase", name="final", seconds=32.5)
    study.note("funnel", stage="counts", entered=2400, passed=trials, price_s=0.0001)
    study.note("funnel", stage="short", entered=trials, passed=trials // 4, price_s=1.1)
    study.note("funnel", stage="final", entered=trials // 4, passed=1, price_s=6.4)
    study.note(
        "result", best.number, trial=best.number, test={"accuracy": 0.9861, "loss": 0.052}, confusion=confusion(rng),
        classes=TASK["classes"], baseline={"test": {"accuracy": 0.9806}}, chance={**TASK["chance"], "value": 0.1028},
    )  # fmt: skip
    return study


def _train(study: Any, trial: Any, reached: float, epochs: int, rng: random.Random) -> None:
    curve = []
    for epoch in range(epochs):
        loss = 2.2 * math.exp(-epoch / 4) + 0.04
        score = reached - 0.6 * math.exp(-epoch / 3)
        curve.append({"epoch": epoch + 1, "train_loss": loss, "loss": loss + rng.random() / 30, "accuracy": score})
    graph = trial.graph
    figures = {"accuracy": reached, "loss": curve[-1]["loss"], "params": params(graph), "macs": macs(graph)}
    study.record(
        trial,
        "final" if epochs > 10 else "short",
        figures,
        seconds=0.2 * epochs,
        curve=curve,
        epochs=epochs,
        planned=20.0 if epochs > 10 else 6.0,
        ended="finished",
    )
    study.tell(trial, {}) if all(k in trial.measures for k in ("accuracy",)) else study.tell(
        trial, {"accuracy": reached}
    )


def confusion(rng: random.Random) -> list[list[int]]:
    """Ten classes, nearly all right."""
    matrix = [[34 if i == j else 0 for j in range(10)] for i in range(10)]
    for _ in range(9):
        matrix[rng.randrange(10)][rng.randrange(10)] += 1
    return matrix
