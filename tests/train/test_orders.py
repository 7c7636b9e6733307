"""Orders of answers: what is drawn is an order, what is told is the loss in it, and a training learns by it."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from nasmyth.errors import DataError, SpaceError
from nasmyth.forms import IGNORED, Classes, NamedInputs, TokenInput
from nasmyth.graph import Graph, chain, parallel
from nasmyth.network import build
from nasmyth.ops import Embedding, Flatten, Identity, Linear, Mean, Pointer
from nasmyth.record import from_json, to_json
from nasmyth.train import AdamW, OrderSearch, Recipe, Split, Task, fit, order_losses

CODES, M = 6, 3


def task(y):
    inputs = NamedInputs((("x", TokenInput(1, CODES)), ("targets", TokenInput(M, CODES + 1))))
    outputs = Classes(tuple(map(str, range(CODES + 1))), "int", (M,))
    x = torch.arange(len(y))[:, None] % CODES
    return Task("orders", inputs, outputs, *(Split({"x": x, "targets": y.clamp(min=0)}, y) for _ in range(3)))


def network(of):
    point = parallel(Identity(), Mean("l"), join=Pointer(8, extra=CODES, cell="gru"))
    return build(Graph.of(chain(Embedding(CODES, 8), point), input=of.input), 0)


def answers():
    torch.manual_seed(0)
    first = 1 + torch.arange(120) % CODES
    return torch.stack((first, 1 + first % CODES, 1 + (first + 1) % CODES), 1)


def test_drawn_orders_are_orders_and_what_does_not_count_stays_behind():
    y = torch.tensor([[3, 1, 2, IGNORED], [2, 4, IGNORED, IGNORED], [IGNORED] * 4, [1, 2, 3, 4]])
    generator = torch.Generator().manual_seed(0)
    drawn = OrderSearch(draws=50, ends=True).drawn(y, generator)
    assert drawn.shape == (50, 4, 4) and bool((drawn.sort(2).values == torch.arange(4)).all())
    assert bool((y.gather(1, drawn[7]) == IGNORED).eq(y == IGNORED).all())
    assert bool((drawn[:, 0, 2:] == torch.tensor([2, 3])).all())  # the last that counts ends it
    assert bool((drawn[:, 3, 3] == 3).all()) and len(drawn[:, 3].unique(dim=0)) == 6
    assert len(drawn[:, 0].unique(dim=0)) == 2


def test_together_all_examples_have_one_order():
    drawn = OrderSearch(draws=5, together=True).drawn(answers(), torch.Generator().manual_seed(0))
    assert bool((drawn == drawn[:, :1]).all()) and len(drawn[:, 0].unique(dim=0)) > 1


def test_the_loss_in_an_order_is_that_of_the_answers_in_it():
    of = task(answers())
    net, x = network(of), (of.valid.x["x"], of.valid.x["targets"])
    orders = list(itertools.permutations(range(M)))
    got = order_losses(net.eval(), x, of.valid.y, orders)
    assert not net.training
    for loss, order in zip(got, orders, strict=True):
        y = of.valid.y[:, list(order)]
        logits = net.train()(x[0], y)
        assert torch.allclose(loss, M * F.cross_entropy(logits.flatten(0, 1), y.flatten()), atol=1e-5)


@pytest.mark.parametrize("together", [False, True])
def test_a_training_learns_by_it(together):
    of = task(answers())
    net, x, orders = network(of), (of.valid.x["x"], of.valid.x["targets"]), list(itertools.permutations(range(M)))
    before = order_losses(net, x, of.valid.y, orders).min()
    step = OrderSearch(draws=3, explore=0.3, together=together)
    fitted = fit(net, of, Recipe(optimizer=AdamW(lr=2e-2), epochs=12, batch=20), step=step)
    net.load_state_dict(fitted.state.weights)
    assert order_losses(net, x, of.valid.y, orders).min() < 0.7 * before


def test_a_step_can_be_written_down():
    assert from_json(to_json(OrderSearch(draws=3, ends=True))) == OrderSearch(draws=3, ends=True)


@pytest.mark.parametrize("fields", [{"draws": 1}, {"explore": 1.5}], ids=["draws", "explore"])
def test_searches_that_cannot_be(fields):
    with pytest.raises(SpaceError, match="draws is at least 2"):
        OrderSearch(**fields)


def test_what_is_no_order_is_refused():
    of = task(answers())
    with pytest.raises(DataError, match="give each of 0 to 2 once"):
        order_losses(network(of), (of.valid.x["x"], of.valid.x["targets"]), of.valid.y, [(0, 1, 1)])


def test_a_network_that_reads_no_targets_is_refused():
    net = build(Graph.of(chain(Flatten(), Linear(4)), input={"x": (2, 2), "other": (1,)}))
    with pytest.raises(DataError, match="an input 'targets'"):
        order_losses(net, (torch.zeros(1, 2, 2), torch.zeros(1, 1)), torch.zeros(1, M, dtype=torch.int64), [(0, 1, 2)])
