"""Seconds to trace a ResNet-50 written in plain PyTorch: `nasmyth.trace` beside `torch.export.export` of the same module.

    python benchmarks/trace.py [--runs 7]

Seconds are the processor's, on one thread; 224 x 224 pixels. The first run of a process pays for what PyTorch imports to
trace anything, and is printed by itself, measured in new processes. Baselines: `torch.export.export` for one batch
size, and with a batch axis of any length, which is what tracing finds out as well. Before timing, parameters and MACs
of the graph are held to the network's own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import nn

import nasmyth
from nasmyth.bench.protocol import interval
from nasmyth.measure import macs, params

AT_MOST, AIM = 5.0, 1.0
PARAMS = 25_557_032
"""Of ResNet-50 with 1,000 classes (He et al. 2016)."""


class Bottleneck(nn.Module):
    def __init__(self, c: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(c, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.down = None
        if stride != 1 or c != out:
            self.down = nn.Sequential(nn.Conv2d(c, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = x if self.down is None else self.down(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + skip)


class ResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        layers: list[nn.Module] = []
        c = 64
        for stage, depth in enumerate((3, 4, 6, 3)):
            for i in range(depth):
                layers.append(Bottleneck(c, 64 * 2**stage, 2 if stage and not i else 1))
                c = 256 * 2**stage
        self.layers = nn.Sequential(*layers)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(2048, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.pool(self.layers(self.stem(x))), 1))


@torch.no_grad()
def hooked(module: nn.Module, x: torch.Tensor) -> int:
    """MACs, counted by running the module."""
    total = 0

    def count(layer: nn.Module, inputs: object, output: torch.Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.weight[0].numel()  # type: ignore[index, operator, union-attr]

    handles = [m.register_forward_hook(count) for m in module.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    module(x)
    for handle in handles:
        handle.remove()
    return total


def seconds(work: Callable[[], object], runs: int) -> list[float]:
    """Of each run, of the processor: a busy machine makes it wait, not work more. The first one only warms up."""
    found = []
    for _ in range(runs + 1):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return found[1:]


def said(values: list[float]) -> str:
    """Median, and the mean with its 95 % confidence interval (Student's t)."""
    mean, half = interval(values)
    return f"{statistics.median(values):6.2f} s (mean {mean:.2f} [{mean - half:.2f}, {mean + half:.2f}])"


def first(function: str, runs: int) -> list[float]:
    """Of the first call in a new process, without importing the library and making the module."""
    program = (
        "t = m; module, x = t.subject(); import time; start = time.process_time()\n"
        f"t.{function}(module, x); print(time.process_time() - start)"
    )
    loader = (
        f"import importlib.util as u, sys; s = u.spec_from_file_location('_nasmyth_trace_benchmark', {__file__!r})\n"
        "m = u.module_from_spec(s); sys.modules[s.name] = m; s.loader.exec_module(m)\n"
    )
    found = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", loader + program], check=True, capture_output=True, text=True)
        found.append(float(done.stdout.split()[-1]))
    return found


def subject() -> tuple[nn.Module, torch.Tensor]:
    torch.set_num_threads(1)
    return ResNet50().eval(), torch.randn(2, 3, 224, 224)


def traced(module: nn.Module, x: torch.Tensor) -> object:
    return nasmyth.trace(module, x)


def exported(module: nn.Module, x: torch.Tensor) -> object:
    return torch.export.export(module, (x,), strict=False)


def exported_for_any_batch(module: nn.Module, x: torch.Tensor) -> object:
    return torch.export.export(module, (x,), strict=False, dynamic_shapes=({0: torch.export.Dim("batch")},))


def main() -> int:
    """Print the figures; 1 if the graph costs something else than the network, or tracing takes too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = max(2, parser.parse_args().runs)
    warnings.simplefilter("ignore")
    module, x = subject()
    graph = nasmyth.trace(module, x)
    ours, theirs = (int(params(graph)), int(macs(graph))), (PARAMS, hooked(module, x[:1]))
    print(f"params, MACs                    {ours[0]:,}, {ours[1]:,} (the network's own: {theirs[0]:,}, {theirs[1]:,})")
    if ours != theirs:
        return 1
    trace = seconds(lambda: traced(module, x), runs)
    print(f"nasmyth.trace                   {said(trace)}   (at most {AT_MOST:g}, aim {AIM:g})")
    print(f"torch.export, one batch size    {said(seconds(lambda: exported(module, x), runs))}   (baseline)")
    print(
        f"torch.export, any batch size    {said(seconds(lambda: exported_for_any_batch(module, x), runs))}   (baseline)"
    )
    print(f"the first in a process: trace   {said(first('traced', 3))}")
    print(f"                 torch.export   {said(first('exported', 3))}   (baseline)")
    return int(statistics.median(trace) > AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
