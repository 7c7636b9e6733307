"""Costs of an op without rules: built once, run once, counted.

PyTorch's FlopCounterMode counts matrix products and convolutions, and is blind to fused attention and recurrent layers
on a CPU. So the fused forms are switched off while counting, which shows it the products that they are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakIdKeyDictionary

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


def count_depth(run: Callable[[], object]) -> int:
    """The longest chain of operations of which each needs the one before it, in whatever `run` computes, gradients included.

    What can be had at once counts once, however many numbers it has: a loop over a sequence is as deep as that is long.
    """
    with _Depth() as counter:
        run()
    return counter.deepest


class _Depth(TorchDispatchMode):
    """Notes of each tensor how many operations led to it. Views are none."""

    def __init__(self) -> None:
        super().__init__()
        self.depths = WeakIdKeyDictionary()
        self.deepest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        read = [x for x in tree_leaves((args, kwargs or {})) if isinstance(x, Tensor)]
        depth = max((self.depths.get(x, 0) for x in read), default=0) + (not getattr(func, "is_view", False))
        for x in tree_leaves(found):
            if isinstance(x, Tensor):
                self.depths[x] = max(depth, self.depths.get(x, 0))
        self.deepest = max(self.deepest, depth)
        return found
