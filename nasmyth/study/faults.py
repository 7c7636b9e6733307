"""What a database says when something is wrong, turned into what a person can do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc as exc

from nasmyth.errors import StudyError

_AGAIN = "finished results are safe: make room, and run the same line again"
_CURES = {
    # SQLite
    r"database (table )?is locked": "locked by another program for over {timeout:.0f} s; close it, and run this again",
    r"readonly database": "cannot be written to: it, or its folder, is read-only; copy it to where you may write",
    r"unable to open database": "cannot be opened: its folder is missing, or cannot be written to",
    r"database or disk is full": f"the disk is full; {_AGAIN}",
    r"disk I/O error": "the disk reports an error; finished results are safe: check its space and health",
    r"not a database": "is not a study file, or its first bytes are damaged",
    r"malformed|codec can't decode|too large to convert": "is damaged; save what can be read of it: sqlite3 {name} "
    ".recover | sqlite3 new.db",
    r"no such (table|column)": "is a database, but not a study that this version of Nasmyth can read",
    # PostgreSQL
    r"password authentication failed|no password supplied": (
        "wrong user or password; write postgresql://user:password@host/database, or set PGPASSWORD"
    ),
    r"role .* does not exist": "there is no such user on the server",
    r'database ".*" does not exist': "there is no such database; make it first, with createdb",
    r"no pg_hba.conf entry": "the server refuses connections from this machine (see its pg_hba.conf)",
    r"translate host name|Name or service not known|resolve host": "there is no such host",
    r"connection refused|could not connect|connection timeout|timeout expired|No route to host|No such file|starting": (
        "no PostgreSQL server answers there; is it running, and are host and port right?"
    ),
    r"server closed|terminating connection|connection is closed|connection.* lost|consuming input failed": (
        "the connection to the server was lost; finished results are safe: run the same line again"
    ),
    r"permission denied|read-only transaction": "this user may not write there; grant it, or choose another database",
    r"No space left|disk full|could not extend file": f"the server's disk is full; {_AGAIN}",
}


@contextmanager
def explained(name: str, timeout: float) -> Iterator[None]:
    """Turn database errors inside the block into StudyErrors about the study `name`."""
    try:
        yield
    except (exc.SQLAlchemyError, OSError, UnicodeDecodeError, OverflowError) as error:
        raise StudyError(explain(name, timeout, error)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("sqlite3", "psycopg"):
            raise StudyError(explain(name, timeout, error)) from error
        raise


def explain(name: str, timeout: float, error: Exception) -> str:
    """One sentence: which study, what is wrong, what to do, and what the database said."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    if isinstance(error, exc.TimeoutError):
        said = f"connection timeout: {said}"
    for pattern, cure in _CURES.items():
        if re.search(pattern, said, re.IGNORECASE):
            return f"{name}: {cure.format(name=name, timeout=timeout)} ({said[:300]})"
    return f"{name}: the database refused: {said[:300]}"
