import pytest
import torch
import torch.nn.functional as F
from toys import convnet

from nasmyth.errors import SpaceError
from nasmyth.forms import Classes, Heads, NamedInputs, Values
from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.train import Crop, CutMix, Mixup, Recipe, Split, Task, fit, mixing
from nasmyth.train.batches import Batch

NUMBERS, IMAGE = TableInput((Column("n"),)), ImageInput(2, 2, 1, (0.0,), (1.0,))


def test_mixup_loss_is_that_of_the_mixed_targets(digits):
    """Zhang et al., 2018: x = l x_i + (1 - l) x_j, y = l y_i + (1 - l) y_j, with y as probabilities."""
    torch.manual_seed(0)
    net = convnet().eval()
    x, y = digits.inputs.module()(digits.train.x[:16]), digits.train.y[:16]
    order, share = mixing.mixing(16, 0.4, torch.Generator().manual_seed(0))
    assert torch.equal(order.sort().values, torch.arange(16))
    mixed = mixing.mix(x, order, share)
    torch.testing.assert_close(mixed, share * x + (1 - share) * x[order])
    targets = share * F.one_hot(y, 10).float() + (1 - share) * F.one_hot(y[order], 10).float()
    pred = net(mixed)
    ours = share * digits.loss(pred, y, 0.1) + (1 - share) * digits.loss(pred, y[order], 0.1)
    torch.testing.assert_close(ours, digits.loss(pred, targets, 0.1))


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 4.0])
def test_shares_have_the_moments_of_a_beta_distribution(alpha):
    generator = torch.Generator().manual_seed(0)
    shares = torch.tensor([mixing.mixing(2, alpha, generator)[1] for _ in range(4000)])
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


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
    order, share = mixing.mixing(40, 0.4, torch.Generator().manual_seed(0))
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


def one_batch(alpha, seed, probability=1.0):
    """Images that hold the number of their example in each pixel, after CutMix."""
    batch = Batch(
        torch.arange(8, dtype=torch.uint8).view(8, 1, 1, 1).repeat(1, 9, 7, 2), torch.arange(8), torch.arange(8)
    )
    CutMix(alpha, probability).change(batch, torch.Generator().manual_seed(seed))
    return batch


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_answers_of_cutmix_have_the_areas_that_are_seen(alpha):
    shares = []
    for seed in range(60):
        batch = one_batch(alpha, seed)
        weights, answers = zip(*batch.targets, strict=True)
        seen = F.one_hot(batch.x[..., 0].long(), 8).float().mean((1, 2))
        said = sum(weight * F.one_hot(y, 8).float() for weight, y in batch.targets)
        torch.testing.assert_close(seen, said)
        assert sum(weights) == pytest.approx(1.0) and torch.equal(answers[0], torch.arange(8))
        shares.append(weights[0])
    assert 0.5 < sum(shares) / 60 < 0.85  # a rectangle that lies outside in part takes less than half


def test_what_cutmix_pastes_is_a_rectangle_of_the_partner():
    images = torch.randint(0, 256, (3, 6, 5, 1), dtype=torch.uint8)
    order, where = torch.tensor([2, 0, 1]), (1, 4, 0, 3)
    pasted = mixing.pasted(images, order, where)
    inside = torch.zeros(6, 5, dtype=torch.bool)
    inside[1:4, 0:3] = True
    assert torch.equal(pasted[:, inside], images[order][:, inside])
    assert torch.equal(pasted[:, ~inside], images[:, ~inside])


def test_boxes_have_the_area_asked_for_where_they_lie_inside():
    generator = torch.Generator().manual_seed(0)
    boxes = [mixing.box(32, 64, 0.25, generator) for _ in range(200)]
    assert max((bottom - top) * (right - left) for top, bottom, left, right in boxes) == 16 * 32
    assert all(0 <= top <= bottom <= 32 and 0 <= left <= right <= 64 for top, bottom, left, right in boxes)


def test_cutmix_changes_the_share_of_batches_that_it_is_asked_for():
    changed = [len(one_batch(1.0, seed, 0.3).targets) == 2 for seed in range(400)]
    assert sum(changed) / 400 == pytest.approx(0.3, abs=0.06)
    assert len(one_batch(0.0, 0).targets) == len(one_batch(1.0, 0, 0.0).targets) == 1
    with pytest.raises(SpaceError, match=r"probability=1.5"):
        CutMix(probability=1.5)


def test_cutmix_and_mixup_together_still_weigh_to_one(digits):
    fitted = fit(convnet(), digits, Recipe(augment=(Crop(1), CutMix(), Mixup(0.2)), epochs=1), device="cpu")
    assert fitted.scores["loss"] < 4.0
    batch = one_batch(1.0, 0)
    batch.x = batch.x.float()
    Mixup(0.3).change(batch, torch.Generator().manual_seed(1))
    assert len(batch.targets) == 4 and sum(weight for weight, _ in batch.targets) == pytest.approx(1.0)
    seen, said = batch.x.mean((1, 2, 3)), sum(weight * y.float() for weight, y in batch.targets)
    torch.testing.assert_close(seen, said)
