"""Augmentations: random changes of a batch, as frozen values in `Recipe(augment=(Flip(), Crop(2), Mixup(0.2)))`.

They are tensor operations: no worker processes, one generator for the whole training, so it is reproducible. They are done
in their order: first those of stored input (uint8 images N H W C, say), where a batch is small, then those of prepared
input. One of your own is a class with a method `change`:

    class Jitter(Augmentation):
        scale: float = 0.1
        prepared = True  # changes what the network is about to see

        def change(self, batch, generator):
            batch.x = batch.x + self.scale * torch.randn(batch.x.shape, generator=generator, device=generator.device)

What is for one kind of input only says so with `kind` and `suits`, and is refused elsewhere before anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from nasmyth.errors import DataError
from nasmyth.record import Value
from nasmyth.train.ranges import within

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nasmyth.train.batches import Batch


class Augmentation(Value, abstract=True):
    """A random change of a training batch."""

    prepared: ClassVar[bool] = False
    """Whether it changes prepared input, rather than stored."""
    kind: ClassVar[str] = "any input"
    """What it is for, in words."""

    def suits(self, inputs: Any) -> bool:
        """Whether it is for this kind of input."""
        return True

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        """Change `batch.x`, and `batch.targets` where the answer changes with it. All chance comes from the generator."""
        raise NotImplementedError(f"{type(self).__name__} has no change(batch, generator)")


class ImageAugmentation(Augmentation, abstract=True):
    """One of stored images, N H W C."""

    kind = "images"

    def suits(self, inputs: Any) -> bool:
        from nasmyth.forms.inputs import ImageInput

        return isinstance(inputs, ImageInput)


class Flip(ImageAugmentation):
    """Mirrors images left to right, half of the time."""

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        import torch

        batch.x = flip(batch.x, torch.rand(len(batch.x), generator=generator, device=generator.device) < 0.5)


class Crop(ImageAugmentation):
    """Moves images by up to so many pixels in each direction, filling with black."""

    pixels: int

    def check(self) -> None:
        within(self, "pixels")

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        import torch

        most, device = self.pixels, generator.device
        if most:
            down, right = torch.randint(-most, most + 1, (2, len(batch.x)), generator=generator, device=device)
            batch.x = shift(batch.x, down, right)


class Mixup(Augmentation):
    """Mixes each example with another one, and their losses (Zhang et al., 2018, equation 1); one share a batch, drawn from
    Beta(alpha, alpha)."""

    alpha: float

    prepared = True
    kind = "input that is numbers, without codes, categories, masks or edges"

    def check(self) -> None:
        within(self, "alpha")

    def suits(self, inputs: Any) -> bool:
        return bool(inputs.mixes)

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        if not self.alpha:
            return
        from nasmyth.forms.stored import pick

        parts = batch.x if isinstance(batch.x, tuple) else (batch.x,)
        if not all(getattr(part, "is_floating_point", bool)() for part in parts):
            raise DataError(f"{self} mixes floats, and the network takes others as well; leave it out of augment=(...)")
        order, share = mixing(len(batch), self.alpha, generator)
        mixed = tuple(mix(part, order, share) for part in parts)
        batch.x = mixed if isinstance(batch.x, tuple) else mixed[0]
        batch.targets = [
            *((share * weight, y) for weight, y in batch.targets),
            *(((1 - share) * weight, pick(y, order)) for weight, y in batch.targets),
        ]


def refuse_unsuited(augmentations: Iterable[Augmentation], inputs: Any) -> None:
    """Raise DataError if one of them is not for this kind of input."""
    for one in augmentations:
        if not one.suits(inputs):
            what = type(inputs).__name__
            raise DataError(
                f"{one} is for {one.kind}, and the input of this task is {what}: leave it out of augment=(...)"
            )


# --- the changes ----------------------------------------------------------------------------------------------------


def flip(images: Tensor, mirrored: Tensor) -> Tensor:
    """Images N H W C with those mirrored left to right where `mirrored` (bool, N) says so. Its own inverse."""
    import torch

    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(2), images)


def shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images N H W C moved by whole pixels (int64, N; negative is up or left); what comes in from outside is 0."""
    import torch

    height, width = images.shape[1:3]
    rows = torch.arange(height, device=images.device) - down.unsqueeze(1)
    columns = torch.arange(width, device=images.device) - right.unsqueeze(1)
    inside = ((rows >= 0) & (rows < height)).unsqueeze(2) & ((columns >= 0) & (columns < width)).unsqueeze(1)
    batch = torch.arange(len(images), device=images.device).view(-1, 1, 1)
    moved = images[batch, rows.clamp(0, height - 1).unsqueeze(2), columns.clamp(0, width - 1).unsqueeze(1)]
    return moved * inside.unsqueeze(3).to(moved.dtype)


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
