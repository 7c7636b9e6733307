"""What a study is asked for wrongly is refused in a sentence, before there is a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from study_toys import Anywhere, ToySpace, score

from nasmyth.domains import read
from nasmyth.errors import DataError, NasmythError, StudyError
from nasmyth.search import Evolution, Random
from nasmyth.study import Study


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"space": None}, "searches a space of networks.*got None"),
        ({"space": ToySpace}, "searches a space of networks"),
        ({"path": 5}, "is kept in a file.*got 5"),
        ({"seed": None}, "seed=None: a seed is a whole number"),
        ({"seed": "x"}, "seed='x'"),
        ({"seed": 1.5}, r"seed=1\.5"),
        ({"strategy": 5}, "strategy=5: give a strategy.*'evolution'"),
        ({"strategy": Evolution}, r"write Evolution\(\)"),
        ({"strategy": "evolutoin"}, "did you mean 'evolution'"),
        ({"under": 5}, "under=5: write a budget"),
        ({"under": [None]}, "under=None: write a budget"),
        ({"maximize": 5}, "maximize=5: a goal is a measure or its name"),
        ({"minimize": [b"x"]}, "minimize=b'x': a goal"),
        ({"task": 5}, "task=5: give what is learned"),
    ],
)
def test_wrong_types(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(NasmythError, match=said):
        Study(**{"path": path, "space": ToySpace(), "strategy": Anywhere(), **options})
    assert not path.exists()


def test_no_budget_and_names_of_strategies_are_taken() -> None:
    with Study(None, ToySpace(), under=None, strategy="random") as study:
        assert study.strategy == Random() and not study.goals.constraints
    with Study(None, ToySpace(), under=(text for text in ["loss<=1", "accuracy>=0"])) as study:
        assert len(study.goals.constraints) == 2


@pytest.mark.parametrize("trials", [-1, 0, 1.5, "many", True])
def test_how_many_trials(trials: Any) -> None:
    with Study(None, ToySpace(), strategy=Anywhere()) as study:
        with pytest.raises(StudyError, match=f"trials={trials!r}: write a whole number of at least 1"):
            study.run(score, trials=trials)


@pytest.mark.parametrize("options", [{"minimize": "rmse"}, {"under": ["rmse<=1"]}, {"maximize": "r2"}])
def test_a_measure_that_does_not_suit_the_data_leaves_no_file(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(DataError, match="is no figure of a classification"):
        Study(path, ToySpace(), task=read("iris"), **options)
    assert not path.exists()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_objective_that_is_no_finite_number_is_a_failure(value: float) -> None:
    with Study(None, ToySpace(), strategy=Anywhere()) as study:
        (trial,) = study.ask()
        told = study.tell(trial, accuracy=value, size=3.0)
        assert told.error is not None and told.error.reason == "diverged"
        assert str(value) in told.error.message and told.measures["size"] == 3.0
        ended = study.run(lambda graph: value, trials=3)
        assert ended.failed == ended.closed == 2
        assert [one["error"]["reason"] for one in study.summary()["failures"]] == ["diverged"] * 3


def test_what_nobody_can_work_on_at_once_is_not_handed_out():
    with Study(None, ToySpace(), maximize="value") as study, pytest.raises(StudyError, match="at most 100,000 trials"):
        study.ask(10**30)
