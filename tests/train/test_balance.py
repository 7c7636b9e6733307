"""Rare classes weigh as much as common ones where a recipe says so."""

import pytest
import torch

from nasmyth.errors import DataError, SpaceError
from nasmyth.forms import Classes, Column, TableInput, Values
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Linear
from nasmyth.train import AdamW, Recipe, Split, Task, fit
from nasmyth.train.balance import log_shares, suited


def task(n=2000, rare=0.04):
    """Two overlapping normal distributions, one of them rare: by itself a network hardly ever says that one."""
    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(n, generator=generator) < rare).long()
    x = torch.randn(n, 1, generator=generator) + 1.5 * y[:, None]
    return Task("rare", TableInput((Column("x"),)), Classes(("common", "rare")), *[Split(x, y)] * 3)


def recalls(balance):
    data = task()
    network = build(Graph.of(chain(Linear(2)), (1,)), 0, data.inputs, data.outputs)
    fit(network, data, Recipe(optimizer=AdamW(lr=0.05), epochs=8, batch=100, average=None, balance=balance))
    with torch.no_grad():
        said = network(data.inputs.module()(data.test.x)).argmax(1)
    return [float((said[data.test.y == c] == c).float().mean()) for c in (0, 1)]


def test_a_balanced_recipe_finds_the_rare_class():
    common, rare = recalls(0.0)
    assert rare < 0.3 and common > 0.95
    common, rare = recalls(1.0)
    assert rare > 0.65 and common > 0.65  # the best there is: both 0.77


def test_the_shares_of_the_classes():
    assert log_shares(task()).exp()[1].item() == pytest.approx(0.04, abs=0.01)
    assert suited("balanced_accuracy") == 1.0 and suited("accuracy") == 0.0 and suited("recall:rare") == 1.0


def test_a_regression_has_no_rare_classes():
    x = torch.randn(20, 1)
    data = Task("r", TableInput((Column("x"),)), Values(("y",), (0.0,), (1.0,)), *[Split(x, x)] * 3)
    network = build(Graph.of(chain(Linear(1)), (1,)), 0, data.inputs, data.outputs)
    with pytest.raises(DataError, match="balance is of classes"):
        fit(network, data, Recipe(epochs=1, balance=1.0))
    with pytest.raises(SpaceError, match="balance"):
        Recipe(balance=-1.0)
