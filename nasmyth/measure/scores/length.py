"""Length distortion: how much longer a curve through the inputs becomes on its way through an untrained network
(As-ViT, Chen et al. 2022, arXiv:2202.11921, section 3.1; Poole et al. 2016, arXiv:1606.05340).

    the input  h(t) = sqrt(d) (u cos t + v sin t),  u and v orthogonal of length 1, t from 0 to 2 pi
    score = length of the output's curve / length of the input's

No data and no labels. It is the paper's indicator of what a vision transformer can express. Departure: the lengths are those
of polygons with POINTS corners, where the paper differentiates; the mean of CIRCLES circles.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.passes import run
from nasmyth.network.pipeline import device_of

POINTS, CIRCLES = 24, 2


@measure(unit="", direction="max", needs=("network", "seed"))
def length_distortion(network: Any, seed: int) -> float:
    """How many times longer a circle of inputs is as a curve of outputs (As-ViT, Chen et al. 2022, arXiv:2202.11921)."""
    entries = network.graph.inputs
    if len(entries) != 1 or entries[0].dtype != "float":
        raise CandidateError(
            "length_distortion draws a circle of numbers, and this network takes other inputs: leave it out"
        )
    generator, shape = torch.Generator().manual_seed(seed), tuple(entries[0].shape)
    angle = torch.linspace(0, 2 * math.pi, POINTS + 1)[:, None]
    device, total = device_of(network), 0.0
    for _ in range(CIRCLES):
        axes, _ = torch.linalg.qr(torch.randn(math.prod(shape), 2, generator=generator))
        circle = math.sqrt(math.prod(shape)) * (angle.cos() * axes[:, 0] + angle.sin() * axes[:, 1])
        with torch.no_grad():
            found = run(network, (circle.reshape(-1, *shape).to(device),)).output.flatten(1).double()
        total += polygon(found) / polygon(circle.double())
    return total / CIRCLES


def polygon(points: torch.Tensor) -> float:
    """The length of the line through points, N d."""
    return float((points[1:] - points[:-1]).norm(dim=1).sum())
