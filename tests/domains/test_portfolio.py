"""What searches start with, as data: every entry can be made, and is trained as it says."""

import json
from importlib.resources import files

import pytest

import nasmyth
from nasmyth.domains import domain, domain_for, domains
from nasmyth.domains.starts import FILE, Entry, portfolio
from nasmyth.errors import BudgetError
from nasmyth.funnel.joint import options
from nasmyth.measure import constraints
from nasmyth.space import Space

TOLD = json.loads(files("nasmyth.domains").joinpath(FILE).read_text("utf-8"))["starts"]
LISTS = [(name, problem) for name, problems in TOLD.items() for problem in problems]
DATA = {"vision": "digits", "tabular": "wine"}


@pytest.mark.parametrize(("name", "problem"), LISTS, ids=str)
def test_every_entry_can_be_made_and_no_two_are_one(name, problem):
    entries, known = portfolio(name, problem), domains.get(name)
    task = nasmyth.read(DATA[name], limit=100)
    plain = known.baseline(task)
    sized, networks = known.sized(task, [], plain), known.space(task)
    space = Space(networks.template, networks.inputs, known.recipe_space(task))
    assert entries and len({one.name for one in entries}) == len(entries)
    for one in entries:
        assert one.kind in known.kinds and 0 < one.share <= 1
        assert set(one.recipe) <= set(space.holes)
        made = sized(one.kind, one.share)
        if not one.kind.startswith("coarse"):
            space.recipe_of(space.validate(space.changed(made, dict(options(space, one.recipe)))))


@pytest.mark.parametrize("name", sorted(TOLD))
def test_every_kind_has_a_size_and_smaller_shares_are_smaller(name):
    task = nasmyth.read(DATA[name], limit=100)
    known, limits = domains.get(name), constraints("params<=20k")
    sized, space = known.sized(task, limits, known.baseline(task, limits)), known.space(task)
    for kind in known.kinds:
        macs = [space.decode(sized(kind, share)).costs.macs for share in (1.0, 0.4)]
        assert macs[1] < macs[0], kind


def test_a_kind_that_does_not_fit_is_left_out():
    task = nasmyth.read("digits", limit=100)
    known, limits = domain_for(task), constraints("macs<=3k")
    with pytest.raises(BudgetError):
        known.baseline(task, limits)
    limits = constraints("macs<=8k")
    found = known.starts(task, limits)
    assert found[0].name == "plain" and len(found) < 1 + len(portfolio("vision", "tight"))


def test_a_start_is_trained_as_the_portfolio_says(monkeypatch, tmp_path):
    ways = (Entry("residual", 0.5), Entry("residual", 0.5, {"recipe.optimizer:0.lr": 3}))
    monkeypatch.setattr(domain, "portfolio", lambda name, problem: ways)
    task = nasmyth.read("digits", limit=100)
    names = [one.name for one in domain_for(task).starts(task, constraints("params<=5k"))]
    assert names == ["plain", "residual, 0.5", "residual, 0.5, recipe.optimizer:0.lr=3"]
    found = nasmyth.design(task, under="params<=5k", spend="3 trials", workers=1, out=tmp_path / "a.db", progress=None)
    rates = {one.origin: found.study.space.recipe_of(one.genome).optimizer.lr for one in found.study.trials}
    usual = domain_for(task).recipe(task).optimizer.lr
    assert rates == {
        "baseline": usual,
        "start residual, 0.5": usual,
        "start residual, 0.5, recipe.optimizer:0.lr=3": 2 * usual,
    }
