"""A long convolution whose kernel comes from the input recalls what it has seen; one whose kernel is learned and fixed does not.

Associative recall: a sequence of pairs of a key and a value, in which a key always has the same value, and a key at the end,
whose value is asked for. 12 keys, 12 values, each sequence with an assignment of its own, so chance is 8 %. Networks differ in
one part alone, the mixer of one pre-norm block of 48 features behind an embedding: `orchid`; the same block with a `LongConv`
around the ring in the place of the kernel that the sequence makes (static); and, to know what gates do, `hyena`. Each is
trained anew at every length, on fresh sequences.

Targets: the data-dependent one at least 95 % and the static one at most 60 %, at 128 to 512 places; shifting the input by any number
of places shifts its output to 1e-5; twice the length takes at most 2.4 times the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth import Graph, chain, parallel
from nasmyth.blocks import hyena, orchid, transformer
from nasmyth.network import build
from nasmyth.ops import Embedding, Linear, LongConv, Multiply, RMSNorm, Select, ShortConv
from operators_of import spread

KEYS = VALUES = 12
WIDTH, BATCH, STEPS = 48, 32, 250
LENGTHS = (128, 512)


def static() -> Any:
    """`orchid` with a kernel of its own for all sequences."""

    def projected() -> Any:
        return chain(Linear(WIDTH), ShortConv(3, "circular"))

    gated = parallel(value=chain(projected(), LongConv(causal=False)), gate=projected(), join=Multiply())
    return chain(gated, Linear(WIDTH))


MIXERS = {"orchid": orchid(), "static": static(), "hyena": hyena()}


def recall(batch: int, length: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences of `length` codes, the last of them a key that has been seen, and its value."""
    value_of = torch.randint(VALUES, (batch, KEYS), generator=random)
    keys = torch.randint(KEYS, (batch, length // 2), generator=random)
    pairs = torch.stack((keys, KEYS + value_of.gather(1, keys)), 2).flatten(1)
    asked = keys[:, :1]
    return torch.cat((pairs[:, 2:], pairs[:, :2], asked), 1)[:, 1:].float(), value_of.gather(1, asked)[:, 0]


def network(mixer: Any, length: int, seed: int) -> nn.Module:
    block = transformer(mixer=mixer, expand=2, norm=RMSNorm())
    template = chain(
        embed=Embedding(KEYS + VALUES, WIDTH), block=block, last=Select(0, -1), norm=RMSNorm(), head=Linear(VALUES)
    )
    return build(Graph.of(template, (length,)), seed=seed)


def accuracy(mixer: Any, length: int, seed: int) -> float:
    """In per cent, on sequences that were not trained on."""
    random = torch.Generator().manual_seed(seed)
    model = network(mixer, length, seed)
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS)
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
    yield f"accuracy of the value recalled in %, {len(seeds)} seeds, {STEPS} steps of {BATCH} sequences"
    yield f"{'places':>8}  " + "  ".join(f"{name:>14}" for name in MIXERS)
    for length in LENGTHS:
        reached = {name: [accuracy(mixer, length, seed) for seed in seeds] for name, mixer in MIXERS.items()}
        yield f"{length:>8}  " + "  ".join(f"{spread(found, 1):>14}" for found in reached.values())
    yield ""
    yield f"largest difference after a shift by 37 places: {max(map(shift_error, seeds)):.1e} (target 1e-5)"
    times = {length: seconds(length) for length in (512, 1024, 2048, 4096)}
    for length in (1024, 2048, 4096):
        yield f"{length} places take {times[length] / times[length // 2]:.2f} times as long as {length // 2} (target 2.4)"
