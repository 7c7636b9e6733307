"""Recurrent layers that are convex and bounded: on random pairs, and against the spectral norm itself."""

import pytest
import torch

from nasmyth import Graph, chain
from nasmyth.errors import SpaceError
from nasmyth.network import build
from nasmyth.ops import ConvexLinear, ConvexRNN

torch.set_num_threads(1)

STACK = chain(ConvexRNN(16, lipschitz=2.0), ConvexRNN(16, monotone=True), ConvexLinear(3))


def grown(module, seed=0):
    """Far from where it began, so that bounds are reached."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(3 * torch.randn_like(parameter))
    return module.double()


def test_convex_and_bounded_on_random_pairs():
    network = grown(build(Graph.of(STACK, input=(7, 4))))
    torch.manual_seed(1)
    scale = torch.logspace(-2, 2, 10_000, dtype=torch.float64)[:, None, None]
    x, y = scale * torch.randn(10_000, 7, 4).double(), scale * torch.randn(10_000, 7, 4).double()
    with torch.no_grad():
        at_x, at_y, between = network(x), network(y), network((x + y) / 2)
    size = 1 + at_x.abs() + at_y.abs()
    assert bool((between <= (at_x + at_y) / 2 + 1e-12 * size).all())
    moved, by = (at_x - at_y).flatten(1).norm(dim=1), (x - y).flatten(1).norm(dim=1)
    assert bool((moved <= 2 * by * (1 + 1e-12)).all())


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (1, 4)])
def test_the_bound_holds_and_is_tight_without_negative_weights(shape):
    torch.manual_seed(0)
    module = ConvexRNN(2).build((3, 2))
    for weight in (torch.randn(shape), 10 * torch.rand(shape), torch.zeros(shape)):
        assert float(torch.linalg.matrix_norm(module.within(weight, 0.5), 2)) <= 0.5 + 1e-6
    full = torch.linalg.matrix_norm(module.within(10 * torch.rand(shape), 0.5), 2)
    assert float(full) == pytest.approx(0.5, rel=0.01)


def test_the_bound_is_reached():
    module = ConvexRNN(1, lipschitz=3.0, memory=0.5).build((200, 1))
    with torch.no_grad():
        for weight in (module.input, module.state):
            weight.fill_(5.0)
    x = torch.ones(1, 200, 1)
    ratio = (module(2 * x) - module(x)).norm() / x.norm()
    assert ratio.item() == pytest.approx(3.0, rel=0.02)


def test_what_is_small_enough_stays():
    module = ConvexRNN(2).build((3, 2))
    weight = torch.full((2, 2), 0.01)
    assert torch.equal(module.within(weight, 0.5), weight)


def test_a_place_at_a_time():
    module = ConvexRNN(5).build((6, 3))
    x, state = torch.randn(2, 6, 3), module.initial_state(2)
    for i, place in enumerate(x.unbind(1)):
        found, state = module.step(state, place)
        assert torch.allclose(found, module(x)[:, i], atol=1e-6)


def test_bounds_that_mean_nothing():
    with pytest.raises(SpaceError, match=r"lipschitz bounds how much the output may change, above 0"):
        ConvexRNN(4, lipschitz=0.0)
    with pytest.raises(SpaceError, match=r"from 0 to below 1; try memory=0.9"):
        ConvexRNN(4, memory=1.0)
