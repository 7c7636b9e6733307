"""The protocol: closed forms against brute force, and figures against searches."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from bench_toys import NOTATION, SPACE, TEXTS, columns
from published import nb201_table  # noqa: F401  a fixture

from nasmyth.bench import Table, anytime, at_budgets, expected_random
from nasmyth.bench.protocol import feasible_values, interval
from nasmyth.errors import DataError
from nasmyth.search import Evolution, LocalSearch, Random


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_the_closed_form_of_random_search_is_the_mean_over_all_draws(n):
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]
    every = [max(draw) for draw in itertools.combinations(values, n)]
    assert expected_random(values, n) == pytest.approx(statistics.fmean(every))


def test_draws_that_find_nothing_do_not_count():
    values = [3.0, -math.inf, 4.0, -math.inf]
    every = [max(draw) for draw in itertools.combinations(values, 2)]
    assert expected_random(values, 2) == pytest.approx(statistics.fmean(v for v in every if math.isfinite(v)))
    with pytest.raises(ValueError, match="from 1 to all 4"):
        expected_random(values, 5)


def test_random_search_agrees_with_its_closed_form(table):
    found = anytime(table, Random(), "accuracy", queries=6, seeds=200)
    for row in at_budgets(table, found, [1, 3, 6]):
        assert abs(row["mean"] - row["random"]) < 2 * row["half"]


def test_figures_of_a_search_that_found_everything(table):
    found = anytime(table, LocalSearch(start=3), "accuracy", queries=24, seeds=5, report="test", clock="cost")
    (row,) = at_budgets(table, found, [24])
    best, average = max(table.columns["accuracy"]), statistics.fmean(table.columns["accuracy"])
    assert row["mean"] == row["optimum"] == row["random"] == pytest.approx(best)
    assert row["regret"] == 0 and row["p_optimum"] == 1.0
    assert row["improvement"] == pytest.approx(100 * (best - average) / average)
    assert row["reported"] == 65.0 and row["seconds"] == sum(table.columns["cost"])


def test_no_regret_is_zero_and_not_less(table):
    found = anytime(table, LocalSearch(start=3), "params", queries=24, seeds=3)
    (row,) = at_budgets(table, found, [24])
    assert row["p_optimum"] == 1.0 and f"{row['regret']:.3g}" == "0"


def test_less_is_better_where_it_is(table):
    found = anytime(table, Evolution(population=3), "params", queries=8, seeds=10)
    first, last = at_budgets(table, found, [1, 8])
    assert last["mean"] <= first["mean"] and first["regret"] >= last["regret"] >= 0
    assert all(a >= b for run in found.best for a, b in itertools.pairwise(run))


def test_budgets_on_columns_bound_what_counts(table):
    values = feasible_values(table, table.goal("accuracy"), ["params<=80"])
    assert sum(map(math.isfinite, values)) == sum(p <= 80 for p in table.columns["params"])
    found = anytime(table, Random(), "accuracy", queries=24, seeds=3, under=["params<=80"])
    (row,) = at_budgets(table, found, [24], ["params<=80"])
    assert row["mean"] == row["optimum"] == max(values)


def test_intervals():
    assert interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.303 / math.sqrt(3)))
    assert math.isnan(interval([])[0]) and math.isnan(interval([1.0])[1])


def test_all_of_nas_bench_201(nb201_table):  # noqa: F811
    table = Table.read("nb201", nb201_table)
    assert len(table) == 15_625
    found = [
        anytime(table, strategy, "valid_acc_200ep", queries=50, seeds=10) for strategy in (Random(), LocalSearch())
    ]
    random, local = (at_budgets(table, one, [50])[0] for one in found)
    assert abs(random["mean"] - random["random"]) < 2 * random["half"]
    assert 90 < random["mean"] <= random["optimum"] and local["mean"] <= local["optimum"]


def test_a_table_too_thin_to_search_is_refused():
    thin = Table("thin", SPACE, NOTATION, TEXTS[:1], columns(TEXTS[:1]), partial=True)
    with pytest.raises(DataError, match=r"thin holds 1 of 24 networks: of 10 random ones 0.42"):
        anytime(thin, Random(), "accuracy", queries=10, seeds=1)


def test_chance_counts_networks_that_a_table_lacks():
    """As draws that find nothing: the expected best is over the cases in which something is found."""
    half = Table("half", SPACE, NOTATION, TEXTS[:12], columns(TEXTS[:12]), partial=True)
    values = feasible_values(half, half.goal("accuracy"))
    assert len(values) == 24 and values.count(-math.inf) == 12
    found = anytime(half, Random(), "accuracy", queries=4, seeds=400)
    (row,) = at_budgets(half, found, [4])
    assert row["found"] < 400 and abs(row["mean"] - row["random"]) < 2 * row["half"]


def test_genomes_that_share_a_row_are_no_draws_that_find_nothing():
    """As in NAS-Bench-Graph, whose rows are networks that several genomes decode to."""
    merged = NOTATION._replace(
        text=lambda genome: NOTATION.text({**genome, "top": 4 if genome["width"] > 4 else genome["top"]})
    )
    texts = sorted({merged.text(genome) for genome in SPACE.enumerate()})
    table = Table("merged", SPACE, merged, texts, columns(texts), partial=True)
    assert len(table) == 16 and table.genomes == ([2 if text.split("-")[0] != "4" else 1 for text in texts], 0)
    drawn = [table.row(genome)["accuracy"] for genome in SPACE.enumerate()]
    assert sorted(feasible_values(table, table.goal("accuracy"))) == sorted(drawn)
    found = anytime(table, Random(), "accuracy", queries=6, seeds=200)
    for row in at_budgets(table, found, [1, 3, 6]):
        assert abs(row["mean"] - row["random"]) < 2 * row["half"]
