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
        "bench", "nb201", "--table", csv, "--objective", "accuracy", "--strategy", "random", "--strategy", "evolution(population=8)",
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
    run("bench", "nb201", "--table", csv, "--objective", "acuracy", "--queries", 10, status=1)
