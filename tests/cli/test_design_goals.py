"""What is to be good, from the console: designs of real tumours by other goals than accuracy, and goals that there are not."""

from __future__ import annotations

import json

import numpy as np
import pytest


def design(run, out, *more, data="breast_cancer", status=0, spend="8s"):
    line = ("design", data, "--under", "params<=2k", "--spend", spend, "-o", out, "-q", *more)
    return run(*line, status=status)


@pytest.fixture(scope="module")
def tumours(tmp_path_factory, run):
    """A design by each goal: its file and its summary."""
    found = {}
    for goal in ("recall:malignant", "balanced_accuracy"):
        path = tmp_path_factory.mktemp("goals") / "tumours.db"
        design(run, path, "--maximize", goal)
        found[goal] = path, json.loads(run("show", path, "--json").stdout)
    return found


@pytest.mark.parametrize("goal", ["recall:malignant", "balanced_accuracy"])
def test_a_design_by_another_goal(goal, tumours, run):
    path, told = tumours[goal]
    assert told["objectives"] == [[goal, "max"]] and told["chance"]["score"] == goal
    result, best = told["result"], told["best"]
    assert result["test"][goal] > result["chance"]["value"] + 0.2 and best["measures"][goal] > 0.6
    if "difference" in result:
        assert result["difference"]["low"] <= result["difference"]["value"] <= result["difference"]["high"]
    curve = best["stages"]["final"]["curve"]
    assert best["measures"][goal] == max(entry[goal] for entry in curve), "its weights are the best by the goal"
    counts = np.array(result["confusion"])
    right = counts.diagonal() / counts.sum(1)
    place = result["classes"].index("malignant")
    expected = right[place] if goal.startswith("recall") else right.mean()
    assert result["test"][goal] == pytest.approx(expected)
    assert f"maximise {goal}" in run("show", path).stdout


def test_the_same_line_goes_on_and_another_goal_is_another_study(tumours, run):
    path, _ = tumours["recall:malignant"]
    design(run, path, "--maximize", "recall:malignant")
    refused = design(run, path, "--maximize", "recall:benign", status=1).stderr
    assert "maximise" not in refused and "max recall:malignant" in refused and "recall:benign" in refused


def test_a_network_is_measured_and_held_to_it(tumours, run):
    path, told = tumours["recall:malignant"]
    at = f"{path}#best"
    listed = "recall:malignant,f1,auroc:benign,average_precision,log_loss"
    seen = json.loads(run("measure", at, "--by", listed, "--data", "breast_cancer", "--json").stdout)
    values = seen["candidates"][0]["measures"]
    assert list(values) == listed.split(",") and all(0 <= value <= 1 for value in values.values())
    assert values["recall:malignant"] == pytest.approx(told["best"]["measures"]["recall:malignant"])
    run("check", at, "--data", "breast_cancer", "--under", "recall:malignant>=50%", "--under", "auroc>=0.6")
    missed = run("check", at, "--data", "breast_cancer", "--under", "recall:malignant>=1.01", status=1)
    assert "recall:malignant" in missed.stderr


@pytest.mark.parametrize(
    ("data", "goal", "said"),
    [
        ("breast_cancer", "--maximize=recall:Malignant", "did you mean 'malignant'"),
        ("breast_cancer", "--minimize=rmse", "write accuracy, balanced_accuracy"),
        ("breast_cancer", "--maximize=recall", "recall:LABEL"),
        ("breast_cancer", "--maximize=log_loss", "write minimize='log_loss'"),
        ("breast_cancer", "--maximize=f1:micro", "write 'f1_micro'"),
        ("diabetes", "--maximize=auroc", "write rmse, mae, median_error, quantile_loss:0.9, r2 or loss"),
        ("diabetes", "--maximize=rmse", "write minimize='rmse'"),
    ],
)
def test_a_goal_that_there_is_not_leaves_nothing_behind(data, goal, said, tmp_path, run):
    told = design(run, tmp_path / "study.db", goal, data=data, status=1).stderr
    assert said in told and len(told.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_all_are_listed(run):
    told = {row["name"]: row for row in json.loads(run("list", "measures", "--json").stdout)}
    assert told["rmse"]["better"] == told["log_loss"]["better"] == "less" and told["auroc"]["better"] == "more"
    assert "recall:LABEL" in told["recall"]["about"] and "f1:LABEL" in told["f1"]["about"]
    assert "quantile_loss:0.9" in told["quantile_loss"]["about"]


@pytest.fixture(scope="module")
def rare(tmp_path_factory):
    """A file of rows of which one in twenty is of class 1."""
    rng = np.random.default_rng(0)
    y = (np.arange(500) % 20 == 0).astype(int)
    path = tmp_path_factory.mktemp("rare") / "rare.npz"
    np.savez(path, x=rng.normal(size=(500, 4)) + 2 * y[:, None], y=y)
    return path


@pytest.mark.filterwarnings("default::nasmyth.errors.NasmythWarning")
def test_accuracy_is_doubted_where_nearly_all_are_alike(rare, tmp_path, run):
    usual = design(run, tmp_path / "usual.db", data=rare, spend="4s")
    assert "95 % of the training examples are of one class, '0'" in usual.stderr
    assert "--maximize balanced_accuracy, or average_precision:1" in usual.stderr
    shown = run("show", tmp_path / "usual.db")
    assert "balanced_accuracy" in shown.stdout and "maximise accuracy" in shown.stdout
    run("show", tmp_path / "usual.db", "--html", tmp_path / "usual.html")
    assert "of one class" in (tmp_path / "usual.html").read_text()
    for goal in ("balanced_accuracy", "average_precision:1"):
        path = tmp_path / f"{goal[0]}.db"
        assert "of one class" not in design(run, path, "--maximize", goal, data=rare, spend="4s").stderr
        assert "of one class" not in run("show", path).stdout
