"""`nasmyth bench` on a table of NAS-Bench-201's networks with made-up figures."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from nasmyth.spaces import nb201
from nasmyth.spaces.nb201 import text


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "nb201.csv"
    rows = [f"{text(g)},{sum(g.values()) * 4},{1 + g['0->3']}" for g in nb201().enumerate()]
    path.write_text("\n".join(["arch_str,accuracy,train_seconds", *rows]))
    return path


def test_strategies_stand_beside_chance(csv, run, tmp_path):
    plot = tmp_path / "anytime.svg"
    told = run(
        "bench", "nb201", "--table", csv, "--objective", "accuracy", "--strategy", "random", "--strategy",
        "evolution(population=8)",
        "--queries", 30, "--seeds", 4, "--report", "train_seconds", "--clock", "train_seconds", "--plot", plot, "--json",
    )  # fmt: skip
    rows = json.loads(told.stdout)["rows"]
    assert [(row["strategy"].split("(")[0], row["queries"]) for row in rows] == [
        ("Random", 10), ("Random", 20), ("Random", 30), ("Evolution", 10), ("Evolution", 20), ("Evolution", 30)
    ]  # fmt: skip
    assert all(row["optimum"] == 96 and row["average"] == 48 and row["mean"] <= 96 for row in rows)
    drawn = ElementTree.parse(plot)
    assert len(drawn.findall(".//{*}polygon")) == 2, "a band a strategy"
    assert len(drawn.findall(".//{*}polyline")) == 3, "two means, and chance"


def test_the_table_for_people(csv, run):
    told = run("bench", "nb201", "--table", csv, "--objective", "accuracy", "--queries", 10, "--seeds", 2).stdout
    assert "found the best" in told and "LocalSearch()" in told and "chance" in told


def test_a_missing_column_is_said(csv, run):
    told = run("bench", "nb201", "--table", csv, "--objective", "acuracy", "--queries", 10, status=1)
    assert "no column of numbers 'acuracy'; did you mean 'accuracy'" in told.stderr


def test_a_budget_that_nothing_meets_says_what_there_is(csv, run):
    told = run(
        "bench", "nb201", "--table", csv, "--objective", "accuracy", "--under", "train_seconds<=0.5", "--queries", 10,
        status=1
    )  # fmt: skip
    assert "train_seconds goes from 1 to 5" in told.stderr and "train_seconds<=0.5" in told.stderr


def short(csv, strategy):
    """A line that takes little time."""
    table = ("bench", "nb201", "--table", csv, "--objective", "accuracy")
    return (*table, "--strategy", strategy, "--queries", 10, "--seeds", 2)


def test_bounds_are_read_with_their_suffix(csv, run):
    line = short(csv, "random")
    told = run(*line, "--under", "train_seconds>=0.004k", "--json")
    assert all(row["average"] > 48 for row in json.loads(told.stdout)["rows"]), (
        "better networks take longer in this table"
    )
    assert "bound on a column" in run(*line, "--under", "train_seconds", status=1).stderr


def test_the_simulated_clock_is_printed(csv, run):
    line = short(csv, "grid")
    told = run(*line, "--clock", "train_seconds")
    head, row = (one.split() for one in told.stdout.splitlines() if "queries" in one or one.startswith("Grid("))
    assert head[-1] == "time" and row[-1] == "s" and 10 <= float(row[-2]) <= 50, "ten networks of 1 to 5 s each"
    assert "time" not in run(*line).stdout


def test_no_regret_has_no_sign():
    from nasmyth.bench.protocol import Anytime, at_budgets
    from nasmyth.study.trial import Objective

    class Small:
        name, partial, genomes = "small", False, ([1, 1, 1], 0)

        def check(self, column):
            return [0.1, 0.1 + 1e-17, 0.3]

    found = Anytime("x", Objective("loss", "min"), ((0.1,), (0.1,), (0.1,)), (), ((1.0,), (1.0,), (1.0,)))
    (row,) = at_budgets(Small(), found, [1])
    assert str(row["regret"]) == "0.0"
