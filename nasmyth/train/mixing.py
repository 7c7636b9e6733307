"""Augmentations that mix each example with another one of its batch, and their losses alike: mixup and CutMix.

One partner for each example and one share for the whole batch, as in the implementations of both papers' authors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmyth.errors import DataError, SpaceError
from nasmyth.train.augment import Augmentation, ImageAugmentation
from nasmyth.train.ranges import undecided, within

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nasmyth.train.batches import Batch


class Mixup(Augmentation):
    """Mixes each example with another one, and their losses (Zhang et al., 2018, equation 1); one share a batch, drawn from
    Beta(alpha, alpha)."""

    alpha: float

    prepared = True
    kind = "input that is numbers, without codes, categories, masks or edges"

    @property
    def off(self) -> bool:
        return not self.alpha

    def check(self) -> None:
        within(self, "alpha")

    def suits(self, inputs: Any) -> bool:
        return bool(inputs.mixes)

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        if self.off:
            return
        parts = batch.x if isinstance(batch.x, tuple) else (batch.x,)
        if not all(getattr(part, "is_floating_point", bool)() for part in parts):
            raise DataError(f"{self} mixes floats, and the network takes others as well; leave it out of augment=(...)")
        order, share = mixing(len(batch), self.alpha, generator)
        mixed = tuple(mix(part, order, share) for part in parts)
        batch.x = mixed if isinstance(batch.x, tuple) else mixed[0]
        _mix_answers(batch, order, share)


class CutMix(ImageAugmentation):
    """Puts a rectangle of another image in its place, and mixes the losses by area: Yun et al., 2019, arXiv:1905.04899.

    The share that stays is drawn from Beta(alpha, alpha), the rectangle has the image's proportions and its middle anywhere
    (equation 2), and the losses have the areas that are seen. `probability`: of a batch to be changed; 0.5 for CIFAR and 1 for
    ImageNet in the paper.
    """

    alpha: float = 1.0
    probability: float = 0.5

    @property
    def off(self) -> bool:
        return not self.alpha or not self.probability

    def check(self) -> None:
        within(self, "alpha")
        within(self, "probability")
        if not undecided(self.probability) and self.probability > 1:
            raise SpaceError(f"CutMix(probability={self.probability!r}): must be from 0 to 1")

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        import torch

        if self.off or torch.rand((), generator=generator, device=generator.device) >= self.probability:
            return
        order, share = mixing(len(batch), self.alpha, generator)
        height, width = batch.x.shape[1:3]
        top, bottom, left, right = box(height, width, 1.0 - share, generator)
        batch.x = pasted(batch.x, order, (top, bottom, left, right))
        _mix_answers(batch, order, 1.0 - (bottom - top) * (right - left) / (height * width))


def _mix_answers(batch: Batch, order: Tensor, share: float) -> None:
    """Each loss becomes share * its own + (1 - share) * its partner's."""
    from nasmyth.forms.stored import pick

    batch.targets = [
        *((share * weight, y) for weight, y in batch.targets),
        *(((1 - share) * weight, pick(y, order)) for weight, y in batch.targets),
    ]


# --- the changes ----------------------------------------------------------------------------------------------------


def box(height: int, width: int, area: float, generator: torch.Generator) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a rectangle with this share of an image's area, cut where it would lie outside."""
    import torch

    def span(length: int) -> tuple[int, int]:
        middle = int(torch.randint(0, length, (), generator=generator, device=generator.device))
        half = int(length * area**0.5) // 2
        return max(0, middle - half), min(length, middle + half)

    return (*span(height), *span(width))


def pasted(images: Tensor, order: Tensor, where: tuple[int, int, int, int]) -> Tensor:
    """Images N H W C with the rectangle (top, bottom, left, right) of images[order] in its place."""
    top, bottom, left, right = where
    mixed = images.clone()
    mixed[:, top:bottom, left:right] = images[order, top:bottom, left:right]
    return mixed


def mix(x: Tensor, order: Tensor, share: float) -> Tensor:
    """share * x + (1 - share) * x[order]."""
    import torch

    return torch.lerp(x[order], x, share)


def mixing(count: int, alpha: float, generator: torch.Generator) -> tuple[Tensor, float]:
    """A partner for each of `count` examples, and one share from Beta(alpha, alpha), for the batch."""
    import torch

    device = generator.device
    order = torch.randperm(count, generator=generator, device=device)
    logs = [_log_gamma_draw(alpha, generator) for _ in range(2)]
    return order, float(torch.sigmoid(torch.tensor(logs[0] - logs[1], dtype=torch.float64)))


def _log_gamma_draw(alpha: float, generator: torch.Generator) -> float:
    """The logarithm of a Gamma(alpha) number: Gamma(alpha + 1) * uniform^(1 / alpha), in logs, safe for small alpha."""
    import torch

    device = generator.device
    shape = torch.full((), alpha + 1.0, dtype=torch.float64, device=device)
    gamma = torch._standard_gamma(shape, generator=generator)
    uniform = torch.rand((), generator=generator, dtype=torch.float64, device=device).clamp(min=1e-300)
    return float(gamma.log() + uniform.log() / alpha)
