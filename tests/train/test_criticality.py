"""Criticality: published constants, closed forms, and wide networks that keep their variance layer by layer."""

from __future__ import annotations

import math

import pytest
import torch

from nasmyth.errors import UnknownNameError
from nasmyth.ops.activations import KINDS
from nasmyth.train import critical, next_variance
from nasmyth.train.criticality import OTHERS, function, kept, means, susceptibilities

HAS_ONE = [kind for kind in (*KINDS, *OTHERS) if critical(kind) is not None]


def test_published_constants():
    """The Principles of Deep Learning Theory, sections 5.3.2 to 5.3.4."""
    for kind in ("tanh", "sin", "linear"):
        assert critical(kind)[:2] == pytest.approx((1.0, 0.0))
    assert critical("relu")[:2] == pytest.approx((2.0, 0.0))
    assert critical("leaky_relu").weight == pytest.approx(2 / (1 + 0.01**2))
    assert critical("silu")[:2] == pytest.approx((1.98800468, 0.55514317), rel=1e-6)
    assert critical("gelu")[:2] == pytest.approx((1.98305826, 0.17292239), rel=1e-6)
    assert critical("gelu").variance == pytest.approx((3 + math.sqrt(17)) / 2)
    assert critical("sigmoid") is None and critical("softplus") is None


def test_closed_forms():
    for variance in (0.1, 1.0, 7.0):
        assert next_variance("relu", variance, 2.0, 0.5) == pytest.approx(0.5 + variance)
        assert next_variance("sin", variance) == pytest.approx((1 - math.exp(-2 * variance)) / 2)
        of_sin = susceptibilities("sin", variance, 3.0)
        assert of_sin == pytest.approx((3 * math.exp(-2 * variance), 3 * (1 + math.exp(-2 * variance)) / 2))
    assert next_variance("tanh", 0.0, 2.0, 0.3) == 0.3 and next_variance("sigmoid", 0.0, 4.0) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [*KINDS, *OTHERS])
def test_the_quadrature_is_the_integral(kind):
    """Against a sum over a fine grid."""
    for variance in (0.2, 1.0, 4.0):
        z = torch.linspace(-12, 12, 200_001, dtype=torch.float64) * math.sqrt(variance)
        density = (-z.square() / (2 * variance)).exp()
        expected = float((function(kind)(z).square() * density).sum() / density.sum())
        assert means(kind, variance).square == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("kind", HAS_ONE)
def test_at_the_critical_point_the_variance_stays_and_nothing_grows(kind):
    weight, bias, variance = critical(kind)
    at = variance or 1e-4  # kept everywhere, or the better the smaller it is
    assert next_variance(kind, at, weight, bias) == pytest.approx(at, rel=2e-2 if variance is None else 1e-6)
    assert susceptibilities(kind, at, weight) == pytest.approx((1.0, 1.0), rel=3e-2 if variance is None else 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_variance_is_kept_without_biases(kind):
    for variance in (0.5, 1.0, 3.0):
        assert next_variance(kind, variance, kept(kind, variance)) == pytest.approx(variance)


@pytest.mark.parametrize("kind", ["relu", "tanh", "gelu"])
def test_wide_layers_follow_the_recursion(kind):
    width, depth, draws = 200, 6, 60
    weight, bias, _ = critical(kind)
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(draws, width, generator=generator)
    z = z * (width / z.square().sum(1, keepdim=True)).sqrt()
    variance = 1.0
    for _ in range(depth):
        matrices = torch.randn(draws, width, width, generator=generator) * math.sqrt(weight / width)
        z = torch.einsum("nij,nj->ni", matrices, function(kind)(z))
        z = z + math.sqrt(bias) * torch.randn(draws, width, generator=generator)
        variance = next_variance(kind, variance, weight, bias)
        assert float(z.square().mean()) == pytest.approx(variance, rel=0.1)


def test_what_is_no_activation_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'gelu'"):
        critical("gelo")
