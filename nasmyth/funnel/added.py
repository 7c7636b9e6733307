"""What made the network that is handed over better than the plain one at its start: time, the architecture, the recipe.

Four trials, of which each differs from the one before it in one thing:

    the plain network at the first stage
    the plain network at the furthest stage that it and the chosen network both had       more time
    the best there that was trained by the recipe of the plain network                    another architecture
    the chosen network there                                                              another recipe
    the chosen network as it is handed over                                               more time

What a step added is the difference of what is expected of the two (`estimate.py`) in validation. Its standard error takes
their errors as independent; they share their examples, so it is rather too large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot
from typing import Any

from nasmyth.funnel.estimate import Expected, goodness
from nasmyth.funnel.leaderboard import BASELINE, Leaderboard
from nasmyth.measure import find
from nasmyth.search.strategy import hashable
from nasmyth.study import Trial

Rate = Callable[[Sequence[Trial]], "dict[int, Expected]"]
"""What is expected of trials of one stage, by their numbers."""


def added(board: Leaderboard, chosen: Trial, stages: Sequence[str], rate: Rate) -> list[dict[str, Any]]:
    """A step a dict: what ("time", "architecture", "recipe"), and gain in units of the goal (more is better) with its error.
    Empty where the plain network was not tried."""
    every = {stage: board.at(stage) for stage in stages}
    at = {stage: first_of_each(trials) for stage, trials in every.items()}
    plain = {stage: trial for stage in stages for trial in at[stage] if trial.origin == BASELINE}
    ours = {stage: trial for stage in stages for trial in at[stage] if trial.genome == chosen.genome}
    common = [stage for stage in stages if stage in plain and stage in ours]
    if not common:
        return []
    last, same = common[-1], [trial for trial in at[common[-1]] if trial.recipe == plain[common[-1]].recipe]
    told = rate(at[last])
    best = min(
        (one for one in same if one.number in told), key=lambda one: told[one.number].badness, default=plain[last]
    )
    best = ours[last] if ours[last] in same else best  # then no other recipe was chosen
    first = next(stage for stage in stages if stage in plain)
    way = [("time", plain[first], plain[last]), ("architecture", plain[last], best), ("recipe", best, ours[last]),
           ("time", ours[last], chosen)]  # fmt: skip
    rated = {number: one for stage in stages for number, one in rate(every[stage]).items()}
    return [_step(board, what, rated[a.number], rated[b.number]) for what, a, b in way
            if a.number != b.number and {a.number, b.number} <= rated.keys()]  # fmt: skip


def first_of_each(trials: Sequence[Trial]) -> list[Trial]:
    """Of what was tried at a stage, the first training of each candidate: these had equal time."""
    known: dict[Any, Trial] = {}
    for trial in trials:
        known.setdefault(hashable(trial.genome or {}), trial)
    return list(known.values())


def _step(board: Leaderboard, what: str, before: Expected, after: Expected) -> dict[str, Any]:
    direction = find(board.goal).direction
    gain = goodness(after.badness, direction) - goodness(before.badness, direction)
    gain = gain if direction == "max" else -gain
    return {"what": what, "gain": gain, "error": hypot(before.badness * before.error, after.badness * after.error)}
