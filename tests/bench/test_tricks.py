import pytest

from nasmyth.bench.tricks import tricks, with_settings
from nasmyth.train import EMA, SGD, AdamW, Cosine, Crop, Flip, Mixup, OneCycle, Recipe

PLAIN = Recipe(augment=(Crop(1),))
PAIRS = [
    (PLAIN, PLAIN.replace(optimizer=SGD(lr=0.2, momentum=0.5)), ["optimizer.lr", "optimizer.momentum"]),
    (PLAIN, PLAIN.replace(optimizer=AdamW(), schedule=OneCycle()), ["optimizer", "schedule"]),
    (PLAIN, PLAIN.replace(schedule=Cosine(0.2), average=EMA(0.99)), ["schedule.warmup", "average"]),
    (PLAIN, PLAIN.replace(augment=(Flip(), Crop(2), Mixup(0.2))), ["augment.Flip", "augment.Crop", "augment.Mixup"]),
    (PLAIN, PLAIN.replace(augment=(Mixup(0.2),), epochs=3), ["augment.Mixup", "augment.Crop", "epochs"]),
    (PLAIN.replace(augment=(Crop(1), Crop(2))), PLAIN, ["augment"]),
    (PLAIN.replace(augment=(Flip(), Crop(2))), PLAIN.replace(augment=(Crop(2), Flip())), ["augment"]),
]


@pytest.mark.parametrize(("plain", "full", "names"), PAIRS)
def test_one_at_a_time_leads_from_one_recipe_to_the_other(plain, full, names):
    assert sorted(tricks(plain, full)) == sorted(names)
    reached = plain
    for done, name in enumerate(names, 1):
        reached = with_settings(reached, full, [name])
        assert sorted(tricks(reached, full)) == sorted(names[done:])
    assert reached is full
    assert with_settings(plain, full, []) is plain and with_settings(plain, full, names) is full


def test_a_field_names_all_that_is_in_it():
    full = PLAIN.replace(augment=(Flip(), Crop(1), Mixup(0.2)), optimizer=SGD(lr=0.3))
    assert with_settings(PLAIN, full, ["augment"]).augment == full.augment
    assert with_settings(PLAIN, full, ["optimizer"]) is PLAIN.replace(optimizer=SGD(lr=0.3))
