"""A study as one of Optuna: what was told is there, and Optuna's own analyses work on it."""

import math
from random import Random

import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import StudyError
from nasmyth.graph import chain
from nasmyth.report.optuna_view import as_optuna
from nasmyth.search.strategy import Stage
from nasmyth.space import Space, choice, integer, maybe
from nasmyth.study import Study

optuna = pytest.importorskip("optuna", reason="pip install 'nasmyth[optuna]'")

SPACE = Space(
    chain(Tag(choice(1, 2, 4, name="width")), Tag(integer(0, 9, name="depth")), maybe(Tag(choice("a", "b")))), SHAPE
)


@pytest.fixture
def study(tmp_path):
    """Accuracy follows depth; every tenth trial fails, and loss is minimised."""
    study = Study(
        tmp_path / "view.db", SPACE, maximize="accuracy", minimize="loss", under=["latency@cpu<=5ms"], distinct="genome"
    )
    for i in range(40):
        (trial,) = study.ask()
        if i % 10 == 9:
            study.fail(trial, "no memory")
            continue
        depth, noise = trial.genome["depth"], 0.01 * Random(i).random()
        study.tell(trial, {"latency@cpu": depth / 1000}, accuracy=depth / 9 + noise, loss=1 - depth / 9, seconds=2.0)
    study.add(SPACE.sample(3), stage=Stage("short", 0.1), origin="mine")
    yield study
    study.close()


def test_all_that_was_told_is_there(study):
    view = as_optuna(study)
    closed = [trial for trial in study.trials if trial.closed]
    assert len(view.trials) == len(closed) == 40
    assert [way.name for way in view.directions] == ["MAXIMIZE", "MINIMIZE"] and view.metric_names == [
        "accuracy",
        "loss",
    ]
    for ours, theirs in zip(closed, view.trials, strict=True):
        assert theirs.state.name == ("FAIL" if ours.error else "COMPLETE")
        assert theirs.user_attrs["number"] == ours.number and theirs.user_attrs["origin"] == ours.origin
        assert theirs.params["depth"] == ours.genome["depth"] and theirs.params["width"] == ours.genome["width"]
        assert ("[2]:1.label" in theirs.params) == ("[2]:1.label" in ours.genome)
        if not ours.error:
            assert theirs.values == [ours.measures["accuracy"], ours.measures["loss"]]
            (missed,) = theirs.system_attrs["constraints"]
            assert (missed <= 0) == ours.feasible and math.isclose(missed, ours.genome["depth"] / 5 - 1)
            assert (theirs.datetime_complete - theirs.datetime_start).total_seconds() <= 2.0


def test_optuna_tells_which_decision_mattered(study):
    """By its own analysis of variance, on a forest of scikit-learn."""
    view = as_optuna(study)
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=8, seed=0)
    shares = optuna.importance.get_param_importances(view, evaluator=evaluator, target=lambda trial: trial.values[0])
    assert max(shares, key=shares.get) == "depth" and shares["depth"] > 0.8
    assert all(trial.params["depth"] <= 5 for trial in view.best_trials), "the front is within the budget"


def test_a_study_on_file_is_read_without_its_space(study, tmp_path):
    """Its ops are unknown to whoever reads it, as far as the reader can tell."""
    with Study.open(tmp_path / "view.db") as reader:
        reader.space._said = {**reader.space._said, "template": {"$": "NobodyHasThis"}}
        view = as_optuna(reader)
    assert [t.params for t in view.trials] == [t.params for t in as_optuna(tmp_path / "view.db").trials]


def test_one_stage_at_a_time(study):
    (open_one,) = [trial for trial in study.trials if not trial.closed]
    study.tell(open_one, {"latency@cpu": 0.001}, accuracy=0.1, loss=1.0)
    assert len(as_optuna(study).trials) == 41
    assert [t.user_attrs["origin"] for t in as_optuna(study, stage="short").trials] == ["mine"]
    assert len(as_optuna(study, stage="final").trials) == 40


def test_what_is_no_study_is_refused():
    with pytest.raises(StudyError, match="takes a study or the path of one, got int"):
        as_optuna(3)
