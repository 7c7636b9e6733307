"""Local features with what they share with a global vector taken out of them, against local features as they are.

Images of 24 by 24 pixels have a layout (two wide blobs at places of its own, one of 8) and a glyph (a pattern of 5 by 5
pixels at any place, one of 8), under noise. Two networks of the same parts (`dolg`, Yang 2021, arXiv:2108.02927), of which one
fuses orthogonally and the other joins and averages features as they are, are trained to tell 48 of the 64 pairs apart, by the
cosines of their descriptors: 1,152 images, 10 epochs of Adam. Then each of the 384 images of the other 16 pairs is a query
for the others: relevant are those of its own pair.

Targets: the inner product of what is fused and the global vector is below 1e-6; mean average precision is at least 3 points
above that of the joined features, at equal numbers of parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.blocks import conv_block, dolg
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Orthogonal
from operators_of import spread

SIDE, LAYOUTS, GLYPHS, EACH, EPOCHS, BATCH, OUT = 24, 8, 8, 24, 10, 64, 32


def table(seeds: range) -> Iterator[str]:
    yield f"{'fusion':<14}{'parameters':>11}   mean average precision (%)"
    precisions: dict[str, list[float]] = {}
    shared = 0.0
    for name, orthogonal in (("orthogonal", True), ("joined", False)):
        graph = graph_of(orthogonal)
        precisions[name] = []
        for seed in seeds:
            images, pairs, seen = data(seed)
            network = trained(build(graph, seed), images[seen], pairs[seen], seed)
            precisions[name].append(100 * precision(network, images[~seen], pairs[~seen]))
            if orthogonal:
                shared = max(shared, largest_product(network, images[~seen][:100]))
        yield f"{name:<14}{graph.costs.params:>11,}   {spread(precisions[name], 1)}"
    gains = [one - other for one, other in zip(*precisions.values(), strict=True)]
    yield f"\northogonal above joined: {spread(gains, 1)} points (target: at least 3), mean {fmean(gains):.1f}"
    yield f"largest inner product of a pixel's fused part and the global vector, each of length 1: {shared:.1e} (target: 1e-6)"


def graph_of(orthogonal: bool) -> Graph:
    stem = chain(conv_block(16, 3, 2), conv_block(32, 3))
    deep = chain(conv_block(48, 3, 2), conv_block(64, 3, 2))
    return Graph.of(chain(stem=stem, head=dolg(OUT, deep, 32, (1, 2, 3), orthogonal)), (1, SIDE, SIDE))


def data(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images in a random order, the pair of each, and whether the pair is one to train on."""
    drawn = torch.Generator().manual_seed(seed)
    blobs = torch.rand(LAYOUTS, 2, 2, generator=drawn) * SIDE
    glyphs = (torch.rand(GLYPHS, 5, 5, generator=drawn) < 0.5).float() * 2 - 1
    pairs = torch.arange(LAYOUTS * GLYPHS).repeat(EACH)[torch.randperm(LAYOUTS * GLYPHS * EACH, generator=drawn)]
    axis = torch.arange(SIDE)
    high, wide = ((axis - blobs[..., i, None]) ** 2 for i in range(2))
    layouts = torch.exp(-(high[..., :, None] + wide[..., None, :]) / 40).sum(1)
    images = 2 * layouts[pairs // GLYPHS] + 0.4 * torch.randn(len(pairs), SIDE, SIDE, generator=drawn)
    corners = torch.randint(SIDE - 4, (len(pairs), 2), generator=drawn)
    for image, pair, (i, j) in zip(images, pairs, corners.tolist(), strict=True):
        image[i : i + 5, j : j + 5] += glyphs[pair % GLYPHS]
    held_out = torch.randperm(LAYOUTS * GLYPHS, generator=drawn)[:16]
    return images[:, None], pairs, ~torch.isin(pairs, held_out)


def trained(network: nn.Module, images: Tensor, pairs: Tensor, seed: int) -> nn.Module:
    """By the cosines of descriptors and a learned vector for each pair."""
    drawn = torch.Generator().manual_seed(seed)
    centres = nn.Parameter(torch.randn(LAYOUTS * GLYPHS, OUT, generator=drawn))
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.Adam([*network.parameters(), centres], 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images), generator=drawn)[: steps // EPOCHS * BATCH].split(BATCH):
            optimizer.zero_grad()
            cosines = F.normalize(network(images[rows])) @ F.normalize(centres).T
            F.cross_entropy(16 * cosines, pairs[rows]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def precision(network: nn.Module, images: Tensor, pairs: Tensor) -> float:
    """The mean over queries of the precision at each relevant image, averaged."""
    found = F.normalize(network(images))
    cosines = (found @ found.T).fill_diagonal_(-2)
    order = cosines.argsort(1, descending=True)[:, :-1]
    relevant = (pairs[order] == pairs[:, None]).float()
    at = relevant.cumsum(1) / torch.arange(1, relevant.shape[1] + 1)
    return float(((at * relevant).sum(1) / relevant.sum(1)).mean())


@torch.no_grad()
def largest_product(network: nn.Module, images: Tensor) -> float:
    """Of what leaves the layer that makes features orthogonal, and the vector that it takes out."""
    caught: list[Tensor] = []
    (layer,) = (module for module in network.modules() if isinstance(module, Orthogonal.module))  # type: ignore[arg-type]
    hook = layer.register_forward_hook(lambda layer, given, made: caught.extend((made, given[1])))
    network(images)
    hook.remove()
    features, vector = (F.normalize(tensor) for tensor in caught)
    return float(torch.einsum("bchw,bc->bhw", features, vector).abs().max())
