"""Appends a second that survive `kill -9`: four processes write one study file, and are killed while they write.

    python benchmarks/journal.py [--seconds 3] [--writers 4] [--repeats 3] [--url postgresql://...]

Each writer appends one event a transaction and only then counts it; after the kill, every event that was counted must
be in the file (the run fails otherwise). Beside it, on the same disk: plain `sqlite3`, one transaction an insert, with
its default settings and with the settings of the journal; and the journal with batches of 16 events.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from nasmyth.study import Journal, event

Writer = Callable[[str, int, "Synchronized[int]"], None]
DATA = {"stage": "short", "measures": {"accuracy": 0.912345, "loss": 0.298765, "params": 9876}, "seconds": 1.25}


def journal(where: str, me: int, count: Synchronized[int], batch: int = 1) -> None:
    """Append for ever, through SQLAlchemy, as a study does."""
    log = Journal(where)
    while True:
        log.append([event("measured", me, n=count.value + i, **DATA) for i in range(batch)])
        count.value += batch


def journal_in_batches(where: str, me: int, count: Synchronized[int]) -> None:
    """The same with 16 events a transaction."""
    journal(where, me, count, batch=16)


def plain(where: str, me: int, count: Synchronized[int], wal: bool = False) -> None:
    """Insert for ever with the standard library, one transaction an insert."""
    connection = sqlite3.connect(where, timeout=60, isolation_level=None)
    if wal:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    text = str(DATA)
    while True:
        connection.execute("INSERT INTO events (trial, data) VALUES (?, ?)", (me, text))
        count.value += 1


def plain_wal(where: str, me: int, count: Synchronized[int]) -> None:
    """The same with write-ahead logging."""
    plain(where, me, count, wal=True)


def measured(writer: Writer, writers: int, seconds: float, url: str | None) -> float:
    """Appends a second that were counted, all of which are found again after the kill."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        where = url or str(Path(folder) / "study.db")
        ours = writer in (journal, journal_in_batches)
        before = prepare(where, ours)
        context = multiprocessing.get_context("spawn")
        counts = [context.Value("q", 0) for _ in range(writers)]
        crew = [context.Process(target=writer, args=(where, i, c), daemon=True) for i, c in enumerate(counts)]
        for process in crew:
            process.start()
        while not all(c.value for c in counts):
            time.sleep(0.01)
        start, already = time.perf_counter(), sum(c.value for c in counts)
        time.sleep(seconds)
        done, elapsed = sum(c.value for c in counts) - already, time.perf_counter() - start
        for process in crew:
            os.kill(process.pid or 0, signal.SIGKILL)
        for process in crew:
            process.join()
        lost = sum(c.value for c in counts) - (found(where, ours) - before)
        if lost > 0:
            sys.exit(f"{writer.__name__}: {lost} appends were lost")
        return done / elapsed


def prepare(where: str, ours: bool) -> int:
    """Make the file, and return how many events are there already."""
    if ours:
        with Journal(where) as log:
            return log.append([])
    with sqlite3.connect(where) as connection:
        connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, trial INTEGER, data TEXT)")
    return 0


def found(where: str, ours: bool) -> int:
    """How many events can be read."""
    if ours:
        with Journal(where) as log:
            events = log.read()
            assert [e.seq for e in events] == list(range(1, len(events) + 1))
            return len(events)
    with sqlite3.connect(where) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def main() -> None:
    """Print one line a writer: median and range over the repeats."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--url", help="a PostgreSQL URL to measure instead of a file")
    options = parser.parse_args()
    kinds: dict[str, Writer] = {"journal, an event an append": journal}
    kinds["journal, 16 events an append"] = journal_in_batches
    if not options.url:
        kinds |= {"plain sqlite3, as it comes": plain, "plain sqlite3, WAL": plain_wal}
    print(f"{options.writers} writers, {os.cpu_count()} cores, {options.seconds:g} s, killed with -9, nothing lost:")
    for name, writer in kinds.items():
        rates = [measured(writer, options.writers, options.seconds, options.url) for _ in range(options.repeats)]
        print(f"  {name:32s} {statistics.median(rates):8,.0f}/s   ({min(rates):,.0f} to {max(rates):,.0f})")


if __name__ == "__main__":
    main()
