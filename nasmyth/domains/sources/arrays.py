"""Arrays: an `.npz` file, a mapping of the same keys, or a tuple (x, y) or (x_train, y_train, x_test, y_test).

What may be an array: NumPy arrays, tensors, lists, DataFrames and Series. A file is read without pickle, always.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.domains.sources.frames import label_array
from nasmyth.domains.sources.graph_files import from_graph, is_graph
from nasmyth.domains.sources.numpy_files import npz_arrays
from nasmyth.domains.sources.on_disk import on_disk
from nasmyth.domains.sources.raw import SPLIT_NAMES, Options, Part, Raw, Reader, limited, readers, several
from nasmyth.errors import DataError

EXPECTED = "x and y, or x_train, y_train, x_test and y_test"


def read_npz(source: Any, options: Options) -> Raw:
    """The arrays of an `.npz` file. Raises DataError on a damaged file, on pickled objects and on missing keys."""
    path = Path(source)
    found = dict(npz_arrays(path))
    if is_graph(found):
        return from_graph(path.stem, str(path), found)
    return _from_mapping(path.stem, str(path), found, options)


def read_mapping(source: Any, options: Options) -> Raw:
    """A mapping of the keys of an `.npz` file to arrays."""
    found = dict(source)
    if is_graph(found):
        return from_graph(
            "graph", "the mapping", {key: np.asarray(as_array(value, key)) for key, value in found.items()}
        )
    return _from_mapping("arrays", "the mapping", found, options)


def read_tuple(source: Any, options: Options) -> Raw:
    """(x, y) or (x_train, y_train, x_test, y_test)."""
    keys = ("x", "y") if len(source) == 2 else ("x_train", "y_train", "x_test", "y_test")
    return _from_mapping("arrays", "the tuple", dict(zip(keys, source, strict=True)), options)


def is_dataset(source: Any) -> bool:
    """Whether it is a torch Dataset or DataLoader; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.utils.data.Dataset | torch.utils.data.DataLoader)


def as_array(value: Any, what: str = "x") -> Any:
    """A NumPy array (or the DataFrame itself) of what may be an array. Raises DataError for what is none."""
    if hasattr(value, "iloc") and hasattr(value, "isna"):
        return value if hasattr(value, "columns") else label_array(value)
    if hasattr(value, "detach"):
        return _of_tensor(value)
    if hasattr(value, "toarray"):
        raise DataError(f"a sparse matrix ({type(value).__name__}); give {what}.toarray()")
    single = isinstance(value, int | float | complex | np.generic)
    if isinstance(value, str | bytes | Mapping | set | frozenset) or not (single or hasattr(value, "__len__")):
        raise DataError(f"{what}: {_short(value)} where an array belongs; give a NumPy array, a tensor or a list")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        raise DataError(
            f"{what}: a list could not be made an array ({error}); give every example the same shape, or number of labels"
        ) from None
    array = array.filled(np.nan) if isinstance(array, np.ma.MaskedArray) else array
    if array.dtype == np.longdouble:  # torch has no such type, nor another order of bytes than the machine's
        return array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _of_tensor(value: Any) -> np.ndarray:
    value = value.detach()
    if value.layout is not sys.modules["torch"].strided or value.is_meta:
        raise DataError(f"a tensor of layout {value.layout} on {value.device}; give a dense one that holds numbers")
    value = value.dequantize() if value.is_quantized else value
    value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array: np.ndarray = value.cpu().resolve_conj().resolve_neg().numpy()
    return array


def _short(value: Any) -> str:
    shown = "" if value is None else f" ({repr(value)[:60]})"
    return f"{type(value).__name__}{shown}"


def _from_mapping(name: str, where: str, arrays: Mapping[str, Any], options: Options) -> Raw:
    parts: dict[str, dict[str, Any]] = {}
    unused = []
    if seen := _graph_keys(arrays):
        raise DataError(
            f"{where}: {several(map(repr, seen))} beside x and y say that this is a graph; give its edges as"
            " edge_index, 2 e whole numbers of nodes; or, to learn from the features of its nodes alone, without the "
            "edges, give (x[train_mask],"
            " y[train_mask], x[test_mask], y[test_mask])"
        )
    for key, value in arrays.items():
        role = _role(key)
        if role is None:
            unused.append(key)
        else:
            parts.setdefault(role[1], {})[role[0]] = value
    if "train" not in parts or any(len(part) != 2 for part in parts.values()):
        raise DataError(
            f"{where}: expected arrays named {EXPECTED}; got {several(sorted(map(str, arrays)), 8) or 'none'}"
        )
    raw = Raw.of(name, {part: _part(where, part, **values) for part, values in parts.items()})
    if unused:
        raw = raw.replace(note=f"arrays not used: {several(unused)}")
    if len(parts) > 1:
        raw = raw.replace(note=f"official split: {', '.join(f'{k} {len(p):,}' for k, p in raw.parts.items())}")
    return limited(raw, options)


def _role(key: str) -> tuple[str, str] | None:
    """("x" or "y", part) of a key such as "x_train"; "x" alone is the training part."""
    match = re.fullmatch(r"([xy])(?:_(\w+))?", str(key).lower())
    if match is None or (match[2] and match[2] not in SPLIT_NAMES):
        return None
    return match[1], SPLIT_NAMES[match[2] or "train"]


def _graph_keys(keys: Iterable[Any]) -> list[str]:
    """The keys that only data of a graph has: its edges, and which of its nodes to train on."""
    return [key for key in map(str, keys) if re.fullmatch(r"edge_\w+|adj|adjacency|\w+_mask", key.lower())]


def _check_text(what: str, array: Any) -> None:
    """Raises DataError for what a damaged file holds in place of characters."""
    if isinstance(array, np.ndarray) and array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        codes = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))).view(np.uint32)
        if (codes > 0x10FFFF).any() or ((codes >= 0xD800) & (codes < 0xE000)).any():
            raise DataError(f"{what} holds texts that are no Unicode; is it damaged? write it again")


def _part(where: str, part: str, x: Any, y: Any) -> Part:
    found = on_disk(x)
    x, y = found or as_array(x, "x"), as_array(y, "y")
    if hasattr(y, "columns"):
        y = y.to_numpy()
    for letter, array in (("x", x), ("y", y)):
        if getattr(array, "ndim", 1) == 0:
            raise DataError(f"{where}: {letter} of the {part} part is a single value; expected one entry an example")
        _check_text(f"{where}: {letter} of the {part} part", array)
        if 0 in array.shape[1:]:
            raise DataError(f"{where}: {letter} of the {part} part has shape {array.shape}: there is nothing in it")
    if len(x) != len(y):
        raise DataError(
            f"{where}: x of the {part} part has {len(x):,} examples and y has {len(y):,}; they must be as many"
        )
    return Part(x, y)


readers.add(
    "npz",
    Reader(
        f"an .npz file with {EXPECTED}; or a graph: x, edge_index and y of its nodes",
        lambda source: (
            isinstance(source, str | os.PathLike) and Path(source).suffix.lower() == ".npz" and Path(source).is_file()
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
