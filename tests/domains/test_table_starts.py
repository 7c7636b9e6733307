"""Where a search for a table starts: every network is of the space and within the budget."""

import numpy as np
import pandas as pd
import pytest

from nasmyth.domains import read
from nasmyth.domains.starts import portfolio
from nasmyth.domains.tabular import TABULAR
from nasmyth.errors import BudgetError
from nasmyth.measure import Constraint, find, macs, params
from nasmyth.network import build
from nasmyth.spaces.tabular import plain
from nasmyth.train import fit, initialise


def frame(rows=200, numbers=4, categories=2):
    rng = np.random.default_rng(0)
    found = {f"n{i}": rng.normal(size=rows) for i in range(numbers)}
    found |= {f"c{i}": rng.choice(["u", "v", "w"], rows) for i in range(categories)}
    return pd.DataFrame({**found, "y": rng.choice(["a", "b", "c"], rows), "z": rng.normal(size=rows)})


@pytest.mark.parametrize("bound", [1_000, 5_000, 50_000])
def test_starts_fill_the_budget(bound):
    task = read(frame(), "y")
    space, found = TABULAR.space(task), TABULAR.starts(task, [params <= bound])
    assert [one.name for one in found] == ["plain", *(entry.name for entry in portfolio("tabular", "few"))]
    assert found[0].genome == TABULAR.baseline(task, [params <= bound])
    for one in found:
        used = params(space.decode(one.genome))
        in_steps = "resnet" in one.name
        assert bound * (0.3 if in_steps else 0.5) <= used <= bound
        assert space.encode(one.genome) == space.encode(dict(one.genome))


def test_starts_of_a_table_of_categories_alone_and_of_a_regression():
    task = read(frame(numbers=0).drop(columns="z"), "y")
    assert [one.name for one in TABULAR.starts(task)] == ["plain", "tabm", "resnet"]
    task = read(frame(), "z")
    members = next(one for one in TABULAR.starts(task) if one.name.startswith("tabm"))
    head = TABULAR.space(task).decode(members.genome).nodes[-1].op
    assert head.answers == "values" and head.out == 1


def test_all_starts_train():
    task = read(frame(), "y")
    for one in TABULAR.starts(task, [params <= 3_000]):
        network = initialise(build(TABULAR.space(task).decode(one.genome), 0, task.inputs, task.outputs), 0)
        assert fit(network, task, TABULAR.recipe(task), epochs=1).scores["accuracy"] >= 0


def test_a_budget_that_nothing_meets():
    with pytest.raises(BudgetError):
        TABULAR.starts(read(frame(), "y"), [macs <= 10])


def test_under_a_bound_of_the_device_a_family_is_measured_few_times(monkeypatch):
    from nasmyth.domains import sizing

    task, looks = read(frame(), "y"), []
    space, fast = TABULAR.space(task), Constraint(find("latency@cpu"), "<=", 1.0)

    def meets(genome, space, task, limits):
        timed = any("device" in limit.measure.requires for limit in limits)
        looks.append(genome["width"]) if timed else None
        return genome["width"] <= (20 if timed else 100)

    monkeypatch.setattr(sizing, "meets", meets)
    width, _ = sizing.widest(lambda w: plain(w, task.inputs.cardinalities), range(1, 257), space, task, [fast])
    assert looks == [100, 50, 25, 12] and width == 12
