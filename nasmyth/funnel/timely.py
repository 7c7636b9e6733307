"""A plain network that the time is enough for: a smaller one where the largest within the budget would see its data too rarely.

Its steps were timed on a few examples (`pace.py`). How often a network should see its data is the domain's to say
(`Domain.passes`). What is lacking is shared between both: for the least loss, size and examples seen grow alike with the
arithmetic that there is time for (Hoffmann et al. 2022, arXiv:2203.15556, table 2), so each is a root of the lack smaller.
What comes of it is a bound on multiply-accumulates, which all that a search starts from keeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from nasmyth.funnel.planner import FASTER, final_share
from nasmyth.measure import Constraint, find

if TYPE_CHECKING:
    from nasmyth.graph import Graph


def within_time(
    plain: Graph, epoch: float, epochs: float, wanted: float, seconds: float, faster: Callable[[], float] = lambda: 1.0
) -> tuple[list[Constraint], str]:
    """What bounds the networks of a design of so many seconds, and why; nothing where its time is enough for the plain one.

    epoch: seconds of one of the plain network. epochs: of its recipe. wanted: passes over the examples. faster: how many
    times as fast it trains on all cores that it could have to itself; asked for only where time is short.
    """

    def passes_of(epoch: float) -> float:
        return final_share(epochs * epoch, seconds) * seconds / epoch

    passes, macs = passes_of(epoch), find("macs")
    if passes < wanted and (times := faster()) >= FASTER:
        passes = passes_of(epoch / times)
    if passes >= wanted:
        return [], ""
    why = (
        f"the time holds {passes:.2g} passes over the examples for the largest plain network within the budget, fewer than "
        f"{wanted:.2g}, so it starts from smaller ones"
    )
    return [macs <= macs(plain) * math.sqrt(passes / wanted)], why
