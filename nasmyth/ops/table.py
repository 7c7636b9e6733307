"""Rows of a table: every column becomes a vector of d features, so that a row is a sequence of its columns.

A row comes as floats: standardised numbers first, then category codes (0 is missing or unknown). A code that the column
does not have counts as 0.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape

KINDS = ("linear", "periodic", "plr", "ple")
WAVES = ("periodic", "plr")


def _numbers_first(columns: Any) -> None:
    if isinstance(columns.numbers, str) and columns.numbers not in KINDS:
        raise SpaceError(f"{columns!r}: numbers is one of {', '.join(KINDS)}")
    sizes = columns.cardinalities
    if not isinstance(sizes, tuple):
        raise SpaceError(
            f"{columns!r}: cardinalities is a tuple, such as (0, 0, 5): two numbers, a category of 5 codes"
        )
    if not sizes or min(sizes) < 0 or any(a and not b for a, b in pairwise(sizes)):
        raise SpaceError(f"{columns!r}: numbers (0) come first, then categories (how many codes each has)")


def _one_number_each(columns: Any) -> str:
    n = len(columns.cardinalities)
    return f"b {n} -> b {n} d"


def _weights(columns: Any) -> dict[str, str]:
    """An entry of its own for each column, and for each code of each category."""
    count, codes = columns.cardinalities.count(0), sum(columns.cardinalities)
    waves = {"linear": "1", "ple": "frequencies"}.get(columns.numbers, "(2 frequencies)")
    found = {"weight": f"{count} {waves} d", "bias": f"{count} d"} if count else {}
    if count and columns.numbers in WAVES:
        found["frequency"] = f"{count} frequencies"
    return found | ({"embedding.weight": f"{codes} d"} if codes else {})


def _bins(columns: Any) -> str:
    return "frequencies" if columns.numbers == "ple" else ""


def _width(columns: Any) -> int:
    """How many numbers are made of one before they are embedded."""
    if columns.numbers == "linear":
        return 1
    return int(columns.frequencies if columns.numbers == "ple" else 2 * columns.frequencies)


@op(_one_number_each, check=_numbers_first, weights=_weights, ordered=_bins)
class Columns(nn.Module):
    """Embeds each column by weights of its own.

    cardinalities: one for each column: 0 for a number, else how many codes the category has, 0 (missing) among them.
    numbers: "linear" is w x + b (Gorishniy 2021, arXiv:2106.11959, section 3.3); "periodic" is a linear map of sines and
        cosines at `frequencies` learned frequencies, which start normal with deviation `sigma` (Gorishniy 2022,
        arXiv:2203.05556, eq. 3: PL); "plr" is that with a ReLU behind it (PLR); "ple" is a linear map of the piecewise-linear
        encoding (eq. 1 there: Q-L), e_t = (x - b_(t-1)) / (b_t - b_(t-1)), held within 0 and 1 but at the two ends. Its
        `frequencies` bins end at the quantiles of a normal distribution: what comes in has been warped to one, so that these
        are the quantiles of the column.
    """

    edges: torch.Tensor
    sizes: torch.Tensor
    first: torch.Tensor

    def __init__(
        self,
        cardinalities: tuple[int, ...],
        d: int = 16,
        numbers: str = "linear",
        frequencies: int = 16,
        sigma: float = 0.1,
    ) -> None:
        super().__init__()
        self.count, self.kind = cardinalities.count(0), numbers
        sizes = torch.tensor(cardinalities[self.count :])
        if self.count:
            width = {"linear": 1, "ple": frequencies}.get(numbers, 2 * frequencies)
            bound = 1 / math.sqrt(width if numbers != "linear" else d)
            self.weight = nn.Parameter(torch.empty(self.count, width, d).uniform_(-bound, bound))
            self.bias = nn.Parameter(torch.empty(self.count, d).uniform_(-bound, bound))
            if numbers in ("periodic", "plr"):
                self.frequency = nn.Parameter(torch.randn(self.count, frequencies) * sigma)
            if numbers == "ple":
                share = torch.linspace(0, 1, frequencies + 1, dtype=torch.float64).clamp(1 / 64, 63 / 64)
                edges = (math.sqrt(2) * torch.erfinv(2 * share - 1)).to(self.weight.dtype)
                self.register_buffer("edges", edges, persistent=False)
        if len(sizes):
            self.embedding = nn.Embedding(sum(cardinalities), d)
            nn.init.uniform_(self.embedding.weight, -1 / math.sqrt(d), 1 / math.sqrt(d))
            self.register_buffer("sizes", sizes, persistent=False)
            self.register_buffer("first", sizes.cumsum(0) - sizes, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = []
        if self.count:
            parts.append(self.embed_numbers(x[:, : self.count]))
        if x.shape[1] > self.count:
            code = x[:, self.count :].round().long()
            known = (code >= 0) & (code < self.sizes)
            parts.append(self.embedding(self.first + code * known))
        return torch.cat(parts, 1)

    def embed_numbers(self, x: torch.Tensor) -> torch.Tensor:
        if self.kind == "linear":
            return x[:, :, None] * self.weight[:, 0] + self.bias
        if self.kind == "ple":
            return torch.einsum("bnk,nkd->bnd", self.encode(x[:, :, None]), self.weight) + self.bias
        angle = 2 * math.pi * self.frequency * x[:, :, None]
        waves = torch.cat((angle.sin(), angle.cos()), 2)
        embedded = torch.einsum("bnk,nkd->bnd", waves, self.weight) + self.bias
        return F.relu(embedded) if self.kind == "plr" else embedded

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        place = (x - self.edges[:-1]) / (self.edges[1:] - self.edges[:-1])
        if place.shape[2] == 1:
            return place
        return torch.cat((place[..., :1].clamp(max=1), place[..., 1:-1].clamp(0, 1), place[..., -1:].clamp(min=0)), 2)


@param_count.register(Columns)
def _(columns: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    count, learned = columns.cardinalities.count(0), columns.frequencies if columns.numbers in WAVES else 0
    numbers = count * (learned + (_width(columns) + 1) * columns.d)
    embedded: int = numbers + sum(columns.cardinalities) * columns.d
    return embedded


@mac_count.register(Columns)
def _(columns: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The maps of sines and cosines, or of bins; looking up and scaling elementwise count nothing."""
    width = 0 if _width(columns) == 1 else _width(columns)
    return int(columns.cardinalities.count(0) * width * columns.d)


@fan_ins.register(Columns)
def _(columns: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """The waves or bins of a number; a code is looked up, and a number that is only scaled is no sum."""
    return (float(_width(columns)),) if columns.cardinalities.count(0) and _width(columns) > 1 else ()


EXAMPLES = [
    (Columns((0, 0, 5, 7), d=4), (4,)),
    (Columns((0, 0), d=4, numbers="periodic", frequencies=3), (2,)),
    (Columns((0, 3), d=4, numbers="plr", frequencies=3), (2,)),
    (Columns((0, 0, 3), d=4, numbers="ple", frequencies=5), (3,)),
    (Columns((0,), d=4, numbers="ple", frequencies=1), (1,)),
    (Columns((3, 4), d=4), (2,)),
]
