"""Agreement of rankings: scipy as the oracle, ties included; resamples against resampling by hand; what precision counts."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from nasmyth.bench import ranking
from nasmyth.bench.ranking import agreement, finite_first, gain, kendall, spearman, taus, top, top_precision, weights
from nasmyth.errors import DataError


def ranked(seed, n, levels):
    """Two rankings that agree somewhat; few levels are many ties."""
    rng = np.random.default_rng(seed)
    x = rng.integers(levels, size=n)
    return x.astype(float), (x + rng.integers(levels, size=n)).astype(float)


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("n", [3, 17, 120])
def test_both_are_those_of_scipy(n, levels):
    for seed in range(5):
        x, y = ranked(seed, n, levels)
        if len(set(x)) > 1 and len(set(y)) > 1:
            assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
            assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_many_networks_are_those_of_scipy_too():
    x, y = ranked(0, ranking.DENSE + 501, 300)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)


def test_what_is_constant_ranks_nothing():
    assert math.isnan(kendall([1, 1, 1], [1, 2, 3])) and math.isnan(spearman([1, 2, 3], [5, 5, 5]))
    found = agreement(np.zeros(5), np.arange(5.0), weights(5))
    assert math.isnan(found.kendall.value) and math.isnan(found.spearman.low)


def test_a_resample_is_the_ranking_of_the_networks_that_were_drawn():
    """The oracle: tau and rho of the values written out as often as they were drawn; copies of one network are no pair in
    either, for they are tied in both."""
    x, y = ranked(3, 30, 12)
    drawn = weights(30, 50, seed=1)
    assert drawn.shape == (50, 30) and set(drawn.sum(1)) == {30}
    told = taus(x, y, drawn), ranking._spearmans(x, y, drawn)
    for row, tau, rho in zip(drawn.astype(int), *told, strict=True):
        a, b = np.repeat(x, row), np.repeat(y, row)
        assert tau == pytest.approx(stats.kendalltau(a, b).statistic, abs=1e-6)
        assert rho == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)


def test_beyond_dense_the_linear_part_gives_the_same_interval(monkeypatch):
    x, y = ranked(4, 600, 400)
    drawn = weights(600, 400)
    dense = agreement(x, y, drawn).kendall
    monkeypatch.setattr(ranking, "DENSE", 10)
    linear = agreement(x, y, drawn).kendall
    assert linear.value == pytest.approx(dense.value, abs=1e-9)
    width = dense.high - dense.low
    assert abs(linear.low - dense.low) < 0.1 * width and abs(linear.high - dense.high) < 0.1 * width


def test_intervals_cover_about_as_often_as_they_say():
    """Of normal pairs with correlation r, tau is 2/pi asin(r) (Kendall 1948)."""
    true, covered = 2 / math.pi * math.asin(0.6), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(2, 60))
        covered += agreement(x, 0.6 * x + 0.8 * noise, weights(60, 300, seed)).kendall.covers(true)
    assert 0.88 <= covered / 200 <= 0.99


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_precision_counts_what_two_tops_have_in_common(share):
    rng = np.random.default_rng(0)
    x, y = rng.permutation(40).astype(float), rng.permutation(40).astype(float)
    k = top(40, share)
    assert top_precision(x, y, share) == len(set(np.argsort(-x)[:k]) & set(np.argsort(-y)[:k])) / k
    assert top_precision(y, y, share) == 1 and top_precision(-y, y, share) == 0


def test_ties_at_the_edge_of_the_top_are_drawn_in_all_ways():
    """The oracle: every order in which equals may be taken."""
    x, y = np.array([3.0, 2, 2, 2, 1]), np.array([5.0, 4, 1, 3, 2])
    ways = [{0, *order[:1]} for order in permutations((1, 2, 3))]
    expected = np.mean([len(way & {0, 1}) / 2 for way in ways])
    assert top(5, 0.4) == 2 and top_precision(x, y, 0.4) == pytest.approx(expected)


def test_few_networks_have_a_top_of_one():
    assert [top(n) for n in (1, 3, 12, 20, 100)] == [1, 1, 1, 2, 10]


def test_a_gain_is_paired():
    """A score that is another with a little luck: their difference is known far better than either."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=80)
    good = y + rng.normal(size=80)
    worse = good + 0.5 * rng.normal(size=80)
    drawn = weights(80)
    found = gain(good, worse, y, drawn)
    alone = agreement(good, y, drawn).kendall
    assert found.difference.high - found.difference.low < 0.8 * (alone.high - alone.low)
    assert found.difference.value == pytest.approx(kendall(good, y) - kendall(worse, y))
    back = gain(worse, good, y, drawn)
    assert back.chance == pytest.approx(1 - found.chance) and back.difference.low == pytest.approx(
        -found.difference.high
    )
    same = gain(good, good, y, drawn)
    assert same.chance == 0.5 and same.difference == (0, 0, 0) and not same.sure


def test_what_has_no_value_is_last_and_equal():
    assert list(finite_first([1, math.nan, -5, math.inf])) == [1, -math.inf, -5, -math.inf]
    x = finite_first([3, 2, 1, math.nan, math.inf])
    assert kendall(x, [5, 4, 3, 2, 1]) == pytest.approx(stats.kendalltau([3, 2, 1, 0, 0], [5, 4, 3, 2, 1]).statistic)


def test_rankings_of_other_networks_are_refused():
    with pytest.raises(DataError, match="one value a network"):
        kendall([1, 2], [1, 2, 3])
    with pytest.raises(DataError, match="finite_first"):
        kendall([1, math.nan], [1, 2])
