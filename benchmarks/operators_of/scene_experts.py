"""Do experts of different resolutions fit a picture that is half smooth, half texture, better than equal ones?

A field over the coordinates of a picture of 96 by 96 pixels: its left half is a sum of slow waves, its right half noise of
single pixels. `hash_experts` with two experts, trained jointly with the gate on all pixels: grids of 4 to 16 and of 24 to
96 cells along an axis, against two of 4 to 96, with equal parameters. Purity: the share of pixels that go where most of
their half does, where the two halves go to different experts; else that of one expert for all, 0.5. Target: at least 1 dB
of PSNR more, and a purity of at least 0.8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth import Graph, blocks
from nasmyth.measure import params
from nasmyth.network import Network, build
from nasmyth.train.auxiliary import auxiliary_losses
from operators_of import spread

SIDE, STEPS, BATCH = 96, 500, 1536
RANGES = {"different": ((4, 16), (24, 96)), "equal": ((4, 96), (4, 96))}


def table(seeds: range) -> Iterator[str]:
    yield f"{'experts':<12}{'parameters':>11}  {'PSNR, dB':<16}purity"
    found: dict[str, list[float]] = {}
    for name, ranges in RANGES.items():
        graph = Graph.of(blocks.hash_experts(1, ranges, levels=4, table=2048, hidden=16), input=(1, 2))
        figures = [fitted(graph, seed) for seed in seeds]
        found[name] = [psnr for psnr, _ in figures]
        yield f"{name:<12}{params(graph):>11.0f}  {spread(found[name], 2):<16}{spread([p for _, p in figures], 2)}"
    gains = [ours - theirs for ours, theirs in zip(*found.values(), strict=True)]
    yield f"\ndifferent less equal, of one seed: {spread(gains, 2)} dB"


def picture(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Coordinates (n, 2) and values (n, 1): smooth on the left, noise on the right."""
    at = (torch.arange(SIDE) + 0.5) / SIDE
    y, x = torch.meshgrid(at, at, indexing="ij")
    phase = torch.rand(4, generator=generator) * 2 * math.pi
    smooth = 0.5 + 0.2 * torch.sin(5 * x + phase[0]) + 0.2 * torch.sin(7 * y + 3 * x + phase[1])
    texture = torch.rand(SIDE, SIDE, generator=generator)
    return torch.stack((y, x), -1).reshape(-1, 2), torch.where(x < 0.5, smooth, texture).reshape(-1, 1)


def fitted(graph: Graph, seed: int) -> tuple[float, float]:
    """PSNR and purity after training."""
    generator = torch.Generator().manual_seed(seed)
    points, values = picture(generator)
    network = build(graph, seed=seed).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    with auxiliary_losses(network) as extra:
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / STEPS)
            rows = torch.randint(len(points), (BATCH,), generator=generator)
            loss = F.mse_loss(network(points[rows].unsqueeze(1)).squeeze(1), values[rows]) + sum(extra)
            extra.clear()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval()
    with torch.no_grad():
        error = F.mse_loss(network(points.unsqueeze(1)).squeeze(1), values)
    return float(-10 * error.log10()), purity(network, points)


@torch.no_grad()
def purity(network: Network, points: Tensor) -> float:
    told: list[Tensor] = []
    gate = network.layer("gate.tell")
    handle = gate.register_forward_hook(lambda module, given, logits: told.append(logits))
    network(points.unsqueeze(1))
    handle.remove()
    second, right = told[0].argmax(-1).flatten().bool(), points[:, 1] > 0.5
    agree = float((second == right).float().mean())
    return max(agree, 1 - agree)
