"""An event: one thing that happened, as it is written and as it is read back, even where some of it is damaged.

A row carries a checksum of all that it says, so that one flipped bit is noticed, inside a number as well. A row that is not
what was written, cannot be read, or says what no event says is read as an event of the kind `DAMAGED`, which names it: the
rest of the study goes on without it. Rows of studies from before there were checksums have none, and are read as they are.

The first event, on which all others rest, is kept twice.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypedDict

import msgspec

from nasmyth.errors import StudyError
from nasmyth.study import codec

DAMAGED = "damaged"
"""The kind of what is read in place of a damaged event: data is {"kind": what it seems to have been, "why": ...}."""
HEADER = "study"
"""The kind of the first event of a study."""


class Event(msgspec.Struct, frozen=True):
    """One thing that happened. `seq` and `time` (seconds since 1970) are given by the journal."""

    seq: int = 0
    time: float = 0.0
    kind: str = ""
    trial: int | None = None
    data: dict[str, Any] = {}


def event(kind: str, trial: int | None = None, /, **data: Any) -> Event:
    """An event to append."""
    return Event(kind=kind, trial=trial, data=data)


Row = tuple[int, float, str, int | None, str]
"""An event as it is stored: seq, time, kind, trial, data as JSON text."""
Stored = tuple[Any, Any, Any, Any, Any, Any]
"""A row as it comes back, which may be anything, and its checksum; None where it was written without one."""


def checksum(time: float, kind: str, trial: int | None, text: str) -> int:
    """CRC-32 of what a row says."""
    return zlib.crc32(f"{float(time)!r} {kind} {trial} {text}".encode(errors="replace"))


def read(rows: Iterable[Stored], after: int, copy: str | None = None) -> Iterator[Event]:
    """The events of rows in order, the first of which should be number `after` + 1. `copy`: the header's text again."""
    expected = after + 1
    for row in rows:
        seq = row[0]
        if seq > expected:
            lost = f"{expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
            yield damaged(seq - 1, None, "", f"event {lost} is missing")
        expected = seq + 1
        try:
            yield _read(row)
        except StudyError as error:
            yield damaged(seq, row[3], row[2], str(error))
            if seq == 1 and copy is not None and (again := _header(row, copy)) is not None:
                yield again


def damaged(seq: int, trial: Any, kind: Any, why: str) -> Event:
    """What stands for an event that cannot be trusted."""
    return Event(seq, 0.0, DAMAGED, trial if _counts(trial) else None, {"kind": str(kind)[:40], "why": why})


def _read(row: Stored) -> Event:
    """Raises StudyError for a damaged row."""
    seq, time, kind, trial, text, check = row
    if not (isinstance(time, float) and 0 <= time < 1e11 and isinstance(kind, str) and isinstance(text, str)):
        raise StudyError("its time, its kind or its data is none")
    if trial is not None and not _counts(trial):
        raise StudyError("its trial is no number")
    if check is not None and check != checksum(time, kind, trial, text):
        raise StudyError("its checksum differs")
    data = codec.decode(text)
    try:
        msgspec.convert(data, _SHAPES.get(kind, dict[str, Any]))
    except (msgspec.ValidationError, RecursionError) as error:
        raise StudyError(f"it is not what an event says: {error}") from None
    return Event(seq, time, kind, trial, data)


def _header(row: Stored, copy: str) -> Event | None:
    """The damaged first event again, from its copy."""
    time = row[1] if isinstance(row[1], float) and math.isfinite(row[1]) else 0.0
    try:
        return _read((1, time, HEADER, None, copy, None))
    except StudyError:
        return None


def _counts(trial: Any) -> bool:
    return isinstance(trial, int) and 0 <= trial < 2**62


# --- what each kind says: only what is relied on --------------------------------------------------------------------

_Number = float | int | bool
_Measures = dict[str, _Number]


class _Study(TypedDict, total=False):
    objectives: list[tuple[str, Literal["max", "min"]]]
    under: list[str]
    command: str
    space_key: str | None


class _Ask(TypedDict, total=False):
    genome: dict[str, Any] | None
    key: str
    origin: str
    stage: dict[str, _Number | str | None]
    parent: int | None


class _Stage(TypedDict):
    stage: str


class _Measured(_Stage, total=False):
    measures: _Measures
    seconds: _Number


class _Tell(TypedDict, total=False):
    measures: _Measures
    seconds: _Number


class _Fail(TypedDict, total=False):
    reason: str
    message: str
    measures: _Measures
    seconds: _Number


class _Artefact(TypedDict):
    name: str
    hash: str


class _Note(TypedDict, total=False):
    what: str


_SHAPES: dict[str, Any] = {
    HEADER: _Study,
    "ask": _Ask,
    "measured": _Measured,
    "tell": _Tell,
    "fail": _Fail,
    "artefact": _Artefact,
    "note": _Note,
}
