"""`nasmyth audit` on small spaces and on a table of NAS-Bench-201's networks with made-up figures."""

from __future__ import annotations

import json

import pytest

from nasmyth.spaces import nb201
from nasmyth.spaces.nb201 import text

SCORE = """
from nasmyth.measure import measure


@measure(unit="", direction="max", needs=("network", "batch"))
def spread_of_answers(network, batch):
    "How differently an untrained network answers."
    return float(network(batch).detach().std())


@measure(unit="", direction="max", needs=("gradients",))
def first_gradient(gradients):
    "Of the first weight."
    return float(next(iter(gradients.values())).square().mean())
"""


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    path = tmp_path_factory.mktemp("scores") / "scores_of_audit.py"
    path.write_text(SCORE)
    return path


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    """Accuracies that grow with the convolutions of a cell."""
    path = tmp_path_factory.mktemp("audit") / "nb201.csv"
    rows = [f"{text(g)},{sum(v in (2, 3) for v in g.values())},{i}" for i, g in enumerate(nb201().enumerate())]
    path.write_text("\n".join(["arch_str,accuracy,noise", *rows]))
    return path


def test_scores_of_a_space_against_training(run, folder, scores, tmp_path):
    out, page = tmp_path / "a.db", tmp_path / "a.html"
    line = ("audit", f"{folder}/mine_cli.py:space", "--data", "digits", "--import", scores, "--by",
            "spread_of_answers,first_gradient", "--truth", 3, "--epochs", 1, "-o", out)  # fmt: skip
    told = run(*line, "--html", page, "-q")
    assert "accuracy of 3 networks, trained for 1 epochs at most" in told.stdout and "Kendall's tau" in told.stdout
    assert "that is few" in told.stdout and "first_gradient" in page.read_text()
    again = json.loads(run(*line, "--json").stdout)
    assert [one["name"] for one in again["scores"]] == ["params", "macs", "spread_of_answers", "first_gradient"]
    assert all(one["truth"] is not None for one in again["candidates"])
    shown = run("show", out).stdout
    assert "3 " in shown and "accuracy" in shown


def test_a_registered_space_is_made_for_the_data(run, tmp_path):
    told = run("audit", "tables", "--data", "breast_cancer", "--by", "memory", "--truth", 3, "--epochs", 0.1,
               "-o", tmp_path / "t.db", "--json")  # fmt: skip
    assert len(json.loads(told.stdout)["candidates"]) == 3


def test_a_table_is_the_truth(run, csv):
    line = ("audit", "nb201", "--truth-table", csv, "--by", "activations", "-n", 200, "--json")
    found = json.loads(run(*line, "--column", "accuracy").stdout)
    taus = {one["name"]: one["kendall"] for one in found["scores"]}
    assert taus["params"]["low"] > 0.5 and len(found["candidates"]) == 200 and found["how"] == "from nb201.csv"
    noise = json.loads(run(*line, "--column", "noise").stdout)["scores"]
    assert {one["name"] for one in noise} == {"params", "macs", "activations"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["images", "--data", "digits", "--by", "parmas"], "did you mean 'params'"),
        (["images", "--data", "digits", "--by", "accuracy"], "accuracy needs training"),
        (["images", "--by", "params"], "--data digits"),
        (["imagse", "--data", "digits", "--by", "params"], "did you mean 'images'"),
        (["tables", "--data", "digits", "--by", "params"], "tables has no networks for digits"),
        (["nb201", "--data", "breast_cancer", "--by", "params"], "(30,)"),
        (["images", "--data", "digits", "--by", "params", "--column", "x"], "--truth-table"),
        (["nb201", "--truth-table", "nowhere.csv", "--by", "params"], "--column"),
        (["images", "--data", "digits", "--by", "params", "--limit-seconds", "5s"], "processes"),
    ],
)
def test_what_cannot_be_audited_is_one_line(run, line, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = run("audit", *line, status=1).stderr
    assert said in told.splitlines()[-1] and "mistake in Nasmyth" not in told
    assert not list(tmp_path.iterdir()), "no study is left behind"


def test_a_ranking_takes_three(run):
    assert "--truth" in run("audit", "images", "--data", "digits", "--by", "params", "--truth", 2, status=2).stderr
