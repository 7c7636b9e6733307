"""Wrong answers on the page: pictures or rows of the study, and nothing that a stranger's study could smuggle in."""

from __future__ import annotations

import json

import pytest
from report_studies import DOT, MISTAKES, network

from nasmyth import report
from nasmyth.report import mistakes
from nasmyth.space import Space, choice
from nasmyth.study import Study


def test_pictures_stand_with_both_labels(summary):
    page = report.html(summary)
    assert page.count(f'src="{DOT}"') == 5
    assert '<b>3</b> taken for <b class="bad">&lt;b&gt;5&lt;/b&gt;</b>' in page and "97 % sure" in page


@pytest.mark.parametrize(
    "image",
    ["http://evil.example/x.png", "javascript:alert(1)", "data:text/html;base64,AAAA",
        'data:image/png;base64,AA"onerror="x', 7, None],
)  # fmt: skip
def test_only_pictures_are_pictures(summary, image):
    hostile = {"examples": [{"true": "1", "answer": "2", "image": image}], "columns": []}
    assert mistakes.shown({**summary, "mistakes": hostile}) is None
    assert "evil" not in report.html({**summary, "mistakes": hostile})


@pytest.mark.parametrize("said", [None, [], "x", {"examples": 3}, {"examples": [1, None]}, {"examples": []}, {}])
def test_what_is_not_as_expected_is_left_out(summary, said):
    assert mistakes.shown({**summary, "mistakes": said}) is None
    assert "Most sure" not in report.html({**summary, "mistakes": said})


def test_rows_of_a_table_are_shown_and_bounded(summary):
    rows = [{"true": 283.0, "answer": 136.4321, "cells": ["<i>", *["1"] * 40]}] * 100
    said = {"examples": rows, "columns": ["<u>name</u>", *map(str, range(40))], "target": "price", "wrong": 9, "of": 9}
    found = mistakes.shown({**summary, "mistakes": said})
    assert len(found["rows"]) == mistakes.MOST and len(found["columns"]) == mistakes.MOST_COLUMNS
    page = report.html({**summary, "mistakes": said})
    assert "Largest errors" in page and "&lt;u&gt;name&lt;/u&gt;" in page and "<u>" not in page and "<i>" not in page
    assert "136.43" in page


@pytest.mark.parametrize("blob", [b"", b"not JSON", b"\xff\xfe", b"[" * 1000, b"x" * (mistakes.MOST_BYTES + 1)])
def test_a_damaged_artefact_leaves_the_rest(tmp_path, blob):
    path = tmp_path / "a.db"
    with Study(path, Space(network(choice(4, 8), 1, 3), (1, 8, 8)), "accuracy") as study:
        (trial,) = study.ask(1)
        study.tell(trial, accuracy=0.9)
        study.put(trial, "mistakes", blob)
        study.note("result", trial, trial=trial.number, test={"accuracy": 0.9})
    assert report.summary_of(path)["mistakes"] is None and "0.9000 on test" in report.html(path)


def test_they_are_those_of_the_network_that_was_judged(tmp_path):
    path = tmp_path / "a.db"
    with Study(path, Space(network(choice(4, 8), 1, 3), (1, 8, 8)), "accuracy") as study:
        (trial,) = study.ask(1)
        study.tell(trial, accuracy=0.9)
        study.put(trial, "mistakes", json.dumps(MISTAKES).encode())
        assert report.summary_of(study)["mistakes"] is None, "nothing was judged yet"
        study.note("result", trial, trial=trial.number, test={"accuracy": 0.9})
        assert report.summary_of(study)["mistakes"] == MISTAKES
