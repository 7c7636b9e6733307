"""Files and servers that are not a study, or not in order: a clear error, and nothing is harmed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from study_toys import Anywhere, ToySpace, score

from nasmyth.errors import StudyError
from nasmyth.study import Journal, Study
from nasmyth.study.events import event

ROOT = Path(__file__).parents[2]


def made(path: Path, events: int = 400) -> Path:
    with Journal(path) as journal:
        journal.append([event("study", format=1)] + [event("note", None, text="x" * 200)] * events)
    return path


def refused(path: object, said: str, **options: object) -> None:
    before = Path(str(path)).read_bytes() if Path(str(path)).is_file() else None
    with pytest.raises(StudyError, match=said):
        with Journal(path, **options) as journal:  # type: ignore[arg-type]
            journal.read()
            journal.append(event("note"))
    if before is not None:
        assert Path(str(path)).read_bytes() == before, "it was changed"


def test_not_a_study(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a shopping list, kept for years")
    refused(tmp_path / "notes.txt", "not a study file")
    mail = sqlite3.connect(tmp_path / "mail.db")
    mail.execute("CREATE TABLE mail (x)")
    mail.close()
    refused(tmp_path / "mail.db", "a database, but not a study .it holds the tables mail.")
    refused(tmp_path, "is a folder")
    refused(tmp_path / "no" / "where.db", "mkdir -p")
    refused("mysql://localhost/x", "cannot keep a study in 'mysql'")
    (tmp_path / "empty.db").write_bytes(b"")
    refused(tmp_path / "empty.db", "is empty", readonly=True)
    with Journal(tmp_path / "empty.db") as journal:
        assert journal.append(event("study")) == 1, "an empty file is one that was just begun"


def test_begun_and_killed_at_once(tmp_path: Path) -> None:
    Journal(tmp_path / "a.db").close()
    with pytest.raises(StudyError, match="no header"):
        Study.open(tmp_path / "a.db")
    with Study(tmp_path / "a.db", ToySpace(), strategy=Anywhere()) as study:
        assert study.run(score, trials=1).closed == 1


@pytest.mark.parametrize("place", ["head", "middle", "end"])
def test_damaged(place: str, tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    blob = bytearray(path.read_bytes())
    if place == "head":
        blob[16:100] = b"\xff" * 84
    elif place == "middle":
        blob[8192:40000] = os.urandom(40000 - 8192)
    else:
        del blob[len(blob) // 2 :]
    path.write_bytes(blob)
    refused(path, "damaged")


def test_written_by_a_newer_version(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '7' WHERE key = 'format'")
    connection.close()
    refused(path, r"newer Nasmyth \(format 7; this one reads up to 2\); upgrade")


def test_locked(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Journal(path, timeout=0.2) as journal:
        assert len(journal.read()) == 401, "readers are not held up"
        with pytest.raises(StudyError, match="locked by another program"):
            journal.append(event("note"))
        holder.execute("COMMIT")
        assert journal.append(event("note")) == 402
    holder.close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StudyError, match="locked by another program"):
        Journal(path, timeout=0.2)
    holder.close()


READ_ONLY = """
import os, sys
from nasmyth.study import Journal, event
from nasmyth.errors import StudyError
import nasmyth.study.sql, sqlalchemy.dialects.sqlite
Journal("/tmp/nasmyth-warm-up-%d.db" % os.getpid()).close()
os.remove("/tmp/nasmyth-warm-up-%d.db" % os.getpid())
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
with Journal(sys.argv[1], readonly=True) as journal:
    print(len(journal.read()))
for path in sys.argv[1:]:
    try:
        with Journal(path) as journal:
            journal.append(event("note"))
    except StudyError as error:
        print(error)
"""


def test_read_only(tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    path = made(folder / "a.db")
    for parent in [*reversed(tmp_path.parents), tmp_path]:
        if parent.owner() == Path.home().owner() and "pytest" in str(parent):
            parent.chmod(0o755)
    path.chmod(0o444)
    folder.chmod(0o555)
    line = [sys.executable, "-c", READ_ONLY, str(path), str(folder / "new.db")]
    done = subprocess.run(line, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    read, old, new = done.stdout.splitlines()
    assert read == "401"
    assert "read-only" in old and "cannot be" in new
    assert os.listdir(folder) == ["a.db"]


def test_disk_full(tmp_path: Path) -> None:
    from sqlalchemy import event as listen

    with Journal(tmp_path / "a.db") as journal:
        journal.append(event("study"))
        engine = journal._store._engine  # type: ignore[attr-defined]
        engine.dispose()
        listen.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=12"))
        with pytest.raises(StudyError, match="disk is full; finished results are safe"):
            for _ in range(100):
                journal.append(event("note", None, text="x" * 1000))
        seen = [e.seq for e in journal.read()]
        assert seen == list(range(1, len(seen) + 1))


def test_servers_that_are_not_there_or_say_no(postgres: str) -> None:
    refused("postgresql://me@127.0.0.1:1/x", "no PostgreSQL server answers")
    refused(postgres.replace("not-a-secret", "wrong"), "wrong user or password")
    refused(postgres.replace("/postgres", "/nowhere"), "no such database")
    refused(postgres + "?schema=a;b", "letters, digits")
    refused(postgres + "?schema=never_made", "not a study", readonly=True)
    with pytest.raises(StudyError) as caught:
        Journal(postgres.replace("/postgres", "/nowhere"))
    assert "not-a-secret" not in str(caught.value), "a password is never shown"


def test_one_database_holds_many_studies(postgres: str) -> None:
    for name in ("many_a", "many_b"):
        with Study(f"{postgres}?schema={name}", ToySpace(), strategy=Anywhere(), seed=len(name)) as study:
            study.run(score, trials=3)
            assert len(study.trials) == 3


def test_opening_at_one_moment(tmp_path: Path, shared: object) -> None:
    from concurrent.futures import ThreadPoolExecutor

    where = shared("a")  # type: ignore[operator]

    def begin(_: int) -> int:
        with Study(where, ToySpace(), strategy=Anywhere()) as study:
            return len(study.journal.read())

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(begin, range(6))) == [1] * 6


def test_a_big_file_opens_fast_enough(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", events=20_000)
    start = time.perf_counter()
    with Journal(path, readonly=True) as journal:
        assert len(journal.read()) == 20_001
    assert time.perf_counter() - start < 20
