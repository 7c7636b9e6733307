"""A score is trusted where it surely beats counting, and luck is hardly ever taken for it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nasmyth.bench import trusted
from nasmyth.bench.trust import LEAST
from nasmyth.errors import DataError


def studied(seed, n=30, scores=1, strength=0.0):
    """Truths, a baseline that says something of them, and scores of that strength."""
    rng = np.random.default_rng(seed)
    truths = rng.normal(size=n)
    baselines = {"params": 0.3 * truths + rng.normal(size=n)}
    return {f"s{i}": strength * truths + rng.normal(size=n) for i in range(scores)}, truths, baselines


def test_a_good_score_is_trusted_and_named():
    for seed in range(5):
        scores, truths, baselines = studied(seed, n=40, scores=2)
        scores["good"] = truths + 0.2 * np.random.default_rng(seed).normal(size=40)
        found = trusted(scores, truths, baselines)
        assert found.name == "good" and found.chance > 0.98 and found.gain.low > 0


@pytest.mark.parametrize("scores", [1, 8])
def test_luck_is_seldom_trusted(scores):
    """Of studies in which no score says anything: the luckiest of eight is to be no more often trusted than a single one."""
    trusts = [trusted(*studied(seed, scores=scores)) for seed in range(100)]
    assert sum(one is not None for one in trusts) <= 8


def test_what_is_as_good_as_counting_is_not_trusted():
    for seed in range(20):
        _, truths, baselines = studied(seed)
        assert trusted({"copy": baselines["params"]}, truths, baselines) is None


def test_what_beats_a_misleading_baseline_must_still_rank():
    """Where parameters rank backwards, chance beats them; it is trusted for that no more often."""
    found = []
    for seed in range(40):
        scores, truths, _ = studied(seed)
        found.append(trusted(scores, truths, {"params": -truths}))
    assert sum(one is not None for one in found) <= 5


def test_few_trainings_and_those_without_a_result():
    truths = np.arange(LEAST, dtype=float)
    baseline = {"params": np.ones(LEAST)}
    assert trusted({"perfect": truths}, truths, baseline).name == "perfect"
    assert trusted({"perfect": truths[1:]}, truths[1:], {"params": np.ones(LEAST - 1)}) is None
    lost = truths.copy()
    lost[0] = math.nan
    assert trusted({"perfect": truths}, lost, baseline) is None, "a network without a result is left out"
    assert trusted({}, truths, baseline) is None
    assert trusted({"perfect": truths}, truths, {}).gain.value == pytest.approx(1)


def test_a_score_that_fails_on_the_best_is_not_trusted():
    scores, truths, baselines = studied(0, strength=5.0)
    assert trusted(scores, truths, baselines) is not None
    broken = np.where(truths > np.median(truths), math.nan, scores["s0"])
    assert trusted({"broken": broken}, truths, baselines) is None


def test_values_of_other_networks_are_refused():
    with pytest.raises(DataError, match="NaN where it failed"):
        trusted({"s": [1, 2]}, [1, 2, 3], {})
