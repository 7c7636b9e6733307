"""How much memory data may take, asked before any is taken: a small file that declares much is refused unread.

What a file declares may be a hundred times its size on disk, which no real data comes near, and never more than half of the
memory that is free. The environment variable NASMYTH_DATA_MEMORY ("8GB") says another limit, in place of both.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from nasmyth.errors import DataError
from nasmyth.study.environment import free_memory
from nasmyth.units import BYTES, quantity, show

VARIABLE = "NASMYTH_DATA_MEMORY"
ALWAYS = 256 * 2**20
"""Bytes that any file may take, however small it is: working on data takes a few times what it holds."""
MOST_RATIO = 100
"""How many bytes each byte on disk may become beyond that."""


class Allowance(NamedTuple):
    """So many bytes, and in words where the limit comes from."""

    most: int
    why: str

    def check(self, what: str, need: int) -> None:
        """Raise DataError if `what` needs more; nothing has been allocated by then."""
        if need > self.most:
            raise DataError(
                f"{what} would take {show(need, BYTES)} in memory, and {self.why}; give less data or smaller types, or"
                f" if it is meant to be so large, set {VARIABLE}={show(max(need, 10**9) * 1.1, BYTES).replace(' ', '')}"
            )


def allowance(on_disk: int | None = None) -> Allowance:
    """What data may take: of a file of so many bytes, or of anything."""
    if said := os.environ.get(VARIABLE):
        return Allowance(int(quantity(said, BYTES)), f"{VARIABLE} allows {said}")
    free = free_memory() // 2
    from_disk = None if on_disk is None else max(ALWAYS, MOST_RATIO * on_disk)
    if from_disk is not None and from_disk < free:
        return Allowance(from_disk, f"a file of {show(on_disk or 0, BYTES)} may take {show(from_disk, BYTES)}")
    return Allowance(free, f"data may take half of what is free, {show(free, BYTES)}")
