"""RandAugment: some random distortions of each image, all of one strength (Cubuk et al. 2020, arXiv:1909.13719).

The fourteen distortions are those of the paper, with the ranges of AutoAugment (Cubuk et al. 2019, table 6). Here each is a
function of many images at once, and images that drew the same distortion are changed together: on one core, 128 images of
28x28 take a few milliseconds. Where this departs from the paper's code:

- the strength is a share, 0 to 1, of AutoAugment's greatest magnitude, and not a whole number of 10 or 30 steps;
- what comes in from outside is black, as in `Crop`, and not gray; rotating and shearing take the nearest pixel, and whole
  pixels are counted from the middle of the image;
- a distortion of colour leaves gray images as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from nasmyth.errors import SpaceError
from nasmyth.train.augment import ImageAugmentation
from nasmyth.train.ranges import undecided, within

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nasmyth.train.batches import Batch


class RandAugment(ImageAugmentation):
    """`layers` distortions of each image, one after the other, each drawn evenly from fourteen; strength: 0 to 1.

    For images of 256 levels, uint8 or float from 0 to 255.
    """

    layers: int = 2
    strength: float = 0.3

    @property
    def off(self) -> bool:
        return not self.layers

    def check(self) -> None:
        within(self, "layers")
        within(self, "strength")
        if not undecided(self.strength) and self.strength > 1:
            raise SpaceError(f"RandAugment(strength={self.strength!r}): must be from 0 to 1")

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        import torch

        for _ in range(self.layers):
            drawn = torch.randint(0, DISTORTIONS, (len(batch.x),), generator=generator, device=generator.device)
            sign = 2.0 * torch.randint(0, 2, drawn.shape, generator=generator, device=generator.device) - 1.0
            batch.x = distorted(batch.x, drawn, self.strength * sign)


def distorted(images: Tensor, drawn: Tensor, strength: Tensor) -> Tensor:
    """Images N H W C, each changed by the distortion of its number (int64, N) with its strength (N, -1 to 1).

    MOVES come first, then CHANGES; the number after them changes nothing.
    """
    import torch

    result = images.clone()
    matrices = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    for number, move in enumerate(MOVES):
        rows = (drawn == number).nonzero().squeeze(1)
        matrices[rows] = move(strength[rows])
    rows = (drawn < len(MOVES)).nonzero().squeeze(1)  # all of these at once
    result[rows] = as_stored(moved(images[rows].float(), matrices[rows]), images.dtype)
    for number, change in enumerate(CHANGES, start=len(MOVES)):
        rows = (drawn == number).nonzero().squeeze(1)
        result[rows] = as_stored(change(images[rows].float(), strength[rows].view(-1, 1, 1, 1)), images.dtype)
    return result


def as_stored(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Pixels held to 0 to 255, and rounded where whole numbers are stored."""
    held = images.clamp(0.0, 255.0)
    return held if dtype.is_floating_point else held.round().to(dtype)


# --- of places: strengths (n) to matrices (n, 2, 3) from where a pixel is to where it comes from, in half sides ---------------


def rotate(strength: Tensor) -> Tensor:
    """By up to 30 degrees."""
    angle = math.pi / 6 * strength
    return _matrix(angle.cos(), -angle.sin(), angle.sin(), angle.cos())


def shear_x(strength: Tensor) -> Tensor:
    """Each row moves by up to 0.3 of its distance from the middle one."""
    return _matrix(1.0, 0.3 * strength, 0.0, 1.0)


def shear_y(strength: Tensor) -> Tensor:
    """The same of columns."""
    return _matrix(1.0, 0.0, 0.3 * strength, 1.0)


def translate_x(strength: Tensor) -> Tensor:
    """By up to 150 of 331 pixels."""
    return _matrix(1.0, 0.0, 0.0, 1.0, across=2 * 150 / 331 * strength)


def translate_y(strength: Tensor) -> Tensor:
    """The same, up or down."""
    return _matrix(1.0, 0.0, 0.0, 1.0, down=2 * 150 / 331 * strength)


def _matrix(*turn: Tensor | float, across: Tensor | float = 0.0, down: Tensor | float = 0.0) -> Tensor:
    import torch

    entries = (turn[0], turn[1], across, turn[2], turn[3], down)
    like = next(one for one in entries if not isinstance(one, float))
    return torch.stack([torch.as_tensor(one).expand_as(like) for one in entries], 1).view(-1, 2, 3)


def moved(images: Tensor, matrices: Tensor) -> Tensor:
    """Float images N H W C whose pixels come from where the matrices say; black comes in from outside."""
    import torch.nn.functional as F

    x = images.permute(0, 3, 1, 2)
    grid = F.affine_grid(matrices, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="nearest", padding_mode="zeros", align_corners=False).permute(0, 2, 3, 1)


# --- of values: float images (n, h, w, c), 0 to 255, and strengths (n, 1, 1, 1) -----------------------------------------------


def brightness(x: Tensor, strength: Tensor) -> Tensor:
    """Away from or towards black."""
    return x * (1.0 + 0.9 * strength)


def contrast(x: Tensor, strength: Tensor) -> Tensor:
    """Away from or towards the mean gray of the image."""
    return _between(_gray(x).mean((1, 2, 3), keepdim=True), x, strength)


def colour(x: Tensor, strength: Tensor) -> Tensor:
    """Away from or towards gray."""
    return _between(_gray(x), x, strength)


def sharpness(x: Tensor, strength: Tensor) -> Tensor:
    """Away from or towards the image blurred by a 3x3 filter with 5 in its middle and 1 around; the border stays."""
    import torch
    import torch.nn.functional as F

    channels = x.shape[3]
    if min(x.shape[1:3]) < 3:
        return x
    weights = torch.ones(channels, 1, 3, 3, device=x.device)
    weights[:, :, 1, 1] = 5.0
    blurred = x.clone()
    blurred[:, 1:-1, 1:-1] = F.conv2d(x.permute(0, 3, 1, 2), weights / 13.0, groups=channels).permute(0, 2, 3, 1)
    return _between(blurred, x, strength)


def solarize(x: Tensor, strength: Tensor) -> Tensor:
    """Pixels above a threshold, which falls from 256, are inverted."""
    import torch

    return torch.where(x >= 256.0 * (1.0 - strength.abs()), 255.0 - x, x)


def posterize(x: Tensor, strength: Tensor) -> Tensor:
    """Keeps so many bits of a pixel: 8 down to 4."""
    step = 2.0 ** (4.0 * strength.abs()).round()
    return (x / step).floor() * step


def autocontrast(x: Tensor, strength: Tensor) -> Tensor:
    """Each channel stretched to 0..255."""
    import torch

    low, high = x.amin((1, 2), keepdim=True), x.amax((1, 2), keepdim=True)
    return torch.where(high > low, (x - low) * (255.0 / (high - low).clamp(min=1e-6)), x)


def equalize(x: Tensor, strength: Tensor) -> Tensor:
    """Each channel with an even histogram: a pixel becomes 255 times the share of pixels that are darker, those of the
    brightest level aside, as in PIL."""
    import torch

    levels = x.permute(0, 3, 1, 2).flatten(2).round().clamp(0, 255).long()
    counts = torch.zeros(*levels.shape[:2], 256, device=x.device).scatter_add_(
        2, levels, torch.ones_like(levels).float()
    )
    below = counts.cumsum(2) - counts
    brightest = counts.gather(2, levels.amax(2, keepdim=True))
    others = levels.shape[2] - brightest
    even = torch.where(others > 0, (255.0 * below / others.clamp(min=1.0)).clamp(max=255.0), -1.0).gather(2, levels)
    even = torch.where(even < 0, levels.float(), even)
    return even.view(len(x), x.shape[3], *x.shape[1:3]).permute(0, 2, 3, 1)


def _gray(x: Tensor) -> Tensor:
    """The luma of a colour image (ITU-R 601), as one channel; other images as the mean of their channels."""
    if x.shape[3] != 3:
        return x.mean(3, keepdim=True)
    return (x * x.new_tensor([0.299, 0.587, 0.114])).sum(3, keepdim=True)


def _between(plain: Tensor, x: Tensor, strength: Tensor) -> Tensor:
    """From `plain` to x and beyond: plain + (1 + 0.9 strength) (x - plain)."""
    return plain + (1.0 + 0.9 * strength) * (x - plain)


MOVES: tuple[Callable[[Tensor], Tensor], ...] = (rotate, shear_x, shear_y, translate_x, translate_y)
CHANGES: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    autocontrast, equalize, solarize, colour, posterize, contrast, brightness, sharpness,
)  # fmt: skip
DISTORTIONS = len(MOVES) + len(CHANGES) + 1
"""With the identity, which is one of them."""
