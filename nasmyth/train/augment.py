"""Random changes of a batch, as tensor operations: no worker processes, one generator for the whole run.

Flips and shifts act on stored images (uint8, N H W C), where a batch is small; mixup acts on prepared input. Each draws
from the generator it is given, so a run is reproducible.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nasmyth.errors import DataError
from nasmyth.forms.inputs import ImageInput, TableInput
from nasmyth.train.recipe import Recipe


def flip(images: Tensor, mirrored: Tensor) -> Tensor:
    """Images N H W C with those mirrored left to right where `mirrored` (bool, N) says so. Its own inverse."""
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(2), images)


def shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images N H W C moved by whole pixels (int64, N; negative is up or left); what comes in from outside is 0."""
    height, width = images.shape[1:3]
    rows = torch.arange(height, device=images.device) - down.unsqueeze(1)
    columns = torch.arange(width, device=images.device) - right.unsqueeze(1)
    inside = ((rows >= 0) & (rows < height)).unsqueeze(2) & ((columns >= 0) & (columns < width)).unsqueeze(1)
    batch = torch.arange(len(images), device=images.device).view(-1, 1, 1)
    moved = images[batch, rows.clamp(0, height - 1).unsqueeze(2), columns.clamp(0, width - 1).unsqueeze(1)]
    return moved * inside.unsqueeze(3).to(moved.dtype)


def mix(x: Tensor, order: Tensor, share: float) -> Tensor:
    """Mixup (Zhang et al., 2018, equation 1): share * x + (1 - share) * x[order]."""
    return torch.lerp(x[order], x, share)


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """The flips and shifts of a recipe on a stored batch, N H W C."""
    count, device = len(images), generator.device
    if recipe.flip:
        images = flip(images, torch.rand(count, generator=generator, device=device) < 0.5)
    if recipe.crop:
        bound = recipe.crop
        down, right = torch.randint(-bound, bound + 1, (2, count), generator=generator, device=device)
        images = shift(images, down, right)
    return images


def mixing(count: int, alpha: float, generator: torch.Generator) -> tuple[Tensor, float]:
    """A partner for each of `count` examples, and one share from Beta(alpha, alpha), for the batch."""
    device = generator.device
    order = torch.randperm(count, generator=generator, device=device)
    logs = [_log_gamma_draw(alpha, generator) for _ in range(2)]
    return order, float(torch.sigmoid(torch.tensor(logs[0] - logs[1], dtype=torch.float64)))


def _log_gamma_draw(alpha: float, generator: torch.Generator) -> float:
    """The logarithm of a Gamma(alpha) number: Gamma(alpha + 1) * uniform^(1 / alpha), in logs, safe for small alpha."""
    device = generator.device
    shape = torch.full((), alpha + 1.0, dtype=torch.float64, device=device)
    gamma = torch._standard_gamma(shape, generator=generator)
    uniform = torch.rand((), generator=generator, dtype=torch.float64, device=device).clamp(min=1e-300)
    return float(gamma.log() + uniform.log() / alpha)


def check(recipe: Recipe, inputs: ImageInput | TableInput) -> None:
    """Raise DataError if the recipe asks for changes that this kind of data has no use for."""
    if isinstance(inputs, ImageInput):
        return
    for name in ("flip", "crop"):
        if getattr(recipe, name):
            raise DataError(f"Recipe({name}={getattr(recipe, name)!r}) is for images, and this task's input is a table")
    if recipe.mixup and any(inputs.cardinalities):
        raise DataError("Recipe(mixup=...) cannot mix categories; use mixup=0 for tables that have any")
