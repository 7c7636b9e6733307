"""What a design starts from is small enough that its time holds some passes over the data."""

from dataclasses import replace

import pytest
import torch

import nasmyth
from nasmyth.domains import domain_for
from nasmyth.funnel.pace import Pace
from nasmyth.funnel.timely import within_time
from nasmyth.measure import find, macs
from nasmyth.measure.budgets import constraints


@pytest.fixture(scope="module")
def digits():
    return nasmyth.read("digits", limit=300)


@pytest.fixture(scope="module")
def plain(digits):
    domain = domain_for(digits)
    return domain.space(digits).decode(domain.baseline(digits, constraints("params<=100k")))


def test_time_bounds_the_arithmetic_of_what_would_see_its_data_too_rarely(plain):
    (bound,), why = within_time(plain, epoch=4.0, epochs=200, wanted=12, seconds=10.0)
    assert bound.measure is macs and bound.relation == "<=" and why.startswith("the time holds 2.5 passes")
    assert (bound.bound / macs(plain)) ** 2 * 12 == pytest.approx(10.0 / 4.0, rel=0.1)


def test_time_that_is_enough_bounds_nothing(plain):
    assert within_time(plain, epoch=0.01, epochs=200, wanted=12, seconds=10.0) == ([], "")
    assert within_time(plain, epoch=4.0, epochs=1, wanted=1, seconds=10.0) == ([], "")


def test_cores_that_one_training_has_to_itself_count_as_time(plain):
    given = {"epoch": 4.0, "epochs": 200, "wanted": 12, "seconds": 10.0}
    alone, little, much = (within_time(plain, **given, faster=lambda f=f: f)[0][0].bound for f in (1.0, 1.4, 3.0))
    assert alone == little and much == pytest.approx(alone * 3**0.5, rel=0.1)
    assert within_time(plain, **given, faster=lambda: 9.0) == ([], "")
    asked = []
    within_time(plain, epoch=0.01, epochs=200, wanted=12, seconds=10.0, faster=lambda: asked.append(1))
    assert not asked


def paced(monkeypatch, epoch):
    """A machine on which an epoch of any network takes so many seconds. What is timed on it."""
    timed = []
    monkeypatch.setattr(Pace, "of", lambda graph, *given: timed.append(graph) or Pace(0.0, 0.0, epoch))
    return timed


def test_the_more_examples_the_fewer_passes(digits):
    assert domain_for(digits).passes(digits) == 12
    many = replace(digits, train=digits.train.take(torch.arange(1_400_000) % 200))
    assert domain_for(many).passes(many) == 0.5


@pytest.mark.parametrize("budget", [["params<=50k"], []])
def test_all_starts_keep_the_bound_and_the_budget(digits, budget):
    domain, limits = domain_for(digits), constraints(budget)
    space = domain.space(digits)
    largest, bound = domain.baseline(digits, limits), macs <= 100_000
    starts = domain.starts(digits, limits, lambda plain: [bound] if plain == largest else [])
    costs = [find("macs")(space.decode(start.genome)) for start in starts]
    assert len(costs) > 4 and 60_000 < costs[0] and max(costs) <= 100_000 < macs(space.decode(largest))
    assert all(limit.satisfied(limit.measure(space.decode(start.genome))) for start in starts for limit in limits)


def test_a_bound_that_nothing_meets_is_none(digits):
    domain, limits = domain_for(digits), constraints(["params<=50k"])
    assert domain.starts(digits, limits, lambda plain: [macs <= 10]) == domain.starts(digits, limits)


def test_a_design_in_a_short_time_is_smaller_than_its_budget_and_says_why(digits, monkeypatch):
    paced(monkeypatch, 5.0)
    found = nasmyth.design(digits, under="params<=100k", spend="8s", seed=0)
    assert sum(p.numel() for p in found.best.parameters()) < 50_000
    assert "Size: the time holds 1." in str(found)


@pytest.mark.parametrize(("epoch", "networks"), [(5.0, 2), (0.001, 1)])
def test_no_network_is_timed_twice(digits, monkeypatch, epoch, networks):
    timed = paced(monkeypatch, epoch)
    nasmyth.design(digits, under="params<=10k", spend="3s")
    assert len(timed) == len(set(timed)) == networks
