"""Writing files whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasmyth.errors import ExportError


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write a text file whole, or leave what was there; through a link, and to a pipe or a device as they are.

    Raises ExportError if it cannot be written, such as on a full disk.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ExportError(f"cannot write {path}: {error.strerror or error}") from error
    else:
        with replacing(target) as folder:
            (folder / target.name).write_text(text, encoding="utf-8")
    return Path(path)


@contextmanager
def replacing(path: str | os.PathLike[str], *names: str) -> Iterator[Path]:
    """A new folder beside `path`: files of these names in it, by default that of `path`, replace those beside `path`
    when the block ends without an error. Raises ExportError if nothing can be written there.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise ExportError(f"cannot write {target}: there is no folder {target.parent}")
    if target.is_dir():
        raise ExportError(f"cannot write {target}: it is a folder")
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ExportError(f"cannot write {target}: {error.strerror}") from error
    try:
        yield folder
        for name in names or (target.name,):
            os.replace(folder / name, target.parent / name)
    except OSError as error:
        raise ExportError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
