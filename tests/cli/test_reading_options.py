"""What `--kind`, `--target`, `--size` and `--domain` do on the console: used, or refused in a sentence."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A table whose target could be classes or values."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("rows") / "rows.csv"
    pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "stars": np.arange(60) % 3}).to_csv(
        path, index=False
    )
    return path


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_design_learns_the_kind_that_is_asked_for(run, rows, tmp_path, kind):
    told = run(
        "design", rows, "-t", "stars", "--kind", kind, "--under", "params<=500", "--spend", "1 trials", "-o",
        tmp_path / "a.db", "--json"
    )  # fmt: skip
    assert json.loads(told.stdout)["task"]["kind"] == kind


def test_search_takes_the_options_of_reading(run, folder, tmp_path):
    line = (
        "search",
        f"{folder}/mine_cli.py:space",
        "--data",
        "digits",
        "--trials",
        1,
        "--epochs",
        0.1,
        "-o",
        tmp_path / "a.db",
        "--json",
    )
    told = json.loads(run(*line, "--kind", "classification", "--size", "8", "--on-bad", "skip").stdout)
    assert told["task"]["input"] == [1, 8, 8]
    assert "size= (--size) is the size of images" in run(*line[:3], "iris", "--size", "9", status=1).stderr


def test_numbers_that_are_tokens_are_read_as_such_where_the_line_says_so(run, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 200, (90, 6))
    np.savez(tmp_path / "codes.npz", x=x, y=(x[:, 0] > 100).astype(int))
    data, study = tmp_path / "codes.npz", tmp_path / "a.db"
    line = ("design", data, "--under", "params<=5k", "--spend", "2 trials", "-o", study, "--json")
    told = json.loads(run(*line, "--domain", "text").stdout)
    assert told["task"]["input"] == [["tokens", [6], "int"]]
    run("export", f"{study}#best", tmp_path / "a.safetensors")
    checked = ("check", tmp_path / "a.safetensors", "--data", data, "--under", "accuracy>=0")
    assert 0 <= json.loads(run(*checked, "--domain", "text", "--json").stdout)["measured"]["accuracy"] <= 1
    assert "--domain text" in run(*checked, status=1).stderr
    by = ("measure", tmp_path / "a.safetensors", "--by", "accuracy", "--data", data, "--domain", "text", "--json")
    (one,) = json.loads(run(*by).stdout)["candidates"]
    assert 0 <= one["measures"]["accuracy"] <= 1
    said = run("design", data, "--domain", "txt", "-o", tmp_path / "b.db", status=1).stderr
    assert "txt" in said and "text" in said and not (tmp_path / "b.db").exists()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            ("digits", "-t", "x"),
            "digits: what is to be predicted is digit; target= (--target) names a column of a table",
        ),
        (("iris", "--size", "8"), "iris is a table, and size= (--size) is the size of images"),
    ],
)
def test_options_that_do_not_apply_are_refused(run, tmp_path, line, says):
    assert says in run("design", *line, "-o", tmp_path / "a.db", status=1).stderr
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--kind", "clustering"), "--kind: 'clustering' is not one of classification, regression"),
        (("--size", "²"), "--size: '²' is not a size in pixels; write 64, or 48x64"),
        (("--size", "8x²"), "--size: '8x²' is not a size in pixels"),
        (("--size", "9" * 30), f"--size: '{'9' * 30}' is not a size in pixels"),
    ],
)
def test_options_that_are_not_understood_are_status_2(run, option, says):
    assert says in run("design", "digits", *option, status=2).stderr
    assert says in run("search", "mine.py:space", "--data", "digits", *option, status=2).stderr


def test_labels_in_json_have_the_type_that_they_had(run, folder, study):
    answers = json.loads(run("predict", f"{study}#best", folder / "new.npz", "--json").stdout)
    assert all(isinstance(one["label"], int) and set(one["probabilities"]) == set("0123456789") for one in answers)
    assert "label" in run("predict", f"{study}#best", folder / "new.npz").stdout
