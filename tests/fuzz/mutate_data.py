"""Malformed data: a good small file of each kind, changed as bytes or made with something odd in it.

    npz(rng)      an archive of arrays "x" and "y"
    csv(rng)      a table whose target is the column "y"
    parquet(rng)  the same, in Parquet
    picture(rng)  a file's name and its bytes, for a class folder

Each call takes well under a millisecond and gives at most some hundred kilobytes. The same `rng` gives the same file.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

ROWS = 24


def npz(rng: random.Random) -> bytes:
    """An archive with damaged bytes, false headers, odd members, or arrays that nothing can be learned from."""
    return rng.choice((_damaged_npz, _damaged_npz, _odd_arrays, _odd_arrays, _odd_arrays, _odd_headers, _odd_zip))(rng)


def csv(rng: random.Random) -> bytes:
    """A table with damaged bytes, odd cells, odd columns, or odd lines."""
    if rng.random() < 0.3:
        return damaged(_good_csv().encode(), rng)
    cells = [line.split(",") for line in _good_csv().splitlines()]
    for _ in range(rng.choice((1, 1, 2, 5))):
        cells = rng.choice((_odd_cells, _odd_cells, _odd_column, _odd_column, _odd_lines, _odd_names))(cells, rng)
    mark, end = rng.choice((",",) * 4 + (";", "\t", "|", ":", " ")), rng.choice(("\n", "\n", "\n", "\r\n", "\r", "\n\n"))
    text = end.join(mark.join(line) for line in cells)
    encoding = rng.choice(("utf-8",) * 4 + ("utf-8-sig", "utf-16", "utf-32", "latin-1", "cp037"))
    data = text.encode(encoding, "replace" if encoding in ("latin-1", "cp037") else "surrogatepass")
    return damaged(data, rng) if rng.random() < 0.1 else data


def parquet(rng: random.Random) -> bytes:
    """A table with damaged bytes, or columns of odd types."""
    if rng.random() < 0.6:
        return damaged(_good_parquet(rng.randrange(4)), rng)
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"a": pa.array(np.arange(ROWS) * 0.5), "b": pa.array(["u", "v"] * (ROWS // 2)), "y": pa.array([0, 1] * (ROWS // 2))}
    for _ in range(rng.choice((1, 1, 2))):
        columns[rng.choice(("a", "b", "y", "c", "", "split", "__index_level_0__", "é"))] = rng.choice(_odd_arrow())
    table, sink = pa.table(columns), io.BytesIO()
    if rng.random() < 0.3:
        table = table.replace_schema_metadata({b"pandas": rng.choice((b"{}", b"null", b'{"index_columns": 3}', b"\xff", b'{"index_columns": [{"kind": "range", "start": 0, "stop": -1, "step": 0}], "columns": []}'))})
    pq.write_table(table, sink, compression=rng.choice(("snappy", "zstd", "gzip", "none")), use_dictionary=rng.random() < 0.5)
    return sink.getvalue()


def picture(rng: random.Random) -> tuple[str, bytes]:
    """A picture with damaged bytes, false sizes, or chunks that do not belong there."""
    suffix = rng.choice((".png", ".png", ".jpg", ".bmp", ".webp"))
    data = _good_picture(suffix, rng.choice(("L", "RGB", "RGBA", "P", "1", "I;16") if suffix == ".png" else ("RGB",)))
    if suffix == ".png" and rng.random() < 0.4:
        data = _odd_png(data, rng)
    elif suffix == ".bmp" and rng.random() < 0.5:
        data = data[:18] + struct.pack("<ii", _odd_number(rng), _odd_number(rng)) + data[26:]
    elif rng.random() < 0.9:
        data = damaged(data, rng)
    name = rng.choice(("a", "a", "a", "é", "a b", "-a", "x" * 200, "a\udce9")) + rng.choice((suffix,) * 6 + (".PNG", ".jpeg", ".png"))
    return name, data


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes after one change, or up to eight."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if not changed:
            break
        rng.choice((_flip, _flip, _write, _cut, _remove, _insert, _repeat, _blank))(changed, rng)
    return bytes(changed)


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _write(data: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(len(data)), rng.choice((1, 2, 4, 8))
    number = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 2**63 - 1, 2**64 - 1, rng.getrandbits(64)))
    data[at : at + size] = (number % 256**size).to_bytes(size, rng.choice(("little", "big")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _span(data: bytearray, rng: random.Random) -> slice:
    at = rng.randrange(len(data))
    return slice(at, at + rng.choice((1, 2, 4, 16, 64)))


def _remove(data: bytearray, rng: random.Random) -> None:
    del data[_span(data, rng)]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.choice((b"\0", b"\xff\xff", b"\n", b'"', b",", rng.randbytes(8), "²".encode(), b"-" * 40))


def _repeat(data: bytearray, rng: random.Random) -> None:
    span = _span(data, rng)
    data[span.start : span.start] = data[span] * rng.choice((1, 2, 50))


def _blank(data: bytearray, rng: random.Random) -> None:
    span = _span(data, rng)
    data[span] = bytes(len(data[span]))


# --- arrays -----------------------------------------------------------------------------------------------------------


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
    return np.random.default_rng(0).integers(0, 99, (ROWS, 4, 4)).astype(np.uint8) + (100 * y)[:, None, None].astype(np.uint8), y


@cache
def _good_npz(method: int) -> bytes:
    x, y = _good_arrays()
    return _pack([("x.npy", _npy(x)), ("y.npy", _npy(y))], method)


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def _damaged_npz(rng: random.Random) -> bytes:
    return damaged(_good_npz(rng.choice(METHODS)), rng)


def _odd_arrays(rng: random.Random) -> bytes:
    x, y = _good_arrays()
    arrays: dict[str, np.ndarray] = {"x": x, "y": y}
    for _ in range(rng.choice((1, 1, 2))):
        key = rng.choice(("x", "y", "x", "y", "x_train", "y_train", "x_test", "y_test", "x_val", "y_val", "edge_index", "train_mask", "X", "", "a/b", "²"))
        rows = rng.choice((ROWS, ROWS, ROWS, ROWS, 0, 1, 2, 5))
        arrays[key] = rng.choice(_ODD_ARRAYS)(rows)
    if rng.random() < 0.1:
        del arrays[rng.choice(list(arrays))]
    pickled = rng.random() < 0.1 and not any(array.dtype.kind == "U" for array in arrays.values())
    return _pack([(f"{name}.npy", _npy(array.astype(object) if pickled else array, pickled=True)) for name, array in arrays.items()], rng.choice(METHODS[:2]))


_ODD_ARRAYS: tuple[Callable[[int], np.ndarray], ...] = (
    lambda n: np.zeros(n), lambda n: np.zeros((n, 0)), lambda n: np.zeros((n, 3)), lambda n: np.zeros((n, 4, 0)),
    lambda n: np.array(n), lambda n: np.array("text"), lambda n: np.full(n, np.nan), lambda n: np.full((n, 3), np.nan),
    lambda n: np.full((n, 4, 4), np.inf), lambda n: np.full(n, -np.inf), lambda n: np.arange(n), lambda n: np.arange(n) * 0.3,
    lambda n: np.arange(n * 3).reshape(n, 3), lambda n: np.arange(n * 3).reshape(n, 3) * 1e300, lambda n: np.arange(n) * 1e307,
    lambda n: np.arange(n * 2).reshape(n, 2) % 2, lambda n: np.ones((n, 2)), lambda n: np.arange(n) % 2 == 0,
    lambda n: np.arange(n * 3).reshape(n, 3) % 2 == 0, lambda n: (np.arange(n) % 3 - 1), lambda n: np.arange(n) % 2 + 0j,
    lambda n: np.zeros((n, 3), complex), lambda n: np.array([b"a\0", b"a"] * n)[:n], lambda n: np.array(["a\0b", "a"] * n)[:n],
    lambda n: np.array(["1,234", "$5"] * n)[:n], lambda n: np.array(["12.3%", "4%"] * n)[:n], lambda n: np.array(["", " "] * n)[:n],
    lambda n: np.array(["²", "½"] * n)[:n], lambda n: np.array([["a", "b"]] * n)[:n], lambda n: np.array(["nan", "inf"] * n)[:n],
    lambda n: np.array(["2020-01-01", "NaT"] * n, "datetime64[D]")[:n], lambda n: np.array(["0001-01-01"] * n, "datetime64[s]")[:n],
    lambda n: np.full(n, 2**62, "datetime64[us]"), lambda n: np.full(n, -(2**62), "datetime64[Y]"),
    lambda n: np.arange(n).astype("timedelta64[s]"), lambda n: np.zeros(n, [("a", "<i4"), ("b", "<f8")]), lambda n: np.zeros(n, "V3"),
    lambda n: np.zeros(n, "<U0"), lambda n: np.zeros((n, 4, 4, 3), np.uint8), lambda n: np.zeros((n, 3, 4, 4), np.float16),
    lambda n: np.zeros((n, 5, 4, 6)), lambda n: np.zeros((n, 2, 2, 2, 2)), lambda n: np.zeros((n, 128, 3)), lambda n: np.arange(n * 12.0).reshape(n, 4, 3),
    lambda n: np.zeros((n, 4, 4), ">i8"), lambda n: np.full((n, 4, 4), 2**63, np.uint64), lambda n: np.full(n, 2**63, np.uint64),
    lambda n: np.full((n, 2), -(2**63), np.int64), lambda n: np.zeros((n, 4, 4), np.longdouble), lambda n: np.zeros(n, np.float16),
    lambda n: np.linspace(0, 1, n * 16).reshape(n, 4, 4), lambda n: -np.linspace(0, 1, n * 16).reshape(n, 4, 4).astype(">f4"),
    lambda n: np.zeros((1,) * 30), lambda n: np.zeros((n, 300)), lambda n: np.asfortranarray(np.arange(n * 6.0).reshape(n, 6)),
    lambda n: np.frombuffer(b"\xff\xff\xff\xff" * n, "<U1"), lambda n: np.frombuffer(b"\x00\xd8\x00\x00" * n, "<U1"),
    lambda n: np.array(["x" * 5000] * n), lambda n: np.zeros((n, 1)), lambda n: np.zeros((n, 1, 1)), lambda n: np.full(n, 5e-324),
)  # fmt: skip


def _odd_headers(rng: random.Random) -> bytes:
    x, y = _good_arrays()
    shape = rng.choice(("(24, 4, 4)", "(24,)", "(1000000000000,)", "(24, 1000000000, 4)", "(0, 99999999999)", "(-24, -4, 4)", "(24.0,)", "24", "(True,)", "(" + "1," * 40 + ")", "(2**40,)", "(" * 90 + ")" * 90))
    kind = rng.choice(("'|u1'", "'<f8'", "'|O'", "'<U99999999'", "'<U0'", "'|V0'", "'bad'", "3", "[('a', '<f8')]", "[('a', '|O')]", "'<M8[D]'", "'|S0'", "('<f8', (1000000, 1000000))", "None", "'<c16'"))
    order = rng.choice(("True", "False", "None"))
    text = rng.choice((f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}", f"{{'descr': {kind}}}", "__import__('os')", "'" + "a" * 20000 + "'", ""))
    version = rng.choice(((1, 0), (1, 0), (2, 0), (3, 0), (9, 9)))
    length = struct.pack("<H" if version == (1, 0) else "<I", (len(text) + rng.choice((0, 0, 0, 1, -5, 60000))) % 2**16)
    member = b"\x93NUMPY" + bytes(version) + length + text.encode() + rng.choice((x.tobytes(), b"", bytes(200_000)))
    return _pack([(rng.choice(("x.npy", "x.npy", "y.npy")), member), ("y.npy", _npy(y))], rng.choice(METHODS))


def _odd_zip(rng: random.Random) -> bytes:
    x, y = (_npy(array) for array in _good_arrays())
    method = rng.choice(METHODS)
    data = bytearray(rng.choice((
        lambda: _pack([("x.npy", x), ("y.npy", y), ("z.txt", b"hello"), ("d/", b"")], method), lambda: _pack([("x", x), ("y", y)], method),
        lambda: _pack([("x.npy", _good_npz(0)), ("y.npy", y)], method), lambda: _pack([], method), lambda: x, lambda: b"\x80\x04N.",
        lambda: _pack([("x.npy", bytes(3_000_000)), ("y.npy", y)]), lambda: _good_npz(method),
    ))())  # fmt: skip
    for at in _found(data, rng.choice((b"PK\x03\x04", b"PK\x01\x02"))):
        if rng.random() < 0.5:
            base = at + (6 if data[at + 2] == 3 else 8)  # flags, method, time, date, crc, sizes, lengths of names
            field, size = rng.choice(((0, 2), (2, 2), (8, 4), (12, 4), (16, 4), (20, 2), (22, 2)))
            data[base + field : base + field + size] = rng.choice((b"\0" * 4, b"\x01\0\0\0", b"\xff" * 4, b"\x09\0\0\0", rng.randbytes(4)))[:size]
    return bytes(data)


def _found(data: bytes | bytearray, mark: bytes) -> list[int]:
    places, at = [], data.find(mark)
    while at >= 0:
        places.append(at)
        at = data.find(mark, at + 1)
    return places


# --- tables -----------------------------------------------------------------------------------------------------------

_ODD_CELLS = (
    "", " ", "nan", "NaN", "inf", "-inf", "1e400", "-1e308", "1e-400", "²", "½", "٣", "12.3%", "$1,234", "1.234,56", "(5)", "0x1F",
    "1_000", "true", "None", "NaT", "2024-02-30", "2024-02-29", "0000-00-00", "9999-12-31 23:59:59", "12:30", "a" * 3000, "\0", "\udcff",
    "\ufeff", "\u202e", "é", '"', '""', '"a', '"a,b"', '"a\nb"', "'", "\\", "=1+1", "#", "9" * 400, "-" * 50, "18446744073709551616",
    "-9223372036854775809", "9223372036854775808", "1.5.2", "[1, 2]", "{}", "a|b", "x.png", "1+2j", "--", "?", "\t", "\v", "\x1b[31m",
)  # fmt: skip
_ODD_NAMES = ("", " ", "y", "a", "split", "Split", "index", "0", "1.5", "nan", "when.month", "é", "\0", "a" * 500, '"', "x0", "²", "Unnamed: 0", "class")


@cache
def _good_csv() -> str:
    lines = ["a,b,c,d,y"]
    lines += [f"{i * 0.37:.3f},{'uvw'[i % 3]},{i % 5},2024-01-{1 + i % 28:02},{i % 2}" for i in range(ROWS)]
    return "\n".join(lines) + "\n"


Cells = list[list[str]]


def _odd_cells(cells: Cells, rng: random.Random) -> Cells:
    for _ in range(rng.choice((1, 3, 20))):
        line = rng.choice(cells or [[]])
        if line:
            line[rng.randrange(len(line))] = rng.choice(_ODD_CELLS)
    return cells


def _odd_column(cells: Cells, rng: random.Random) -> Cells:
    kinds, column = rng.sample(_ODD_CELLS, rng.choice((1, 2, 3))), rng.randrange(6)
    return [line if not i else [*line[:column], rng.choice(kinds), *line[column + 1 :]] for i, line in enumerate(cells)]


def _odd_lines(cells: Cells, rng: random.Random) -> Cells:
    at = rng.randrange(len(cells) + 1)
    some: Callable[[], Cells] = rng.choice((
        lambda: [], lambda: cells[:1], lambda: cells[1:], lambda: cells[:2], lambda: cells[:at], lambda: cells[:at] + [[""]] + cells[at:],
        lambda: cells[:at] + [["a"] * rng.choice((1, 4, 9, 2000))] + cells[at:], lambda: [line * rng.choice((2, 200)) for line in cells[:3]],
        lambda: [line[:-1] if rng.random() < 0.3 else line for line in cells], lambda: cells * 3, lambda: cells[:1] + cells[-1:] * ROWS,
    ))  # fmt: skip
    return [list(line) for line in some()]


def _odd_names(cells: Cells, rng: random.Random) -> Cells:
    if cells and cells[0]:
        cells[0][rng.randrange(len(cells[0]))] = rng.choice(_ODD_NAMES)
    return cells


@cache
def _good_parquet(which: int) -> bytes:
    import pandas as pd

    sink = io.BytesIO()
    frame = pd.read_csv(io.StringIO(_good_csv()))
    frame = frame.assign(b=frame["b"].astype("category"), d=pd.to_datetime(frame["d"])) if which % 2 else frame
    frame.to_parquet(sink, compression=("snappy", "zstd", "gzip", None)[which])
    return sink.getvalue()


@cache
def _odd_arrow() -> tuple[Any, ...]:
    import datetime
    import decimal

    import pyarrow as pa

    n = ROWS
    return (
        pa.nulls(n), pa.array([[1, 2], None] * (n // 2)), pa.array([{"a": 1, "b": "x"}] * n), pa.array([[["a"]]] * n),
        pa.array([decimal.Decimal("1.50"), decimal.Decimal("-2.25")] * (n // 2)), pa.array([decimal.Decimal(10) ** 37] * n),
        pa.array([b"\xff", b"ab"] * (n // 2)), pa.array([datetime.time(1, 2), None] * (n // 2)),
        pa.array([datetime.timedelta(1), datetime.timedelta(0)] * (n // 2)), pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)] * (n // 2)),
        pa.array([datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), None] * (n // 2)), pa.array([-(2**62)] * n, pa.timestamp("us")),
        pa.array(["a", "b"] * (n // 2)).dictionary_encode(), pa.array([1, 2] * (n // 2)).dictionary_encode(), pa.array([1.5, None] * (n // 2)),
        pa.array([2**63] * n, pa.uint64()), pa.array([True, None] * (n // 2)), pa.array([float("inf"), float("nan")] * (n // 2)),
        pa.array([0.5, 1.0] * (n // 2), pa.float16()), pa.array(["é\0", ""] * (n // 2), pa.large_string()), pa.array([[("k", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        pa.array(["12.3%", "4%"] * (n // 2)), pa.array(["1.234,5", "7"] * (n // 2)), pa.array(["2024-01-01", "2024-13-01"] * (n // 2)),
        pa.array(["train", "test"] * (n // 2)), pa.array(["train", "nonsense"] * (n // 2)), pa.array([b"ab"] * n, pa.binary(2)),
    )  # fmt: skip


# --- pictures ---------------------------------------------------------------------------------------------------------


@cache
def _good_picture(suffix: str, mode: str) -> bytes:
    from PIL import Image

    sink, pixels = io.BytesIO(), np.random.default_rng(1).integers(0, 255, (8, 8, 4)).astype(np.uint8)
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 200)
    else:
        image = Image.fromarray(pixels, "RGBA" if mode == "RGBA" else None).convert(mode) if mode != "RGBA" else Image.fromarray(pixels)
    image.save(sink, {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}[suffix])
    return sink.getvalue()


def _odd_number(rng: random.Random) -> int:
    return rng.choice((0, 1, -1, 8, 13_000, 65_535, 2**31 - 1, -(2**31), rng.randrange(2**16)))


def _odd_png(data: bytes, rng: random.Random) -> bytes:
    """Whole chunks with right checksums that say false things."""
    header = bytearray(data[16:29])  # width, height, depth, colour, compression, filter, interlace
    if rng.random() < 0.5:
        header[0:8] = struct.pack(">II", _odd_number(rng) % 2**32, _odd_number(rng) % 2**32)
    else:
        header[rng.randrange(8, 13)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    more = rng.choice((b"", b"", _chunk(b"tEXt", b"a\0" + b"b" * 100), _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000), 1)), _chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2_000_000), 1)), _chunk(b"eXIf", rng.randbytes(40)), _chunk(b"tRNS", rng.randbytes(rng.choice((0, 1, 6, 300)))), _chunk(b"PLTE", rng.randbytes(rng.choice((0, 3, 7, 900)))), _chunk(b"acTL", struct.pack(">II", 2**31, 0)), _chunk(b"IDAT", b"")))
    return data[:8] + _chunk(b"IHDR", bytes(header)) + more + data[33:]


@cache
def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
