"""How many trainings at once the memory of this machine holds, seen from what one takes."""

from __future__ import annotations

import sys

from nasmyth.errors import warn
from nasmyth.study.environment import free_memory
from nasmyth.units import BYTES, show

SPARE = 1.2
"""Times what a training took that is to be there for each: others may be larger."""

UNKNOWN = 2**30


def at_once(workers: int) -> int:
    """As many of these workers as there is memory for, one at least; said where that is fewer.

    What a training takes is what this process has taken at most, which has read the data and trained for some epochs.
    """
    each = int(SPARE * peak())
    held = max(1, min(workers, free_memory() // each))
    if held < workers:
        warn(
            f"a training takes about {show(each, BYTES)} of memory here, and {show(free_memory(), BYTES)} are free: "
            f"{held} at once, not {workers}"
        )
    return held


def peak() -> int:
    """The most bytes that this process has held at once; a guess where the system does not tell."""
    try:
        import resource
    except ImportError:  # not Unix
        return UNKNOWN
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
