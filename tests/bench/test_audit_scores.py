"""Scores against training and against tables: what is found is what was put in, and what is killed goes on."""

from __future__ import annotations

import json
import math

import audit_toys
import pytest
import torch
from scipy import stats

from nasmyth.bench import Table, audit_on_table, audit_scores
from nasmyth.domains import read
from nasmyth.errors import DataError, ShapeError, StudyError, UnknownNameError
from nasmyth.measure import Measure, params
from nasmyth.report.scores import render
from nasmyth.spaces.registry import Notation
from nasmyth.study import Study

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=200)


@pytest.fixture(scope="module")
def made(digits, tmp_path_factory):
    """An audit with trainings, and where they are."""
    path = tmp_path_factory.mktemp("audit") / "audit.db"
    by = ["audit_weights", "audit_dice", "audit_fragile"]
    return audit_scores(audit_toys.space(), digits, by, truth=6, sample=9, epochs=2, out=path), path


def test_the_truth_is_what_a_study_trained(made, digits):
    found, path = made
    with Study.open(path) as study:
        assert [trial.measures["accuracy"] for trial in study.trials] == list(found.truths.values())
        assert [trial.key for trial in study.trials] == list(found.keys[:6])
    assert len(found.keys) == len(set(found.keys)) == 9 and found.objective == "accuracy"


def test_rows_are_those_of_the_scores_and_the_baselines(made):
    found, _ = made
    assert [row.name for row in found.rows] == ["params", "macs", "audit_weights", "audit_dice", "audit_fragile"]
    assert [row.baseline for row in found.rows] == [True, True, False, False, False]
    x, y = found["params"].values[:6], list(found.truths.values())
    assert found["params"].kendall.value == pytest.approx(stats.kendalltau(x, y).statistic)
    assert found["audit_weights"].kendall == found["params"].kendall, "the same order"
    assert found["audit_weights"].beats["params"].difference == (0, 0, 0)
    assert found["audit_weights"].like["params"] == 1


def test_what_speaks_against_a_score_is_said(made):
    told = "\n".join(made[0].warnings)
    assert "audit_weights does not surely rank better than counting does: params by +0.00" in told
    assert "audit_fragile has no value for" in told and "too wide for it" in told
    assert "6 networks have a truth: that is few" in told


def test_again_nothing_is_trained_and_more_goes_on(made, digits):
    found, path = made
    again = audit_scores(audit_toys.space(), digits, ["audit_dice"], truth=6, epochs=2, out=path)
    assert again.truths == found.truths
    more = audit_scores(audit_toys.space(), digits, [], truth=8, epochs=2, out=path)
    assert [more.truths[i] for i in range(6)] == list(found.truths.values()) and len(more.truths) == 8
    fewer = audit_scores(audit_toys.space(), digits, [], truth=4, epochs=2, out=path)
    assert list(fewer.truths.values()) == list(found.truths.values())[:4]
    with pytest.raises(StudyError, match="trained for 2 epochs at most, and this asks for 3 epochs"):
        audit_scores(audit_toys.space(), digits, [], truth=6, epochs=3, out=path)


def test_ctrl_c_keeps_what_is_trained(digits, tmp_path):
    seen = []

    def stop(trial):
        seen.append(trial)
        if len(seen) == 3:
            raise KeyboardInterrupt

    path = tmp_path / "audit.db"
    found = audit_scores(audit_toys.space(), digits, [], truth=6, epochs=1, out=path, progress=stop)
    assert len(found.truths) == 3 and len(found.keys) == 6
    whole = audit_scores(audit_toys.space(), digits, [], truth=6, epochs=1, out=path)
    straight = audit_scores(audit_toys.space(), digits, [], truth=6, epochs=1)
    assert whole.truths == straight.truths and whole.keys == straight.keys


def test_what_is_open_beyond_the_truth_is_not_trained(digits, tmp_path):
    """Eight were asked for and the first was interrupted; four are asked for now."""

    def stop(trial):
        raise KeyboardInterrupt

    path = tmp_path / "audit.db"
    with pytest.raises(DataError, match="1 of the networks have a result"):
        audit_scores(audit_toys.space(), digits, [], truth=8, epochs=1, out=path, progress=stop)
    assert len(audit_scores(audit_toys.space(), digits, [], truth=4, epochs=1, out=path).truths) == 4
    with Study.open(path) as study:
        assert [trial.closed for trial in study.trials] == [True] * 4 + [False] * 4
    assert len(audit_scores(audit_toys.space(), digits, [], truth=8, epochs=1, out=path).truths) == 8


def test_in_other_processes_the_truth_is_the_same(digits, made):
    found = audit_scores(
        audit_toys.space(), digits, [], truth=3, epochs=2, on="processes", workers=1, limit_seconds=120
    )
    assert list(found.truths.values()) == list(made[0].truths.values())[:3]


def test_trainings_that_fail_are_left_out_and_counted(digits):
    with pytest.raises(DataError, match="0 of the networks have a result.*time"):
        audit_scores(audit_toys.space(), digits, [], truth=3, epochs=500, on="processes", workers=1, limit_seconds=0.01)


@pytest.mark.parametrize(
    ("by", "error", "said"),
    [
        (["audit_wieghts"], UnknownNameError, "audit_weights"),
        (["accuracy"], DataError, "needs training"),
        (["audit_broken"], DataError, "has a value for none of 4"),
    ],
)
def test_what_cannot_be_audited_is_said_before_anything_is_trained(by, error, said, digits, tmp_path):
    path = tmp_path / "audit.db"
    with pytest.raises(error, match=said):
        audit_scores(audit_toys.space(), digits, by, truth=4, epochs=1, out=path)
    if path.exists():
        with Study.open(path) as study:
            assert not any(trial.closed for trial in study.trials)


def test_a_space_of_other_data_and_too_few_networks_are_refused(digits, tmp_path):
    with pytest.raises(ShapeError, match="the graph takes"):
        audit_scores(audit_toys.space(), read("breast_cancer"), [], out=tmp_path / "a.db")
    with pytest.raises(StudyError, match="truth=2"):
        audit_scores(audit_toys.space(), digits, [], truth=2, out=tmp_path / "a.db")
    with pytest.raises(DataError, match="more than nothing"):
        audit_scores(audit_toys.space(), digits, [], truth=3, epochs=0, out=tmp_path / "a.db")
    assert not (tmp_path / "a.db").exists()


# --- tables -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    """All fifteen networks, with an accuracy that params decide, a loss, and a column with gaps."""
    space = audit_toys.space()
    genomes = list(space.enumerate())
    notation = Notation(
        text=lambda genome: "/".join(map(str, genome.values())),
        genome=lambda text: dict(zip(genomes[0], map(int, text.split("/")), strict=True)),
    )
    counts = [params(space.decode(genome)) for genome in genomes]
    gaps = [math.nan if i % 3 == 0 else count for i, count in enumerate(counts)]
    columns = {"accuracy": counts, "loss": [-count for count in counts], "gaps": gaps}
    return Table("toy", space, notation, [notation.text(genome) for genome in genomes], columns, partial=True)


@pytest.mark.parametrize("column", ["accuracy", "loss", "gaps"])
def test_a_table_is_the_truth(table, column):
    found = audit_on_table(table, column, ["params"], sample=12)
    assert found["params"].kendall.value == pytest.approx(1) and found["params"].precision == 1
    assert len(found.truths) == (10 if column == "gaps" else 12) and found.direction == (
        "min" if column == "loss" else "max"
    )


def test_a_score_that_surely_ranks_better_is_not_warned_of(table):
    """Params decide the accuracy; a score that knows them beats a baseline that does not."""
    known = Measure("audit_known", params.function, unit="", direction="max")
    found = audit_on_table(table, "accuracy", [known], sample=15)
    beats = found["audit_known"].beats
    assert not beats["params"].sure and beats["macs"].difference.value == pytest.approx(1 - found["macs"].kendall.value)


def test_a_table_has_no_such_column(table):
    with pytest.raises(DataError, match="did you mean 'accuracy'"):
        audit_on_table(table, "acuracy", [])
    with pytest.raises(DataError, match="needs data"):
        audit_on_table(table, "accuracy", ["audit_brightness"])


# --- as data and as a page ------------------------------------------------------------------------------------------------


def test_as_data_it_says_the_same(made):
    found, _ = made
    data = found.to_json()
    assert [one["name"] for one in data["scores"]] == [row.name for row in found.rows]
    assert [one["truth"] for one in data["candidates"]][:6] == list(found.truths.values())
    assert json.loads(json.dumps(data))["warnings"] == found.warnings


def test_the_page_draws_every_score_and_every_network(made):
    found, _ = made
    page = render(found, "nasmyth audit <mine>")
    assert page.count('class="plot"') == len(found.rows) and "nasmyth audit &lt;mine&gt;" in page
    failed = sum(not math.isfinite(found["audit_fragile"].values[i]) for i in found.truths)
    assert page.count("point residual") == 6 * len(found.rows) - failed
    assert all(said.split(":")[0] in page for said in found.warnings)
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page
