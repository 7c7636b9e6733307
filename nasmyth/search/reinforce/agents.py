"""One agent for each group of decisions, all trained on one reward, each with a baseline of its own.

    MultiAgent()                        # an agent for each part of the network
    MultiAgent(groups="decision")       # an agent for each decision

As in searches for hardware where each parameter of a chip has an agent (Krishnan et al. 2022, "Multi-agent reinforcement
learning for microprocessor design space exploration", arXiv:2211.16385). To one agent, what the others do is noise in the
reward, and the more of them the louder. So its baseline is what their decisions let expect: the reward is fitted by a sum
over all decisions (ridge regression), and an agent's advantage is the reward minus the parts of the others and minus the
mean of its own part. A baseline that does not depend on the action that it judges leaves the gradient where it was (Wu et al.
2018, "Variance reduction for policy gradient with action-dependent factorized baselines", arXiv:1803.07246). The nearer the
reward is to a sum over decisions, the less noise is left.

Departures: agents are tables, as all policies here, and have no observation: an episode is one genome; it learns twice as
fast as a single agent here, as the noise is less; the fit knows the batch itself, too, so that its baselines depend on the
actions a little.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.reinforce.conservative import refuse_unknown
from nasmyth.search.reinforce.controllers import PPO
from nasmyth.search.reinforce.gradient import Learner
from nasmyth.search.reinforce.groups import grouped
from nasmyth.search.reinforce.policy import Tape
from nasmyth.search.strategy import strategy

REMEMBERED = 500
"""Trials told last, by which rewards are fitted."""


@strategy("agents")
class MultiAgent(PPO):
    """One agent for each group (see the top of this file). groups: "part", "class" or "decision" (see `groups.py`).
    ridge: how strongly the parts of a reward are drawn to 0, in trials."""

    rate: float = 0.6
    entropy: float = 0.05
    groups: str = "part"
    ridge: float = 1.0

    def check(self) -> None:
        super().check()
        refuse_unknown(self.groups)
        if self.ridge <= 0:
            raise SpaceError(f"{self!r}: needs ridge > 0")

    def advantages(self, state: Learner, tape: Tape, rewards: Any) -> Any:
        groups = np.array(grouped(state.plan, self.groups), dtype=int)
        told = state.steps[-REMEMBERED:]
        genome = np.repeat(np.arange(len(told)), [len(steps) for steps in told])
        slot = np.array([one.slot for steps in told for one in steps], dtype=int)
        column = np.array([state.plan.offsets[one.slot] + one.action for steps in told for one in steps], dtype=int)
        x = np.zeros((len(told), state.plan.offsets[-1]))
        np.add.at(x, (genome, column), 1.0)
        y = state.log.y[-len(told) :]
        effects = additive(x, y, self.ridge)
        parts = np.zeros((len(told), groups.max(initial=0) + 1))
        np.add.at(parts, (genome, groups[slot]), effects[column])
        parts -= parts.mean(0)
        left = y - y.mean() - parts.sum(1)
        new = parts[-state.waiting :]
        own = left[-state.waiting :, None] + new - new.mean(0)
        return own[tape.genome, groups[tape.slot]]


def additive(x: Any, y: Any, ridge: float) -> Any:
    """The weights of columns that fit values best: the least of |y - mean - x w|^2 + ridge |w|^2, for x without its means."""
    x = x - x.mean(0)
    return x.T @ np.linalg.solve(x @ x.T + ridge * np.eye(len(x)), y - y.mean())
