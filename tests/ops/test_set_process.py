"""Sets: understood alike in any order, as the equations say, whatever is hidden of them."""

import pytest
import torch

from nasmyth.errors import SpaceError
from nasmyth.ops import SetProcess

D = 4


def made(steps=3, length=5):
    torch.manual_seed(0)
    return SetProcess(steps).build((length, D)).eval()


def test_it_is_the_equations_written_out():
    process, x = made(), torch.randn(2, 5, D)
    for b in range(2):
        h = c = torch.zeros(1, D)
        r = torch.zeros(D)
        for _ in range(3):
            h, c = process.cell(torch.cat((h, r[None]), 1), (h, c))
            weights = torch.stack([one @ h[0] for one in x[b]]).softmax(0)
            r = sum(w * one for w, one in zip(weights, x[b], strict=True))
        assert torch.allclose(process(x)[b], torch.cat((h[0], r)), atol=1e-6)


def test_the_order_of_a_set_is_of_no_consequence():
    process, x = made(5, 20), torch.randn(30, 20, D)
    assert bool(((process(x) - process(x[:, torch.randperm(20)])).abs() <= 1e-6).all())


def test_what_a_mask_leaves_out_is_not_read():
    process, x = made(), torch.randn(3, 5, D)
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0, 1.0]]).expand(3, -1)
    assert torch.allclose(process(x, mask), process(x[:, [0, 1, 4]]), atol=1e-6)


def test_an_empty_set_is_read_as_nothing_however_it_is_empty():
    process, x = made(), torch.randn(3, 5, D)
    hidden, none = process(x, torch.zeros(3, 5)), process(x[:, :0])
    assert torch.allclose(hidden, none, atol=1e-6)
    assert not bool(hidden[:, D:].any())


def test_of_one_element_that_very_element_is_read():
    x = torch.randn(3, 1, D)
    assert torch.allclose(made(length=1)(x)[:, D:], x[:, 0], atol=1e-6)


def test_no_steps_are_refused():
    with pytest.raises(SpaceError, match="steps must be at least 1"):
        SetProcess(0)
