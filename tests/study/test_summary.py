"""The summary says what the journal says, in JSON that any program can read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from study_toys import Climb, ToyGraph, ToySpace, score

from nasmyth.errors import Diverged
from nasmyth.study import Journal, Study, summary
from nasmyth.study.trial import Limit

KEYS = {"best", "front", "trials", "failures", "funnel", "spend", "baseline", "objectives", "under", "task",
        "environment", "command", "seed"}  # fmt: skip


def strict(data: Any) -> Any:
    """Through JSON as the standard writes it: no NaN, no Infinity."""
    return json.loads(json.dumps(data, allow_nan=False))


def test_an_empty_study_has_one() -> None:
    with Study(None, ToySpace(), strategy=Climb()) as study:
        found = study.summary()
    assert found.keys() >= KEYS and found["best"] is None and found["front"] == found["trials"] == []
    assert strict(found) == found
    assert strict(summary(Journal()))["trials"] == []


def test_it_tells_everything(kept: Callable[[str], str | None]) -> None:
    limit = Limit("size", "<=", 20.0)
    with Study(
        kept("a"), ToySpace(), maximize=["accuracy"], minimize=["size"], under=[limit], strategy=Climb(), seed=4,
        task={"name": "toys", "fingerprint": "f"}, command="nasmyth search toys", spend={"trials": 12},
    ) as study:  # fmt: skip
        base = study.add(graph=ToyGraph("plain", (5, 5, 5)), origin="baseline")
        study.put(base, "weights", b"123")
        study.tell(base, accuracy=-12.0, size=15, seconds=2.0)

        def evaluate(trial: Any) -> dict[str, float]:
            study.record(trial, "counts", {"size": sum(trial.graph.numbers)}, seconds=0.25)
            if trial.number == 3:
                raise Diverged("the loss is nan")
            study.record(trial, "short", {"loss": math.inf}, seconds=1.0, curve=[{"epoch": 1, "loss": math.nan}])
            return {"accuracy": score(trial.graph)}

        study.run(evaluate, trials=12)
        study.note("phase", name="search", seconds=3.0)
        study.note("phase", name="search", seconds=1.0)
        study.note("result", test={"accuracy": 0.5})
        found, again = study.summary(), summary(study.journal)
        feasible = [t for t in study.trials if t.feasible]

    assert found == again and strict(found) == found and found.keys() >= KEYS
    assert [one["number"] for one in found["trials"]] == list(range(1, 13))
    best = max(feasible, key=lambda t: t.objectives)
    assert found["best"]["number"] == best.number and found["best"]["genome"] == best.genome
    assert {one["number"] for one in found["front"]} <= {t.number for t in feasible}
    assert found["baseline"]["number"] == 1 and found["baseline"]["graph"] == [5, 5, 5]
    assert found["baseline"]["artefacts"].keys() == {"weights"}
    assert [(one["number"], one["error"]["reason"]) for one in found["failures"]] == [(3, "diverged")]
    second = found["trials"][1]
    assert second["measures"]["loss"] is None and second["nonfinite"] == {"loss": "inf"}
    assert second["stages"]["short"]["curve"] == [{"epoch": 1, "loss": None}]
    assert found["funnel"] == [
        {"stage": "counts", "entered": 11, "passed": 10, "price_s": 0.25},
        {"stage": "short", "entered": 10, "passed": 11, "price_s": 1.0},
    ]
    assert found["spend"]["phases"] == {"search": 4.0} and found["spend"]["asked"] == {"trials": 12}
    assert found["spend"]["finished"] == 11 and found["spend"]["failed"] == 1 and found["spend"]["seconds"] > 14
    assert found["objectives"] == [["accuracy", "max"], ["size", "min"]] and found["under"] == ["size<=20.0"]
    assert found["task"]["name"] == "toys" and found["seed"] == 4 and found["command"] == "nasmyth search toys"
    assert found["result"]["test"] == {"accuracy": 0.5}


def test_a_noted_funnel_is_taken_as_noted() -> None:
    with Study(None, ToySpace(), strategy=Climb()) as study:
        study.note("funnel", stage="counts", entered=10, passed=9, price_s=0.1)
        study.note("funnel", stage="counts", entered=20, passed=18, price_s=0.1)
        assert study.summary()["funnel"] == [{"stage": "counts", "entered": 20, "passed": 18, "price_s": 0.1}]


def test_what_is_no_better_than_chance_is_on_no_front() -> None:
    level = {"score": "accuracy", "value": 0.1, "error": 0.02}
    with Study(
        None, ToySpace(), maximize="accuracy", under=[Limit("size", "<=", 20.0)], strategy=Climb(),
        task={"name": "toys", "chance": level},
    ) as study:  # fmt: skip
        for accuracy, size in ((0.9, 15), (0.115, 3), (0.125, 4), (0.05, 2)):
            (trial,) = study.ask(1)
            study.tell(trial, accuracy=accuracy, size=size)
        found = study.summary()
    assert found["chance"] == level
    assert [one["near_chance"] for one in found["trials"]] == [False, True, False, True]
    assert [one["number"] for one in found["front"]] == [1, 3]


@pytest.mark.parametrize("n", [0, 1])
def test_open_trials_are_shown_as_such(n: int) -> None:
    with Study(None, ToySpace(), strategy=Climb()) as study:
        study.ask(n)
        assert [one["state"] for one in study.summary()["trials"]] == ["open"] * n
