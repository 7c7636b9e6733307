"""A journal in a database, over SQLAlchemy: a SQLite file by default, PostgreSQL when several machines share a study.

Both run the same statements. They differ in how one writer at a time is let in (SQLite: `BEGIN IMMEDIATE`; PostgreSQL:
an advisory lock that ends with the transaction), and readers are never held up by either. Every method is one
transaction. SQLite is in WAL mode with `synchronous=NORMAL`: a committed event survives `kill -9` of any process; after
a loss of power the file is whole, but may lack the last moments. PostgreSQL keeps those as well. What a disk changes
later is noticed by the checksums of the events.

A PostgreSQL URL may name a schema, so that one database holds many studies:
`postgresql://me@host/lab?schema=digits`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from nasmyth.errors import StudyError
from nasmyth.study.claims import Claim
from nasmyth.study.connect import MAKING, Opened, connect, refuse_other_tables
from nasmyth.study.events import HEADER, Row, Stored, checksum
from nasmyth.study.faults import explained
from nasmyth.study.store import FORMAT, ClaimChange, Conflict, free, lost
from nasmyth.units import is_whole

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
tables = sa.MetaData()
meta = sa.Table(
    "meta", tables, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
events = sa.Table(
    "events",
    tables,
    sa.Column("seq", _number, primary_key=True, autoincrement=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("trial", _number),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("crc", _number),
)
artefacts = sa.Table(
    "artefacts",
    tables,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)
claims = sa.Table(
    "claims",
    tables,
    sa.Column("trial", _number, primary_key=True, autoincrement=False),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
)

_last = sa.select(sa.func.coalesce(sa.func.max(events.c.seq), 0))
_insert = sa.insert(events)
_after = sa.select(events).where(events.c.seq > sa.bindparam("after")).order_by(events.c.seq)
_after_unchecked = _after.with_only_columns(*[sa.null() if c is events.c.crc else c for c in events.c])
"""For a study from before there were checksums that is only read."""
_held = sa.select(claims).where(claims.c.trial.in_(sa.bindparam("trials", expanding=True)))
_drop = sa.delete(claims).where(claims.c.trial == sa.bindparam("one"))
_drop_mine = _drop.where(claims.c.worker == sa.bindparam("me"))
_take = sa.insert(claims)
_lock = sa.text("SELECT pg_advisory_xact_lock('events'::regclass::oid::bigint)")
_clock = sa.text("SELECT extract(epoch FROM clock_timestamp())")


def open_store(where: str, *, readonly: bool, timeout: float) -> SqlStore:
    """The store in a file or database; made if it is missing, unless `readonly`. Raises StudyError."""
    opened = connect(where, readonly=readonly, timeout=timeout)
    try:
        with explained(opened.name, timeout):
            checked = _prepare(opened, readonly)
    except BaseException:
        opened.engine.dispose()
        raise
    return SqlStore(opened, timeout, checked)


def _prepare(opened: Opened, readonly: bool) -> bool:
    """Make the tables of a new study, or see that those that are there are a study of a format we know.

    Gives whether its events have checksums; those that will be written to an older study have.
    """
    with opened.engine.connect() as connection:
        there = set(sa.inspect(connection).get_table_names(schema=opened.schema))
    refuse_other_tables(opened.name, there, readonly)
    if not there:
        with opened.engine.connect().execution_options(write=True) as connection, connection.begin():
            if not opened.sqlite:
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MAKING})"))
            tables.create_all(connection)
            if connection.scalar(sa.select(sa.func.count()).select_from(meta)) == 0:
                connection.execute(sa.insert(meta), [{"key": "format", "value": str(FORMAT)}])
        return True
    with opened.engine.connect() as connection:
        _refuse_other_format(opened.name, connection.scalar(sa.select(meta.c.value).where(meta.c.key == "format")))
    if not _has_checksums(opened) and not readonly:
        with opened.engine.connect().execution_options(write=True) as connection, connection.begin():
            if not opened.sqlite:
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MAKING})"))
            if not _has_checksums(opened, connection):  # another process may have been faster
                connection.execute(sa.text("ALTER TABLE events ADD COLUMN crc BIGINT"))
    return _has_checksums(opened)


def _refuse_other_format(name: str, version: Any) -> None:
    if not (isinstance(version, str) and is_whole(version)):
        raise StudyError(
            f"{name}: its format is {version!r:.40}, which is no number: it is damaged, or no study; "
            f"save what can be read of it: sqlite3 {name} .recover | sqlite3 new.db"
        )
    if int(version) > FORMAT:
        raise StudyError(
            f"{name}: written by a newer Nasmyth (format {version:.20}; this one reads up to {FORMAT}); "
            "upgrade it: pip install --upgrade nasmyth"
        )


def _has_checksums(opened: Opened, connection: sa.Connection | None = None) -> bool:
    columns = sa.inspect(connection or opened.engine).get_columns("events", schema=opened.schema)
    return any(column["name"] == "crc" for column in columns)


class SqlStore:
    """Rows in SQL. Threads may share it; another process opens its own."""

    def __init__(self, opened: Opened, timeout: float, checked: bool = True) -> None:
        self._after = _after if checked else _after_unchecked
        self._opened = opened
        self._engine = opened.engine
        self._writer = opened.engine.execution_options(write=True)
        self._timeout = timeout

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with explained(self._opened.name, self._timeout), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction, the only one that writes: it sees all that was committed before."""
        with explained(self._opened.name, self._timeout), self._writer.begin() as connection:
            if not self._opened.sqlite:
                connection.execute(_lock)
            yield connection

    def append(self, rows: Sequence[Row], expect: int | None, change: ClaimChange | None) -> int:
        with self._writing() as connection:
            last = int(connection.scalar(_last) or 0)
            if expect is not None and expect != last:
                raise Conflict(f"expected event {expect} to be the last, and it is {last}")
            if change is not None:
                self._change(connection, change)
            if rows:
                new = [
                    {"seq": last + i, "time": at, "kind": kind, "trial": trial, "data": data,
                     "crc": checksum(at, kind, trial, data)}
                    for i, (_, at, kind, trial, data) in enumerate(rows, 1)
                ]  # fmt: skip
                connection.execute(_insert, new)
                if last == 0 and new[0]["kind"] == HEADER:
                    connection.execute(sa.insert(meta), [{"key": HEADER, "value": new[0]["data"]}])
        return last + len(rows)

    def read(self, after: int) -> list[Stored]:
        with self._reading() as connection:
            rows = connection.execute(self._after, {"after": after})
            return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]

    def header(self) -> str | None:
        with self._reading() as connection:
            kept = connection.scalar(sa.select(meta.c.value).where(meta.c.key == HEADER))
            return kept if isinstance(kept, str) else None

    def claims(self) -> list[Claim]:
        with self._reading() as connection:
            return [Claim(*row) for row in connection.execute(sa.select(claims).order_by(claims.c.trial))]

    def claim(self, change: ClaimChange) -> list[int]:
        with self._writing() as connection:
            return self._change(connection, change)

    def _change(self, connection: sa.Connection, change: ClaimChange) -> list[int]:
        for trial in change.release:
            gone = connection.execute(_drop_mine, {"one": trial, "me": change.worker}).rowcount
            if change.strict and not gone:
                raise lost(trial)
        if not change.claim:
            return []
        now = self._now(connection)
        held = {row[0]: Claim(*row) for row in connection.execute(_held, {"trials": change.claim})}
        got = [trial for trial in change.claim if free(held.get(trial), change.worker, now)]
        for trial in held.keys() & set(got):
            connection.execute(_drop, {"one": trial})
        if got:
            new = [{"trial": trial, "worker": change.worker, "expires": now + change.lease} for trial in got]
            connection.execute(_take, new)
        return got

    def renew(self, worker: str, lease: float) -> int:
        with self._reading() as connection:
            if connection.scalar(sa.select(sa.func.count()).where(claims.c.worker == worker)) == 0:
                return 0
        with self._writing() as connection:
            expires = self._now(connection) + lease
            changed = connection.execute(sa.update(claims).where(claims.c.worker == worker).values(expires=expires))
            return int(changed.rowcount)

    def _now(self, connection: sa.Connection) -> float:
        """The clock that all workers share: the server's, or this machine's for a file."""
        return time.time() if self._opened.sqlite else float(connection.scalar(_clock) or 0.0)

    def put(self, key: str, blob: bytes) -> None:
        with self._reading() as connection:
            if connection.scalar(sa.select(sa.literal(1)).where(artefacts.c.hash == key)):
                return
        with self._writing() as connection:
            if not connection.scalar(sa.select(sa.literal(1)).where(artefacts.c.hash == key)):
                connection.execute(sa.insert(artefacts), [{"hash": key, "bytes": blob}])

    def get(self, key: str) -> bytes | None:
        with self._reading() as connection:
            blob: Any = connection.scalar(sa.select(artefacts.c.bytes).where(artefacts.c.hash == key))
            # what is no bytes is damaged, which its hash will show
            return None if blob is None else blob if isinstance(blob, bytes) else str(blob).encode()

    def drop(self, key: str) -> None:
        with self._writing() as connection:
            connection.execute(sa.delete(artefacts).where(artefacts.c.hash == key))

    def close(self) -> None:
        self._engine.dispose()
