import subprocess
import sys

import pytest

from nasmyth.errors import SpaceError
from nasmyth.record import Value, from_json, to_json
from nasmyth.train.recipe import Recipe


class AnyHole(Value):
    """Stands for a decision that is still open."""

    _is_hole = True
    name: str


def test_is_one_object_and_survives_json():
    recipe = Recipe(lr=0.2, flip=True)
    assert recipe is Recipe(flip=True, lr=0.2)
    assert from_json(to_json(recipe)) is recipe


@pytest.mark.parametrize(
    "wrong",
    [{"optimizer": "adam"}, {"precision": "16"}, {"lr": 0}, {"lr": -1.0}, {"lr": float("nan")}, {"batch": 0},
     {"epochs": 0}, {"ema": 1.0}, {"warmup": 1.0}, {"smoothing": -0.1}, {"mixup": -1.0}, {"momentum": 1.5}],
)  # fmt: skip
def test_refuses_what_cannot_be(wrong):
    with pytest.raises(SpaceError, match=next(iter(wrong))):
        Recipe(**wrong)


def test_any_field_may_be_open():
    for name in Recipe.fields:
        assert getattr(Recipe(**{name: AnyHole(name)}), name) is AnyHole(name)


def test_does_not_need_torch():
    code = "import sys; from nasmyth.train import Recipe; Recipe(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
