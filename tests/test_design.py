"""The main job, end to end, on small real data: found within the budget, kept in the journal, gone on with, judged once."""

from __future__ import annotations

import re

import numpy as np
import pytest

import nasmyth
from nasmyth.design import Progress, design
from nasmyth.errors import BudgetError, NasmythError
from nasmyth.measure import params, size
from nasmyth.report import summary_of

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    path = tmp_path_factory.mktemp("design") / "wine.db"
    return design("wine", under=["params<=2k"], spend="5 trials", seed=3, out=str(path)), path


def test_everything_is_within_the_budget_and_compared_with_a_baseline(wine):
    found, _ = wine
    summary = found.summary
    assert params(found.best.graph) <= 2000
    assert all(t["measures"]["params"] <= 2000 for t in summary["trials"] if t["state"] == "finished")
    assert summary["baseline"]["origin"] == "baseline"
    assert "final" in summary["baseline"]["stages"], "the baseline is trained in full"
    assert {"trial", "test", "baseline", "difference", "layers"} <= summary["result"].keys()
    assert summary["result"]["difference"]["low"] <= summary["result"]["difference"]["value"]
    assert [row["stage"] for row in summary["funnel"]][-1] == "final" and summary["funnel"][0]["entered"] > 1
    trained = [stage for one in summary["trials"] for stage in one["stages"].values() if "epochs" in stage]
    assert trained and all(0 < stage["epochs"] <= stage["planned"] + 1 for stage in trained)
    assert summary["chance"]["score"] == summary["result"]["chance"]["score"] == "accuracy"
    assert any("test split" in note for note in summary["task"]["notes"])
    assert "accuracy" in str(found)


def test_the_best_predicts_raw_inputs_with_class_names(wine):
    found, _ = wine
    from sklearn.datasets import load_wine

    data = load_wine(as_frame=True)
    answers = found.best.predict(data.data)
    right = np.mean([str(label) == str(data.target_names[i]) or str(label) == str(i)
                     for label, i in zip(answers.labels, data.target, strict=True)])  # fmt: skip
    assert right > 0.9
    assert np.allclose(np.asarray(answers.probabilities).sum(1), 1, atol=1e-5)


def test_the_same_line_again_has_nothing_left_to_do(wine):
    found, path = wine
    again = design("wine", under=["params<=2k"], spend="5 trials", seed=3, out=str(path))
    assert len(again.study.trials) == len(found.study.trials)
    results = [note for note in again.study.notes if note["what"] == "result"]
    assert len(results) == 1, "the test split is touched once"
    assert again.summary["best"]["key"] == found.summary["best"]["key"]


def test_an_interrupted_design_keeps_what_it_has_and_goes_on(tmp_path):
    path = str(tmp_path / "digits.db")
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if progress.trials >= 3 and progress.phase == "explore":
            raise KeyboardInterrupt

    arguments = {"under": ["params<=3k"], "spend": "4 trials", "seed": 0, "out": path, "limit": 200}
    first = design("digits", **arguments, progress=stop)
    assert first.interrupted and first.best is not None and seen
    assert not any(note["what"] == "result" for note in first.study.notes), "the test split is kept for the end"
    kept = {t.number: t.measures for t in first.study.trials if t.closed}
    first.study.close()

    second = design("digits", **arguments)
    assert not second.interrupted and second.summary["result"]["test"]["accuracy"] > 0.3
    for number, measures in kept.items():
        told = next(t for t in second.study.trials if t.number == number)
        assert "short" not in told.stages or (
            told.stages.keys() >= {"short"} and measures.keys() <= told.measures.keys()
        )


def test_regression_is_inferred_and_the_error_is_minimised(tmp_path):
    found = nasmyth.design("diabetes", under=[size <= "20kB"], spend="3 trials", seed=1)
    assert found.summary["objectives"] == [["rmse", "min"]]
    assert found.summary["result"]["residuals"]["actual"]
    wrong = summary_of(found.study)["mistakes"]
    assert len(wrong["columns"]) == 10 and len(wrong["examples"]) == 24 and wrong["examples"][0]["cells"]
    assert found.summary["result"]["test"]["rmse"] < 120


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"under": ["params<=10"]}, BudgetError, "nearest budget"),
        ({"under": ["params<=10k", "params>=20k"]}, BudgetError, "contradict"),
        ({"maximize": "params"}, NasmythError, "minimi"),
        ({"minimize": "params"}, NasmythError, "under="),
        ({"maximize": "accuracy", "minimize": "loss"}, NasmythError, "one goal"),
        ({"spend": "2 parsecs"}, NasmythError, "unit"),
        ({"under": ["parms<=10k"]}, NasmythError, "params"),
    ],
)
def test_bad_requests_are_refused_before_any_work(options, error, said, tmp_path):
    path = tmp_path / "nothing.db"
    with pytest.raises(error, match=said):
        design("iris", **{"spend": "2 trials", "out": str(path), **options})


def test_a_search_in_which_everything_crashes_ends(monkeypatch):
    from nasmyth.study.evaluation import Evaluation

    def broken(self, trial):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(Evaluation, "__call__", broken)
    with pytest.raises(nasmyth.StudyError, match=r"20 candidates in a row crashed.*no such kernel"):
        design("iris", under=["params<=5k"], spend="10m", on="here")


def test_another_budget_does_not_fit_the_same_file(wine):
    _, path = wine
    with pytest.raises(nasmyth.StudyError, match="under"):
        design("wine", under=["params<=1k"], spend="5 trials", seed=3, out=str(path))


def test_module_and_function_share_a_name():
    import nasmyth.design as module

    assert module.Found is nasmyth.Found
    assert callable(nasmyth.design)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"minimize": "rmse"}, "rmse is no figure of a classification"),
        ({"under": ["rmse<=1"]}, "rmse is no figure of a classification"),
        ({"strategy": 5}, "give a strategy"),
        ({"seed": None}, "a whole number"),
        ({"maximize": ("accuracy", "loss")}, "one goal"),
        ({"out": 5}, "is kept in a file"),
    ],
)
def test_a_line_that_is_refused_leaves_no_study_for_the_next_one(options, said, tmp_path):
    path = tmp_path / "iris.db"
    with pytest.raises(NasmythError, match=said):
        design("iris", **{"spend": "1 trials", "out": str(path), **options})
    assert not path.exists()


def test_another_study_is_refused_before_data_is_read(wine):
    _, path = wine
    with pytest.raises(nasmyth.StudyError, match="seed: it has 3, this asks for 4"):
        design("no such data", under=["params<=2k"], spend="5 trials", seed=4, out=str(path))


def test_a_name_of_a_strategy_and_no_budget_will_do():
    found = design("iris", under=None, spend="12 trials", strategy="random", limit=60)
    assert found.summary["strategy"]["$"].endswith("Random")
    assert {trial.origin.split()[0] for trial in found.study.trials} == {"baseline", "start", "random"}


def test_what_was_met_in_validation_and_is_missed_on_test_is_said():
    from nasmyth.funnel.final_test import final_test
    from nasmyth.measure import accuracy

    found = design("wine", under=["params<=2k", accuracy >= 0.6], spend="2 trials", seed=3)
    result = found.summary["result"]
    assert result["missed"] == [] and "Budget:" not in str(found)
    trial = next(t for t in found.study.trials if t.number == result["trial"])
    again = final_test(found.study, trial, None, found.task, ((accuracy >= 1.1),), "accuracy")
    assert again["missed"] == [{"limit": "accuracy>=1.1", "value": result["test"]["accuracy"], "on": "test"}]
    found.study.note("result", **again)
    shown = str(type(found)(found.study, found.task))
    assert re.search(r"Budget: accuracy ≥ 1.1\d* was met in the search, and is missed on test: \d", shown)


def test_nothing_found_says_why(monkeypatch):
    from nasmyth.report.troubles import why_nothing
    from nasmyth.study.evaluation import Evaluation

    found = design("iris", under=["params<=5k", "accuracy>=1.5"], spend="2 trials")
    assert found.summary["best"] is None
    with pytest.raises(
        nasmyth.StudyError, match=r"the nearest, #\d, has accuracy .*, and the budget is accuracy ≥ 1.5"
    ):
        found.best  # noqa: B018

    def broken(self, trial):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(Evaluation, "__call__", broken)
    found = design("iris", under=["params<=5k"], spend="3 trials")
    assert "all of 3 candidates failed, the last with crashed: RuntimeError: no such kernel" in why_nothing(
        found.summary
    )
