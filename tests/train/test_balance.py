"""Rare classes weigh as much as common ones, or win by a margin, where a recipe says so."""

import pytest
import torch

from nasmyth.errors import DataError, SpaceError
from nasmyth.forms import IGNORED, Classes, Column, TableInput, Values
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Linear
from nasmyth.train import AdamW, Recipe, Split, Task, fit
from nasmyth.train.balance import less_margin, log_shares, margins, suited


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
    with pytest.raises(DataError, match="margin is of classes"):
        fit(network, data, Recipe(epochs=1, margin=1.0))
    with pytest.raises(SpaceError, match="balance"):
        Recipe(balance=-1.0)
    with pytest.raises(SpaceError, match="margin"):
        Recipe(margin=-1.0)


def test_margins_are_larger_the_rarer_a_class_is():
    """C / n^(1/4): a class with 16 times the examples has half the margin; one that never occurs is as one that does once."""
    assert margins(torch.tensor([16.0, 0.0]), 0.5).tolist() == pytest.approx([0.25, 0.5])
    assert margins(torch.tensor([1600.0, 100.0]), 0.5).tolist() == pytest.approx([0.25, 0.5])


@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_only_the_right_answer_has_to_win(shape):
    logits, width = torch.randn(*shape, 3), torch.tensor([0.1, 0.2, 0.3])
    y = torch.tensor([0, 1, 2, 2, 1, IGNORED]).reshape(shape)
    held = less_margin(logits, y, width)
    for place in torch.nonzero(y != IGNORED).tolist():
        for c in range(3):
            taken = width[c] if y[tuple(place)] == c else 0.0
            assert held[(*place, c)] == logits[(*place, c)] - taken
    several = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert torch.equal(less_margin(torch.zeros(2, 3), several, width), -width * several)


def test_a_recipe_with_a_margin_keeps_the_rare_class_away_from_the_boundary():
    """On training data that can be divided: the shift that the rare class tolerates is larger than without."""

    def boundary(margin):
        generator = torch.Generator().manual_seed(0)
        y = torch.cat((torch.zeros(480), torch.ones(20))).long()
        x = 0.3 * torch.randn(500, 1, generator=generator) + 3.0 * y[:, None]
        data = Task("rare", TableInput((Column("x"),)), Classes(("common", "rare")), *[Split(x, y)] * 3)
        network = build(Graph.of(chain(Linear(2)), (1,)), 0, data.inputs, data.outputs)
        fit(network, data, Recipe(optimizer=AdamW(lr=0.05), epochs=8, batch=50, average=None, margin=margin))
        grid = torch.linspace(0.0, 3.0, 301)[:, None]
        with torch.no_grad():
            return float(grid[network(data.inputs.module()(grid)).argmax(1) == 1].min())

    assert boundary(4.0) < boundary(0.0) - 0.05
