"""Kolmogorov-Arnold networks: sums of learned functions of single features (Liu 2024, arXiv:2404.19756).

    chain(kan_linear(5), kan_linear(1))                     # a KAN of one hidden layer
    kan_linear(5, basis=choice("spline", "fourier"))        # the basis is a decision of the search: S-KAN

S-KAN (Yang 2024, arXiv:2408.08338) selects among spaces of functions by what training tells. Here the basis is a field like
any other, so every strategy selects it, for a layer or for all layers at once (a hole with a name).
"""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import BasisExpansion, Conv, Linear, Permute


@block("... d -> ... out")
def kan_linear(out: int, basis: str = "spline", size: int = 8) -> Any:
    """A sum of a learned function of each feature, for every number that comes out (equation 2.5; its functions are made of
    silu and size - 1 functions of a basis, equation 2.10; `BasisExpansion` says which there are)."""
    return chain(functions=BasisExpansion(basis, size), sum=Linear(out))


@block("b c h w -> b out h/stride w/stride")
def kan_conv(out: int, kernel: int = 3, stride: int = 1, basis: str = "spline", size: int = 8) -> Any:
    """A convolution whose kernel has a learned function in the place of each weight (convolutional KANs, Bodner 2024,
    arXiv:2406.13155).

    Departure: what is padded counts 0, not the value of the functions at 0.
    """
    functions = chain(last=Permute((1, 2, 0)), functions=BasisExpansion(basis, size), first=Permute((2, 0, 1)))
    return chain(functions=functions, conv=Conv(out, kernel, stride, bias=True))


EXAMPLES = [
    (kan_linear(3), (4,)),
    (kan_linear(3, "chebyshev", size=6), (4, 5)),
    (kan_conv(3, basis="fourier", size=4), (2, 5, 5)),
    (kan_conv(3, stride=2, basis="radial", size=5), (2, 6, 5)),
]
