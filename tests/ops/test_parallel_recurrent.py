"""Recurrences solved at all places at once, against the loop over the cell."""

import itertools

import pytest
import torch

from nasmyth.errors import SpaceError
from nasmyth.ops import ParallelRNN
from nasmyth.ops.found.counted import count_depth

torch.set_num_threads(1)

CELLS = ["gru", "lstm"]


def made(cell, length, iterations=8, seed=0, out=8):
    torch.manual_seed(seed)
    return ParallelRNN(out, cell, iterations).build((length, 4)), torch.randn(1, length, 4)


def loop(module, x):
    state, found = module.initial_state(len(x)), []
    for place in x.unbind(1):
        h, state = module.step(state, place)
        found.append(h)
    return torch.stack(found, 1)


@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients_are_those_of_the_loop(cell):
    module, x = made(cell, 512)
    x.requires_grad_()
    weights = torch.randn(1, 512, 8)
    found, wanted = module(x), loop(module, x)
    assert torch.allclose(found, wanted, atol=1e-5)
    variables = [x, *module.parameters()]
    ours, theirs = (torch.autograd.grad((y * weights).mean(), variables) for y in (found, wanted))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-5 * float(b.abs().max()))


@pytest.mark.parametrize("cell", CELLS)
def test_the_first_places_are_exact_whatever_the_weights(cell):
    module, x = made(cell, 5, iterations=5)
    with torch.no_grad():
        module.own.mul_(30)
        module.input.weight.mul_(10)
    assert torch.allclose(module.double()(x.double()), loop(module, x.double()), atol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_the_jacobian_is_that_of_the_cell(cell):
    module, _ = made(cell, 3, out=1)
    module = module.double()
    driven, state = torch.randn(3, 1).double(), torch.randn(1, 1 if cell == "gru" else 2).double()
    wanted = torch.autograd.functional.jacobian(lambda s: module.linearised(driven, s)[0], state)
    assert torch.allclose(module.linearised(driven, state)[1][0], wanted[0, :, 0], atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_depth_grows_with_the_logarithm_of_the_length(cell):
    def depth(run, length):
        module, x = made(cell, length, iterations=2)
        return count_depth(lambda: run(module, x).sum().backward())

    parallel = [depth(ParallelRNN.module.forward, length) for length in (8, 16, 32, 64)]
    added = [b - a for a, b in itertools.pairwise(parallel)]
    assert added[0] == added[1] == added[2] > 0, "each doubling adds as much"
    assert depth(loop, 16) > 1.8 * depth(loop, 8), "and to a loop, as much as it had"


def test_a_chain_is_as_deep_as_it_has_operations():
    x = torch.zeros(3)
    assert count_depth(lambda: (x + 1, x * 2, x - 3)) == 1
    assert count_depth(lambda: (x + 1).exp().view(3, 1).sum() * x) == 4


def test_settings_that_mean_nothing():
    with pytest.raises(SpaceError, match="cell is one of gru, lstm"):
        ParallelRNN(4, cell="rnn")
    with pytest.raises(SpaceError, match=r"iterations must be at least 1, got 0; try iterations=10"):
        ParallelRNN(4, iterations=0)
