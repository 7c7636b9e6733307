"""Malformed archives of arrays: damaged bytes, false headers, odd members, arrays that nothing can be learned from."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from mutate_bytes import mutated_bytes

ROWS = 24


def npz(rng: random.Random) -> bytes:
    """An archive with damaged bytes, false headers, odd members, or arrays that nothing can be learned from."""
    return rng.choice((_damaged_npz, _damaged_npz, _odd_arrays, _odd_arrays, _odd_arrays, _odd_headers, _odd_zip))(rng)


def _pack(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, method)
    return sink.getvalue()


def _npy(array: np.ndarray, pickled: bool = False) -> bytes:
    sink = io.BytesIO()
    np.lib.format.write_array(sink, array, allow_pickle=pickled)
    return sink.getvalue()


@cache
def _good_arrays() -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(ROWS) % 2
    return np.random.default_rng(0).integers(0, 99, (ROWS, 4, 4)).astype(np.uint8) + (100 * y)[:, None, None].astype(
        np.uint8
    ), y


@cache
def _good_npz(method: int) -> bytes:
    x, y = _good_arrays()
    return _pack([("x.npy", _npy(x)), ("y.npy", _npy(y))], method)


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def _damaged_npz(rng: random.Random) -> bytes:
    return mutated_bytes(_good_npz(rng.choice(METHODS)), rng)


def _odd_arrays(rng: random.Random) -> bytes:
    x, y = _good_arrays()
    arrays: dict[str, np.ndarray] = {"x": x, "y": y}
    for _ in range(rng.choice((1, 1, 2))):
        key = rng.choice(
            (
                "x",
                "y",
                "x",
                "y",
                "x_train",
                "y_train",
                "x_test",
                "y_test",
                "x_val",
                "y_val",
                "edge_index",
                "train_mask",
                "X",
                "",
                "a/b",
                "²",
            )
        )
        rows = rng.choice((ROWS, ROWS, ROWS, ROWS, 0, 1, 2, 5))
        arrays[key] = rng.choice(_ODD_ARRAYS)(rows)
    if rng.random() < 0.1:
        del arrays[rng.choice(list(arrays))]
    pickled = rng.random() < 0.1 and not any(array.dtype.kind == "U" for array in arrays.values())
    return _pack(
        [
            (f"{name}.npy", _npy(array.astype(object) if pickled else array, pickled=True))
            for name, array in arrays.items()
        ],
        rng.choice(METHODS[:2]),
    )


_ODD_ARRAYS: tuple[Callable[[int], np.ndarray], ...] = (
    np.zeros, lambda n: np.zeros((n, 0)), lambda n: np.zeros((n, 3)), lambda n: np.zeros((n, 4, 0)),
    np.array, lambda n: np.array("text"), lambda n: np.full(n, np.nan), lambda n: np.full((n, 3), np.nan),
    lambda n: np.full((n, 4, 4), np.inf), lambda n: np.full(n, -np.inf), np.arange, lambda n: np.arange(n) * 0.3,
    lambda n: np.arange(n * 3).reshape(n, 3), lambda n: np.arange(n * 3).reshape(n, 3) * 1e300,
    lambda n: np.arange(n) * 1e307,
    lambda n: np.arange(n * 2).reshape(n, 2) % 2, lambda n: np.ones((n, 2)), lambda n: np.arange(n) % 2 == 0,
    lambda n: np.arange(n * 3).reshape(n, 3) % 2 == 0, lambda n: (np.arange(n) % 3 - 1), lambda n: np.arange(n) % 2 + 0j,
    lambda n: np.zeros((n, 3), complex), lambda n: np.array([b"a\0", b"a"] * n)[:n],
    lambda n: np.array(["a\0b", "a"] * n)[:n],
    lambda n: np.array(["1,234", "$5"] * n)[:n], lambda n: np.array(["12.3%", "4%"] * n)[:n],
    lambda n: np.array(["", " "] * n)[:n],
    lambda n: np.array(["²", "½"] * n)[:n], lambda n: np.array([["a", "b"]] * n)[:n],
    lambda n: np.array(["nan", "inf"] * n)[:n],
    lambda n: np.array(["2020-01-01", "NaT"] * n, "datetime64[D]")[:n],
    lambda n: np.array(["0001-01-01"] * n, "datetime64[s]")[:n],
    lambda n: np.full(n, 2**62, "datetime64[us]"), lambda n: np.full(n, -(2**62), "datetime64[Y]"),
    lambda n: np.arange(n).astype("timedelta64[s]"), lambda n: np.zeros(n, [("a", "<i4"), ("b", "<f8")]),
    lambda n: np.zeros(n, "V3"),
    lambda n: np.zeros(n, "<U0"), lambda n: np.zeros((n, 4, 4, 3), np.uint8), lambda n: np.zeros((n, 3, 4, 4), np.float16),
    lambda n: np.zeros((n, 5, 4, 6)), lambda n: np.zeros((n, 2, 2, 2, 2)), lambda n: np.zeros((n, 128, 3)),
    lambda n: np.arange(n * 12.0).reshape(n, 4, 3),
    lambda n: np.zeros((n, 4, 4), ">i8"), lambda n: np.full((n, 4, 4), 2**63, np.uint64),
    lambda n: np.full(n, 2**63, np.uint64),
    lambda n: np.full((n, 2), -(2**63), np.int64), lambda n: np.zeros((n, 4, 4), np.longdouble),
    lambda n: np.zeros(n, np.float16),
    lambda n: np.linspace(0, 1, n * 16).reshape(n, 4, 4),
    lambda n: -np.linspace(0, 1, n * 16).reshape(n, 4, 4).astype(">f4"),
    lambda n: np.zeros((1,) * 30), lambda n: np.zeros((n, 300)),
    lambda n: np.asfortranarray(np.arange(n * 6.0).reshape(n, 6)),
    lambda n: np.frombuffer(b"\xff\xff\xff\xff" * n, "<U1"), lambda n: np.frombuffer(b"\x00\xd8\x00\x00" * n, "<U1"),
    lambda n: np.array(["x" * 5000] * n), lambda n: np.zeros((n, 1)), lambda n: np.zeros((n, 1, 1)),
    lambda n: np.full(n, 5e-324),
)  # fmt: skip


def _odd_headers(rng: random.Random) -> bytes:
    x, y = _good_arrays()
    shape = rng.choice(
        (
            "(24, 4, 4)",
            "(24,)",
            "(1000000000000,)",
            "(24, 1000000000, 4)",
            "(0, 99999999999)",
            "(-24, -4, 4)",
            "(24.0,)",
            "24",
            "(True,)",
            "(" + "1," * 40 + ")",
            "(2**40,)",
            "(" * 90 + ")" * 90,
        )
    )
    kind = rng.choice(
        (
            "'|u1'",
            "'<f8'",
            "'|O'",
            "'<U99999999'",
            "'<U0'",
            "'|V0'",
            "'bad'",
            "3",
            "[('a', '<f8')]",
            "[('a', '|O')]",
            "'<M8[D]'",
            "'|S0'",
            "('<f8', (1000000, 1000000))",
            "None",
            "'<c16'",
        )
    )
    order = rng.choice(("True", "False", "None"))
    text = rng.choice(
        (
            f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}",
            f"{{'descr': {kind}}}",
            "__import__('os')",
            "'" + "a" * 20000 + "'",
            "",
        )
    )
    version = rng.choice(((1, 0), (1, 0), (2, 0), (3, 0), (9, 9)))
    length = struct.pack("<H" if version == (1, 0) else "<I", (len(text) + rng.choice((0, 0, 0, 1, -5, 60000))) % 2**16)
    member = b"\x93NUMPY" + bytes(version) + length + text.encode() + rng.choice((x.tobytes(), b"", bytes(200_000)))
    return _pack([(rng.choice(("x.npy", "x.npy", "y.npy")), member), ("y.npy", _npy(y))], rng.choice(METHODS))


def _odd_zip(rng: random.Random) -> bytes:
    x, y = (_npy(array) for array in _good_arrays())
    method = rng.choice(METHODS)
    data = bytearray(rng.choice((
        lambda: _pack([("x.npy", x), ("y.npy", y), ("z.txt", b"hello"), ("d/", b"")], method),
        lambda: _pack([("x", x), ("y", y)], method),
        lambda: _pack([("x.npy", _good_npz(0)), ("y.npy", y)], method), lambda: _pack([], method), lambda: x,
        lambda: b"\x80\x04N.",
        lambda: _pack([("x.npy", bytes(3_000_000)), ("y.npy", y)]), lambda: _good_npz(method),
    ))())  # fmt: skip
    for at in _found(data, rng.choice((b"PK\x03\x04", b"PK\x01\x02"))):
        if rng.random() < 0.5:
            base = at + (6 if data[at + 2] == 3 else 8)  # flags, method, time, date, crc, sizes, lengths of names
            field, size = rng.choice(((0, 2), (2, 2), (8, 4), (12, 4), (16, 4), (20, 2), (22, 2)))
            data[base + field : base + field + size] = rng.choice(
                (b"\0" * 4, b"\x01\0\0\0", b"\xff" * 4, b"\x09\0\0\0", rng.randbytes(4))
            )[:size]
    return bytes(data)


def _found(data: bytes | bytearray, mark: bytes) -> list[int]:
    places, at = [], data.find(mark)
    while at >= 0:
        places.append(at)
        at = data.find(mark, at + 1)
    return places
