"""The page as text: everything is there, nothing from outside is asked for, nothing given can become markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from nasmyth import report
from nasmyth.report.verdict import verdict


class Outline(HTMLParser):
    """Tags with their attributes, and unclosed ones."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})

    def __init__(self):
        super().__init__()
        self.tags, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())


def outline(page):
    found = Outline()
    found.feed(page)
    assert found.open == []
    return found.tags


def test_every_section_is_there(summary):
    page = report.html(summary)
    ids = {attrs["id"] for _, attrs in outline(page) if "id" in attrs}
    assert {"front", "network", "curves", "confusion", "funnel", "time", "failures", "trials", "again"} <= ids
    assert "nasmyth design digits --under &#39;params&lt;=20k&#39;" in page


def test_nothing_from_outside(summary):
    for tag, attrs in outline(report.html(summary)):
        for name in ("src", "href", "action", "data", "poster", "xlink:href"):
            assert attrs.get(name, "#").startswith(("#", "data:")), (tag, attrs)
    assert "@import" not in report.html(summary)
    assert not re.findall(r"url\(", report.html(summary))


def test_hostile_names_stay_text(summary):
    bad = '"><script>alert(1)</script>'
    hostile = {
        **summary,
        "task": {
            **summary["task"],
            "name": bad,
            "notes": [bad],
            "chance": {**summary["task"]["chance"], "answer": bad},
        },
        "chance": {**summary["chance"], "answer": bad},
        "mistakes": {"examples": [{"true": bad, "answer": bad, "cells": [bad]}], "columns": [bad], "target": bad},
        "trials": [
            {**one, "genome": {bad: i % 2}, "measures": {**one["measures"], "accuracy": 0.2 + i % 2 / 2}, "stages": {}}
            for i, one in enumerate(summary["trials"])
            if not one["error"]
        ],
        "command": bad,
        "failures": [{"number": 9, "error": {"reason": bad, "message": bad}}],
        "result": {**summary["result"], "classes": [bad] * 10},
        "layers": [{**row, "address": bad, "op": bad} for row in summary["layers"]],
    }
    for page in (report.html(hostile), report.html([hostile, hostile])):
        tags = outline(page)
        assert [tag for tag, _ in tags].count("script") == 1
    assert "Decisions that mattered" in report.html(hostile)


def test_figures_are_those_of_the_study(summary):
    page = report.html(summary)
    assert "accuracy 0.9861 on test" in page
    assert verdict(summary) in page
    assert "0.55 points better" in verdict(summary)
    points = [a for _, a in outline(page) if "data-trial" in a and "point front" in (a.get("class") or "")]
    assert len(points) == len(summary["front"])


def test_an_empty_study_has_a_page(tmp_path):
    from report_studies import network

    from nasmyth.space import Space, choice
    from nasmyth.study import Study

    path = tmp_path / "empty.db"
    Study(path, Space(network(choice(4, 8), 1, 3), (1, 8, 8)), "accuracy").close()
    assert "nothing within the budget yet" in report.html(path)
    assert "nothing within the budget yet" in report.text(path)


def test_residuals_are_drawn(summary):
    result = {
        "trial": summary["best"]["number"],
        "test": {"accuracy": 0.9},
        "residuals": {"actual": [1.0, 2.0, 3.0], "predicted": [1.1, 2.2, 2.9]},
    }
    page = report.html({**summary, "result": result})
    assert page.count('class="point residual"') == 3
    assert "What it gets wrong" not in page


def test_many_classes_become_a_list(summary):
    counts = [[5 if i == j else 0 for j in range(40)] for i in range(40)]
    counts[3][17] = 4
    page = report.html({**summary, "result": {"confusion": counts, "classes": [f"class{i}" for i in range(40)]}})
    assert "class3 taken for class17 (4)" in page
    assert "Confusion matrix" not in page


def test_a_network_of_hundreds_of_layers_and_skips(tmp_path):
    from report_studies import network

    from nasmyth.graph import Graph
    from nasmyth.graph.text import rows
    from nasmyth.report.drawing import boxed, draw

    layers = rows(Graph.of(network(8, 40, 3), (1, 8, 8)))
    assert len(layers) > 200
    assert sum(len(box.layers) for box in boxed(layers)) == len(layers)
    picture = draw(layers)
    assert picture.count('class="edge skip"') >= 40
