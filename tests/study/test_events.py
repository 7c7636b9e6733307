"""Damaged studies: what is damaged is named, the rest is as it was, and the search goes on without what is lost."""

from __future__ import annotations

import logging
import random
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from study_toys import Climb, ToySpace, score

from nasmyth.errors import NasmythError, StudyError
from nasmyth.report.terminal import to_text
from nasmyth.study import Journal, Study, event

TRIALS = 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small finished study in one file."""
    path = tmp_path / "a.db"
    with Study(path, ToySpace(), strategy=Climb(), seed=3) as study:
        study.run(lambda graph: {"accuracy": score(graph), "size": 3.25}, trials=TRIALS)
        study.note("phase", name="searching", seconds=1.5)
        study.put(1, "weights", b"as they were")
    return path


def rows(path: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as base:
        found = base.execute("SELECT seq, kind, trial, data FROM events ORDER BY seq").fetchall()
    base.close()
    return found


def changed(path: Path, *lines: str, values: tuple[Any, ...] = ()) -> None:
    with sqlite3.connect(path) as base:
        for line in lines:
            base.execute(line, values)
    base.close()


def damage(path: Path, seq: int, edit: Callable[[str], str]) -> None:
    changed(path, "UPDATE events SET data = ? WHERE seq = ?", values=(edit(rows(path)[seq - 1][3]), seq))


def flipped(text: str, at: int) -> str:
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


def test_one_flipped_bit_in_any_event_is_named_and_the_rest_is_as_it_was(path: Path) -> None:
    whole = rows(path)
    with Study.open(path) as study:
        before = {trial.number: trial for trial in study.trials}
    rng = random.Random(0)
    for seq, kind, trial, data in whole:
        changed(path, "UPDATE events SET data = ? WHERE seq = ?", values=(flipped(data, rng.randrange(len(data))), seq))
        with Study.open(path) as study:
            (lost,) = study.damaged
            assert (lost["event"], lost["kind"], lost["trial"]) == (seq, kind, trial)
            assert {t.number: t for t in study.trials if t.number != trial} == {
                number: t for number, t in before.items() if number != trial
            }
            assert f"Damaged: event {seq} ({kind}" in to_text(study.summary())
            assert study.header["objectives"] == [["accuracy", "max"]], "the first event is kept twice"
        changed(path, "UPDATE events SET data = ? WHERE seq = ?", values=(data, seq))


def test_a_flip_inside_a_number_is_noticed_in_the_bytes_of_the_file(path: Path) -> None:
    Study(path, ToySpace(), strategy=Climb(), seed=3).close()
    blob = path.read_bytes()
    at = blob.index(b"3.25")
    path.write_bytes(blob[:at] + b"3.21" + blob[at + 4 :])
    with Study.open(path) as study:
        (lost,) = study.damaged
        assert lost["kind"] == "tell" and "checksum" in lost["why"]
        assert all(trial.measures.get("size", 3.25) == 3.25 for trial in study.trials)


@pytest.mark.parametrize("kind", ["ask", "tell"])
def test_what_is_lost_is_tried_again_and_said(kind: str, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    seq, _, number, _ = next(row for row in rows(path) if row[1] == kind and row[2] == TRIALS)
    damage(path, seq, lambda data: data.replace('"', "'", 1))
    with caplog.at_level(logging.WARNING, "nasmyth"), Study(path, ToySpace(), strategy=Climb(), seed=3) as study:
        assert f"event {seq} ({kind} of trial {number}) is damaged" in caplog.text
        study.run(score, trials=TRIALS + 2)
        trials = {trial.number: trial for trial in study.trials}
        assert len(trials) == TRIALS + 2 - (kind == "ask") and all(trial.closed for trial in trials.values())
        assert (TRIALS in trials) is (kind == "tell"), "a lost proposal's number is not given again"
        assert [one["event"] for one in study.damaged] == [seq]


def test_events_that_are_gone_are_named(path: Path) -> None:
    changed(path, "DELETE FROM events WHERE seq IN (4, 5)")
    with Study.open(path) as study:
        assert [one["why"] for one in study.damaged] == ["event 4 to 5 is missing"]


def test_without_its_header_a_study_is_refused_by_name(path: Path) -> None:
    changed(path, "DELETE FROM meta WHERE key = 'study'", "UPDATE events SET data = '[' WHERE seq = 1")
    for opened in (lambda: Study.open(path), lambda: Study(path, ToySpace(), strategy=Climb(), seed=3)):
        with pytest.raises(StudyError, match="event 1 .*damaged"):
            opened()


def test_studies_from_before_there_were_checksums_are_read_and_gone_on_with(path: Path) -> None:
    before = rows(path)
    changed(path, "ALTER TABLE events DROP COLUMN crc", "DELETE FROM meta WHERE key = 'study'")
    with Study.open(path) as study:
        assert len(study.trials) == TRIALS and not study.damaged
    with Study(path, ToySpace(), strategy=Climb(), seed=3) as study:
        study.run(score, trials=TRIALS + 1)
    assert rows(path)[: len(before)] == before
    damage(path, len(before) + 1, lambda data: flipped(data, 3))
    with Study.open(path) as study:
        assert [one["event"] for one in study.damaged] == [len(before) + 1], "what is written now has a checksum"


@pytest.mark.parametrize("version", ["", "x", "²", "-1", "1.5", "9" * 5000, b"\x00\xff", 7.5])
def test_a_format_that_is_no_number_is_refused(version: object, path: Path) -> None:
    changed(path, "UPDATE meta SET value = ? WHERE key = 'format'", values=(version,))
    with pytest.raises(StudyError, match="format"):
        Study.open(path)


BAD = [
    ("tell", {"measures": {"accuracy": "good"}}),
    ("tell", {"measures": [1, 2]}),
    ("tell", {"seconds": "long"}),
    ("ask", {"genome": [1], "key": "k"}),
    ("ask", {"key": 7}),
    ("measured", {"measures": {}}),
    ("artefact", {"name": "weights"}),
    ("note", {"what": 5}),
]


@pytest.mark.parametrize(("kind", "data"), BAD)
def test_what_no_event_says_is_damage(kind: str, data: dict[str, Any], path: Path) -> None:
    with Journal(path) as journal:
        last = journal.append(event(kind, 1, **data))
    with Study.open(path) as study:
        assert [one["event"] for one in study.damaged] == [last]
        assert to_text(study.summary())


def test_any_damage_is_survived_or_refused_in_words(path: Path, tmp_path: Path) -> None:
    blob, rng, named = path.read_bytes(), random.Random(5), 0
    for case in range(60):
        again = tmp_path / f"{case}.db"
        again.write_bytes(blob)
        if case % 2:
            spoilt = bytearray(blob)
            for _ in range(rng.choice((1, 3, 40))):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            again.write_bytes(bytes(spoilt))
        else:
            column = rng.choice(("time", "kind", "trial", "data", "crc", "seq"))
            value = rng.choice((-1, 2**62, 1e308, "", "x", b"\x00\xff", "[" * 3000, "{}", 0.5, "²", None))
            try:
                changed(again, f"UPDATE events SET {column} = ? WHERE seq = {rng.randint(1, 11)}", values=(value,))
            except sqlite3.IntegrityError:
                continue
        try:
            with Study.open(again) as study:
                to_text(study.summary())
                named += bool(study.damaged)
            with Study(again, ToySpace(), strategy=Climb(), seed=3) as study:
                study.run(score, trials=TRIALS + 1)
        except NasmythError as error:
            assert re.search(r"\w+ \w+", str(error))
    assert named > 10
