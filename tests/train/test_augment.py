import pytest
import torch
import torch.nn.functional as F
from toys import mlp, same, weights

from nasmyth.errors import DataError
from nasmyth.forms import GraphInput, NamedInputs, TokenInput
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.record import from_json, to_json
from nasmyth.train import Augmentation, Crop, CutMix, Cutout, Flip, Mixup, RandAugment, Recipe, augment, fit
from nasmyth.train.batches import Batch


def changed_by(augmentations, x, seed):
    batch, generator = Batch(x, torch.zeros(len(x)), torch.arange(len(x))), torch.Generator().manual_seed(seed)
    for one in augmentations:
        one.change(batch, generator)
    return batch.x


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
    changed = changed_by((Flip(), Crop(2), RandAugment(), CutMix(probability=1.0)), images, 0)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert not torch.equal(changed, images)


def test_the_same_generator_gives_the_same_changes(images):
    one, two = (changed_by((Flip(), Crop(2), CutMix(probability=1.0), RandAugment()), images, 3) for _ in range(2))
    assert torch.equal(one, two)


def test_nothing_asked_nothing_changed(images):
    assert changed_by((), images, 0) is images and changed_by((Crop(0), Mixup(0), Cutout(0)), images, 0) is images


def test_cutout_blanks_a_square_as_far_as_it_lies_inside():
    images = torch.ones(4, 2, 6, 7)
    row, column = torch.tensor([3, 0, 5, 2]), torch.tensor([3, 0, 6, 6])
    blanked = augment.blanked(images, row, column, 3)
    for i in range(4):
        expected = torch.ones(2, 6, 7)
        top, left = int(row[i]) - 1, int(column[i]) - 1
        expected[:, max(0, top) : top + 3, max(0, left) : left + 3] = 0
        assert torch.equal(blanked[i], expected)


def test_cutout_covers_every_place_and_keeps_the_memory_order():
    images = torch.ones(3000, 1, 6, 6).contiguous(memory_format=torch.channels_last)
    seen = changed_by((Cutout(2),), images, 0)
    assert seen.is_contiguous(memory_format=torch.channels_last)
    hidden = (1 - seen.mean(0)).flatten()
    assert (
        0.0 < hidden.min() and hidden[-1] == pytest.approx(1 / 36, abs=0.02) and set(seen.unique().tolist()) == {0, 1}
    )


def test_tables_are_not_flipped_and_categories_not_mixed():
    numbers, codes = Column("n"), Column("c", "category", vocabulary=("x", "y"))
    table = TableInput((numbers, codes))
    for one in (Flip(), Crop(1), Mixup(0.2), Cutout(2), CutMix(), RandAugment()):
        with pytest.raises(DataError, match=rf"{type(one).__name__}\(.*is for .*leave it out of augment"):
            augment.refuse_unsuited((one,), table)
    augment.refuse_unsuited((Mixup(0.2),), TableInput((numbers,)))
    augment.refuse_unsuited(
        (Flip(), Crop(1), Mixup(0.2), Cutout(2), CutMix(), RandAugment()), ImageInput(2, 2, 1, (0.0,), (1.0,))
    )


NUMBERS, CATEGORY = TableInput((Column("n"),)), TableInput((Column("c", "category", vocabulary=("x", "y")),))
IMAGE = ImageInput(2, 2, 1, (0.0,), (1.0,))


@pytest.mark.parametrize(
    ("inputs", "mixes"),
    [
        (NUMBERS, True), (CATEGORY, False), (IMAGE, True), (TokenInput(4, 5), False), (TokenInput(4, 5, True), False),
        (GraphInput(4, 2, 3), False), (NamedInputs((("a", IMAGE), ("b", NUMBERS))), True),
        (NamedInputs((("a", IMAGE), ("b", CATEGORY))), False), (NamedInputs((("a", IMAGE), ("b", TokenInput(4, 5)))), False),
    ],
)  # fmt: skip
def test_every_input_says_whether_it_mixes(inputs, mixes):
    assert inputs.mixes is mixes
    if mixes:
        augment.refuse_unsuited((Mixup(0.2),), inputs)
    else:
        with pytest.raises(
            DataError, match=rf"without codes.*the input of this task is {type(inputs).__name__}: leave"
        ):
            augment.refuse_unsuited((Mixup(0.2),), inputs)


def test_it_is_refused_before_anything_is_trained(line):
    net = mlp()
    before = weights(net)
    with pytest.raises(DataError, match="Flip"):
        fit(net, line, Recipe(augment=(Flip(),)), device="cpu")
    assert same(before, weights(net))


class Jitter(Augmentation):
    """One that a user would write."""

    scale: float = 0.5
    prepared = True

    def change(self, batch, generator):
        batch.x = batch.x + self.scale * torch.randn(batch.x.shape, generator=generator)


def test_one_of_your_own_is_one_small_class(line):
    recipe = Recipe(augment=(Jitter(),), batch=16, epochs=2)
    nets = [mlp() for _ in range(3)]
    for net, how in zip(nets, (recipe, recipe, recipe.replace(augment=())), strict=True):
        fit(net, line, how, device="cpu")
    assert same(weights(nets[0]), weights(nets[1])) and not same(weights(nets[0]), weights(nets[2]))
    assert from_json(to_json(recipe)) is recipe


OFF = (Crop(0), Cutout(0), Mixup(0.0), CutMix(0.0), CutMix(probability=0.0), RandAugment(layers=0))


@pytest.mark.parametrize("one", OFF, ids=repr)
def test_what_is_off_is_left_out(one):
    assert one.off and Recipe(augment=(Flip(), one)).augmentations == (Flip(),)


@pytest.mark.parametrize("one", [Crop(1), Cutout(2), Mixup(0.2), CutMix(), RandAugment(), Flip()], ids=repr)
def test_what_is_on_is_there(one):
    assert not one.off and Recipe(augment=(one,)).augmentations == (one,)
