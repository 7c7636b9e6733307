"""From pixels to tokens, and where a token stands: patches and positions."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.graph.op import buffer_count, mac_count, op, param_count, state_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing


@op("b c (h p) (w p) -> b (h w) d", weights={"weight": "d c p p", "bias": "d"})
class Patchify(nn.Conv2d):
    """Patches of p by p pixels, each projected to d features, row by row (Dosovitskiy 2021, arXiv:2010.11929)."""

    def __init__(self, c: int, p: int = 16, d: int = 192) -> None:
        super().__init__(c, d, p, p)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).flatten(2).transpose(1, 2)


@op("b ... -> b ... d", weights={"weight": "codes d"}, ordered="codes")
class Embedding(nn.Embedding):
    """A learned vector for each code (Bengio 2003). Codes from 0 on, whole or as floats; what is beyond is the last one."""

    takes_codes = True  # what preprocessing has centred and scaled would fall onto a few of them: networks refuse it

    def __init__(self, codes: int, d: int) -> None:
        super().__init__(codes, d)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        codes = x.round().long() if x.is_floating_point() else x  # ONNX has no Round of whole numbers
        return F.embedding(codes.clamp(0, self.num_embeddings - 1), self.weight)


@op("b l d -> b l d", weights={"position": "l d"})
class LearnedPosition(nn.Module):
    """Adds a learned vector for each place (Dosovitskiy 2021)."""

    def __init__(self, l: int, d: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.empty(l, d))
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.position

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        """How many places have been, b."""
        return (self.position.new_zeros(batch, dtype=torch.long),)

    def step(self, state: tuple[torch.Tensor], x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        (place,) = state
        if int(place.max()) >= len(self.position):
            raise ValueError(f"there are {len(self.position)} positions, and one more place came; build it for more")
        return x + self.position[place], (place + 1,)


@op("b l d=(2 k) -> b l d", weights={"position": "l d"})
class SinCosPosition(nn.Module):
    """Adds sines and cosines of the place, at wavelengths from 2 pi to 2 pi `longest` (Vaswani 2017, section 3.5; sines
    first, then cosines)."""

    position: torch.Tensor

    def __init__(self, l: int, d: int, longest: float = 10000.0) -> None:
        super().__init__()
        rate = torch.exp(torch.arange(d // 2) * (-math.log(longest) / (d // 2)))
        angle = torch.arange(l)[:, None] * rate
        self.register_buffer("position", torch.cat((angle.sin(), angle.cos()), 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.position

    def initial_state(self, batch: int) -> tuple[torch.Tensor]:
        """How many places have been, b."""
        return (self.position.new_zeros(batch, dtype=torch.long),)

    def step(self, state: tuple[torch.Tensor], x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        (place,) = state
        if int(place.max()) >= len(self.position):
            raise ValueError(f"there are {len(self.position)} positions, and one more place came; build it for more")
        return x + self.position[place], (place + 1,)


@param_count.register(Patchify)
def _(patchify: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[1] * (inputs[0][0] * int(patchify.p) ** 2 + 1)


@param_count.register(Embedding)
def _(embedding: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return int(embedding.codes) * output[-1]


mac_count.register(Embedding, nothing)


@mac_count.register(Patchify)
def _(patchify: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Every number of the image meets d weights once."""
    return math.prod(inputs[0]) * output[1]


def _table(position: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(output)


param_count.register(LearnedPosition, _table)
param_count.register(SinCosPosition, nothing)
buffer_count.register(SinCosPosition, _table)
for _position in (LearnedPosition, SinCosPosition):
    mac_count.register(_position, nothing)
    state_count.register(_position, lambda position, inputs, output: 1)

EXAMPLES = [
    (Patchify(p=2, d=5), (3, 6, 4)),
    (Embedding(5, 3), (4,)),
    (LearnedPosition(), (4, 6)),
    (SinCosPosition(), (4, 6)),
]
