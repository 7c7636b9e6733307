"""What else lies in a folder of pictures: links to nothing, pipes, sockets, devices, folders that lead in circles."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from nasmyth.domains import read, read_inputs
from nasmyth.errors import DataError

from .images import folder
from .test_folder import said

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")


@pytest.fixture
def odd(tmp_path):
    """Twenty pictures, and five names of pictures that are none."""
    root = folder(tmp_path / "pets")
    (root / "cat" / "gone.png").symlink_to(tmp_path / "nothing.png")
    (root / "cat" / "self.png").symlink_to(root / "cat" / "self.png")
    os.mkfifo(root / "dog" / "pipe.png")
    (root / "dog" / "endless.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(root / "dog")  # the path of a socket must be short
        made.bind("socket.png")
        os.chdir(here)
        yield root


def test_what_is_no_file_is_left_out_and_said(odd):
    task = read(odd)
    assert len(task.train) + len(task.valid) + len(task.test) == 20
    note = said(task, "5 pictures that cannot be read were left out")
    assert "cat/gone.png (a link to nothing)" in note and "dog/pipe.png (not a file)" in note
    assert "dog/endless.png (not a file)" in note and "dog/socket.png (not a file)" in note and "cat/self.png" in note


def test_what_is_no_file_is_refused_where_asked(odd):
    with pytest.raises(DataError, match=r"5 pictures cannot be read: cat/gone.png \(a link to nothing\)"):
        read(odd, on_bad="refuse")


def test_new_pictures_that_are_no_files(odd):
    inputs = read(odd).inputs
    with pytest.raises(DataError, match="gone.png .a link to nothing"):
        read_inputs(odd / "cat", inputs)
    with pytest.raises(DataError, match="not a file"):
        read_inputs(odd / "dog" / "pipe.png", inputs)


def test_folders_in_a_circle_are_read_once(tmp_path):
    root = folder(tmp_path / "pets")
    (root / "again").symlink_to(root)
    (root / "above").symlink_to(tmp_path)
    (root / "cat" / "loop").symlink_to(root / "cat")
    (root / "eel").symlink_to(root / "eel")
    task = read(root)
    assert task.classes == ("cat", "dog") and len(task.train) + len(task.valid) + len(task.test) == 20
    assert "above, again" in said(task, "lead back to one around them")
    assert "eel" in said(task, "not pictures in a class folder")


def test_a_class_folder_elsewhere_is_a_class(tmp_path):
    folder(tmp_path / "store", ("eel",))
    root = folder(tmp_path / "pets")
    (root / "eel").symlink_to(tmp_path / "store" / "eel")
    assert read(root).classes == ("cat", "dog", "eel")


def test_names_that_are_no_unicode_are_spelt_out(tmp_path):
    root = folder(tmp_path / "pets")
    os.rename(root / "dog", os.fsencode(root) + b"/d\xe9g")
    (root / "cat" / os.fsdecode(b"\xe9.png")).write_bytes(b"")
    task = read(root)
    assert task.classes == ("cat", "d\\udce9g") and task.fingerprint
    assert all(note.encode() for note in task.notes) and "cat/\\udce9.png (empty file)" in said(task, "cannot be read")


def test_paths_that_cannot_be_opened(tmp_path):
    beside = tmp_path / "x.csv" / "y.csv"
    for source, why in (
        ("a" * 5000, "too long"),
        ("a\0b", "names no data"),
        (" ", "names no data"),
        (beside, "no such file"),
    ):
        with pytest.raises(DataError, match=why):
            read(source)
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match="not understood"):
        read(tmp_path / "pipe.npz")
