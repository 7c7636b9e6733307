"""What is expected of candidates: scores shrunk towards what their losses tell, as far as either is noise."""

from __future__ import annotations

import math
from random import Random
from statistics import fmean

import pytest

from nasmyth.funnel.estimate import Expected, badness, chance_better, expected, goodness, interval


def made(rng, examples, spread=0.3, count=6):
    """True shares of errors, those seen on so many examples, and losses that tell them up to a factor."""
    true = [0.02 * math.exp(rng.gauss(0, 0.4)) for _ in range(count)]
    losses = [4 * t * math.exp(rng.gauss(0, spread)) for t in true]
    seen = [sum(rng.random() < t for _ in range(examples)) / examples for t in true]
    return true, seen, losses


def regret(examples, choose, spread=0.3):
    rng, lost = Random(0), []
    for _ in range(600):
        true, seen, losses = made(rng, examples, spread)
        lost.append(true[choose(seen, losses, examples)] - min(true))
    return fmean(lost)


def by_estimate(seen, losses, examples):
    told = expected(seen, losses, examples)
    return min(range(len(told)), key=lambda i: told[i].badness)


def by_score(seen, losses, examples):
    return min(range(len(seen)), key=lambda i: (seen[i], losses[i]))


def by_loss(seen, losses, examples):
    return min(range(len(losses)), key=losses.__getitem__)


def test_with_few_examples_the_loss_helps_and_with_many_the_score_counts():
    assert regret(216, by_estimate) < 0.85 * regret(216, by_score)
    assert regret(5000, by_estimate) < 0.5 * regret(5000, by_loss)
    assert regret(5000, by_estimate) < 1.1 * regret(5000, by_score)


def test_losses_that_tell_nothing_do_no_harm():
    assert regret(1000, by_estimate, spread=3.0) < 1.25 * regret(1000, by_score, spread=3.0)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng, held = Random(1), []
    for _ in range(400):
        true, seen, losses = made(rng, 400)
        for one, truth in zip(expected(seen, losses, 400), true, strict=True):
            low, high = interval(one)
            held.append(low <= truth <= high)
    assert 0.85 < fmean(held) <= 1.0


def test_of_what_is_no_share_the_number_itself_is_modelled():
    told = expected([40_000.0, 50_000.0], [0.2, 0.3], 4000, share=False)
    assert told[0].badness == pytest.approx(40_000) and told[0].error == pytest.approx(1 / math.sqrt(4000), rel=1e-3)


@pytest.mark.parametrize("losses", [[math.nan] * 5, [math.inf, 0.1, 0.2, 0.3, math.nan], [0.5] * 5, [0.0] * 5])
def test_losses_that_are_odd_are_no_reason_to_fail(losses):
    told = expected([0.1, 0.0, 0.3, 1.0, 0.2], losses, 50)
    assert all(one.badness > 0 and math.isfinite(one.error) and one.error > 0 for one in told)


def test_chances_of_two_are_those_of_one_or_the_other():
    one, other = Expected(0.1, 0.1), Expected(0.12, 0.2)
    assert chance_better(one, other) + chance_better(other, one) == pytest.approx(1.0)
    assert 0.5 < chance_better(one, other) < 1.0 and chance_better(one, one) == pytest.approx(0.5)


@pytest.mark.parametrize(("value", "direction"), [(0.97, "max"), (41.5, "min")])
def test_badness_and_goodness_are_inverse(value, direction):
    assert goodness(badness(value, direction), direction) == pytest.approx(value)
