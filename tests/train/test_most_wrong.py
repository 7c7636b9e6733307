"""What is kept of wrong answers: the surest first, pictures that are those of the data, and never much."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch

from nasmyth.domains import read
from nasmyth.forms.inputs import MOST_COLUMNS
from nasmyth.forms.pictures import SIDE, png
from nasmyth.train.mistakes import MOST, mistakes


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_is_read_by_others_as_it_was(channels):
    image = torch.randint(0, 256, (7, 5, channels), dtype=torch.uint8)
    from PIL import Image

    with Image.open(io.BytesIO(png(image))) as read_back:
        assert read_back.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        assert np.array_equal(np.asarray(read_back).reshape(7, 5, channels), image.numpy())


def pictures(side, channels, count=120):
    rng = np.random.default_rng(0)
    return read((rng.integers(0, 256, (count, side, side, channels), dtype=np.uint8), np.arange(count) % 3))


def test_the_surest_wrong_answers_come_first_and_hold_their_picture():
    from PIL import Image

    task = pictures(8, 3)
    raw = torch.nn.functional.one_hot(task.test.y, 3).float()
    raw[2], raw[5] = (
        torch.tensor([9.0, 0, 0]).roll(int(task.test.y[2]) + 1),
        torch.tensor([3.0, 0, 0]).roll(int(task.test.y[5]) + 1),
    )
    found = mistakes(raw, task)
    assert found["wrong"] == 2 and found["of"] == len(task.test)
    first, second = found["examples"]
    assert (
        first["true"] == task.classes[int(task.test.y[2])] != first["answer"] and first["sure"] > second["sure"] > 0.5
    )
    held = Image.open(io.BytesIO(base64.b64decode(first["image"].partition(",")[2])))
    off = np.abs(np.asarray(held).astype(int) - task.test.x[2].numpy())
    assert off.max() <= 8, "the same picture; all are brightened alike"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_dark_pictures_are_shown_bright():
    from PIL import Image

    x = np.random.default_rng(0).integers(0, 16, (90, 6, 6), dtype=np.uint8)
    task = read((x, np.arange(90) % 2))
    found = mistakes(torch.nn.functional.one_hot(1 - task.test.y, 2).float(), task)
    shown = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(e["image"].partition(",")[2])))) for e in found["examples"]
    ]
    assert max(image.max() for image in shown) == 255 and min(image.min() for image in shown) == 0


def test_it_is_small_however_large_the_data():
    task = pictures(200, 3, 150)  # noise, which does not compress
    found = mistakes(torch.nn.functional.one_hot((task.test.y + 1) % 3, 3).float(), task)
    assert 3 < len(found["examples"]) <= MOST and found["wrong"] == len(task.test)
    assert len(json.dumps(found)) < 150_000
    from PIL import Image

    sizes = {Image.open(io.BytesIO(base64.b64decode(e["image"].partition(",")[2]))).size for e in found["examples"]}
    assert sizes == {(SIDE, SIDE)}


def test_rows_have_their_values_and_names_of_categories():
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{i}": rng.normal(size=300) for i in range(20)})
    frame.insert(0, "colour", rng.choice(["red", "<b>"], 300))
    frame.loc[::3, "n0"] = np.nan
    frame["y"] = rng.normal(size=300)
    task = read(frame, target="y")
    raw = torch.zeros(len(task.test), 1)
    found = mistakes(raw, task)
    assert found["target"] == "y" and len(found["columns"]) == MOST_COLUMNS and len(found["examples"]) == MOST
    errors = [abs(one["true"] - one["answer"]) for one in found["examples"]]
    assert errors == sorted(errors, reverse=True) and errors[0] == pytest.approx(
        float((task.test.y - task.train.y.mean()).abs().max()), rel=1e-4
    )
    cells = [cell for one in found["examples"] for cell in one["cells"]]
    assert "-" in cells and all(len(one["cells"]) == MOST_COLUMNS for one in found["examples"])
    assert "sure" not in found["examples"][0] and "image" not in found["examples"][0]


def test_nothing_wrong_is_an_empty_list():
    task = pictures(8, 1)
    assert mistakes(torch.nn.functional.one_hot(task.test.y, 3).float(), task)["examples"] == []
