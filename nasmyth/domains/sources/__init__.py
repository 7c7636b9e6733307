"""Ways in: every kind of source, read into one form (`Raw`). One kind a file; `load` picks the reader."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nasmyth.domains.sources import arrays, folder, frames, hub, known, text_files, torch_data
from nasmyth.domains.sources.known import Known, data
from nasmyth.domains.sources.raw import Options, Part, Raw, Reader, readers, shortened
from nasmyth.errors import DataError, nearest

READERS = (arrays, folder, frames, hub, known, text_files, torch_data)
"""Imported here because each registers its readers."""

__all__ = ["READERS", "Known", "Options", "Part", "Raw", "Reader", "data", "load", "readers"]

_PICKLES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".joblib"})


def load(source: Any, options: Options) -> Raw:
    """Read a source of any kind. Raises DataError with what to write instead."""
    if isinstance(source, str) and not source.strip():
        raise _no_reader(source)
    if isinstance(source, str) and source in data:
        raw = readers.get("known").read(source, options)
        if Path(source).exists():
            raw = raw.replace(
                note=f"{source!r} is a known name; for the file or folder of that name write './{source}'"
            )
        return raw
    try:
        for _, reader in readers:
            if reader.accepts(source):
                return reader.read(source, options)
        raise _no_reader(source)
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else source
        raise DataError(
            f"{shortened(str(where))}: cannot be read ({error.strerror or error}); check the path"
        ) from None


def _no_reader(source: Any) -> DataError:
    ways = "; ".join(reader.about for _, reader in readers)
    if isinstance(source, tuple | list) and not isinstance(source, str):
        return DataError(
            f"a {type(source).__name__} of {len(source)} is no data set; give (x, y) or (x_train, y_train, x_test, y_test)"
        )
    if not isinstance(source, str | os.PathLike):
        return DataError(f"data of type {type(source).__name__} is not understood; give one of: {ways}")
    path = Path(source)
    if not str(source).strip() or "\0" in str(source):
        return DataError(f"{str(source)!r} names no data; give one of: {ways}")
    if path.suffix.lower() in _PICKLES:
        return DataError(
            f"{path}: pickled files are never loaded, for they can run code; save the arrays with np.savez instead"
        )
    if path.exists():
        return DataError(
            f"{path}: files ending in {path.suffix or '(nothing)'!r} are not understood; give one of: {ways}"
        )
    if path.parent == Path() and not path.suffix:
        beside = [p.name for p in Path().iterdir()]
        hint = nearest(str(source), [*data.names(), *beside])
        return DataError(f"no data set, file or folder {str(source)!r}{hint} (known names: {', '.join(data.names())})")
    folder_there = next(p for p in path.parents if p.exists())
    if folder_there != path.parent:
        return DataError(
            f"{path}: no such file; there is no folder {str(path.parent)!r} ({str(folder_there)!r} exists)"
        )
    hint = nearest(path.name, [p.name for p in folder_there.iterdir()] if folder_there.is_dir() else [])
    return DataError(f"{path}: no such file{hint or f' (in {str(folder_there.resolve())!r})'}; check the path")
