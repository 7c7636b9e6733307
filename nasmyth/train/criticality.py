"""First variances at which a deep network neither blows up nor dies out, for every activation.

    next_variance("relu", 1.0, weight=2.0)      # 1.0: the variance of pre-activations, one layer on
    critical("tanh")                            # Criticality(weight=1, bias=0): weights of variance 1 / fan-in
    critical("gelu")                            # (1.983, 0.173): only at a variance of 3.53

Roberts, Yaida and Hanin, "The Principles of Deep Learning Theory" (arXiv:2106.10165), chapter 5. Biases have the variance C_b,
weights C_W / fan-in. In a wide network pre-activations z are Gaussian, and their variance K goes from layer to layer as (5.1)

    K' = C_b + C_W <act(z)^2>_K         < >_K: the mean over z of variance K

A small change of K grows by the factor chi_parallel, and an angle between two inputs by chi_perp (5.50, 5.51):

    chi_parallel = C_W <z act(z) act'(z)>_K / K          chi_perp = C_W <act'(z)^2>_K

Critical is where K stays and both are 1. There are three kinds (section 5.3 and 5.4):

- scale-invariant (relu, leaky_relu, linear): at every K, with C_b = 0 and C_W = K / <act^2>_K;
- stable at 0 (tanh, sin, elu): C_b = 0, C_W = 1 / act'(0)^2; K falls slowly, as one over the depth;
- half-stable (gelu, silu, mish): at one K above 0, where chi_parallel = chi_perp, found numerically.

What has none of them (sigmoid, softplus) has no critical variances: act(0) is not 0, and no K is kept. Integrals are by
Gauss-Hermite quadrature, exact for smooth activations and for relu; kinks elsewhere leave errors below 1e-3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import UnknownNameError, nearest
from nasmyth.ops.activations import KINDS

POINTS = 200
"""Of the quadrature."""
SMALL, LARGE = 1e-4, 100.0
"""The variances that are looked at."""
OTHERS: dict[str, Callable[[Tensor], Tensor]] = {"linear": lambda z: z, "sin": torch.sin}
"""Beside those of `nasmyth.ops.Activation`."""


class Criticality(NamedTuple):
    """C_W and C_b at which `variance` is kept; None where every variance is, or where it falls to 0 slowly."""

    weight: float
    bias: float = 0.0
    variance: float | None = None


class Means(NamedTuple):
    """Means over Gaussian z of one variance: of act^2, of z act act' / variance, and of act'^2."""

    square: float
    parallel: float
    perp: float


@lru_cache(maxsize=10_000)
def means(kind: str, variance: float) -> Means:
    """The three means of an activation at a variance above 0. Raises UnknownNameError."""
    points, weights = _quadrature()
    z = (math.sqrt(2.0 * variance) * points).requires_grad_()
    with torch.enable_grad():
        out = function(kind)(z)
        (slope,) = torch.autograd.grad(out.sum(), z)
    z, out = z.detach(), out.detach()
    found = (out.square(), z * out * slope / variance, slope.square())
    return Means(*(float((weights * one).sum()) for one in found))


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Tensor, Tensor]:
    points, weights = np.polynomial.hermite.hermgauss(POINTS)
    return torch.from_numpy(points), torch.from_numpy(weights / math.sqrt(math.pi))


def function(kind: str) -> Callable[[Tensor], Tensor]:
    """The activation of that name. Raises UnknownNameError, which suggests the nearest."""
    if kind in KINDS:
        found: Callable[[Tensor], Tensor] = getattr(F, kind)
        return found
    if kind not in OTHERS:
        names = [*KINDS, *OTHERS]
        raise UnknownNameError(f"there is no activation {kind!r}{nearest(str(kind), names)}: {', '.join(names)}")
    return OTHERS[kind]


def next_variance(kind: str, variance: float, weight: float = 1.0, bias: float = 0.0) -> float:
    """The variance of pre-activations one layer on: bias + weight <act(z)^2> over z of this variance."""
    square = means(kind, variance).square if variance > 0 else float(function(kind)(torch.zeros(())).square())
    return bias + weight * square


def susceptibilities(kind: str, variance: float, weight: float = 1.0) -> tuple[float, float]:
    """(chi_parallel, chi_perp): by what a change of the variance, and one of an angle, grow in one layer."""
    found = means(kind, variance)
    return weight * found.parallel, weight * found.perp


@lru_cache(maxsize=1_000)
def critical(kind: str) -> Criticality | None:
    """The critical variances of an activation; None where it has none."""
    nothing = float(function(kind)(torch.zeros((), dtype=torch.float64)))
    if nothing == 0.0:
        ratios = [means(kind, variance).square / variance for variance in np.geomspace(SMALL, LARGE, 25).tolist()]
        if max(ratios) <= ratios[0] * (1 + 1e-6):  # the smaller the variance, the better it is kept
            kept_share = ratios[0] if _scales(ratios) else _slope(kind) ** 2
            return Criticality(round(1.0 / kept_share, 12))  # 2 for relu, not less by what the quadrature rounds
    return _half_stable(kind)


def _scales(ratios: list[float]) -> bool:
    """Whether act(a z) = a act(z), near 0 at least."""
    return abs(ratios[5] / ratios[0] - 1) < 1e-6


def _slope(kind: str) -> float:
    """At 0."""
    z = torch.zeros((), dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(function(kind)(z), z)
    return float(slope)


def _half_stable(kind: str) -> Criticality | None:
    """Where both susceptibilities are equal, if biases can make up for the rest."""

    def apart(variance: float) -> float:
        found = means(kind, variance)
        return found.parallel - found.perp

    grid = np.geomspace(0.05, LARGE, 100).tolist()
    for low, high in itertools.pairwise(grid):
        if apart(low) * apart(high) < 0:
            for _ in range(60):
                middle = math.sqrt(low * high)
                low, high = (middle, high) if apart(low) * apart(middle) > 0 else (low, middle)
            found = means(kind, low)
            weight = 1.0 / found.perp
            bias = low - weight * found.square
            if bias >= 0:
                return Criticality(weight, bias, low)
    return None


def first_variances(kind: str | None, terms: int = 1, biased: bool = True) -> tuple[float, float]:
    """Of a layer that an activation reads (None: none does): of its weights, times the fan-in, and of its biases.

    terms: with how many others, itself included, its output is summed. What has no critical point counts as linear; without
    biases, where they would be needed, a variance of 1 is kept.
    """
    weight, bias, _ = critical(kind or "linear") or Criticality(1.0)
    if bias and not biased:
        weight, bias = kept(str(kind)), 0.0
    return weight / terms, bias / terms


def kept(kind: str, variance: float = 1.0) -> float:
    """C_W with which this variance is kept without biases, whatever it does to changes: for layers that have none."""
    return variance / means(kind, variance).square
