"""Augmentations: random changes of a batch, as frozen values in `Recipe(augment=(Flip(), Crop(2), Mixup(0.2)))`.

They are tensor operations: no worker processes, one generator for the whole training, so it is reproducible. They are done
in their order: first those of stored input (uint8 images N H W C, say), where a batch is small, then those of prepared
input. Those
that mix examples are in `mixing.py`, those of RandAugment in `distort.py`. One of your own is a class with a method `change`:

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

    @property
    def off(self) -> bool:
        """Whether it would change nothing, as at strength 0: then a training leaves it out, and no report names it."""
        return False

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

    @property
    def off(self) -> bool:
        return not self.pixels

    def check(self) -> None:
        within(self, "pixels")

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        import torch

        if self.off:
            return
        most, device = self.pixels, generator.device
        down, right = torch.randint(-most, most + 1, (2, len(batch.x)), generator=generator, device=device)
        batch.x = shift(batch.x, down, right)


class Cutout(ImageAugmentation):
    """Blanks a square of so many pixels a side at a random place in each image: DeVries & Taylor, 2017, arXiv:1708.04552.

    The middle of the square is anywhere in the image, so that a part of it may lie outside, as in the paper; what is blanked
    has the mean of the training images, 0 once input is prepared.
    """

    pixels: int

    prepared = True

    @property
    def off(self) -> bool:
        return not self.pixels

    def check(self) -> None:
        within(self, "pixels")

    def change(self, batch: Batch, generator: torch.Generator) -> None:
        import torch

        if self.off:
            return
        height, width = batch.x.shape[2:]
        across, device = len(batch.x), generator.device
        row = torch.randint(0, height, (across,), generator=generator, device=device)
        column = torch.randint(0, width, (across,), generator=generator, device=device)
        batch.x = blanked(batch.x, row, column, self.pixels)


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

    count, height, width, channels = images.shape
    rows = torch.arange(height, device=images.device) - down.unsqueeze(1)
    columns = torch.arange(width, device=images.device) - right.unsqueeze(1)
    outside = ((rows < 0) | (rows >= height)).unsqueeze(2) | ((columns < 0) | (columns >= width)).unsqueeze(1)
    rows = rows.clamp(0, height - 1) + height * torch.arange(count, device=images.device).unsqueeze(1)
    places = width * rows.unsqueeze(2) + columns.clamp(0, width - 1).unsqueeze(1)  # of pixels, in one row of all images
    moved = images.reshape(-1, channels).index_select(0, places.flatten()).view(images.shape)
    return moved.masked_fill_(outside.unsqueeze(3), 0)


def blanked(images: Tensor, row: Tensor, column: Tensor, side: int) -> Tensor:
    """Images N C H W with a square set to 0 in each, its middle at `row`, `column` (int64, N); as far as it lies inside."""
    import torch

    def covered(middle: Tensor, length: int) -> Tensor:
        place = torch.arange(length, device=images.device) - (middle - side // 2).unsqueeze(1)
        return (place >= 0) & (place < side)

    hidden = covered(row, images.shape[2]).unsqueeze(2) & covered(column, images.shape[3]).unsqueeze(1)
    return images.masked_fill(hidden.unsqueeze(1), 0.0)
