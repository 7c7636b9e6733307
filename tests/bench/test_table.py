"""Tables: what they say, what they refuse, and studies of them."""

from __future__ import annotations

import math

import pytest
from bench_toys import NOTATION, SPACE, TEXTS, columns, figures

from nasmyth.bench import Table
from nasmyth.errors import DataError
from nasmyth.search import Evolution, LocalSearch, Random
from nasmyth.study import Study


def test_a_row_is_what_the_table_says(table):
    for genome in SPACE.enumerate():
        assert table.row(genome) == figures(NOTATION.text(genome))


@pytest.mark.parametrize("strategy", [Random(), Evolution(population=4), LocalSearch(start=2)])
def test_a_search_that_may_look_at_everything_finds_the_best_and_ends(table, strategy):
    with table.study("accuracy", strategy=strategy) as study:
        table.run(study, 100)
        assert len(study.trials) == 24, "no network is looked at twice"
        assert study.best.measures["accuracy"] == max(table.columns["accuracy"])


def test_networks_that_compute_the_same_are_two_candidates_here():
    with Study(None, SPACE, distinct="genome", strategy=Random()) as study:
        trials = study.ask(24)
        assert len({trial.key for trial in trials}) == 24
        assert {trial.genome["width"] for trial in trials} == {4, 8, 16}


def test_bounds_on_columns_and_the_simulated_clock(table):
    with table.study("accuracy", strategy=Random(), under=["params<=80"], seed=3) as study:
        seconds = table.run(study, 24, clock="cost")
        assert seconds == sum(table.columns["cost"]) == sum(trial.seconds for trial in study.trials)
        assert study.best.measures["params"] <= 80
        feasible = [row for row in map(figures, TEXTS) if row["params"] <= 80]
        assert study.best.measures["accuracy"] == max(row["accuracy"] for row in feasible)
    with table.study("accuracy", strategy=Random()) as study:
        assert 30 <= table.run(study, 24, clock="cost", seconds=30.0) < 30 + 14


def test_columns_of_costs_are_minimised(table):
    assert table.goal("params") == ("params", "min") and table.goal("accuracy") == ("accuracy", "max")
    assert table.goal("params", maximize=True).direction == "max"
    with table.study("params", strategy=Random()) as study:
        table.run(study, 24)
        assert study.best.measures["params"] == 4


def made(texts=TEXTS, partial=False, **changes):
    return Table("toy", SPACE, NOTATION, texts, {**columns(texts), **changes}, partial=partial)


def test_a_table_that_lacks_networks_says_so():
    with pytest.raises(DataError, match=r"23 of the 24 networks.*--partial"):
        made(TEXTS[1:])
    table = made(TEXTS[1:], partial=True)
    with table.study("accuracy", strategy=Random()) as study:
        table.run(study, 24)
        assert [trial.error is not None for trial in study.trials].count(True) == 1


def test_a_table_that_repeats_or_contradicts_itself_is_refused():
    with pytest.raises(DataError, match=r"row 24: .* stands in row 0 already, the same again"):
        made([*TEXTS, TEXTS[0]])
    twice = columns([*TEXTS, TEXTS[0]])
    twice["accuracy"][-1] = 99.0
    with pytest.raises(DataError, match=r"row 24: .* with another accuracy \(99.0\)"):
        Table("toy", SPACE, NOTATION, [*TEXTS, TEXTS[0]], twice)


def test_gaps_in_a_column_that_is_asked_for_are_refused_and_others_do_not_matter():
    gaps = [math.nan if i in (3, 5) else 1.0 for i in range(24)]
    table = made(gaps=gaps)
    with pytest.raises(DataError, match=r"gaps is missing in 2 rows \(the first is row 3\)"):
        table.study("gaps")
    table.study("accuracy").close()
    partial = made(gaps=gaps, partial=True)
    with partial.study("gaps", strategy=Random(), maximize=True) as study:
        partial.run(study, 24)
        assert sum(trial.error is not None for trial in study.trials) == 2


def test_what_is_not_there_is_said_with_the_nearest(table, tmp_path):
    with pytest.raises(DataError, match="accuracy"):
        table.study("acuracy")
    with pytest.raises(DataError, match="no such file"):
        Table.read("nb201", tmp_path / "none.parquet")
    (tmp_path / "other.csv").write_text("architecture,accuracy\nx,1\n")
    with pytest.raises(DataError, match="no column 'arch_str'"):
        Table.read("nb201", tmp_path / "other.csv")
    (tmp_path / "bad.csv").write_text("arch_str,accuracy\n|conv~0|,1\n")
    with pytest.raises(DataError, match="row 0: .*states"):
        Table.read("nb201", tmp_path / "bad.csv")
    with pytest.raises(DataError, match="no notation"):
        Table.read("tables", tmp_path / "bad.csv")
