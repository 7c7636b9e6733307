"""A look ahead: whether a study can be begun or gone on with, before its data is read and anything is timed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nasmyth.errors import StudyError
from nasmyth.study.events import HEADER
from nasmyth.study.header import asked, refuse_if_different, resolved
from nasmyth.study.journal import Journal
from nasmyth.study.leases import refuse_busy
from nasmyth.units import quantity


def look(
    path: str | os.PathLike[str] | None,
    *,
    maximize: Any = None,
    minimize: Any = None,
    under: Iterable[Any] = (),
    strategy: Any,
    seed: int,
    alone: bool = False,
) -> Mapping[str, Any] | None:
    """The header of the study in this file; None where there is no file, or no study in it yet.

    A study is compared in what is known before there is data; without a goal, that is left to the data, too. Nothing is
    written. What is not a file is looked at when it is opened.

    Raises StudyError if `path` cannot hold a study, holds another one, or (`alone`) is being worked on.
    """
    if path is None or "://" in os.fspath(path):
        return None
    from nasmyth.study.connect import looked_at

    if looked_at(Path(path).expanduser(), readonly=False):
        return None
    mine = asked(resolved(maximize, minimize, under), strategy, seed)
    if maximize is None and minimize is None:
        del mine["objectives"]
    with Journal(path, readonly=True) as journal:
        header = next((one.data for one in journal.read() if one.kind == HEADER), None)
        if header is not None:
            refuse_if_different(str(path), header, mine)
        if alone:
            refuse_busy(journal)
    return header


def refuse_limits(on: Any, seconds: float | str | None, memory: float | str | None) -> None:
    """Raise UnitError or StudyError for limits on a candidate that cannot be read, or kept where it is evaluated."""
    if seconds is not None:
        quantity(seconds, "s")
    if memory is not None:
        quantity(memory, "B")
    if on == "here" and not (seconds is None and memory is None):
        raise StudyError("a limit on time or memory needs a process to end: use on='processes'")
