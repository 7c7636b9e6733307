"""From a path or URL to a SQLAlchemy engine, with an error that says what to do where that fails."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from nasmyth.errors import StudyError, nearest, require
from nasmyth.study.faults import explained

_MAGIC = b"SQLite format 3\0"
MAKING = 7308895159
"""Names the advisory lock under which tables are made: two workers that begin a study at one moment make them once."""
TABLES = {"meta", "events", "artefacts", "claims"}
_CHECKED = 64_000_000
"""Bytes up to which a file is checked from end to end when it is opened (below 0.1 s)."""


class Opened(NamedTuple):
    """An engine, and how to speak of what it is connected to: never with a password."""

    engine: sa.Engine
    name: str
    sqlite: bool
    schema: str | None = None


def connect(where: str, *, readonly: bool, timeout: float) -> Opened:
    """An engine for a path or URL. A file that is missing will be made, unless `readonly`. Raises StudyError."""
    if "://" not in where:
        return _file(Path(where).expanduser(), readonly, timeout)
    try:
        url = make_url(where)
    except sa.exc.ArgumentError as error:
        raise StudyError(f"cannot read {where!r} as a database URL: {error}") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise StudyError(f"{where}: say None for a study in memory, or name a file")
        return _file(Path(str(url.database)), readonly, timeout)
    if backend in ("postgresql", "postgres"):
        return _server(url, readonly)
    raise StudyError(f"cannot keep a study in {backend!r}: use a file path, or postgresql://user@host/database")


# --- a file -------------------------------------------------------------------------------------------------------


def _file(path: Path, readonly: bool, timeout: float) -> Opened:
    new = looked_at(path, readonly)
    name = str(path)
    mode = ("ro", "ro&immutable=1") if readonly else ("rwc",)
    for attempt in mode:  # `immutable` is for a file in a folder that cannot be written to, where WAL finds no room
        engine = sa.create_engine("sqlite://", creator=_opener(path, attempt, timeout), poolclass=sa.pool.QueuePool)
        sa.event.listen(engine, "begin", _begin)
        try:
            with explained(name, timeout), engine.connect() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
                if not new and path.stat().st_size <= _CHECKED:
                    _check(connection, name)
            return Opened(engine, name, sqlite=True)
        except StudyError:
            engine.dispose()
            if attempt == mode[-1]:
                raise
    raise AssertionError("the last mode returns or raises")


def looked_at(path: Path, readonly: bool) -> bool:
    """Whether the file is yet to be filled. Raises StudyError for what cannot be a study, before touching it."""
    if path.is_dir():
        raise StudyError(f"{path} is a folder: name a file in it, such as {path / 'study.db'}")
    if not path.exists():
        if not path.parent.exists():
            raise StudyError(f"{path}: there is no folder {path.parent}; make it first: mkdir -p {path.parent}")
        if readonly:
            raise StudyError(f"{path}: no such study{_near(path)}")
        return True
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror}") from None
    if start and start != _MAGIC:
        raise StudyError(f"{path} is not a study file (it is not a SQLite database); choose another path for the study")
    if not start and readonly:
        raise StudyError(f"{path} is empty: it is not a study file")
    if start:
        refuse_other_tables(str(path), _tables(path), readonly)
    return not start


def _tables(path: Path) -> set[str]:
    """The tables of a SQLite file, without changing a byte of it. What cannot be asked now is found wrong later."""
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=0)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return TABLES
    finally:
        connection.close()


def refuse_other_tables(name: str, there: set[str], readonly: bool) -> None:
    """Raise StudyError for a database that belongs to something else; an empty one may become a study."""
    if not TABLES <= there and (there or readonly):
        found = f"it holds the tables {', '.join(sorted(there)[:5])}" if there else "it is empty"
        raise StudyError(f"{name}: a database, but not a study ({found}); choose another path for the study")


def _near(path: Path) -> str:
    try:
        files = [entry.name for entry in os.scandir(path.parent) if entry.is_file() and not entry.name.startswith(".")]
    except OSError:
        return ""
    close = nearest(path.name, [f for f in files if not f.endswith(("-wal", "-shm"))])
    studies = sorted(f for f in files if f.endswith(".db"))
    return close or (f"; the studies in {path.parent} are {', '.join(studies[:5])}" if studies else "")


def _opener(path: Path, mode: str, timeout: float) -> Any:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)
        try:
            if mode == "rwc":
                _into_wal(connection, timeout)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.text_factory = _text
        except BaseException:
            connection.close()
            raise
        return connection

    return opened


def _text(raw: bytes) -> str:
    """Text that is damaged stays readable, and differs from any that was written."""
    return raw.decode(errors="surrogateescape")


def _into_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to WAL once. Two processes that do so at one moment are told "locked" at once, so we do the waiting."""
    deadline = time.monotonic() + timeout
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
                connection.execute("PRAGMA synchronous=FULL")  # a file system without shared memory: slower, as safe
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _begin(connection: sa.Connection) -> None:
    """Writers queue up at the start of their transaction: none is refused half-way because it read something old."""
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _check(connection: sa.Connection, name: str) -> None:
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        raise StudyError(
            f"{name} is damaged ({verdict}); save what can be read of it: sqlite3 {name} .recover | sqlite3 new.db"
        )


# --- a server -----------------------------------------------------------------------------------------------------


def _server(url: URL, readonly: bool) -> Opened:
    require("psycopg", extra="postgres")
    query = dict(url.query)
    schema = query.pop("schema", None)
    options: dict[str, Any] = {} if "connect_timeout" in query else {"connect_timeout": 10}
    if schema is not None:
        if not isinstance(schema, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", schema):
            raise StudyError(f"schema={schema!r}: use letters, digits and underscores")
        options["options"] = f"-csearch_path={schema}"
    bare = url.set(drivername="postgresql+psycopg", query=query)
    name = url.render_as_string(hide_password=True)
    engine = sa.create_engine(bare, connect_args=options, pool_size=2, max_overflow=8)
    with explained(name, 10.0), engine.begin() as connection:
        if schema is not None and not readonly:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MAKING})"))
            connection.execute(sa.text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    return Opened(engine, name, sqlite=False, schema=schema)
