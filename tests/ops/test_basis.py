"""Bases against their textbook definitions, and layers of learned functions against sums of them."""

import math

import pytest
import torch
import torch.nn.functional as F

from nasmyth import Space, blocks, choice, ops
from nasmyth.errors import SpaceError
from nasmyth.graph import Graph, chain
from nasmyth.network import build

X = torch.linspace(-3, 3, 41, dtype=torch.float64)[:, None]


def functions(kind, size):
    """silu in front, then the basis: points by functions."""
    return ops.BasisExpansion(kind, size).build((1,))(X)


def de_boor(knots, i, degree, x):
    """A B-spline by the recursion of Cox and de Boor."""
    if degree == 0:
        return ((knots[i] <= x) & (x < knots[i + 1])).to(x.dtype)
    left = (x - knots[i]) / (knots[i + degree] - knots[i]) * de_boor(knots, i, degree - 1, x)
    span = knots[i + degree + 1] - knots[i + 1]
    return left + (knots[i + degree + 1] - x) / span * de_boor(knots, i + 1, degree - 1, x)


@pytest.mark.parametrize("size", [5, 8])
def test_splines_are_those_of_the_recursion_and_sum_to_one(size):
    inside, intervals = X[:, 0].tanh(), size - 4
    knots = torch.arange(-3, intervals + 4, dtype=torch.float64) * 2 / intervals - 1
    wanted = torch.stack([de_boor(knots, i, 3, inside) for i in range(size - 1)], 1)
    assert torch.allclose(functions("spline", size)[:, 1:], wanted, atol=1e-12)
    assert torch.allclose(wanted.sum(1), torch.ones(len(X), dtype=torch.float64))


def test_chebyshev_polynomials_are_cosines_of_multiples_of_an_angle():
    angle = X.tanh().acos()
    assert torch.allclose(functions("chebyshev", 6)[:, 1:], torch.cos(torch.arange(1, 6) * angle), atol=1e-12)


def test_sines_and_cosines_come_in_pairs():
    angle = math.pi * X.tanh()
    wanted = torch.cat((angle.sin(), angle.cos(), (2 * angle).sin(), (2 * angle).cos(), (3 * angle).sin()), 1)
    assert torch.allclose(functions("fourier", 6)[:, 1:], wanted, atol=1e-12)


def test_bumps_stand_at_even_places_up_to_the_ends():
    centres = torch.linspace(-1, 1, 5, dtype=torch.float64)
    wanted = torch.exp(-(((X.tanh() - centres) / 0.5) ** 2))
    assert torch.allclose(functions("radial", 6)[:, 1:], wanted, atol=1e-12)


@pytest.mark.parametrize("kind", ["spline", "fourier", "radial", "chebyshev"])
def test_what_comes_out_is_a_sum_of_functions_of_single_features(kind):
    network = build(Graph.of(blocks.kan_linear(2, kind, 6), (3,)), 0)
    x, origin = torch.randn(5, 3), torch.zeros(1, 3)
    alone = [network(torch.where(torch.arange(3) == i, x, origin)) - network(origin) for i in range(3)]
    assert torch.allclose(network(x), sum(alone) + network(origin), atol=1e-5)
    assert torch.allclose(functions(kind, 6)[:, :1], F.silu(X))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_convolution_is_the_linear_layer_on_every_patch(stride):
    network, x = build(Graph.of(blocks.kan_conv(2, 3, stride, "chebyshev", 4), (2, 5, 6)), 0), torch.randn(3, 2, 5, 6)
    (conv,) = (module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    expanded = ops.BasisExpansion("chebyshev", 4).build((2,))(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    patches = F.unfold(expanded, 3, padding=1, stride=stride)
    wanted = torch.einsum("bpl,op->bol", patches, conv.weight.flatten(1)) + conv.bias[:, None]
    assert torch.allclose(network(x).flatten(2), wanted, atol=1e-5)


def test_a_search_selects_the_basis_of_all_layers_or_of_each():
    kinds = ("spline", "fourier", "radial", "chebyshev")
    one = choice(*kinds, name="basis")
    assert Space(chain(blocks.kan_linear(3, one), blocks.kan_linear(1, one)), (2,)).size == 4
    each = chain(blocks.kan_linear(3, choice(*kinds)), blocks.kan_linear(1, choice(*kinds)))
    assert Space(each, (2,)).size == 16


@pytest.mark.parametrize("wrong, message", [
    ({"kind": "splines"}, "kind is one of spline, fourier, radial, chebyshev.*spline"),
    ({"kind": "spline", "size": 4}, "at least size=5"),
    ({"kind": "fourier", "size": 1}, "at least size=2"),
])  # fmt: skip
def test_bad_input_says_what_to_do(wrong, message):
    with pytest.raises(SpaceError, match=message):
        ops.BasisExpansion(**wrong)
