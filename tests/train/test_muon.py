"""Muon: what it does to a gradient, to norms, and to what is no convolution."""

import pytest
import torch
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.train import SGD, Muon
from nasmyth.train.muon import is_matrix, orthogonal


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, bias=False), nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 16, 1), nn.Flatten(), nn.LazyLinear(3),
    )  # fmt: skip


def steps(net, optimizer, count=5):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x, y = torch.randn(16, 1, 10, 10, generator=generator), torch.randint(0, 3, (16,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net


@pytest.mark.parametrize("shape", [(6, 6), (4, 30), (30, 4), (3, 5, 9)])
def test_singular_values_come_near_one_and_vectors_stay(shape):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64)
    u, values, v = torch.linalg.svd(x, full_matrices=False)
    x = u @ torch.diag_embed(0.3 + values / values.amax(-1, keepdim=True)) @ v
    found = torch.linalg.svdvals(orthogonal(x))
    assert 0.5 < found.min() and found.max() < 1.3
    made = u.mT @ orthogonal(x) @ v.mT
    assert (made - torch.diag_embed(made.diagonal(dim1=-2, dim2=-1))).abs().max() < 1e-9
    assert orthogonal(torch.zeros(3, 4)).abs().max() == 0


def test_convolutions_of_several_channels_are_matrices():
    net = network()
    net(torch.zeros(2, 1, 10, 10))
    assert [name for name, p in net.named_parameters() if is_matrix(p)] == ["3.weight", "5.weight"]


def test_a_weight_moves_by_the_rate_and_keeps_its_norm():
    net = network()
    net(torch.zeros(2, 1, 10, 10))
    before = {name: p.detach().clone() for name, p in net.named_parameters() if is_matrix(p)}
    steps(net, Muon(lr=0.1).over(net.parameters()), 1)
    for name, p in net.named_parameters():
        if name in before:
            torch.testing.assert_close(p.norm(), before[name].norm())
            moved = ((p - before[name]).norm() / p.norm()).item()
            assert 0.08 < moved < 0.12, name


def test_a_weight_of_zeros_takes_the_norm_1():
    net = network()
    net(torch.zeros(2, 1, 10, 10))
    with torch.no_grad():
        net[3].weight.zero_()
    steps(net, Muon(lr=0.1).over(net.parameters()), 1)
    assert net[3].weight.norm().item() == pytest.approx(1.0)


def test_all_else_is_trained_by_sgd():
    """Without convolutions it is SGD to the last digit that sums allow."""

    def layers():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(100, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

    one, other = layers(), layers()
    steps(one, Muon(lr=0.1, weight_decay=0.01).over(one.parameters()))
    steps(other, SGD(lr=0.1, weight_decay=0.01).over(other.parameters()))
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)


def test_settings_are_checked():
    for wrong in ({"lr": 0}, {"momentum": 1.0}, {"others": -0.1}):
        with pytest.raises(SpaceError):
            Muon(**wrong)
