"""What a design starts from is small enough that its time holds some passes over the data."""

from dataclasses import replace

import pytest
import torch

import nasmyth
from nasmyth.domains import domain_for
from nasmyth.funnel import timely
from nasmyth.funnel.pace import Pace
from nasmyth.funnel.timely import within_time
from nasmyth.measure import find, macs
from nasmyth.measure.budgets import constraints


@pytest.fixture(scope="module")
def digits():
    return nasmyth.read("digits", limit=300)


def paced(monkeypatch, epoch):
    """A machine on which an epoch of any network takes so long."""
    monkeypatch.setattr(timely.Pace, "of", lambda *given: Pace(0.0, 0.0, epoch))


def told(task, seconds, **recipe):
    domain = domain_for(task)
    graph = domain.space(task).decode(domain.baseline(task, constraints("params<=100k")))
    return graph, *within_time(graph, task.recipe.replace(**recipe), task, domain, seconds)


def test_time_bounds_the_arithmetic_of_what_would_see_its_data_too_rarely(digits, monkeypatch):
    wanted = domain_for(digits).passes(digits)
    assert wanted == 12
    paced(monkeypatch, 4.0)
    graph, (bound,), why = told(digits, 10.0)
    assert bound.measure is macs and bound.relation == "<=" and why.startswith("the time holds 2.5 passes")
    assert (bound.bound / macs(graph)) ** 2 * wanted == pytest.approx(10.0 / 4.0, rel=0.1)


def test_time_that_is_enough_bounds_nothing(digits, monkeypatch):
    paced(monkeypatch, 0.01)
    assert told(digits, 10.0)[1:] == ([], "")
    paced(monkeypatch, 4.0)
    assert told(digits, 10.0, epochs=1)[1:] == ([], "")  # no more were asked for
    assert told(nasmyth.read("iris"), 10.0)[1:] == ([], "")  # nothing is known of tables


def test_the_more_examples_the_fewer_passes(digits):
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
