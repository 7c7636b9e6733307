"""LSTM and GRU against PyTorch's layers, places that are left out, and a sequence a place at a time."""

import pytest
import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.ops import GRU, LSTM

torch.set_num_threads(1)

PAIRS = [(LSTM, nn.LSTM), (GRU, nn.GRU)]


def theirs_with_our_weights(layer, module, d, out, bidirectional):
    theirs = layer(d, out // (1 + bidirectional), batch_first=True, bidirectional=bidirectional)
    cells = {"": module.ahead, "_reverse": module.back} if bidirectional else {"": module.ahead}
    theirs.load_state_dict(
        {f"{name}_l0{suffix}": value for suffix, cell in cells.items() for name, value in cell.state_dict().items()}
    )
    return theirs


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("op", "layer"), PAIRS)
def test_it_is_that_of_pytorch(op, layer, bidirectional):
    ours = op(6, bidirectional).build((7, 3))
    theirs = theirs_with_our_weights(layer, ours, 3, 6, bidirectional)
    x = torch.randn(4, 7, 3)
    assert torch.allclose(ours(x), theirs(x)[0], atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("op", [LSTM, GRU])
def test_places_left_out_leave_the_state_as_it_is(op, bidirectional):
    module = op(6, bidirectional).build((6, 3))
    x = torch.randn(1, 6, 3)
    mask = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0, 0.0]])
    found, alone = module(x, mask)[0], module(x[:, [1, 2, 4]])[0]
    units = 6 // (1 + bidirectional)
    none = torch.zeros(units)
    ahead = [none, alone[0, :units], alone[1, :units], alone[1, :units], alone[2, :units], alone[2, :units]]
    assert torch.allclose(found[:, :units], torch.stack(ahead), atol=1e-6)
    if bidirectional:
        back = [alone[0, units:], alone[0, units:], alone[1, units:], alone[2, units:], alone[2, units:], none]
        assert torch.allclose(found[:, units:], torch.stack(back), atol=1e-6)


@pytest.mark.parametrize("op", [LSTM, GRU])
def test_a_place_at_a_time(op):
    module = op(5).build((8, 3))
    x, state = torch.randn(2, 8, 3), module.initial_state(2)
    steps = []
    for place in x.unbind(1):
        found, state = module.step(state, place)
        steps.append(found)
    assert torch.allclose(torch.stack(steps, 1), module(x), atol=1e-6)


@pytest.mark.parametrize("op", [LSTM, GRU])
def test_what_reads_from_the_end_takes_no_steps(op):
    with pytest.raises(ValueError, match="leave out bidirectional=True"):
        op(4, bidirectional=True).build((5, 3)).initial_state(1)


def test_two_directions_need_an_even_width():
    with pytest.raises(SpaceError, match=r"half of the 5 features come from each direction; write out=6"):
        LSTM(5, bidirectional=True)


@pytest.mark.parametrize("op", [LSTM, GRU])
def test_a_place_at_a_time_with_places_left_out(op):
    module = op(5).build((6, 3), (6,))
    x, mask, state = torch.randn(2, 6, 3), torch.randint(0, 2, (2, 6)).float(), module.initial_state(2)
    for i in range(6):
        found, state = module.step(state, x[:, i], mask[:, i])
        assert torch.allclose(found, module(x, mask)[:, i], atol=1e-6)
