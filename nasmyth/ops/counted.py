"""Costs of an op without rules: built once, run once, counted.

PyTorch's FlopCounterMode counts matrix products and convolutions, and is blind to fused attention and recurrent layers
on a CPU. So the fused forms are switched off while counting, which shows it the products that they are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nasmyth.graph.op import Op
from nasmyth.graph.signature import Shape


@lru_cache(maxsize=100_000)
def count(op: Op, shapes: tuple[Shape, ...]) -> tuple[int, int, int]:
    """Learnable numbers, other saved numbers, and multiply-accumulates for one example with inputs of these shapes.

    Takes as long as building the module and running it once. The global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        module = op.build(*shapes).eval()
        return *count_saved(module), count_macs(module, shapes)


def count_saved(module: nn.Module) -> tuple[int, int]:
    """Numbers in the parameters, and in the buffers that are saved with them. Shared ones count once."""
    saved = module.state_dict().keys()
    buffers = sum(buffer.numel() for name, buffer in module.named_buffers() if name in saved)
    return sum(parameter.numel() for parameter in module.parameters()), buffers


def count_macs(module: nn.Module, shapes: tuple[Shape, ...]) -> int:
    """Multiply-accumulates that one example of zeros takes; elementwise products count nothing. Run it in eval mode."""
    like = next(module.parameters(), torch.empty(0))
    inputs = [torch.zeros(1, *shape, dtype=like.dtype, device=like.device) for shape in shapes]
    with torch.no_grad(), _unfused(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() // 2


@contextmanager
def _unfused() -> Iterator[None]:
    """Attention and recurrent layers as plain matrix products."""
    mha, mkldnn = torch.backends.mha, torch.backends.mkldnn
    fast, library = mha.get_fastpath_enabled(), mkldnn.enabled
    mha.set_fastpath_enabled(False)
    mkldnn.enabled = False
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        mha.set_fastpath_enabled(fast)
        mkldnn.enabled = library
