"""Whether a training is in bfloat16: where the device multiplies it faster than float32, and the network gains by it.

What a processor can do does not tell how fast it is: with AVX-512 BF16 a step of a residual network takes 0.7 of the time on
one processor and 1.4 times the time on another (`benchmarks/step_speed.py`). So a convolution is timed in both, once a process.
"""

from __future__ import annotations

import functools
import time

import torch
from torch import nn

CHANNELS, SIDE, BATCH = 32, 14, 32
"""Of the convolution that is timed: about one of a small network in the middle."""
ROUNDS = 8
GAIN = 0.9
"""Bfloat16 takes at most this share of the time of float32, so that noise decides nothing."""


def halves(precision: str, kind: str, network: nn.Module | None) -> bool:
    """Whether a training with such a precision ("32", "bf16" or "auto") on a kind of device is in bfloat16.

    Of CPUs those gain that have AVX-512 BF16 or AMX, if a convolution is faster by it; of networks, those with convolutions all
    of which are dense: one with depthwise convolutions takes 1.1 to 1.4 times as long.
    """
    if precision != "auto":
        return precision == "bf16"
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", None)  # older versions of torch do not say
    if kind != "cpu" or capabilities is None or network is None:
        return False
    told, convolutions = capabilities(), [one for one in network.modules() if isinstance(one, nn.Conv2d)]
    dense = bool(convolutions) and all(one.groups == 1 for one in convolutions)
    return dense and bool(told.get("avx512_bf16") or told.get("amx_bf16")) and _pays()


@functools.cache
def _pays() -> bool:
    """Whether convolutions are faster in bfloat16 on this CPU. Takes some hundredths of a second."""
    with torch.random.fork_rng(devices=()):
        network = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = torch.randn(BATCH, CHANNELS, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    timed = [(seconds(network, x, False), seconds(network, x, True)) for _ in range(ROUNDS + 1)]
    whole, half = (min(times) for times in zip(*timed[1:], strict=True))  # the first warms up
    return half <= GAIN * whole


def seconds(network: nn.Module, x: torch.Tensor, half: bool) -> float:
    """Of this thread's processor in a step forward and back: what else runs on it does not count."""
    started = time.thread_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        y = network(x.requires_grad_())
    y.float().square().mean().backward()
    return time.thread_time() - started
