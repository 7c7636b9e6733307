"""Arrays: an `.npz` file, a mapping of the same keys, or a tuple (x, y) or (x_train, y_train, x_test, y_test).

What may be an array: NumPy arrays, tensors, lists, DataFrames and Series. A file is read without pickle, always.
"""

from __future__ import annotations

import os
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.domains.sources.raw import SPLIT_NAMES, Options, Part, Raw, Reader, limited, readers, several
from nasmyth.domains.sources.tables import plain_labels
from nasmyth.errors import DataError

EXPECTED = "x and y, or x_train, y_train, x_test and y_test"


def read_npz(source: Any, options: Options) -> Raw:
    """The arrays of an `.npz` file. Raises DataError on a damaged file, on pickled objects and on missing keys."""
    path = Path(source)
    return _from_mapping(path.stem, str(path), dict(npz_arrays(path)), options)


def npz_arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and array, one after the other. Raises DataError on a damaged file and on pickled objects."""
    name = ""
    try:
        with path.open("rb") as opened:  # opened here, since NumPy leaves a damaged file open
            file = np.load(opened, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise DataError(f"{path}: holds a single array; write both with np.savez(file, x=..., y=...)")
            for name in file.files:
                yield name, file[name]
    except DataError:
        raise  # it is a ValueError too
    except ValueError as error:
        if "allow_pickle" not in str(error) and "pickle" not in str(error):
            raise DataError(f"{path}: cannot be read as .npz ({error}); write it again with np.savez") from None
        raise DataError(
            f"{path}: {f'{name!r} holds' if name else 'it holds'} pickled Python objects, which are never loaded: they"
            " can run code; write plain numbers or strings, e.g. np.savez(file, x=x.astype('float32'),"
            " y=y.astype(str))"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise DataError(
            f"{path}: cannot be read as .npz ({error}); is it whole? write it again with np.savez"
        ) from None


def read_mapping(source: Any, options: Options) -> Raw:
    """A mapping of the keys of an `.npz` file to arrays."""
    return _from_mapping("arrays", "the mapping", dict(source), options)


def read_tuple(source: Any, options: Options) -> Raw:
    """(x, y) or (x_train, y_train, x_test, y_test)."""
    keys = ("x", "y") if len(source) == 2 else ("x_train", "y_train", "x_test", "y_test")
    return _from_mapping("arrays", "the tuple", dict(zip(keys, source, strict=True)), options)


def is_dataset(source: Any) -> bool:
    """Whether it is a torch Dataset or DataLoader; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.utils.data.Dataset | torch.utils.data.DataLoader)


def as_array(value: Any) -> Any:
    """A NumPy array (or the DataFrame itself) of what may be an array."""
    if hasattr(value, "iloc"):
        return value if hasattr(value, "columns") else plain_labels(value)
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    try:
        return np.asarray(value)
    except ValueError as error:
        raise DataError(f"a list could not be made an array ({error}); give every example the same shape") from None


def _from_mapping(name: str, where: str, arrays: Mapping[str, Any], options: Options) -> Raw:
    parts: dict[str, dict[str, Any]] = {}
    unused = []
    for key, value in arrays.items():
        role = _role(key)
        if role is None:
            unused.append(key)
        else:
            parts.setdefault(role[1], {})[role[0]] = value
    if "train" not in parts or any(len(part) != 2 for part in parts.values()):
        raise DataError(f"{where}: expected arrays named {EXPECTED}; got {several(sorted(arrays), 8) or 'none'}")
    raw = Raw.of(name, {part: _part(where, part, **values) for part, values in parts.items()})
    if unused:
        raw = raw.replace(note=f"arrays not used: {several(unused)}")
    if len(parts) > 1:
        raw = raw.replace(note=f"official split: {', '.join(f'{k} {len(p):,}' for k, p in raw.parts.items())}")
    return limited(raw, options)


def _role(key: str) -> tuple[str, str] | None:
    """("x" or "y", part) of a key such as "x_train"; "x" alone is the training part."""
    match = re.fullmatch(r"([xy])(?:_(\w+))?", key.lower())
    if match is None or (match[2] and match[2] not in SPLIT_NAMES):
        return None
    return match[1], SPLIT_NAMES[match[2] or "train"]


def _part(where: str, part: str, x: Any, y: Any) -> Part:
    x, y = as_array(x), as_array(y)
    if hasattr(y, "columns"):
        y = y.to_numpy()
    for letter, array in (("x", x), ("y", y)):
        if getattr(array, "ndim", 1) == 0:
            raise DataError(f"{where}: {letter} of the {part} part is a single value; expected one entry an example")
    if len(x) != len(y):
        raise DataError(
            f"{where}: x of the {part} part has {len(x):,} examples and y has {len(y):,}; they must be as many"
        )
    return Part(x, y)


readers.add(
    "npz",
    Reader(
        f"an .npz file with {EXPECTED}",
        lambda source: (
            isinstance(source, str | os.PathLike) and Path(source).suffix == ".npz" and Path(source).is_file()
        ),
        read_npz,
    ),
)
readers.add(
    "arrays",
    Reader(
        "NumPy arrays or tensors: (x, y), or (x_train, y_train, x_test, y_test)",
        lambda source: isinstance(source, tuple) and len(source) in (2, 4) and not any(map(is_dataset, source)),
        read_tuple,
    ),
)
readers.add("mapping", Reader(f"a mapping of {EXPECTED} to arrays", lambda s: isinstance(s, Mapping), read_mapping))
