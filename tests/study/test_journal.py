"""Laws of the journal, in memory, in a file and on a server."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from study_child import child

from nasmyth.errors import StudyError
from nasmyth.study.events import event
from nasmyth.study.journal import Journal
from nasmyth.study.store import ClaimChange, ClaimLost, Conflict

Kept = Callable[[str], "str | None"]


def test_events_come_back_in_order_and_numbered_without_gaps(kept: Kept) -> None:
    with Journal(kept("a")) as journal:
        assert journal.append([]) == 0
        assert journal.append(event("study", seed=1)) == 1
        assert journal.append([event("ask", 1, genome={"w": 2}), event("ask", 2, genome={})]) == 3
        events = journal.read()
        assert [(e.seq, e.kind, e.trial) for e in events] == [(1, "study", None), (2, "ask", 1), (3, "ask", 2)]
        assert journal.read(after=2) == events[2:]
        assert journal.read(after=3) == []
        assert events[0].time <= events[-1].time


def test_what_is_written_is_what_is_read(kept: Kept) -> None:
    data: dict[str, Any] = {
        "nan": math.nan, "inf": math.inf, "minus": -math.inf, "tiny": 5e-324, "exact": 0.1 + 0.2, "big": 2**200,
        "text": "\x00 \u20ac \U0001f600 'quoted' \"%s\" \\", "none": None, "empty": {},
        "deep": [[{"a": [True, False]}]],
    }  # fmt: skip
    with Journal(kept("a")) as journal:
        journal.append(event("note", None, **data))
        back = journal.read()[0].data
    assert math.isnan(back.pop("nan")) and math.isnan(data.pop("nan"))
    assert back == data


def test_expect_lets_one_of_two_through(kept: Kept) -> None:
    with Journal(kept("a")) as journal:
        journal.append(event("study"), expect=0)
        with pytest.raises(Conflict):
            journal.append([event("ask", 1), event("ask", 2)], expect=0)
        assert len(journal.read()) == 1, "all or nothing"
        assert journal.append(event("ask", 1), expect=1) == 2


def test_a_claim_is_held_by_one_and_lapses(kept: Kept) -> None:
    with Journal(kept("a")) as journal:
        assert journal.claim([1, 2], "elsewhere|1|0|a") == [1, 2]
        assert journal.claim([1, 2, 3], "elsewhere|1|0|b") == [3]
        assert journal.claim([1], "elsewhere|1|0|a") == [1], "its own claim is renewed"
        assert journal.renew("elsewhere|1|0|a", 60) == 2
        assert journal.renew("nobody", 60) == 0
        journal.release([1, 3], "elsewhere|1|0|a")
        assert {c.trial: c.worker[-1] for c in journal.claims()} == {2: "a", 3: "b"}
        journal.renew("elsewhere|1|0|a", -1)
        assert journal.claim([2, 3], "elsewhere|1|0|c") == [2], "a lease that ended is free"


def test_giving_back_what_is_not_held_appends_nothing(kept: Kept) -> None:
    with Journal(kept("a")) as journal:
        journal.claim([1], "elsewhere|1|0|a")
        with pytest.raises(ClaimLost):
            journal.append(event("tell", 1), change=ClaimChange("elsewhere|1|0|b", release=(1,)))
        assert journal.read() == [] and len(journal.claims()) == 1
        journal.append(event("tell", 1), change=ClaimChange("elsewhere|1|0|a", release=(1,)))
        assert len(journal.read()) == 1 and journal.claims() == []


def test_bytes_are_kept_once_and_by_content(kept: Kept) -> None:
    blob = bytes(range(256)) * 5000
    with Journal(kept("a")) as journal:
        key = journal.put(blob)
        assert journal.put(blob) == key and len(key) == 64
        assert journal.get(key) == blob
        assert journal.put(b"") != key and journal.get(journal.put(b"")) == b""
        with pytest.raises(StudyError, match="no artefact"):
            journal.get("0" * 64)


def test_what_is_no_json_is_refused_and_nothing_is_written(kept: Kept) -> None:
    with Journal(kept("a")) as journal:
        with pytest.raises(StudyError, match="cannot be written"):
            journal.append([event("note", None, good=1), event("note", None, bad=object())])
        assert journal.read() == []


def test_another_opening_sees_everything(shared: Callable[[str], str]) -> None:
    where = shared("a")
    with Journal(where) as one, Journal(where) as two:
        one.append(event("study", seed=3))
        two.append(event("ask", 1))
        assert one.read() == two.read() and len(one.read()) == 2
    with Journal(where, readonly=True) as three:
        assert len(three.read()) == 2
        with pytest.raises(StudyError, match="reading only"):
            three.append(event("note"))


def test_threads_share_a_journal(kept: Kept) -> None:
    with Journal(kept("a")) as journal:

        def write(me: int) -> None:
            for i in range(20):
                journal.append(event("note", me, i=i))

        crew = [threading.Thread(target=write, args=(i,)) for i in range(4)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        events = journal.read()
        assert [e.seq for e in events] == list(range(1, 81))
        assert all([e.data["i"] for e in events if e.trial == me] == list(range(20)) for me in range(4))


def test_four_processes_lose_nothing_and_share_no_claim(shared: Callable[[str], str]) -> None:
    where = shared("a")
    with Journal(where) as journal:
        crew = [child("write_and_claim", where, str(i), "50", "40") for i in range(4)]
        answers = [one.stdout.readline() for one in crew if one.stdout]  # each holds its claims until it is told to end
        claims = journal.claims()
        for one in crew:
            one.communicate("end\n", timeout=60)
        assert [one.returncode for one in crew] == [0] * 4
        got = [[int(trial) for trial in answer.split()] for answer in answers]
        assert sorted(trial for mine in got for trial in mine) == list(range(40))
        assert sorted(claim.trial for claim in claims) == list(range(40))
        events = journal.read()
        assert [e.seq for e in events] == list(range(1, 401))
        pairs = [(a.trial, a.data) == (b.trial, b.data) for a, b in zip(events[::2], events[1::2], strict=True)]
        assert all(pairs), "a batch is one transaction"
        assert journal.claim(range(40), "somebody|1|0|x") == list(range(40)), "the claims of ended processes are free"


def test_a_journal_travels_to_another_process_by_name(tmp_path: Path) -> None:
    import pickle

    with Journal(tmp_path / "a.db") as journal:
        journal.append(event("study"))
        with pickle.loads(pickle.dumps(journal)) as other:
            assert len(other.read()) == 1
    with pytest.raises(StudyError, match="in memory"):
        pickle.dumps(Journal())


def test_closing_leaves_one_file(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.db") as journal:
        journal.append(event("study"))
    assert os.listdir(tmp_path) == ["a.db"]
