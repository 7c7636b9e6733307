"""Where a search of images starts: within the budget, the plain network first, and smaller ones beside the largest."""

from functools import partial

import pytest

import nasmyth
from nasmyth.domains import Domain, domain_for
from nasmyth.domains.families import Sizes
from nasmyth.domains.starts import Start
from nasmyth.errors import BudgetError
from nasmyth.measure import find, params
from nasmyth.measure.budgets import constraints
from nasmyth.spaces.image_families import FAMILIES
from nasmyth.spaces.images import WIDTHS


@pytest.fixture(scope="module")
def task():
    return nasmyth.read("digits", limit=200)


BUDGETS = [["params<=10k"], ["macs<=200k"], ["size<=40kB"], ["activations<=8k"], ["params<=20k", "macs<=300k"], []]


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_all_are_within_the_budget_and_different(task, budget):
    domain, limits = domain_for(task), constraints(budget)
    starts = domain.starts(task, limits)
    space = domain.space(task)
    assert starts[0] == Start("plain", domain.baseline(task, limits)) and 4 <= len(starts) <= 10
    assert (
        len({space.decode(start.genome).key for start in starts})
        == len({start.name for start in starts})
        == len(starts)
    )
    for start in starts:
        assert all(limit.satisfied(limit.measure(space.decode(start.genome))) for limit in limits)


def test_some_are_small_and_the_largest_use_the_budget(task):
    domain, (limit,) = domain_for(task), constraints("params<=10k")
    space = domain.space(task)
    params = {start.name: find("params")(space.decode(start.genome)) for start in domain.starts(task, [limit])}
    macs = {start.name: find("macs")(space.decode(start.genome)) for start in domain.starts(task, [limit])}
    assert params["plain"] > 7_000
    for name, full in macs.items():
        for other, less in macs.items():
            if other.partition(",")[0] == name and (shares := [w for w in other.split(", ")[1:] if w[0].isdigit()]):
                share = float(shares[0])
                assert share / 3 * full < less <= share * full


@pytest.mark.parametrize("budget", ["macs<=20k", "macs<=5k", "params<=800"])
def test_a_budget_that_excludes_the_plain_network_has_coarse_ones(task, budget, monkeypatch):
    """Their stem shrinks the image, so that they have a quarter of the multiply-accumulates."""
    domain, limits = domain_for(task), constraints(budget)
    space, starts = domain.space(task), domain.starts(task, limits)
    assert starts[0].genome["stem.stride"] == 2 and starts[0].genome == domain.baseline(task, limits)
    assert all(limit.satisfied(limit.measure(space.decode(start.genome))) for limit in limits for start in starts)
    monkeypatch.setattr(type(domain), "cheaper", Domain.cheaper)
    with pytest.raises(BudgetError, match="no plain network"):
        domain.baseline(task, limits)


def test_text_starts_from_a_network_of_each_family(tmp_path):
    (tmp_path / "hamlet.txt").write_text("Who's there? Nay, answer me: stand, and unfold yourself. " * 60)
    task = nasmyth.read(tmp_path / "hamlet.txt")
    domain = domain_for(task)
    limit = params <= 50_000
    starts = domain.starts(task, [limit])
    assert [start.name for start in starts] == ["plain", *domain.kinds[1:]]
    space = domain.space(task)
    sizes = [params(space.decode(space.validate(start.genome))) for start in starts]
    assert len(set(sizes)) == len(sizes) and all(25_000 < size <= 50_000 for size in sizes)


def test_a_domain_without_a_portfolio_starts_from_its_plain_network(task, monkeypatch):
    domain = domain_for(task)
    monkeypatch.setattr("nasmyth.domains.domain.portfolio", lambda *_: ())
    assert domain.starts(task) == [Start("plain", domain.baseline(task))]


def test_a_device_is_asked_of_few_and_what_is_too_slow_is_narrowed(task, monkeypatch):
    """A device that takes a microsecond for each hundred MACs, twice as long where convolutions are depthwise."""
    space = domain_for(task).space(task)
    (limit,) = constraints("latency@cpu<=2ms")
    asked = []

    def told(self, limit, graph):
        asked.append(graph)
        return graph.costs.macs * 1e-8 * (2 if "Depthwise" in str(graph) else 1)

    monkeypatch.setattr(Sizes, "_told", told)
    plain = FAMILIES["residual"](
        max(w for w in WIDTHS if space.decode(FAMILIES["residual"](w, task.input)).costs.macs <= 2e5), task.input
    )
    families = {name: partial(make, input=task.input) for name, make in FAMILIES.items()}
    sizes = Sizes(task, space, [limit], plain, WIDTHS, families)
    for name in families:
        genome = sizes.sized(name, 1.0)
        assert told(sizes, limit, space.decode(genome)) <= 2e-3, name
    assert len(asked) <= 4 * len(FAMILIES)


def test_what_no_plain_network_meets_is_refused(task):
    with pytest.raises(BudgetError, match="params<=10"):
        domain_for(task).starts(task, constraints("params<=10"))
