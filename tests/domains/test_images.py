"""Images as arrays: files, tuples, scales, layouts, and images that cannot be learned from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nasmyth.domains import data, read
from nasmyth.errors import DataError

from .images import arrays
from .test_folder import said


def save(path, **contents):
    np.savez_compressed(path, **contents)
    return path


def test_npz_with_x_and_y(tmp_path):
    x, y = arrays()
    task = read(save(tmp_path / "shapes.npz", x=x, y=y))
    assert task.name == "shapes" and task.input == (1, 8, 8) and task.classes == ("0", "1", "2")
    assert len(task.test) == 12 and len(task.valid) == 7 and len(task.train) == 41
    assert np.bincount(task.test.y).tolist() == [4, 4, 4]


def test_npz_with_an_official_test_part(tmp_path):
    x, y = arrays()
    task = read(str(save(tmp_path / "a.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])))
    assert np.array_equal(task.test.x[..., 0], x[40:]) and np.array_equal(task.test.y, y[40:])
    said(task, "official split")


def test_parts_are_disjoint_and_fitted_on_training_alone():
    x, y = arrays(90)
    x[:, 0, 0], x[:, 0, 1] = np.arange(90), 0
    task = read((x, y))
    ids = [set(split.x[:, 0, 0, 0].tolist()) for split in (task.train, task.valid, task.test)]
    assert len(set.union(*ids)) == 90 == sum(map(len, ids))
    pixels = task.train.x.double() / 255
    assert task.inputs.mean[0] == pytest.approx(pixels.mean().item(), abs=1e-6)
    assert task.inputs.std[0] == pytest.approx(pixels.std(correction=0).item(), abs=1e-6)


def test_digits_encode_to_what_is_stored():
    task = read("digits")
    raw = data.get("digits").load().train.x
    assert raw.dtype == np.float64
    stored = {row.numpy().tobytes() for row in torch.cat([task.train.x, task.valid.x, task.test.x])}
    assert {row.numpy().tobytes() for row in task.inputs.encode(raw)} == stored
    assert (len(task.train), len(task.valid), len(task.test)) == (1222, 216, 359)


@pytest.mark.parametrize(
    ("scale", "low", "high"),
    [
        (lambda x: x / 255, 0, 1),
        (lambda x: x.astype(np.float64), 0, 255),
        (lambda x: x.astype(np.int64), 0, 255),
        (lambda x: x.astype(np.uint16) * 257, 0, 65535),
    ],
)
def test_usual_scales_are_stored_as_the_same_bytes(scale, low, high):
    x, y = arrays()
    task = read((scale(x), y))
    assert (task.inputs.low, task.inputs.high) == (low, high)
    assert torch.equal(task.train.x, read((x, y)).train.x)
    assert torch.equal(task.inputs.encode(scale(x)), task.inputs.encode(x))


def test_standardised_images_keep_a_256th_of_their_range():
    x, y = arrays()
    z = ((x - 100.0) / 40).astype(np.float32)
    task = read((z, y))
    said(task, "256 steps")
    span = task.inputs.high - task.inputs.low
    back = task.inputs.encode(z)[..., 0].numpy() / 255 * span + task.inputs.low
    assert np.abs(np.clip(z, task.inputs.low, task.inputs.high) - back).max() <= span / 255 * 0.51


def test_channels_first_are_moved_and_said():
    x, y = arrays()
    rgb = np.stack([x, x // 2, x // 3], axis=1)
    task = read((rgb, y))
    assert task.input == (3, 8, 8)
    said(task, "N C H W")
    assert torch.equal(task.train.x, read((np.moveaxis(rgb, 1, 3), y)).train.x)


def test_test_images_of_another_size_or_channels_are_converted_and_said():
    x, y = arrays()
    large = np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)
    task = read((x, y, np.stack([large] * 3, axis=3), y))
    assert task.test.x.shape == (60, 8, 8, 1)
    said(task, "test", "resized from 16x16 to 8x8")
    said(task, "test", "from 3 channels to 1")


def test_the_asked_size_is_given_to_arrays():
    x, y = arrays()
    task = read((x, y), size=4)
    assert task.input == (1, 4, 4)
    inner = (x[:, 2:6, 2:6].mean() - task.train.x.float().mean()).abs()
    assert inner < 5


def test_images_with_nan_are_left_out_or_refused():
    x, y = arrays()
    x = x / 255
    x[3, 0, 0], x[7, 2, 2] = np.nan, np.inf
    task = read((x, y))
    assert "2 of 60" in said(task, "NaN", "row 3")
    assert len(task.train) + len(task.valid) + len(task.test) == 58
    with pytest.raises(DataError, match="2 of 60 images .*NaN.*on_bad='skip'"):
        read((x, y), on_bad="refuse")
    x[:] = np.nan
    with pytest.raises(DataError, match="60 of 60 images"):
        read((x, y))


def test_regression_from_images():
    x, _ = arrays()
    task = read((x, x.mean(axis=(1, 2)) / 7))
    assert task.kind == "regression" and task.objective == "rmse"


def test_npz_without_the_right_keys(tmp_path):
    with pytest.raises(DataError, match="expected arrays named x and y.*got images, labels"):
        read(save(tmp_path / "a.npz", images=np.zeros((4, 2, 2)), labels=np.zeros(4)))
    with pytest.raises(DataError, match="got x"):
        read(save(tmp_path / "b.npz", x=np.zeros((4, 2, 2))))


def test_npz_with_pickled_objects_is_never_loaded(tmp_path):
    with pytest.raises(DataError, match="'y' holds pickled Python objects, which are never loaded"):
        read(save(tmp_path / "a.npz", x=np.zeros((4, 2, 2)), y=np.array([{"a": 1}] * 4, dtype=object)))


def test_pickled_files_are_never_loaded(tmp_path):
    import pickle

    (tmp_path / "a.npz").write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(DataError, match="never loaded"):
        read(tmp_path / "a.npz")
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(DataError, match="never loaded"):
        read(tmp_path / "a.pkl")


def test_damaged_npz(tmp_path):
    x, y = arrays()
    path = save(tmp_path / "a.npz", x=x, y=y)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read as .npz"):
        read(path)
    path.write_bytes(whole[:200] + bytes(50) + whole[250:])
    with pytest.raises(DataError, match="cannot be read as .npz"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read as .npz"):
        read(path)


def test_lengths_that_differ(tmp_path):
    x, y = arrays()
    with pytest.raises(DataError, match="x of the train part has 60 examples and y has 59"):
        read(save(tmp_path / "a.npz", x=x, y=y[:-1]))


def test_shapes_that_are_no_images():
    with pytest.raises(DataError, match="fits no domain; expected"):
        read((np.zeros((9, 2, 2, 2, 2)), np.arange(9) % 2))
    with pytest.raises(DataError, match="there is nothing in it"):
        read((np.zeros((9, 0, 2)), np.arange(9) % 2))
    with pytest.raises(DataError, match="no examples"):
        read((np.zeros((0, 2, 2)), np.zeros(0)))
