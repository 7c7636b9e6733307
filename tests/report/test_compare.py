"""Studies side by side: each figure in its own column, and what does not compare is said."""

from __future__ import annotations

import pytest

from nasmyth import report
from nasmyth.errors import NasmythError
from nasmyth.report import compare


@pytest.fixture
def other(summary):
    """The same design with another budget, and a worse result."""
    tested = {**summary["result"], "test": {"accuracy": 0.9417}, "baseline": {"test": {"accuracy": 0.95}}}
    return {**summary, "under": ["params<=6000"], "result": tested, "seed": 1, "command": "nasmyth <b>again</b>"}


def test_goal_budget_result_cost_and_time_stand_beside_each_other(summary, other):
    table = dict(compare.table([summary, other]))
    assert table["goal"] == ["maximise accuracy"] * 2 and table["budget"] == ["params ≤ 20k", "params ≤ 6k"]
    assert table["on test"] == ["accuracy 0.9861", "accuracy 0.9417"]
    assert table["plain network"] == ["accuracy 0.9806 on test", "accuracy 0.9500 on test"]
    assert table["params"] == ["18.7k"] * 2 and table["time"] == ["82.7 s of 90 s"] * 2 and table["seed"] == ["0", "1"]


def test_what_does_not_compare_is_said(summary, other):
    assert compare.caveats([summary, summary]) == []
    assert compare.caveats([summary, other]) == ["They do not have the same budget."]
    elsewhere = {**other, "task": {**summary["task"], "fingerprint": "0" * 20}, "objectives": [["loss", "min"]]}
    assert len(compare.caveats([summary, elsewhere])) == 3
    assert compare.progress([summary, elsewhere], ["a", "b"]) == ("", [])


def test_terminal_and_page_show_both(study_path, summary, other):
    text = report.text([summary, other])
    assert "0.9861" in text and "0.9417" in text and "same budget" in text
    page = report.html([study_path, other])
    assert (
        "digits.db" in page
        and "0.9417" in page
        and "nasmyth &lt;b&gt;again&lt;/b&gt;" in page
        and "<b>again" not in page
    )
    assert page.count('class="curve s') >= 3 and "http" not in page.replace("http-equiv", "")


def test_a_study_that_found_nothing_stands_beside_one_that_did(summary):
    empty = {"objectives": [["accuracy", "max"]], "under": [], "best": None, "trials": [], "front": [], "spend": {}}
    table = dict(compare.table([summary, empty]))
    assert table["on test"] == ["accuracy 0.9861", "-"]
    assert "digits" in report.html([summary, empty]) and report.text([empty, summary])


def test_a_password_in_an_address_is_not_a_name():
    assert report.study_name("postgresql://me:secret@host/flowers?sslmode=require") == "flowers"
    assert report.study_name({"trials": []}) == "study"
    with pytest.raises(NasmythError, match="a report needs a study, the path of one or its summary, got int"):
        report.html([3, 4])
