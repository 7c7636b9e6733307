"""A conservative controller: the best network with one class of its decisions made anew.

    ConservativeController()            # classes: all kernels, all activations, ...

The controller of Auto-GNN (Zhou et al. 2019, arXiv:1909.03184, section 4): keep the best architecture found, choose a class of
actions with a chance that is proportional to its entropy under the policy, draw the decisions of that class anew, and learn
from what that was worth. Small steps tell which change made the difference; a class that is sure of itself is left alone.

Departures: the policy is a table, or a chain, and not one recurrent network for each class; `start` random genomes come first;
the baseline is the moving average of all policies here, and not the best.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np

from nasmyth.errors import SpaceError, nearest
from nasmyth.search.reinforce.gradient import HEATING, Learner, PolicyGradient
from nasmyth.search.reinforce.groups import GROUPS, grouped
from nasmyth.search.reinforce.policy import Tape
from nasmyth.search.reinforce.steps import Step
from nasmyth.search.strategy import strategy
from nasmyth.space.hole import Genome

STUCK = 4
"""Draws that repeat what is known before another class is drawn anew, too."""
SURE = 1e-9
"""Nats of a class that has nothing to decide any more; it may be chosen where all are like that."""


@strategy("conservative")
class ConservativeController(PolicyGradient):
    """One class of the decisions of the best at a time (see the top of this file).

    start: random genomes at first. groups: what a class is: "class", "part" or "decision" (see `groups.py`).
    """

    start: int = 10
    groups: str = "class"

    def check(self) -> None:
        super().check()
        if self.start < 1:
            raise SpaceError(f"{self!r}: at least one genome must be drawn to start from")
        refuse_unknown(self.groups)

    def drawing(self, state: Learner, rng: Random) -> Callable[[float], Genome]:
        best = self._best(state.log.keys) if len(state.log.told) >= self.start else None
        if best is None or not state.steps[best]:
            return super().drawing(state, rng)
        groups = np.array(grouped(state.plan, self.groups), dtype=int)
        tape = Tape.of(self.policy, state.plan, [state.steps[best]])
        present = np.unique(groups[tape.slot]).tolist()
        decided = {key: decision for key, decision in state.log.told[best][0].items() if key in state.plan.kinds}
        parameters = np.array(state.parameters)

        def draw(heat: float) -> Genome:
            entropies = np.bincount(groups[tape.slot], tape.entropy(tape.chances(parameters / heat)))[present] + SURE
            chosen = rng.choices(present, entropies.tolist(), k=1 + int(math.log(heat, HEATING)) // STUCK)
            changed = {slot.key for slot, group in zip(state.plan.slots, groups, strict=True) if group in chosen}
            kept = {key: decision for key, decision in decided.items() if key not in changed}
            return self.policy.draw(state.plan, state.parameters, rng, heat, kept)

        return draw

    def advantages(self, state: Learner, tape: Tape, rewards: Any) -> Any:
        """Of the classes in which a genome differs from what was best before the batch; the others were not drawn."""
        advantages = super().advantages(state, tape, rewards)
        before = len(state.log.told) - state.waiting
        if not before:
            return advantages
        groups = grouped(state.plan, self.groups)
        best = _by_group(state.steps[self._best(state.log.keys[:before])], groups)
        told = [_by_group(steps, groups) for steps in state.steps[before:]]
        drawn = [
            told[i][groups[slot]] != best.get(groups[slot]) for i, slot in zip(tape.genome, tape.slot, strict=True)
        ]
        return np.where(np.array(drawn, dtype=bool), advantages, 0.0)

    @staticmethod
    def _best(keys: Sequence[Any]) -> int:
        """Which is best; of equals, the newest."""
        return max(range(len(keys)), key=lambda i: (keys[i], i))


def _by_group(steps: Sequence[Step], groups: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """The actions of each group."""
    found: dict[int, list[tuple[int, int]]] = {}
    for step in steps:
        found.setdefault(groups[step.slot], []).append((step.slot, step.action))
    return found


def refuse_unknown(groups: str) -> None:
    if groups not in GROUPS:
        raise SpaceError(f"groups={groups!r}: decisions are grouped by {', '.join(GROUPS)}{nearest(groups, GROUPS)}")
