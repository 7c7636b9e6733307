"""NumPy's files, `.npz` and `.npy`: sizes are checked before anything is allocated, and pickles are never loaded.

What the archive says of a member, what the header of its array says, and what may be held in memory have to agree
before a byte is unpacked; unpacking ends at the declared size.
"""

from __future__ import annotations

import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from nasmyth.domains.sources.memory import Allowance, allowance
from nasmyth.errors import DataError

_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError, SystemError,
    ValueError, TypeError, KeyError, OverflowError, MemoryError, tokenize.TokenError, SyntaxError,
)  # fmt: skip
"""What zipfile, its decompressors and NumPy's reader of headers raise on a damaged file."""


def npz_arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and array of each member, one after the other. Raises DataError on a damaged file and on pickled objects."""
    with path.open("rb") as file, _damage(path, "npz"):
        start = file.read(6)
        if start == b"\x93NUMPY":
            raise DataError(f"{path}: holds a single array; write both with np.savez(file, x=..., y=...)")
        if start[:1] == b"\x80" or not start.startswith(b"PK"):
            raise _pickled(path, "it holds") if start[:1] == b"\x80" else zipfile.BadZipFile("not a zip archive")
        allowed = allowance(path.stat().st_size)
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            _check_members(path, members, allowed)
            for member in members:
                with archive.open(member) as stream:
                    yield (
                        member.filename[:-4],
                        _array(path, repr(member.filename[:-4]), stream, member.file_size, allowed),
                    )


def npy_array(path: Path) -> np.ndarray:
    """The array in a `.npy` file. Raises DataError on a damaged file and on pickled objects."""
    size = path.stat().st_size
    with path.open("rb") as file, _damage(path, "npy"):
        return _array(path, "the array", file, size, allowance(size))


def _check_members(path: Path, members: list[zipfile.ZipInfo], allowed: Allowance) -> None:
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: it holds {twice[:-4]!r} twice; write it again with np.savez")
    for member in members:
        if member.flag_bits & 1:
            raise DataError(f"{path}: {member.filename[:-4]!r} is encrypted; write it again with np.savez")
    allowed.check(f"{path}: what it declares", sum(member.file_size for member in members))


def _array(path: Path, name: str, stream: IO[bytes], size: int, allowed: Allowance) -> np.ndarray:
    """The array in a stream of so many bytes."""
    shape, fortran, dtype = _header(stream)
    if dtype.hasobject:
        raise _pickled(path, f"{name} holds")
    # empty ones, too, stand for as many examples as their shape says
    allowed.check(
        f"{path}: {name} of shape {_short(shape)}", math.prod(max(1, n) for n in shape) * max(1, dtype.itemsize)
    )
    need, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if need != there:
        raise DataError(
            f"{path}: cannot be read as .npz or .npy: {name} of shape {_short(shape)} and type {dtype} needs {need:,} bytes"
            f" and {there:,} are there; write it again with np.savez or np.save"
        )
    content, got = bytearray(need), 0
    view = memoryview(content)
    while got < need:
        chunk = stream.read(min(need - got, 1 << 24))
        if not chunk:
            raise EOFError("it ends too early")
        view[got : got + len(chunk)] = chunk
        got += len(chunk)
    return np.ndarray(shape, dtype, buffer=content if need else None, order="F" if fortran else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    """Shape, order and type, as `np.save` writes them."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"version {version} of the format is not known")
    shape, fortran, dtype = read(stream)
    if any(isinstance(n, bool) or n < 0 for n in shape) or len(shape) > 32:
        raise ValueError(f"{_short(shape)} is no shape")
    return shape, fortran, dtype


def _short(shape: tuple[int, ...]) -> str:
    return str(shape) if len(shape) <= 8 else f"({', '.join(map(str, shape[:8]))}, ...)"


def _pickled(path: Path, what: str) -> DataError:
    return DataError(
        f"{path}: {what} pickled Python objects, which are never loaded: they can run code; write plain numbers or"
        " strings, e.g. np.savez(file, x=x.astype('float32'), y=y.astype(str))"
    )


@contextmanager
def _damage(path: Path, form: str) -> Iterator[None]:
    """What a damaged file raises, as DataError."""
    try:
        yield
    except DataError:
        raise  # it is a ValueError too
    except _DAMAGED as error:
        again = "np.savez" if form == "npz" else "np.save"
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise DataError(
            f"{path}: cannot be read as .{form} ({reason}); is it whole? write it again with {again}"
        ) from None
