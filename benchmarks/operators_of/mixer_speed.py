"""How long a forward and backward pass of each mixer of sequences takes, how that grows, and what a step of it keeps.

Width 64, 4 sequences. Time at 1,024 places beside a plain loop of the same `step` over them (recorded by autograd), and
beside PyTorch's own layers of this width. growth: the exponent of the time over 256 to 4,096 places, fitted to logarithms.
bytes: what the state of one sequence holds after 256 and after 4,096 steps. Times are of the processor, so that other
work on the machine counts little: the lesser of two calls, and the mean of that over seeds.

Targets: no slower than the loop, nor than PyTorch's recurrent layer; growth at most 1.15; bytes that do not grow.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth import blocks, chain, ops
from nasmyth.graph import Graph
from nasmyth.network import build
from operators_of import spread

BATCH, WIDTH, PLACES = 4, 64, 1024
LENGTHS = (256, 512, 1024, 2048, 4096)

MIXERS: list[tuple[str, Any]] = [
    ("LinearAttention", ops.LinearAttention(4)),
    ("GatedLinearAttention", ops.GatedLinearAttention(4)),
    ("min_gru", blocks.min_gru(WIDTH)),
    ("DiagonalStateSpace", ops.DiagonalStateSpace(8)),
    ("SelectiveStateSpace", ops.SelectiveStateSpace(16)),
    ("mamba", blocks.mamba(16)),
    ("Attention", ops.Attention(4, causal=True)),
]
"""Anything "b l d -> b l out". One that does not step has no bytes; one whose state grows is not looped over."""


def table(seeds: range) -> Iterator[str]:
    yield f"{'':<22} {'ms':>16} {'loop, ms':>16} {'loop / it':>10} {'growth':>14} {'bytes':>16}"
    for name, op in MIXERS:
        found = [_measured(op, seed) for seed in seeds]
        whole, growth = [each["whole"] for each in found], [each["growth"] for each in found]
        line = f"{name:<22} {spread(whole, 1):>16}"
        if "loop" in found[0]:
            loop = [each["loop"] for each in found]
            line += f" {spread(loop, 0):>16} {sum(loop) / sum(whole):>10.1f}"
        else:
            line += f" {'':>16} {'':>10}"
        yield f"{line} {spread(growth, 2):>14} {found[0]['bytes']:>16}"
    for name, layer in _layers():
        times = [[_least(_pass(layer(), length)) for length in LENGTHS] for _ in seeds]
        whole, growth = [each[LENGTHS.index(PLACES)] for each in times], [_growth(each) for each in times]
        yield f"{name:<22} {spread(whole, 1):>16} {'':>16} {'':>10} {spread(growth, 2):>14}"


def _measured(op: Any, seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    networks = {n: build(Graph.of(chain(mixer=op), (n, WIDTH)), seed=seed) for n in LENGTHS}
    times = [_least(_pass(networks[n], n)) for n in LENGTHS]
    found: dict[str, Any] = {"whole": times[LENGTHS.index(PLACES)], "growth": _growth(times), "bytes": "-"}
    network = networks[PLACES]
    try:
        network.initial_state(1)
    except ValueError:  # it takes sequences as a whole
        return found
    short, long = (_bytes(network, n) for n in (LENGTHS[0], LENGTHS[-1]))
    found["bytes"] = f"{short:,} / {long:,}"
    if short == long:
        found["loop"] = _least(_pass(lambda x: _looped(network, x), PLACES), calls=1)
    return found


def _layers() -> Iterator[tuple[str, Callable[[], Callable[[Tensor], Tensor]]]]:
    def recurrent(cls: Any) -> Callable[[Tensor], Tensor]:
        layer = cls(WIDTH, WIDTH, batch_first=True)
        return lambda x: layer(x)[0]

    def attention() -> Callable[[Tensor], Tensor]:
        layer = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
        return lambda x: layer(
            x, x, x, attn_mask=nn.Transformer.generate_square_subsequent_mask(x.shape[1]), is_causal=True,
            need_weights=False,
        )[0]  # fmt: skip

    yield "nn.GRU", lambda: recurrent(nn.GRU)
    yield "nn.LSTM", lambda: recurrent(nn.LSTM)
    yield "nn.MultiheadAttention", attention


def _looped(network: Any, x: Tensor) -> Tensor:
    state, outputs = network.initial_state(len(x)), []
    for place in x.unbind(1):
        y, state = network.step(state, place)
        outputs.append(y)
    return torch.stack(outputs, 1)


@torch.no_grad()
def _bytes(network: Any, length: int) -> int:
    state = network.initial_state(1)
    for _ in range(length):
        _, state = network.step(state, torch.randn(1, WIDTH))
    return sum(kept.numel() * kept.element_size() for layer in state for kept in layer)


def _pass(run: Callable[[Tensor], Tensor], length: int) -> Callable[[], None]:
    x = torch.randn(BATCH, length, WIDTH, requires_grad=True)
    return lambda: run(x).square().mean().backward()


def _least(call: Callable[[], None], calls: int = 2) -> float:
    """Milliseconds of the processor, after a call to warm up where there are several."""
    if calls > 1:
        call()
    times = []
    for _ in range(calls):
        start = time.process_time()
        call()
        times.append(1000 * (time.process_time() - start))
    return min(times)


def _growth(times: list[float]) -> float:
    """The slope of log time over log length."""
    x, y = [math.log(n) for n in LENGTHS], [math.log(t) for t in times]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
