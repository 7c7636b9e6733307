"""AZ-NAS: four scores of different things, which together rank better than each (Lee and Ham 2024, arXiv:2403.19232).

    expressivity      sum over blocks of the entropy of the shares of their features' principal components  (equations 1 to 3)
    progressivity     the least that it grows from a block to the next                                     (equation 4)
    trainability      mean over blocks of 2 - s - 1 / s, s the spectral norm of the block's Jacobian        (equations 5 to 8)
    complexity        MACs

The features are those at the ends of blocks (`boundaries.py`), made from noise, as in the paper: those of images say most about
images, and their progressivity hardly ranks cells of NAS-Bench-201. Where we depart: trainability looks at data, which ranks
better, alone and beside other scores (benchmarks/scores.txt). No labels.
The Jacobian of a block is estimated by random signs v at its end and what is differentiated of them at its beginning, g:
the mean of g v over examples and places, where a block that strides has the mean of g over what each place sees.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.boundaries import boundaries
from nasmyth.measure.scores.passes import Forward


def ends_of(forward: Forward, what: str, least: int = 1) -> list[Tensor]:
    """The values at the ends of blocks. Raises CandidateError for fewer than `least`."""
    found = [forward.values[i] for i in boundaries(forward.graph)]
    if len(found) < least:
        raise CandidateError(f"{what} looks at {least} blocks or more, and this network has {len(found)}: leave it out")
    return found


def features(value: Tensor) -> Tensor:
    """Features of all places and examples: places, channels. Images have their channels first, sequences last."""
    return value.movedim(1, -1).flatten(0, -2) if value.ndim == 4 else value.flatten(0, -2)


def entropy(value: Tensor) -> float:
    """Of the shares of the principal components."""
    rows = features(value.detach())
    centred = rows - rows.mean(0)
    shares = torch.linalg.eigvalsh((centred.mT @ centred).double()).clamp_min(0)
    shares = shares / shares.sum().clamp_min(1e-30)
    return float(-torch.xlogy(shares, shares).sum())


@measure(unit="", direction="max", needs=("noise",))
def expressivity(noise: Any) -> float:
    """How evenly features of all blocks spread over their dimensions (AZ-NAS, Lee and Ham 2024, arXiv:2403.19232)."""
    return sum(entropy(one) for one in ends_of(noise, "expressivity"))


@measure(unit="", direction="max", needs=("noise",))
def progressivity(noise: Any) -> float:
    """The least by which the spread of features grows from a block to the next (AZ-NAS, arXiv:2403.19232)."""
    found = [entropy(one) for one in ends_of(noise, "progressivity", 2)]
    return min(b - a for a, b in pairwise(found))


@measure(unit="", direction="max", needs=("forward", "seed"))
def trainability(forward: Any, seed: int) -> float:
    """How near blocks are to passing gradients on unchanged (AZ-NAS, Lee and Ham 2024, arXiv:2403.19232)."""
    ends = ends_of(forward, "trainability", 2)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for start, end in pairwise(ends):
        signs = (torch.randint(0, 2, end.shape, generator=generator) * 2.0 - 1.0).to(end.device)
        (back,) = torch.autograd.grad(end, start, signs, retain_graph=True)
        norm = float(torch.linalg.matrix_norm(_jacobian(back, signs), 2))
        found.append(2 - norm - 1 / max(norm, 1e-12))
    return sum(found) / len(found)


def _jacobian(back: Tensor, signs: Tensor) -> Tensor:
    """Channels before, channels behind."""
    if back.ndim == 4 and signs.ndim == 4 and back.shape[2:] != signs.shape[2:]:
        back = F.adaptive_avg_pool2d(back, (signs.shape[2], signs.shape[3]))
    a, b = features(back), features(signs)
    if len(a) != len(b):  # places became features, or features places: what is left in common are the examples
        a, b = back.flatten(1), signs.flatten(1)
    return a.mT @ b / len(a)
