"""The file of results: a line of JSON for each finished run, appended when it is known, and what is missing of a plan.

A process that is killed while it writes leaves a line without an end; it is cut off by the next one that appends.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nasmyth.errors import DataError

Key = tuple[str, str, int, float, int]


def key(one: dict[str, Any]) -> Key:
    """What tells one run from another."""
    return one["task"], one["method"], one["seed"], float(one["spend"]), one["cores"]


def load(path: Path, key: Callable[[dict[str, Any]], object] = key) -> list[dict[str, Any]]:
    """All records. Raises DataError for a line of which no `key` can be told, unless it is the unfinished last one."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break is empty, or unfinished
        try:
            found.append(json.loads(line))
            key(found[-1])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: no result ({error}); take the line out, or name another file"
            ) from None
    return found


def append(path: Path, record: dict[str, Any]) -> None:
    """Write a record, on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # comparisons of other tasks may write to the same file
        content = file.read()
        file.seek(content.rfind(b"\n") + 1)
        file.truncate()
        file.write(json.dumps(finite(record)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def finite(value: Any) -> Any:
    """The same, with None for numbers that JSON has not."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def comparable(
    records: Iterable[dict[str, Any]], cores: int, scale: float, spends: dict[str, float]
) -> list[dict[str, Any]]:
    """The records of runs that had the time and the cores of this comparison, the last of each run.

    spends: {task: seconds} of a whole comparison.
    """
    last = {key(one): one for one in records if one["cores"] == cores and one["task"] in spends}
    return [one for one in last.values() if math.isclose(one["spend"], scale * spends[one["task"]])]
