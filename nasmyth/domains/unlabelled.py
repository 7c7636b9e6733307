"""New inputs to predict: the same kinds of files as for training, without labels, in the form that a network takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmyth.domains.sources import pictures
from nasmyth.domains.sources.arrays import as_array
from nasmyth.domains.sources.folder import pictures_in
from nasmyth.domains.sources.frames import SUFFIXES, table_file
from nasmyth.domains.sources.graph_files import EDGES, is_graph
from nasmyth.domains.sources.numpy_files import npy_array, npz_arrays
from nasmyth.domains.sources.raw import Options, several
from nasmyth.domains.sources.text_files import SUFFIXES as TEXTS
from nasmyth.domains.sources.text_files import read_text
from nasmyth.errors import DataError, nearest

if TYPE_CHECKING:
    from nasmyth.forms.form import InputForm


def read_inputs(source: Any, inputs: InputForm) -> tuple[Any, list[str]]:
    """Raw inputs that `inputs.encode` takes, and a name for each.

    source: a picture, or a folder of pictures at any depth; an `.npz` file with `x` (or a single array), or a `.npy`
    file; a `.csv` or `.parquet` file; or arrays, a DataFrame, a mapping of columns. Images of another size are scaled.
    Raises DataError for what is missing, damaged or of another kind.
    """
    images = hasattr(inputs, "height")
    if not isinstance(source, str | os.PathLike):
        if hasattr(inputs, "edges") and isinstance(source, dict):
            return _graph(source, "the mapping"), ["graph"]
        x = source if hasattr(source, "columns") or isinstance(source, dict) else as_array(source)
    else:
        path = Path(source)
        if not path.exists():
            beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            raise DataError(f"{path}: no such file or folder{nearest(path.name, beside)}; check the path")
        if images and (path.is_dir() or pictures.is_picture(path)):
            return _pictures(path, inputs)
        if path.suffix.lower() in TEXTS and hasattr(inputs, "vocabulary"):
            return _windows(read_text(path, Options()).train.x.text, inputs)
        if hasattr(inputs, "edges") and path.suffix.lower() == ".npz":
            return _graph(dict(npz_arrays(path)), str(path)), [path.stem]
        x = _array(path) if path.suffix.lower() in (".npz", ".npy") else _table(path, inputs)
        x = as_array(x) if isinstance(x, np.ndarray) else x
    _refuse_nothing(x)
    if images and getattr(getattr(x, "dtype", None), "kind", "") not in tuple("buif"):
        raise DataError("new inputs are no numbers, and this network takes pictures; give N H W or N H W C")
    if images:
        x = _sized(x, inputs)
    count = len(next(iter(x.values()))) if isinstance(x, dict) else len(x)
    return x, [str(i) for i in range(count)]


def _windows(text: str, inputs: Any) -> tuple[list[str], list[str]]:
    """A long text in pieces as long as the network takes; the last is left out if it is shorter and may not be."""
    starts = range(0, len(text), inputs.length)
    pieces = [text[i : i + inputs.length] for i in starts]
    kept = [piece for piece in pieces if inputs.padded or len(piece) == inputs.length]
    if not kept:
        raise DataError(f"a text of {len(text)} characters; this network takes {inputs.length}")
    return kept, [str(i) for i in starts][: len(kept)]


def _graph(arrays: dict[str, Any], where: str) -> dict[str, Any]:
    """Features and edges of a graph."""
    if not is_graph(arrays):
        raise DataError(f"{where}: no graph; give x and edge_index")
    return {"x": arrays["x"], "edges": arrays[next(name for name in EDGES if name in arrays)]}


def _refuse_nothing(x: Any) -> None:
    """Raise DataError for what holds no example, or examples of nothing."""
    columns = list(x.values()) if isinstance(x, dict) else [x]
    if not columns or not all(hasattr(column, "__len__") and getattr(column, "ndim", 1) for column in columns):
        raise DataError("new inputs hold single values or nothing; give an entry for each example")
    if any(0 in getattr(column, "shape", ())[1:] for column in columns):
        raise DataError(f"new inputs of shape {tuple(columns[0].shape)}: there is nothing in an example")


def _pictures(path: Path, inputs: Any) -> tuple[np.ndarray, list[str]]:
    files = pictures_in(path) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: no pictures in it; expected {', '.join(pictures.FORMATS)} files")
    x, failed = pictures.load(files, (inputs.height, inputs.width), 1 if inputs.channels == 1 else 3)
    if failed:
        named = several(f"{files[row]} ({reason})" for row, reason in failed.items())
        raise DataError(f"{len(failed):,} pictures cannot be read: {named}; replace or remove them")
    return x, [str(file.relative_to(path)) if path.is_dir() else str(file) for file in files]


def _array(path: Path) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        return npy_array(path)
    arrays = dict(npz_arrays(path))
    for key in ("x", "X", "x_test"):
        if key in arrays:
            return arrays[key]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise DataError(f"{path}: expected an array named x; got {several(arrays) or 'none'}")


def _table(path: Path, inputs: InputForm) -> Any:
    images = hasattr(inputs, "height")
    if images or path.suffix.lower() not in SUFFIXES:
        expected = "a picture, a folder of pictures, .npz or .npy" if images else ".csv, .tsv, .parquet, .npz or .npy"
        raise DataError(f"{path}: not inputs of this network; expected {expected}")
    columns = getattr(inputs, "columns", ())
    # pandas would read the 1.234 of a column that writes 1234 so as one and a bit
    frame, _ = table_file(path, texts=[column.name for column in columns if column.notation])
    return frame.set_axis([str(name).strip() for name in frame.columns], axis=1)


def _sized(x: Any, inputs: Any) -> Any:
    from nasmyth.domains.vision import resized

    size = (inputs.height, inputs.width)
    if getattr(x, "ndim", 0) == 2 and x.shape == size:
        x = x[None]
    if getattr(x, "ndim", 0) == 4 and x.shape[3] > 4 >= x.shape[1]:
        x = np.moveaxis(x, 1, 3)
    return resized(x, size) if getattr(x, "ndim", 0) in (3, 4) and x.shape[1:3] != size else x
