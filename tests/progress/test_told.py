"""Designs and runs tell what goes on: to a function, as lines, or to nobody."""

from __future__ import annotations

import sys

import pytest

import nasmyth
from nasmyth import Recipe, Space, Study, chain, choice, ops, read
from nasmyth.progress import PHASES, Display, Progress, shown
from nasmyth.progress.watch import Watch

SPACE = Space(chain(stem=ops.Conv(choice(2, 4, 6)), pool=ops.Mean("h w"), head=ops.Linear(10)), (1, 8, 8))


def evaluate(graph):
    return {"score": 0.5}


def test_a_design_tells_phases_and_the_steps_of_its_trainings(monkeypatch):
    monkeypatch.setattr(sys.modules[Watch.__module__], "INTERVAL", 0.0)  # every step, however fast they are
    seen: list[Progress] = []
    nasmyth.design("iris", under=["params<=500"], spend="3 trials", progress=seen.append)
    phases = list(dict.fromkeys(one.phase for one in seen))
    assert phases[:4] == ["reading", "sizing", "timing", "baseline"] and phases[-2:] == ["judge", "done"]
    assert set(phases) <= set(PHASES), "every phase has words"
    steps = [one for one in seen if one.step is not None]
    assert {one.phase for one in steps} >= {"timing", "baseline", "explore"}
    assert all(one.step.loss > 0 and 0 < one.step.epoch <= one.step.epochs for one in steps)
    assert [one.best for one in seen][-1].endswith(" accuracy")


def test_what_a_function_raises_ends_the_design_and_is_raised():
    def broken(progress: Progress) -> None:
        if progress.step is not None:
            raise ZeroDivisionError("my own mistake")

    with pytest.raises(ZeroDivisionError, match="my own mistake"):
        nasmyth.design("iris", under=["params<=500"], spend="2 trials", progress=broken)


def test_a_run_calls_a_function_with_every_trial():
    told = []
    with Study(None, SPACE, maximize="score") as study:
        study.run(evaluate, trials=3, progress=told.append)
        assert told == study.trials


def test_a_run_shows_lines_where_asked_and_nothing_by_default(capsys):
    with Study(None, SPACE, maximize="score") as study:
        study.run(evaluate, trials=2)
        assert capsys.readouterr() == ("", "")
        study.run(evaluate, trials=3, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[0] == "trying candidates · best so far 0.5 score · 2 of 3 candidates"
    assert err.splitlines()[-1] == "done · best so far 0.5 score · 3 of 3 candidates"


def test_a_run_on_a_task_tells_the_steps_of_its_trainings():
    seen: list[Progress] = []
    task = read("digits", limit=200)
    display = shown(seen.append)
    assert isinstance(display, Display)
    with Study(None, SPACE, maximize="accuracy", task=task) as study:
        study.run(task, trials=2, recipe=Recipe(epochs=3), progress=display)
    assert any(one.step is not None and one.step.epochs == 3 for one in seen) and seen[-1].phase == "done"
