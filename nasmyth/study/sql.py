"""A journal in a database, over SQLAlchemy: a SQLite file by default, PostgreSQL when several machines share a study.

Both run the same statements. They differ in how one writer at a time is let in (SQLite: `BEGIN IMMEDIATE`; PostgreSQL:
an advisory lock that ends with the transaction), and readers are never held up by either. Every method is one
transaction. SQLite is in WAL mode with `synchronous=NORMAL`: a committed event survives `kill -9` of any process; after
a loss of power the file is whole, but may lack the last moments. PostgreSQL keeps those as well.

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
from nasmyth.study.faults import explained
from nasmyth.study.journal import FORMAT, Conflict, Row, Take, free, lost
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
            _prepare(opened, readonly)
    except BaseException:
        opened.engine.dispose()
        raise
    return SqlStore(opened, timeout)


def _prepare(opened: Opened, readonly: bool) -> None:
    """Make the tables of a new study, or see that those that are there are a study of a format we know."""
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
        return
    with opened.engine.connect() as connection:
        version = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "format")) or "?"
    if not is_whole(version) or int(version) > FORMAT:
        raise StudyError(
            f"{opened.name}: written by a newer Nasmyth (format {version}; this one reads up to {FORMAT}); "
            "upgrade it: pip install --upgrade nasmyth"
        )


class SqlStore:
    """Rows in SQL. Threads may share it; another process opens its own."""

    def __init__(self, opened: Opened, timeout: float) -> None:
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

    def append(self, rows: Sequence[Row], expect: int | None, take: Take | None) -> int:
        with self._writing() as connection:
            last = int(connection.scalar(_last) or 0)
            if expect is not None and expect != last:
                raise Conflict(f"expected event {expect} to be the last, and it is {last}")
            if take is not None:
                self._change(connection, take)
            if rows:
                new = [
                    {"seq": last + i, "time": at, "kind": kind, "trial": trial, "data": data}
                    for i, (_, at, kind, trial, data) in enumerate(rows, 1)
                ]
                connection.execute(_insert, new)
        return last + len(rows)

    def read(self, after: int) -> list[Row]:
        with self._reading() as connection:
            return [tuple(row) for row in connection.execute(_after, {"after": after})]

    def claims(self) -> list[Claim]:
        with self._reading() as connection:
            return [Claim(*row) for row in connection.execute(sa.select(claims).order_by(claims.c.trial))]

    def claim(self, take: Take) -> list[int]:
        with self._writing() as connection:
            return self._change(connection, take)

    def _change(self, connection: sa.Connection, take: Take) -> list[int]:
        for trial in take.release:
            gone = connection.execute(_drop_mine, {"one": trial, "me": take.worker}).rowcount
            if take.strict and not gone:
                raise lost(trial)
        if not take.claim:
            return []
        now = self._now(connection)
        held = {row[0]: Claim(*row) for row in connection.execute(_held, {"trials": take.claim})}
        got = [trial for trial in take.claim if free(held.get(trial), take.worker, now)]
        for trial in held.keys() & set(got):
            connection.execute(_drop, {"one": trial})
        if got:
            new = [{"trial": trial, "worker": take.worker, "expires": now + take.lease} for trial in got]
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
            return None if blob is None else bytes(blob)

    def close(self) -> None:
        self._engine.dispose()
