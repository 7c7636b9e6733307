"""A long convolution whose kernel comes from the input recalls what it has seen, as one with a fixed kernel does not.

Associative recall: 4 pairs of a key and a value lie scattered in a sequence that is blank otherwise; at its end a key,
written as a capital, asks for its value, one of 8 that are drawn anew for each sequence. Networks differ in one part alone,
the mixer of one pre-norm block of 48 features behind an embedding: `orchid`; the same with a `LongConv` around the ring in
the place of the kernel that the sequence makes (static); and, to know what gates do, `hyena`. Each is trained anew at every
length, on fresh sequences; at 512 places for two seeds, without `hyena`, since that takes most of the time.

Targets: the data-dependent one at least 95 % and the static one at most 60 %, at 128 to 512 places; shifting the input by
any number of places shifts its output to 1e-5; twice the length takes at most 2.4 times the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth import Graph, chain, parallel
from nasmyth.blocks import hyena, orchid, transformer
from nasmyth.network import Network, build
from nasmyth.ops import Embedding, Linear, LongConv, Multiply, RingConv, RMSNorm, Select, TokenBatchNorm
from operators_of import spread

KEYS, VALUES = 4, 8
BLANK, CAPITAL = KEYS + VALUES, KEYS + VALUES + 1
WIDTH, BATCH, STEPS = 48, 32, 150


def static() -> Any:
    """`orchid` with a kernel of its own for all sequences."""

    def projected() -> Any:
        return chain(Linear(WIDTH, bias=False), RingConv(3))

    gated = parallel(value=chain(projected(), LongConv(causal=False), RMSNorm()), gate=projected(), join=Multiply())
    return chain(gated, Linear(WIDTH))


MIXERS = {"orchid": orchid(), "static": static(), "hyena": hyena()}


def recall(batch: int, length: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences of `length` codes, and the value of the key at their end."""
    keys = torch.rand(batch, KEYS, generator=random).argsort(1)
    values = torch.randint(VALUES, keys.shape, generator=random)
    where = 2 * torch.rand(batch, length // 2 - 1, generator=random).argsort(1)[:, :KEYS]
    codes = torch.full((batch, length), BLANK)
    codes.scatter_(1, where, keys).scatter_(1, where + 1, KEYS + values)
    codes[:, -1] = CAPITAL + keys[:, 0]
    return codes.float(), values[:, 0]


def network(mixer: Any, length: int, seed: int) -> Network:
    block = transformer(mixer=mixer, expand=2, norm=TokenBatchNorm())
    template = chain(
        embed=Embedding(CAPITAL + KEYS, WIDTH), block=block, last=Select(0, -1), norm=RMSNorm(), head=Linear(VALUES)
    )
    return build(Graph.of(template, (length,)), seed=seed)


def accuracy(mixer: Any, length: int, seed: int) -> float:
    """In per cent, on sequences that were not trained on."""
    random = torch.Generator().manual_seed(seed)
    model = network(mixer, length, seed)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, STEPS)
    for _ in range(STEPS):
        x, y = recall(BATCH, length, random)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    x, y = recall(500, length, random)
    with torch.no_grad():
        return 100 * float((model.eval()(x).argmax(1) == y).float().mean())


def shift_error(seed: int) -> float:
    torch.manual_seed(seed)
    mixer = build(Graph.of(orchid(), (128, WIDTH)), seed=seed)
    x = torch.randn(4, 128, WIDTH)
    with torch.no_grad():
        return float((mixer(x.roll(37, 1)) - mixer(x).roll(37, 1)).abs().max())


def seconds(length: int) -> float:
    """Of processor time for one pass of the mixer without gradients, the least of several."""
    mixer = build(Graph.of(orchid(), (length, WIDTH)), seed=0).eval()
    x, taken = torch.randn(4, length, WIDTH), []
    with torch.no_grad():
        for _ in range(9):
            begun = time.process_time()
            mixer(x)
            taken.append(time.process_time() - begun)
    return min(taken)


def table(seeds: range) -> Iterator[str]:
    yield f"accuracy of the value recalled in %, {STEPS} steps of {BATCH} sequences"
    yield f"{'places':>8}{'seeds':>7}  " + "  ".join(f"{name:>14}" for name in MIXERS)
    for length, names, some in ((128, tuple(MIXERS), seeds), (512, ("orchid", "static"), seeds[:2])):
        found = [[accuracy(MIXERS[name], length, seed) for seed in some] for name in names]
        yield f"{length:>8}{len(some):>7}  " + "  ".join(f"{spread(one, 1):>14}" for one in found)
    yield ""
    yield f"largest difference after a shift by 37 places: {max(map(shift_error, seeds)):.1e} (target 1e-5)"
    times = {length: seconds(length) for length in (512, 1024, 2048, 4096)}
    for length in (1024, 2048, 4096):
        yield f"{length} places take {times[length] / times[length // 2]:.2f} times as long as {length // 2} (target 2.4)"
