import pytest
import torch
import torch.nn.functional as F
from toys import convnet

from nasmyth.errors import DataError
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.train import augment
from nasmyth.train.recipe import Recipe


@pytest.fixture(params=[torch.uint8, torch.float32])
def images(request):
    return torch.randint(1, 256, (6, 5, 7, 3), generator=torch.Generator().manual_seed(0)).to(request.param)


def test_a_flip_is_its_own_inverse(images):
    mirrored = torch.tensor([True, False] * 3)
    once = augment.flip(images, mirrored)
    assert torch.equal(once[0], images[0].flip(1)) and torch.equal(once[1], images[1])
    assert torch.equal(augment.flip(once, mirrored), images)


def test_a_shift_is_a_window_of_the_padded_image(images):
    down, right = torch.tensor([0, 1, -2, 3, 0, -5]), torch.tensor([0, -1, 2, 0, 7, 1])
    moved = augment.shift(images, down, right)
    padded = F.pad(images, (0, 0, 8, 8, 8, 8))
    for i in range(6):
        top, left = 8 - down[i], 8 - right[i]
        assert torch.equal(moved[i], padded[i, top : top + 5, left : left + 7])


def test_shape_and_type_are_kept(images):
    changed = augment.augment(images, Recipe(flip=True, crop=2), torch.Generator().manual_seed(0))
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert not torch.equal(changed, images)


def test_the_same_generator_gives_the_same_changes(images):
    recipe = Recipe(flip=True, crop=2)
    one, two = (augment.augment(images, recipe, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)


def test_nothing_asked_nothing_changed(images):
    assert augment.augment(images, Recipe(), torch.Generator()) is images


def test_mixup_loss_is_that_of_the_mixed_targets(digits):
    """Zhang et al., 2018: x = l x_i + (1 - l) x_j, y = l y_i + (1 - l) y_j, with y as probabilities."""
    torch.manual_seed(0)
    net = convnet().eval()
    x, y = digits.inputs.module()(digits.train.x[:16]), digits.train.y[:16]
    order, share = augment.mixing(16, 0.4, torch.Generator().manual_seed(0))
    assert torch.equal(order.sort().values, torch.arange(16))
    mixed = augment.mix(x, order, share)
    torch.testing.assert_close(mixed, share * x + (1 - share) * x[order])
    targets = share * F.one_hot(y, 10).float() + (1 - share) * F.one_hot(y[order], 10).float()
    pred = net(mixed)
    ours = share * digits.loss(pred, y, 0.1) + (1 - share) * digits.loss(pred, y[order], 0.1)
    torch.testing.assert_close(ours, digits.loss(pred, targets, 0.1))


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 4.0])
def test_shares_have_the_moments_of_a_beta_distribution(alpha):
    generator = torch.Generator().manual_seed(0)
    shares = torch.tensor([augment.mixing(2, alpha, generator)[1] for _ in range(4000)])
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_tables_are_not_flipped_and_categories_not_mixed():
    numbers, codes = Column("n"), Column("c", "category", vocabulary=("x", "y"))
    table = TableInput((numbers, codes))
    for recipe in (Recipe(flip=True), Recipe(crop=1), Recipe(mixup=0.2)):
        with pytest.raises(DataError, match="Recipe"):
            augment.check(recipe, table)
    augment.check(Recipe(mixup=0.2), TableInput((numbers,)))
    augment.check(Recipe(flip=True, crop=1, mixup=0.2), ImageInput(2, 2, 1, (0.0,), (1.0,)))
