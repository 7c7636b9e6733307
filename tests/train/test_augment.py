import pytest
import torch
import torch.nn.functional as F
from toys import convnet, mlp, same, weights

from nasmyth.errors import DataError
from nasmyth.forms import Classes, GraphInput, Heads, NamedInputs, TokenInput, Values
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.record import from_json, to_json
from nasmyth.train import Augmentation, Crop, Flip, Mixup, Recipe, Split, Task, augment, fit
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
    changed = changed_by((Flip(), Crop(2)), images, 0)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert not torch.equal(changed, images)


def test_the_same_generator_gives_the_same_changes(images):
    one, two = (changed_by((Flip(), Crop(2)), images, 3) for _ in range(2))
    assert torch.equal(one, two)


def test_nothing_asked_nothing_changed(images):
    assert changed_by((), images, 0) is images and changed_by((Crop(0), Mixup(0)), images, 0) is images


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
    for one in (Flip(), Crop(1), Mixup(0.2)):
        with pytest.raises(DataError, match=rf"{type(one).__name__}\(.*is for .*leave it out of augment"):
            augment.refuse_unsuited((one,), table)
    augment.refuse_unsuited((Mixup(0.2),), TableInput((numbers,)))
    augment.refuse_unsuited((Flip(), Crop(1), Mixup(0.2)), ImageInput(2, 2, 1, (0.0,), (1.0,)))


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


def test_several_inputs_are_mixed_alike_and_so_are_the_answers_of_several_heads():
    generator = torch.Generator().manual_seed(0)
    x = {"a": torch.randint(0, 256, (40, 2, 2, 1), dtype=torch.uint8), "b": torch.randn(40, 1)}
    y = {"kind": torch.arange(40) % 2, "size": torch.randn(40, 1)}
    inputs = NamedInputs((("a", IMAGE), ("b", NUMBERS)))
    outputs = Heads((("kind", Classes(("u", "v"))), ("size", Values(("size",), (0.0,), (1.0,)))))
    split = Split(x, y)
    task = Task("both", inputs, outputs, split, split, split)
    prepared = inputs.module()(x)
    batch = Batch(prepared, y, torch.arange(40))
    Mixup(0.4).change(batch, generator)
    order, share = augment.mixing(40, 0.4, torch.Generator().manual_seed(0))
    for was, now in zip(prepared, batch.x, strict=True):
        torch.testing.assert_close(now, share * was + (1 - share) * was[order])
    assert [weight for weight, _ in batch.targets] == pytest.approx([share, 1 - share])
    assert all(torch.equal(batch.targets[1][1][name], y[name][order]) for name in y)

    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(5, 3)

        def forward(self, a, b):
            return self.head(torch.cat([a.flatten(1), b], 1))

    fitted = fit(Both(), task, Recipe(augment=(Mixup(0.4),), batch=8, epochs=2), device="cpu")
    assert len(fitted.curve) == 2


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
