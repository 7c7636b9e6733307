"""Malformed tables: damaged bytes, odd cells, columns, lines, names, encodings and types."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from mutate_bytes import mutated_bytes

ROWS = 24


def csv(rng: random.Random) -> bytes:
    """A table with damaged bytes, odd cells, odd columns, or odd lines."""
    if rng.random() < 0.3:
        return mutated_bytes(_good_csv().encode(), rng)
    cells = [line.split(",") for line in _good_csv().splitlines()]
    for _ in range(rng.choice((1, 1, 2, 5))):
        cells = rng.choice((_odd_cells, _odd_cells, _odd_column, _odd_column, _odd_lines, _odd_names))(cells, rng)
    mark, end = (
        rng.choice((",",) * 4 + (";", "\t", "|", ":", " ")),
        rng.choice(("\n", "\n", "\n", "\r\n", "\r", "\n\n")),
    )
    text = end.join(mark.join(line) for line in cells)
    encoding = rng.choice(("utf-8",) * 4 + ("utf-8-sig", "utf-16", "utf-32", "latin-1", "cp037"))
    data = text.encode(encoding, "replace" if encoding in ("latin-1", "cp037") else "surrogatepass")
    return mutated_bytes(data, rng) if rng.random() < 0.1 else data


def parquet(rng: random.Random) -> bytes:
    """A table with damaged bytes, or columns of odd types."""
    if rng.random() < 0.6:
        return mutated_bytes(_good_parquet(rng.randrange(4)), rng)
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "a": pa.array(np.arange(ROWS) * 0.5),
        "b": pa.array(["u", "v"] * (ROWS // 2)),
        "y": pa.array([0, 1] * (ROWS // 2)),
    }
    for _ in range(rng.choice((1, 1, 2))):
        columns[rng.choice(("a", "b", "y", "c", "", "split", "__index_level_0__", "é"))] = rng.choice(_odd_arrow())
    table, sink = pa.table(columns), io.BytesIO()
    if rng.random() < 0.3:
        table = table.replace_schema_metadata(
            {
                b"pandas": rng.choice(
                    (
                        b"{}",
                        b"null",
                        b'{"index_columns": 3}',
                        b"\xff",
                        b'{"index_columns": [{"kind": "range", "start": 0, "stop": -1, "step": 0}], "columns": []}',
                    )
                )
            }
        )
    pq.write_table(
        table, sink, compression=rng.choice(("snappy", "zstd", "gzip", "none")), use_dictionary=rng.random() < 0.5
    )
    return sink.getvalue()


_ODD_CELLS = (
    "", " ", "nan", "NaN", "inf", "-inf", "1e400", "-1e308", "1e-400", "²", "½", "٣", "12.3%", "$1,234", "1.234,56",
    "(5)", "0x1F",
    "1_000", "true", "None", "NaT", "2024-02-30", "2024-02-29", "0000-00-00", "9999-12-31 23:59:59", "12:30",
    "a" * 3000, "\0", "\udcff",
    "\ufeff", "\u202e", "é", '"', '""', '"a', '"a,b"', '"a\nb"', "'", "\\", "=1+1", "#", "9" * 400, "-" * 50,
    "18446744073709551616",
    "-9223372036854775809", "9223372036854775808", "1.5.2", "[1, 2]", "{}", "a|b", "x.png", "1+2j", "--", "?", "\t",
    "\v", "\x1b[31m",
)  # fmt: skip
_ODD_NAMES = (
    "",
    " ",
    "y",
    "a",
    "split",
    "Split",
    "index",
    "0",
    "1.5",
    "nan",
    "when.month",
    "é",
    "\0",
    "a" * 500,
    '"',
    "x0",
    "²",
    "Unnamed: 0",
    "class",
)


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
        list, lambda: cells[:1], lambda: cells[1:], lambda: cells[:2], lambda: cells[:at],
        lambda: [*cells[:at], [""], *cells[at:]],
        lambda: [*cells[:at], ["a"] * rng.choice((1, 4, 9, 2000)), *cells[at:]],
        lambda: [line * rng.choice((2, 200)) for line in cells[:3]],
        lambda: [line[:-1] if rng.random() < 0.3 else line for line in cells], lambda: cells * 3,
        lambda: cells[:1] + cells[-1:] * ROWS,
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
        pa.array([datetime.timedelta(1), datetime.timedelta(0)] * (n // 2)),
        pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)] * (n // 2)),
        pa.array([datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), None] * (n // 2)),
        pa.array([-(2**62)] * n, pa.timestamp("us")),
        pa.array(["a", "b"] * (n // 2)).dictionary_encode(), pa.array([1, 2] * (n // 2)).dictionary_encode(),
        pa.array([1.5, None] * (n // 2)),
        pa.array([2**63] * n, pa.uint64()), pa.array([True, None] * (n // 2)),
        pa.array([float("inf"), float("nan")] * (n // 2)),
        pa.array([0.5, 1.0] * (n // 2), pa.float16()), pa.array(["é\0", ""] * (n // 2), pa.large_string()),
        pa.array([[("k", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        pa.array(["12.3%", "4%"] * (n // 2)), pa.array(["1.234,5", "7"] * (n // 2)),
        pa.array(["2024-01-01", "2024-13-01"] * (n // 2)),
        pa.array(["train", "test"] * (n // 2)), pa.array(["train", "nonsense"] * (n // 2)),
        pa.array([b"ab"] * n, pa.binary(2)),
    )  # fmt: skip
