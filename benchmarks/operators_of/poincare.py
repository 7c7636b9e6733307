"""Poincaré ResNets (van Spengler 2023, arXiv:2303.14027): staying inside the ball, keeping norms, and what a norm's mean costs.

Inside: 50 residual layers (convolution, norm, sum of the ball) with standard normal weights, on features of length 1 to
1,000. Norms: 20 convolutions of 3x3 on points 0.1 to 0.9 from the origin; the mean distance from the origin that comes out
over the one that went in, with identity and with normal starts. Means: forward and backward of `PoincareBatchNorm`, and of
the mean in it alone, on 8,192 points of 16 numbers (`ToBall` of standard normal ones; processor time, the least of 7); and
the accuracy on 597 digits of a small network trained on the other 1,200, 5 epochs, with the midpoint and with the Fréchet
mean.

Targets: all points inside; norms within 1 % with identity starts, while normal ones collapse; the midpoint at least 5 times
faster than the Fréchet mean at the same accuracy, within 1 point.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from nasmyth import chain, parallel
from nasmyth.blocks import poincare_block
from nasmyth.graph import Graph, Identity
from nasmyth.network import build
from nasmyth.ops import Activation, Flatten, FromBall, Linear, MobiusAdd, PoincareBatchNorm, PoincareConv, ToBall
from operators_of import spread

EPOCHS, BATCH = 5, 60
MEANS = ("midpoint", "frechet")


def table(seeds: range) -> Iterator[str]:
    yield f"inside: the farthest of all points after each of 50 layers is at {max(map(farthest, seeds)):.4f} of the radius\n"
    for init in ("identity", "normal"):
        kept = [100 * norm_kept(init, seed) for seed in seeds]
        yield f"distance from the origin kept by 20 layers, {init + ' start:':<16}{spread(kept, 4)} %"
    norms, means = ({mean: seconds(mean, alone) for mean in MEANS} for alone in (False, True))
    yield f"\n{'mean':<11}{'norm (ms)':>10}{'mean alone (ms)':>17}   digits accuracy (%)"
    for mean in MEANS:
        right = [100 * accuracy(mean, seed) for seed in seeds]
        yield f"{mean:<11}{1000 * norms[mean]:>10.2f}{1000 * means[mean]:>17.2f}   {spread(right, 2)}"
    faster = [times["frechet"] / times["midpoint"] for times in (norms, means)]
    told = f"the norm is {faster[0]:.1f} times faster (target: at least 5), the mean alone {faster[1]:.1f} times"
    yield f"with the midpoint, {told}"


@torch.no_grad()
def farthest(seed: int) -> float:
    """Over all layers, the largest share of the radius."""
    drawn = torch.Generator().manual_seed(seed)
    x = F.normalize(torch.randn(8, 8, 6, 6, generator=drawn), dim=1) * 10 ** (
        3 * torch.rand(8, 1, 6, 6, generator=drawn)
    )
    points, most = ToBall().build((8, 6, 6))(x), 0.0
    layer = parallel(skip=Identity(), body=chain(PoincareConv(8), PoincareBatchNorm()), join=MobiusAdd())
    for i in range(50):
        network = build(Graph.of(layer, (8, 6, 6)), seed + i).train()
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=drawn))
        points = network(points)
        most = max(most, float(points.norm(dim=1).max()))
    return most


@torch.no_grad()
def norm_kept(init: str, seed: int) -> float:
    drawn = torch.Generator().manual_seed(seed)
    way = F.normalize(torch.randn(8, 16, 8, 8, generator=drawn), dim=1)
    points = way * (0.1 + 0.8 * torch.rand(8, 1, 8, 8, generator=drawn))
    network = build(Graph.of(chain(*[PoincareConv(16, init=init)] * 20), (16, 8, 8)), seed)
    return float(FromBall().build((16, 8, 8))(network(points)).norm(dim=1).mean() / points.norm(dim=1).atanh().mean())


def seconds(mean: str, alone: bool) -> float:
    """Of a step of the norm, or of the mean in it."""
    drawn = torch.Generator().manual_seed(0)
    points = ToBall().build((16, 8, 8))(torch.randn(128, 16, 8, 8, generator=drawn)).requires_grad_()
    norm, took = PoincareBatchNorm(mean).build((16, 8, 8)), []
    for _ in range(7):
        start = time.process_time()
        made = getattr(norm, mean)(points.movedim(1, -1).reshape(-1, 16)) if alone else norm(points)
        made.square().sum().backward()
        took.append(time.process_time() - start)
    return min(took)


def digits() -> tuple[Tensor, Tensor]:
    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(0))
    images = torch.tensor(found.images, dtype=torch.float32)[:, None] / 8 - 1
    return images[order], torch.tensor(found.target)[order]


def accuracy(mean: str, seed: int) -> float:
    stem = chain(ball=ToBall(), conv=PoincareConv(16, stride=2), norm=PoincareBatchNorm(mean), act=Activation("relu"))
    head = chain(plain=FromBall(), row=Flatten(), classes=Linear(10))
    network = build(Graph.of(chain(stem=stem, body=poincare_block(16, mean=mean), head=head), (1, 8, 8)), seed)
    images, labels = digits()
    train(network, images[:1200], labels[:1200], seed)
    with torch.no_grad():
        return float((network(images[1200:]).argmax(1) == labels[1200:]).float().mean())


def train(network: nn.Module, images: Tensor, labels: Tensor, seed: int) -> None:
    drawn = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * math.ceil(len(images) / BATCH))
    network.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images), generator=drawn).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
