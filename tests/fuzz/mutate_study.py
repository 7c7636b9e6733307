"""A study file with bytes flipped, or with events, tables and columns that nobody wrote."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

from mutate_bytes import mutated_bytes
from mutate_json import mutated


def mutate(path: Path, rng: random.Random) -> None:
    """Change the SQLite file in place."""
    if rng.random() < 0.4:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
        return
    with sqlite3.connect(path) as base:
        tables = [name for (name,) in base.execute("select name from sqlite_master where type = 'table'")]
        table = rng.choice(tables)
        columns = [row[1] for row in base.execute(f'pragma table_info("{table}")')]
        edit = rng.randrange(8)
        if edit == 0:
            base.execute(f'drop table "{table}"')
        elif edit == 1:
            base.execute(f'alter table "{table}" rename column "{rng.choice(columns)}" to "other"')
        elif edit == 2:
            base.execute(f'delete from "{table}" where rowid % ? = 0', (rng.randint(1, 4),))
        else:
            _rows(base, table, columns, rng)
    base.close()


def _rows(base: sqlite3.Connection, table: str, columns: list[str], rng: random.Random) -> None:
    """One to three fields of random rows: JSON where there was JSON, and anything else otherwise."""
    for _ in range(rng.randint(1, 3)):
        rows = [row for (row,) in base.execute(f'select rowid from "{table}"')]
        if not rows:
            return
        row, column = rng.choice(rows), rng.choice(columns)
        (old,) = base.execute(f'select "{column}" from "{table}" where rowid = ?', (row,)).fetchone()
        try:
            base.execute(f'update "{table}" set "{column}" = ? where rowid = ?', (_other(old, rng), row))
        except (sqlite3.IntegrityError, OverflowError):
            continue


def _other(old: Any, rng: random.Random) -> Any:
    if isinstance(old, (str, bytes)) and rng.random() < 0.8:
        try:
            changed = json.dumps(mutated(json.loads(old), rng))
        except (ValueError, RecursionError):
            changed = mutated_bytes(old if isinstance(old, bytes) else old.encode(), rng).decode("latin-1")
        return changed.encode() if isinstance(old, bytes) else changed
    return rng.choice((None, 0, -1, 2**62, 1e308, "", "x", b"\x00\xff", "[" * 3000, "{}", 0.5, "²"))
