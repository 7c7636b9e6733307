"""Strings of digits read from images without a word on where each digit is: convolutions, a recurrent layer, and CTC.

CRNN (Shi et al. 2015, arXiv:1507.05717) in small: images are 3 to 8 of scikit-learn's handwritten digits (8 x 8) side by
side, padded to 64 columns; two convolutions make 32 columns of features, a bidirectional LSTM reads them, and a linear layer
says at each a digit or blank. Networks learn from 600 batches of 32 new strings of 1,200 of the digits. They are scored on 500
strings of the other 597, decoded greedily: the share of strings that are right as a whole, and edits for each symbol. The
same weights then read images of 10 digits, 80 columns, longer than any in training. The baseline is the same network
without its recurrent layer.

Target: at least 90 % of strings right without labels of places; length 10 runs unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from nasmyth import Graph, chain, frames
from nasmyth.forms import Strings
from nasmyth.network import build
from nasmyth.ops import LSTM, Activation, BatchNorm, Conv, Flatten, Linear, MaxPool, Permute
from operators_of import spread

STEPS, BATCH, LONGEST = 600, 32, 8
DIGITS = tuple("0123456789")


def table(seeds: range) -> Iterator[str]:
    yield f"{'':<22}{'strings right':>20}{'symbol error':>20}{'10 digits right':>20}{'symbol error':>20}"
    for name, recurrent in (("with a BiLSTM", True), ("without it", False)):
        rows = [_scores(recurrent, seed) for seed in seeds]
        columns = [spread(list(column)) for column in zip(*rows, strict=True)]
        yield f"{name:<22}{''.join(f'{shown:>20}' for shown in columns)}"


def _template(recurrent: bool) -> Any:
    """Height 8 to 2 and width to half of it, then columns of 2 x 32 features."""
    encoder = chain(
        Conv(16), BatchNorm(), Activation("relu"), MaxPool(2, 2), Conv(32), BatchNorm(), Activation("relu"),
        Permute((2, 0, 1)), frames(Flatten()),
    )  # fmt: skip
    return chain(encoder, LSTM(64, bidirectional=True), Linear(11)) if recurrent else chain(encoder, Linear(11))


def _scores(recurrent: bool, seed: int) -> tuple[float, float, float, float]:
    outputs = Strings(DIGITS, length=32, longest=LONGEST)
    network = build(Graph.of(_template(recurrent), input=(1, 8, 64)), seed=seed)
    train, test = _digits(seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS)
    for _ in range(STEPS):
        x, y = _strings(train, BATCH, generator, 3, LONGEST)
        loss = outputs.loss(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
    network.eval()
    found = _scored(network, outputs, _strings(test, 500, generator, 3, LONGEST))
    wider = build(Graph.of(_template(recurrent), input=(1, 8, 80)), outputs=None).eval()
    wider.load_state_dict(network.state_dict())
    return *found, *_scored(wider, Strings(DIGITS, 40, 10), _strings(test, 500, generator, 10, 10))


@torch.no_grad()
def _scored(network: Any, outputs: Strings, data: tuple[Tensor, Tensor]) -> tuple[float, float]:
    meter = outputs.meter()
    meter.update(network(data[0]), data[1])
    scores = meter.compute()
    return scores["accuracy"], scores["symbol_error"]


def _digits(seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    found = load_digits()
    x, y = torch.tensor(found.images).float() / 16, torch.tensor(found.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return tuple((x[part], y[part]) for part in (order[:1200], order[1200:]))  # type: ignore[return-value]


def _strings(
    digits: tuple[Tensor, Tensor], count: int, generator: torch.Generator, shortest: int, longest: int
) -> tuple[Tensor, Tensor]:
    """Images, N 1 8 (8 longest), and targets, N longest."""
    drawn = torch.randint(len(digits[1]), (count, longest), generator=generator)
    lengths = torch.randint(shortest, longest + 1, (count, 1), generator=generator)
    there = torch.arange(longest) < lengths
    images = digits[0][drawn] * there[:, :, None, None]
    return images.transpose(1, 2).reshape(count, 1, 8, 8 * longest), digits[1][drawn].masked_fill(~there, -100)
