"""A study with several objectives tells its hypervolume, with the reference point, its knee, and its fronts over time."""

from __future__ import annotations

import json

import pytest
from report_studies import network
from typer.testing import CliRunner

from nasmyth import report
from nasmyth.cli import app
from nasmyth.measure import macs, params
from nasmyth.report import fronts
from nasmyth.search import NSGA2, hypervolume, knee, pareto
from nasmyth.space import Space, choice, integer
from nasmyth.study import Study


def searched(path=None, under=(), **goals):
    """Width against depth: what a network has of parameters, and of layers for them; nothing is trained."""
    space = Space(network(choice(*range(4, 17), name="width"), integer(1, 3), choice(1, 3, 5)), (1, 8, 8))
    with Study(path, space, **goals, under=under, strategy=NSGA2(population=6), seed=3) as study:
        while len(study.trials) < 20:
            for trial in study.ask(2):
                if trial.number == 5:
                    study.fail(trial, "crashed")
                else:
                    study.tell(trial, {"depth_of": len(trial.graph.nodes) + params(trial.graph) ** 0.3})
        return report.summary_of(study)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("fronts") / "fronts.db"
    searched(path, maximize="depth_of", minimize=["params", "macs"])
    return path


@pytest.fixture(scope="module")
def summary(path):
    return report.summary_of(path)


def test_the_figures_are_those_of_the_trials(summary):
    """By the trials of the summary alone, with the reference point that it tells."""
    said = summary["front_quality"]
    assert list(said["reference"]) == ["depth_of", "params", "macs"]
    done = [one for one in summary["trials"] if one["state"] == "finished"]
    points = [tuple(one["objectives"]) for one in done]
    told = said["reference"]
    reference = (told["depth_of"], -told["params"], -told["macs"])
    assert said["hypervolume"] == pytest.approx(hypervolume(points, reference)) and 0 < said["share"] < 1
    worst = [min(points[i][k] for i in pareto.front(points)) for k in range(3)]
    assert all(r < w for r, w in zip(reference, worst, strict=True))
    bend = knee(points)
    assert said["knee"] == (None if bend is None else done[bend]["number"])
    assert fronts.quality(summary) == {key: said[key] for key in said}


def test_it_grows_with_the_trials(summary):
    """By one reference point, that of the end."""
    points = [point for _, point in fronts.results(summary)]
    assert len(points) == 19
    told = summary["front_quality"]["reference"]
    reference = (told["depth_of"], -told["params"], -told["macs"])
    grown = [hypervolume(points[:count], reference) for count in range(1, 20)]
    assert grown == sorted(grown) and grown[-1] > grown[0]


def test_the_console_tells_it(path, summary):
    said = summary["front_quality"]
    text = report.text(path, width=200)
    assert "Hypervolume" in text and "reference point is depth_of" in text and "the worst of the front" in text
    assert f"Knee: #{said['knee']}" in text or said["knee"] is None
    shown = CliRunner().invoke(app, ["show", str(path), "--json"])
    assert shown.exit_code == 0 and json.loads(shown.stdout)["front_quality"] == said


def test_the_page_plots_fronts_and_volume(summary):
    plots, said = fronts.over_time(summary)
    assert [title for title, *_ in plots] == ["Fronts (depth_of and params of 3 objectives)", "Hypervolume"]
    drawn, legend = plots[0][1:]
    shares = {5: "25%", 10: "50%", 19: "100%"}
    assert [what for _, what in legend] == [f"after {n} candidates ({share})" for n, share in shares.items()]
    assert all(f'class="curve s{i}"' in drawn for i in range(3)) and 'class="curve c1"' in plots[1][1]
    page = report.html(summary)
    assert "Front over time" in page and said.split(". ")[0] in page and drawn in page


def test_the_budget_counts():
    """What is over it is in no front; a study keeps to it."""
    found = searched(maximize="depth_of", minimize="macs", under=["params<=6k"])
    assert {params for one in found["trials"] if (params := one["measures"].get("params", 0)) > 6000} == set()
    over = {**found, "trials": [{**one, "feasible": one["number"] % 2 == 0} for one in found["trials"]]}
    assert {number % 2 for number, _ in fronts.results(over)} == {0}
    assert fronts.quality(over)["hypervolume"] > 0 and macs.name in fronts.quality(over)["reference"]


def test_one_objective_has_no_front_over_time(summary):
    """Nor has a study without results."""
    single = {**summary, "objectives": [["depth_of", "max"]]}
    empty = {**summary, "trials": [], "front": []}
    for one in (single, empty):
        assert fronts.quality(one) is None and fronts.over_time(one) == ([], "") and fronts.sentence(one) == ""
    few = {**summary, "trials": summary["trials"][:3]}
    assert fronts.over_time(few)[0] == [] and "Hypervolume" in fronts.over_time(few)[1]
