import subprocess
import sys

import pytest
from toys import convnet

from nasmyth.errors import SpaceError
from nasmyth.graph import chain
from nasmyth.ops import Conv, Linear, Mean
from nasmyth.record import Value, from_json, to_json
from nasmyth.space import Space, choice, integer, maybe, real
from nasmyth.testing import check_space
from nasmyth.train import EMA, SGD, AdamW, Cosine, Crop, Flip, Mixup, OneCycle, Recipe, fit


class AnyHole(Value):
    """Stands for a decision that is still open."""

    _is_hole = True
    name: str


def test_is_one_object_and_survives_json():
    recipe = Recipe(SGD(lr=0.2), OneCycle(), (Crop(2), Flip(), Mixup(0.2)), average=EMA(0.999))
    assert recipe is Recipe(
        average=EMA(0.999), augment=[Crop(2), Flip(), Mixup(0.2)], schedule=OneCycle(), optimizer=SGD(0.2)
    )
    assert from_json(to_json(recipe)) is recipe and from_json(to_json(Recipe())) is Recipe()


@pytest.mark.parametrize(
    "wrong",
    [{"optimizer": "adamw"}, {"optimizer": Cosine()}, {"schedule": SGD()}, {"schedule": None}, {"augment": Flip()},
     {"augment": ("flip",)}, {"augment": (SGD(),)}, {"average": 0.999}, {"average": Cosine()}, {"precision": "16"},
     {"batch": 0}, {"epochs": 0}, {"smoothing": -0.1}, {"clip": -1.0}, {"smoothing": 1.0}],
)  # fmt: skip
def test_refuses_what_cannot_be(wrong):
    with pytest.raises(SpaceError, match=next(iter(wrong))):
        Recipe(**wrong)


@pytest.mark.parametrize(
    ("make", "field"),
    [(lambda: SGD(lr=0), "lr"), (lambda: SGD(lr=float("nan")), "lr"), (lambda: AdamW(lr=-1.0), "lr"),
     (lambda: Mixup(-1.0), "alpha"), (lambda: SGD(momentum=1.5), "momentum"), (lambda: AdamW(beta2=1.0), "beta2"),
     (lambda: SGD(weight_decay=-1.0), "weight_decay"), (lambda: EMA(1.0), "decay"), (lambda: Crop(-1), "pixels"),
     (lambda: Cosine(1.0), "warmup")],
)  # fmt: skip
def test_parts_refuse_what_cannot_be(make, field):
    with pytest.raises(SpaceError, match=field):
        make()


@pytest.mark.parametrize(("name", "written"), [("lr", r"SGD\(lr="), ("flip", r"augment=\(Flip"), ("ema", r"EMA\(")])
def test_a_setting_of_a_part_says_where_it_belongs(name, written):
    with pytest.raises(SpaceError, match=written):
        Recipe(**{name: 1})


def test_any_field_may_be_open():
    for name in Recipe.fields:
        assert getattr(Recipe(**{name: AnyHole(name)}), name) is AnyHole(name)


SEARCHED = Recipe(
    optimizer=choice(SGD(lr=real(0.01, 1.0, log=True)), AdamW(lr=real(1e-4, 0.01, log=True))),
    schedule=choice(OneCycle(), Cosine(warmup=choice(0.0, 0.1))),
    augment=(maybe(Flip()), Crop(integer(0, 3)), choice(None, Mixup(real(0.1, 0.4)))),
    average=maybe(EMA(choice(0.99, 0.999))),
    epochs=integer(2, 4),
)


def test_holes_stand_at_any_depth_and_each_option_has_its_own():
    space = Space(chain(Conv(4), Mean("h w"), Linear(10)), (1, 8, 8), recipe=SEARCHED)
    assert list(space.holes) == [
        "recipe.optimizer", "recipe.optimizer:0.lr", "recipe.optimizer:1.lr", "recipe.schedule", "recipe.schedule:1.warmup",
        "recipe.augment[0]", "recipe.augment[1].pixels", "recipe.augment[2]", "recipe.augment[2]:1.alpha", "recipe.epochs",
        "recipe.average", "recipe.average:1.decay",
    ]  # fmt: skip
    drawn = [space.recipe_of(space.sample(seed)) for seed in range(100)]
    for recipe in drawn:
        assert (
            (0.01 <= recipe.optimizer.lr <= 1) if isinstance(recipe.optimizer, SGD) else (recipe.optimizer.lr <= 0.01)
        )
        assert all(isinstance(one, (Flip, Crop, Mixup)) for one in recipe.augmentations)
        assert from_json(to_json(recipe)) is recipe
    assert {len(recipe.augmentations) for recipe in drawn} == {0, 1, 2, 3}
    assert {type(recipe.averaging) for recipe in drawn} == {EMA, type(None)}
    check_space(space, samples=20)


def test_what_a_space_of_recipes_gives_is_trained(digits):
    space = Space(chain(Conv(4), Mean("h w"), Linear(10)), (1, 8, 8), recipe=SEARCHED)
    for seed in range(4):
        fitted = fit(convnet(4), digits, space.recipe_of(space.sample(seed)), epochs=0.2, device="cpu")
        assert fitted.scores["loss"] > 0


# --- as version 0.1 wrote them --------------------------------------------------------------------------------------

OLDER = [
    ({"lr": 0.05, "epochs": 8, "crop": 1}, Recipe(SGD(lr=0.05), augment=(Crop(1),), epochs=8)),
    ({"optimizer": "adamw", "lr": 0.002, "weight_decay": 0.001, "ema": 0.999, "batch": 32},
     Recipe(AdamW(lr=0.002, weight_decay=0.001), average=EMA(0.999), batch=32)),
    ({"flip": True, "crop": 2, "mixup": 0.2, "warmup": 0.0, "momentum": 0.5, "channels_last": False, "clip": 1.0},
     Recipe(SGD(momentum=0.5), Cosine(0.0), (Flip(), Crop(2), Mixup(0.2)), clip=1.0)),
    ({"optimizer": "adamw"}, Recipe(AdamW(lr=0.1, weight_decay=5e-4))),
    ({"epochs": 60, "batch": 64, "smoothing": 0.05}, Recipe(epochs=60, batch=64, smoothing=0.05)),
    ({}, Recipe()),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "recipe"), OLDER)
def test_recipes_of_version_0_1_are_read(fields, recipe):
    assert from_json({"$": "Recipe", **fields}) is recipe


@pytest.mark.parametrize("fields", [{"lr": to_json(real(0.1, 0.2))}, {"optimizer": "rprop"}])
def test_what_cannot_be_read_says_which_version_does(fields):
    with pytest.raises(SpaceError, match=r"version 0\.1 reads it"):
        from_json({"$": "Recipe", **fields})


def test_does_not_need_torch():
    code = "import sys; from nasmyth.train import Recipe; Recipe(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
