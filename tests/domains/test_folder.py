"""Folders of class folders: what is read, what is said, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from nasmyth.domains import read
from nasmyth.errors import DataError

from .images import folder, picture, write


def said(task, *words):
    """The note that holds all these words."""
    found = [note for note in task.notes if all(word in note for word in words)]
    assert found, (words, task.notes)
    return found[0]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_class_folders_become_classes(tmp_path, suffix):
    task = read(folder(tmp_path, ("cat", "dog", "eel"), suffix=suffix))
    assert task.classes == ("cat", "dog", "eel")
    assert task.kind == "classification"
    assert task.train.x.dtype == torch.uint8 and task.train.x.shape[1:] == (12, 12, 3)
    assert len(task.train) + len(task.valid) + len(task.test) == 30
    assert task.name == tmp_path.name


def test_pixels_and_labels_are_those_of_the_files(tmp_path):
    task = read(folder(tmp_path))
    expected = {picture(label, i).tobytes(): label for label in (0, 1) for i in range(10)}
    for split in (task.train, task.valid, task.test):
        for x, y in zip(split.x, split.y, strict=True):
            assert expected.pop(x.numpy().tobytes()) == int(y)
    assert not expected


def test_same_seed_same_task_and_another_seed_another_split(tmp_path):
    folder(tmp_path)
    assert (
        read(tmp_path, seed=3).fingerprint == read(tmp_path, seed=3).fingerprint != read(tmp_path, seed=4).fingerprint
    )


@pytest.mark.parametrize("names", [("train", "test"), ("train", "val", "test"), ("training", "validation", "testing")])
def test_split_folders_are_the_official_split(tmp_path, names):
    for each, name in zip((8, 3, 4) if len(names) == 3 else (8, 4), names, strict=True):
        folder(tmp_path / name, each=each)
    task = read(tmp_path)
    assert len(task.test) == 8
    if len(names) == 3:
        assert (len(task.train), len(task.valid)) == (16, 6)
    said(task, "official split")


def test_classes_that_are_called_like_splits_stay_classes_without_train(tmp_path):
    assert read(folder(tmp_path, ("test", "control"))).classes == ("control", "test")


def test_the_most_common_size_wins_and_is_said(tmp_path):
    folder(tmp_path)
    for i in range(3):
        write(tmp_path / "cat" / f"large{i}.png", picture(0, i, (30, 20)))
    task = read(tmp_path)
    assert task.input == (3, 12, 12)
    assert "3 of 23" in said(task, "12x12", "most common")


def test_the_asked_size_wins(tmp_path):
    task = read(folder(tmp_path), size=(6, 10))
    assert task.input == (3, 6, 10)
    said(task, "6x10", "as asked")


def test_large_pictures_are_scaled_down_and_said(tmp_path):
    task = read(folder(tmp_path, each=4, size=(500, 250)))
    assert task.input == (3, 224, 112)
    said(task, "500x250", "scaled down")


def test_gray_pictures_have_one_channel_and_mixed_ones_three(tmp_path):
    assert read(folder(tmp_path / "gray", channels=1)).input == (1, 12, 12)
    mixed = folder(tmp_path / "mixed")
    write(mixed / "cat" / "gray.png", picture(0, 99, channels=1))
    task = read(mixed)
    assert task.input == (3, 12, 12)
    assert said(task, "gray").startswith("1 gray")


def test_transparent_parts_are_white_and_palettes_and_16_bits_are_read(tmp_path):
    folder(tmp_path)
    write(tmp_path / "cat" / "a.png", np.zeros((12, 12, 4), np.uint8))
    Image.fromarray(picture(0)).convert("P").save(tmp_path / "cat" / "b.png")
    Image.fromarray(np.full((12, 12), 65535, np.uint16)).save(tmp_path / "cat" / "c.png")
    task = read(tmp_path)
    everything = torch.cat([task.train.x, task.valid.x, task.test.x])
    assert len(everything) == 23
    assert sum(bool((x == 255).all()) for x in everything) == 2


def test_photos_on_their_side_are_turned_upright(tmp_path):
    for label, name in enumerate(("cat", "dog")):
        for i in range(6):
            pixels = np.zeros((16, 24, 3), np.uint8)
            pixels[:, :12] = 255 - label  # the left half as stored; turned, the upper half
            exif = Image.Exif()
            exif[0x0112] = 6
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.jpg", exif=exif)
    task = read(tmp_path)
    assert task.input == (3, 24, 16)
    assert task.train.x[0, 2].float().mean() > 200 > 50 > task.train.x[0, -3].float().mean()


def damaged(root):
    """A truncated, an empty and a false picture."""
    whole = (root / "cat" / "000.png").read_bytes()
    (root / "cat" / "000.png").write_bytes(whole[: len(whole) // 2])
    (root / "cat" / "001.png").write_bytes(b"")
    (root / "dog" / "002.png").write_text("this is no picture")
    return root


@pytest.mark.parametrize("on_bad", [None, "skip"])
def test_unreadable_pictures_are_named_and_left_out(tmp_path, on_bad):
    task = read(damaged(folder(tmp_path)), on_bad=on_bad)
    assert len(task.train) + len(task.valid) + len(task.test) == 17
    note = said(task, "cannot be read")
    assert "cat/000.png (truncated)" in note and "cat/001.png (empty file)" in note and "dog/002.png" in note


def test_unreadable_pictures_are_refused_where_asked(tmp_path):
    with pytest.raises(DataError, match=r"3 pictures cannot be read: cat/000.png \(truncated\).*on_bad='skip'"):
        read(damaged(folder(tmp_path)), on_bad="refuse")


def test_truncated_jpeg_is_found(tmp_path):
    folder(tmp_path, suffix=".jpg", size=(64, 64))
    file = tmp_path / "cat" / "000.jpg"
    file.write_bytes(file.read_bytes()[:-400])
    said(read(tmp_path), "cat/000.jpg (truncated)")


def test_a_folder_where_nothing_can_be_read_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_text("no")
    with pytest.raises(DataError, match="none of its 2 pictures can be read"):
        read(tmp_path)


def test_other_files_and_empty_folders_are_left_out_and_said(tmp_path):
    folder(tmp_path)
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "cat" / "Thumbs.db").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".git").mkdir()
    task = read(tmp_path)
    assert task.classes == ("cat", "dog")
    assert "README.md" in said(task, "2 files") and "cat/Thumbs.db" in said(task, "2 files")
    said(task, "without pictures", "empty")


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match="no pictures in it .it is empty.*CLASS/PICTURE"):
        read(tmp_path)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"it holds 1 \.csv"):
        read(tmp_path)


def test_pictures_outside_class_folders_are_refused(tmp_path):
    write(tmp_path / "one.png", picture(0))
    with pytest.raises(DataError, match="one.png.* are in no class folder; put"):
        read(tmp_path)


def test_one_class_only_is_refused(tmp_path):
    with pytest.raises(DataError, match="one class, 'cat'"):
        read(folder(tmp_path, ("cat",)))


def test_test_labels_that_never_occur_in_training_are_refused(tmp_path):
    folder(tmp_path / "train")
    folder(tmp_path / "test", ("cat", "eel"))
    with pytest.raises(DataError, match="test part has labels that never occur in training: 'eel'"):
        read(tmp_path)


def test_a_limit_takes_a_seeded_sample(tmp_path):
    folder(tmp_path, each=30)
    task = read(tmp_path, limit=40)
    assert len(task.train) + len(task.valid) + len(task.test) == 40
    said(task, "limit: 40")
    assert task.fingerprint == read(tmp_path, limit=40).fingerprint
