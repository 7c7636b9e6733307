"""Extrapolated learning curves: on curves that are known, with noise and without."""

import math

import numpy as np
import pytest

from nasmyth.search.model.curves import extrapolate

EPOCHS = np.arange(1, 21)


def power(x, c=0.9, a=0.6, p=0.7):
    return c - a * np.asarray(x, dtype=float) ** -p


@pytest.mark.parametrize("p", [0.3, 0.77, 1.0, 2.0])
@pytest.mark.parametrize("at", [40, 200])
def test_a_power_law_is_gone_on_with(p, at):
    """Though 0.77 and 2.0 are not on the grid: within three deviations, and a tenth of what is still to come."""
    mean, deviation = extrapolate(EPOCHS, power(EPOCHS, p=p), at)
    truth = power(at, p=p)
    left = truth - power(20, p=p)
    assert abs(mean - truth) < max(0.1 * left, 0.006) and abs(mean - truth) < 3 * deviation


def test_an_exponential_curve_ends_at_its_limit():
    mean, deviation = extrapolate(EPOCHS, 0.8 - 0.5 * np.exp(-EPOCHS / 4), 200)
    assert mean == pytest.approx(0.8, abs=0.01) and deviation < 0.02


def test_deviations_are_honest_under_noise():
    """Nine in ten of 200 curves end within two deviations of what was expected, and the average is not far off."""
    rng, away = np.random.default_rng(0), []
    for _ in range(200):
        c, a, p, noise = rng.uniform(0.6, 0.95), rng.uniform(0.2, 0.6), rng.uniform(0.4, 1.5), 0.01
        scores = power(EPOCHS, c, a, p) + noise * rng.standard_normal(20)
        mean, deviation = extrapolate(EPOCHS, scores, 60)
        away.append((power(60, c, a, p) + noise * rng.standard_normal() - mean) / deviation)
    assert np.mean(np.abs(away) < 2) > 0.9 and abs(np.mean(away)) < 0.3 and np.std(away) > 0.4


def test_more_is_known_of_the_near_and_from_the_longer():
    rng = np.random.default_rng(1)
    scores = power(EPOCHS) + 0.01 * rng.standard_normal(20)
    near, far = (extrapolate(EPOCHS, scores, at)[1] for at in (25, 400))
    short = extrapolate(EPOCHS[:6], scores[:6], 400)[1]
    assert near < far < short


def test_scale_and_shift_do_not_matter():
    scores = power(EPOCHS) + 0.01 * np.sin(EPOCHS * 7.0)
    mean, deviation = extrapolate(EPOCHS, scores, 100)
    other, wide = extrapolate(EPOCHS, 1e6 * scores - 5e5, 100)
    assert other == pytest.approx(1e6 * mean - 5e5) and wide == pytest.approx(1e6 * deviation)


def test_a_falling_curve_is_not_expected_to_rise():
    mean, _ = extrapolate(EPOCHS, 0.5 + 0.4 / EPOCHS, 100)
    assert mean < 0.53


def test_flat_short_and_broken_curves():
    assert extrapolate(EPOCHS, [0.5] * 20, 100) == (0.5, 0.0)
    assert extrapolate([1, 2], [0.1, 0.3], 100) == (0.3, math.inf)
    assert extrapolate([1, 2, 3], [0.1, 0.3, 0.4], 3)[0] == pytest.approx(0.4, abs=0.06)
    mean, deviation = extrapolate([], [], 100)
    assert math.isnan(mean) and deviation == math.inf
    assert math.isnan(extrapolate([1, 2], [math.nan, math.inf], 9)[0])
    broken = power(EPOCHS)
    broken[[3, 7]] = math.nan, -math.inf
    mean, _ = extrapolate(EPOCHS, broken, 200)
    assert mean == pytest.approx(float(power(200)), abs=0.02)
    assert extrapolate([5, 5, 5], [0.1, 0.2, 0.3], 100) == (0.3, math.inf), "three scores of one epoch"
