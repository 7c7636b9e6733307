"""A 1x1 convolution with a stride: right, and without harm to memory that is not its own."""

from __future__ import annotations

import os
import subprocess
import sys

import torch
import torch.nn.functional as F

from nasmyth.ops import Conv

TRAIN = """
import torch
from nasmyth.ops import Conv
torch.set_num_threads(1)
conv = Conv(12, kernel=1, stride=2).build((6, 8, 8)).to(memory_format=torch.channels_last)
for _ in range(100):
    x = torch.randn(8, 6, 8, 8).to(memory_format=torch.channels_last).requires_grad_()
    y = conv(x)
    y.backward(torch.randn_like(y))
junk = [torch.randn(n) for n in range(1000)]
print("sound")
"""


def test_it_computes_the_strided_convolution():
    for size in (7, 8):
        conv = Conv(5, kernel=1, stride=2, bias=True).build((3, size, size))
        x = torch.randn(2, 3, size, size)
        assert torch.allclose(conv(x), F.conv2d(x, conv.weight, conv.bias, stride=2), atol=1e-6)


def test_training_it_leaves_the_heap_sound():
    """The C library checks its heap (MALLOC_CHECK_) and aborts if something was written beyond its end."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], capture_output=True, text=True, env={**os.environ, "MALLOC_CHECK_": "3"}
    )
    assert done.stdout.strip() == "sound", done.stderr[-500:]
