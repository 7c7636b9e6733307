"""Every error Nasmyth raises on purpose, in one tree.

    NasmythError
    ├── SignatureError      a shape signature that cannot be read
    ├── ShapeError          an op was given shapes that it cannot take
    ├── SpaceError          a template that cannot be a space
    │   └── FieldError      a frozen value whose fields hold what they cannot
    ├── GenomeError         a genome that does not belong to its space
    ├── BudgetError         nothing in the space meets the budget
    ├── CheckError          a finished network was measured and does not meet its budget
    ├── UnitError           a quantity, a unit or a comparison that cannot be read
    ├── UnknownNameError    a name that nothing is registered under
    ├── DuplicateNameError  a name that is taken
    ├── DataError           data that cannot be learned from as it is
    ├── StudyError          a study file that cannot be opened, or belongs to another search
    ├── ExportError         a network that cannot be written, or whose written form disagrees with it
    ├── TraceError          a module or an ONNX file that cannot be read as a graph
    ├── MissingExtraError   an optional dependency is not installed
    └── CandidateError      one candidate failed: recorded, and the search goes on
        ├── Diverged        its loss stopped being finite
        ├── OutOfMemory     it needed more memory than it was given
        ├── TimedOut        it needed more time than it was given
        ├── OverBudget      it was measured, and misses a constraint
        └── Crashed         its process ended, or its code raised
            └── Killed      a signal ended its process

A message says what is wrong, what was given, and what to write instead. What is suspicious and still done is a
`NasmythWarning`.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import warnings
from collections.abc import Iterable, Mapping
from types import ModuleType


class NasmythError(Exception):
    """The root: catch this to catch everything that Nasmyth raises on purpose."""


class NasmythWarning(UserWarning):
    """What was asked for is done, and may not be what was meant: the message says why, and what to change."""


class SignatureError(NasmythError, ValueError):
    """A shape signature cannot be read. The message points at the token."""


class ShapeError(NasmythError, ValueError):
    """An op cannot take the shapes it was given. The message names the axis, both lengths and the address."""


class SpaceError(NasmythError, ValueError):
    """A template cannot be a space: a hole where none can be, or two holes of one name that differ."""


class FieldError(SpaceError, TypeError):
    """A field of a frozen value holds another type than it says, or something that its class cannot compute with."""


class GenomeError(NasmythError, ValueError):
    """A genome lacks a decision, has one too many, or holds a value its hole does not offer."""


class BudgetError(NasmythError, ValueError):
    """Nothing found meets the budget. Loosen the constraint that the message names, or widen the space."""

    def __init__(self, message: str, *, binding: str = "", smallest: float | None = None, feasible: str = "") -> None:
        super().__init__(message)
        self.binding = binding
        """The constraint that could not be met, as text."""
        self.smallest = smallest
        """The value nearest to the bound that was seen."""
        self.feasible = feasible
        """The nearest budget that something meets, as text."""


class CheckError(NasmythError, AssertionError):
    """A finished network was measured and misses a constraint. `measured` holds the figures."""

    def __init__(self, message: str, *, measured: dict[str, float] | None = None) -> None:
        super().__init__(message)
        self.measured = measured or {}


class UnitError(NasmythError, ValueError):
    """A quantity such as "8ms", or a comparison such as "params<=3M", cannot be read."""


class UnknownNameError(NasmythError, LookupError):
    """Nothing is registered under the name; the message suggests the nearest ones."""


class DuplicateNameError(NasmythError, ValueError):
    """The name is taken by something else. Choose another."""


class DataError(NasmythError, ValueError):
    """The data cannot be learned from as it is. The message names the file, row or column and the cure."""


class StudyError(NasmythError):
    """A study cannot be opened, or was made with another space, data or budget. The message says what differs."""


class ExportError(NasmythError):
    """A network could not be written in the form asked for, or what was written disagrees with it."""


class TraceError(NasmythError):
    """A module or an ONNX file cannot be read as a graph. The message says where in its source, and what to change."""


class MissingExtraError(NasmythError, ImportError):
    """An optional dependency is missing. The message holds the line that installs it."""


class CandidateError(NasmythError):
    """One candidate failed. This is an outcome of that candidate, recorded under `reason` with what was measured of it."""

    reason = "crashed"

    def __init__(self, *args: object, measures: Mapping[str, float] | None = None) -> None:
        super().__init__(*args)
        self.measures = dict(measures or {})


class Diverged(CandidateError):
    """The loss stopped being a finite number. A lower learning rate is the usual cure."""

    reason = "diverged"


class OutOfMemory(CandidateError):
    """The candidate needed more memory than it was given."""

    reason = "memory"


class TimedOut(CandidateError):
    """The candidate needed more time than it was given."""

    reason = "time"


class OverBudget(CandidateError):
    """The candidate was measured and misses a constraint that its graph alone could not tell."""

    reason = "budget"


class Crashed(CandidateError):
    """The candidate's process ended, or its code raised something else."""

    reason = "crashed"


class Killed(Crashed):
    """The candidate's process was ended by a signal: by the system, or by somebody else."""


def warn(message: str) -> None:
    """A NasmythWarning at the line of the user's own that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("nasmyth."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, NasmythWarning, stacklevel=level)


def nearest(name: str, known: Iterable[str], n: int = 3) -> str:
    """ "; did you mean 'x'?" for the names most like `name`, whatever their case, or an empty string."""
    folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=n, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(folded[key]) for key in close)}?" if close else ""


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional dependency, or say which extra holds it (MissingExtraError)."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise  # the dependency is there, but something that it needs is not: let that be seen
        raise MissingExtraError(
            f"{module} is not installed, and this needs it: pip install 'nasmyth[{extra}]'", name=module
        ) from error
