"""A plain network that the time is enough for: a smaller one where the largest within the budget would see its data too rarely.

Its steps are timed on a few examples (`pace.py`). How often a network should see its data is the domain's to say
(`Domain.passes`). What is lacking is shared between both: for the least loss, size and examples seen grow alike with the
arithmetic that there is time for (Hoffmann et al. 2022, arXiv:2203.15556, table 2), so each is a root of the lack smaller.
What comes of it is a bound on multiply-accumulates, which all that a search starts from keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nasmyth.funnel.pace import Pace
from nasmyth.funnel.planner import final_share
from nasmyth.measure import Constraint, find

if TYPE_CHECKING:
    from nasmyth.domains import Domain
    from nasmyth.graph import Graph
    from nasmyth.train import Recipe, Task


def within_time(
    plain: Graph, recipe: Recipe, task: Task, domain: Domain, seconds: float, seed: int = 0
) -> tuple[list[Constraint], str]:
    """What bounds the networks of a design of so many seconds, and why; nothing where its time is enough for the plain one."""
    wanted = min(domain.passes(task), recipe.epochs)
    if not wanted:
        return [], ""
    epoch, macs = Pace.of(plain, task, recipe, seed).epoch, find("macs")
    passes = final_share(recipe.epochs * epoch, seconds) * seconds / epoch
    if passes >= wanted:
        return [], ""
    why = (
        f"the time holds {passes:.2g} passes over the examples for the largest plain network within the budget, fewer than "
        f"{wanted:.2g}, so it starts from smaller ones"
    )
    return [macs <= macs(plain) * math.sqrt(passes / wanted)], why
