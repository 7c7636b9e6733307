"""What becomes of an evaluation: numbers, or one of a few reasons why there are none."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nasmyth.errors import CandidateError
from nasmyth.study.trial import Failure, Objective


@dataclass(frozen=True)
class Outcome:
    """What an evaluation may return where it has more to tell than numbers."""

    measures: Mapping[str, float]
    stage: str = "final"
    """What it is recorded as: "final" is a full training."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Plain data that is recorded with it: a learning curve."""
    artefacts: Mapping[str, bytes] = field(default_factory=dict)
    """What is kept of the best candidate: {"weights": ...}."""
    keep: bool = False
    """Whether that is kept of this candidate in any case."""


_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "failed to allocate", "alloc_cpu")


def failure(error: BaseException) -> Failure:
    """The reason and the message for an exception: what a person needs to see, and where it was raised."""
    if isinstance(error, CandidateError):
        return Failure(error.reason, str(error) or type(error).__name__)
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "OutOfMemory"):
        return Failure("memory", said)
    if isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _MEMORY):
        return Failure("memory", said)
    if isinstance(error, TimeoutError):
        return Failure("time", said)
    if isinstance(error, (FloatingPointError, OverflowError, ZeroDivisionError)):
        return Failure("diverged", said)
    return Failure("crashed", f"{said}{where(error)}")


def where(error: BaseException) -> str:
    """ " (mine.py:12 in evaluate)": the innermost line of code that is not a library's, as its worker told it."""
    noted = [note for note in getattr(error, "__notes__", ()) if note.startswith("at ")]
    if noted:
        return f" ({noted[0][3:]})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    if not frames:
        return ""
    return f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno} in {frames[-1].name})"


def numbers(result: Any, goals: Sequence[Objective]) -> dict[str, Any]:
    """What an evaluation returned, as measures: a dict is taken as it is, a number is the (only) objective."""
    if isinstance(result, Mapping):
        return dict(result)
    if len(goals) == 1 and not isinstance(result, (str, bytes)) and hasattr(result, "__float__"):
        return {goals[0].name: result if isinstance(result, (int, float)) else float(result)}
    wanted = ", ".join(f"{goal.name!r}: ..." for goal in goals)
    raise TypeError(f"the evaluation returned {result!r}; return {{{wanted}}}" + (" or a number" * (len(goals) == 1)))
