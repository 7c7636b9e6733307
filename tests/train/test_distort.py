"""RandAugment's distortions, against Pillow where it does the same."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from nasmyth.errors import SpaceError
from nasmyth.train import RandAugment, distort
from nasmyth.train.batches import Batch

GENERATOR = torch.Generator().manual_seed(0)
COLOUR = torch.randint(20, 230, (5, 12, 10, 3), dtype=torch.uint8, generator=GENERATOR)


def changed(name, images, strength):
    one = getattr(distort, name)
    strengths = torch.full((len(images),), strength)
    if one in distort.MOVES:
        return distort.as_stored(distort.moved(images.float(), one(strengths)), images.dtype)
    return distort.as_stored(one(images.float(), strengths.view(-1, 1, 1, 1)), images.dtype)


def pillow(name, image, strength):
    """What Pillow makes of an image, H W 3."""
    image, factor = Image.fromarray(image.numpy()), 1 + 0.9 * strength
    enhance = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast, "colour": ImageEnhance.Color}
    if name in enhance:
        return enhance[name](image).enhance(factor)
    return {
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(factor),
        "solarize": lambda: ImageOps.solarize(image, 256 * (1 - strength)),
        "posterize": lambda: ImageOps.posterize(image, 8 - round(4 * strength)),
        "autocontrast": lambda: ImageOps.autocontrast(image),
    }[name]()


@pytest.mark.parametrize("strength", [0.0, 0.25, 0.75])
@pytest.mark.parametrize(
    "name", ["brightness", "contrast", "colour", "sharpness", "solarize", "posterize", "autocontrast"]
)
def test_colours_change_as_in_pillow(name, strength):
    ours = changed(name, COLOUR, strength)
    for image, mine in zip(COLOUR, ours, strict=True):
        theirs = np.asarray(pillow(name, image, strength)).astype(int)
        assert np.abs(theirs - mine.numpy().astype(int)).max() <= 2  # Pillow rounds on the way


def test_equalizing_makes_the_histogram_even():
    images = (torch.rand(2, 64, 64, 1, generator=GENERATOR) ** 3 * 200).to(torch.uint8)
    even = changed("equalize", images, 0.5).float() / 255
    for quantile in (0.25, 0.5, 0.75):
        assert even.flatten(1).quantile(quantile, 1) == pytest.approx(torch.full((2,), quantile), abs=0.1)
    same = torch.full((1, 4, 4, 1), 7, dtype=torch.uint8)
    assert torch.equal(changed("equalize", same, 0.5), same) and torch.equal(changed("autocontrast", same, 0.5), same)


def test_places_move_as_the_matrices_say():
    image = torch.zeros(1, 331, 331, 1)
    image[0, 165, 165] = 255.0
    assert changed("translate_x", image, -0.5).nonzero()[0].tolist() == [0, 165, 165 + 75, 0]
    assert changed("translate_y", image, 0.5).nonzero()[0].tolist() == [0, 165 - 75, 165, 0]
    assert torch.equal(changed("rotate", image, 1.0), image)  # the middle stays
    top = torch.zeros(1, 101, 101, 1)
    top[0, 0] = 255.0  # the uppermost row, 50 pixels from the middle
    assert changed("shear_x", top, 1.0)[0, 0].sum() == pytest.approx(255.0 * (101 - 15), abs=255)
    across = changed("rotate", top, 1.0)[0, :, :, 0]
    seen = across.nonzero().float()
    slope = np.polyfit(seen[:, 1].numpy(), seen[:, 0].numpy(), 1)[0]
    assert abs(np.degrees(np.arctan(slope))) == pytest.approx(30.0, abs=1.5)


@pytest.mark.parametrize("strength", [-1.0, 0.4])
def test_all_at_once_is_each_alone(strength):
    drawn = torch.arange(distort.DISTORTIONS)
    images = torch.randint(0, 256, (len(drawn), 9, 9, 3), dtype=torch.uint8, generator=GENERATOR)
    together = distort.distorted(images, drawn, torch.full((len(drawn),), strength))
    for i, one in enumerate((*distort.MOVES, *distort.CHANGES)):
        assert torch.equal(together[i : i + 1], changed(one.__name__, images[i : i + 1], strength))
    assert torch.equal(together[-1], images[-1])


def test_each_image_draws_its_own_and_nothing_is_shared():
    images = torch.randint(0, 256, (300, 8, 8, 1), dtype=torch.uint8, generator=GENERATOR)
    batch = Batch(images, torch.zeros(300), torch.arange(300))
    RandAugment(layers=1, strength=0.8).change(batch, torch.Generator().manual_seed(0))
    same = (batch.x == images).flatten(1).all(1).float().mean()
    assert 1 / 14 < same < 0.4 and batch.x.dtype == torch.uint8  # the identity, and what changes no gray image
    assert batch.targets == [(1.0, batch.y)]


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 5, 3), (3, 3, 4)])
def test_images_of_any_size_and_number_of_channels(size):
    images = torch.randint(0, 256, (40, *size), dtype=torch.uint8, generator=GENERATOR)
    batch = Batch(images, torch.zeros(40), torch.arange(40))
    RandAugment(strength=1.0).change(batch, torch.Generator().manual_seed(0))
    assert batch.x.shape == images.shape


def test_no_layers_change_nothing_and_strengths_are_shares():
    batch = Batch(COLOUR, torch.zeros(5), torch.arange(5))
    RandAugment(layers=0).change(batch, GENERATOR)
    assert batch.x is COLOUR
    with pytest.raises(SpaceError, match="strength=2.0"):
        RandAugment(strength=2.0)
