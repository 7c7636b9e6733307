"""A space as a Gymnasium environment: one episode makes one genome, step by step, and ends with what it is worth.

    environment = Environment(space, accuracy_of)                           # accuracy_of(genome): more is better
    environment = Environment(space, "naswot", under=["params<=1M"], task=task)
    stable_baselines3.PPO("MlpPolicy", environment).learn(2000)
    environment.best                                                        # reward and genome

So any agent that speaks Gymnasium (Towers et al. 2024, arXiv:2407.17032) searches any space, as any strategy here does: ArchGym
(Krishnan et al. 2023, arXiv:2306.08888) compares agents for hardware in this way.

An action is a number; of the k actions that are allowed next, it takes the one of that number modulo k, so that no action is
wrong (`info["action_mask"]` says which are not repetitions). An observation is a vector of 0 and 1: of each slot the action
taken, and which slot is next (see `steps.py`). The reward is 0 until the last step. A genome that fails, breaks a constraint
or has no finite figure gets `failed`, or if that is not given, the least reward seen so far; Gymnasium and Stable-Baselines3
have wrappers that bring rewards to a common scale.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import numpy as np

from nasmyth.errors import CandidateError, require
from nasmyth.measure import Constraint, Measure, constraints, evaluate, find
from nasmyth.measure.candidate import Candidate
from nasmyth.search.reinforce.steps import plan_of
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

require("gymnasium", extra="gym")

import gymnasium


class Environment(gymnasium.Env[Any, Any]):
    """Making a genome of a space (see the top of this file).

    worth: a function of a genome, more being better, or a measure of its graph, or the name of one. under: constraints. task:
    for measures that need data. failed: the reward of what has none.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  as Gymnasium has it

    def __init__(
        self, space: Space, worth: Callable[[Genome], float] | Measure | str, under: str | Constraint | Iterable[Any] = (),
        *, task: Any = None, failed: float | None = None,
    ) -> None:  # fmt: skip
        self.space, self.task, self.failed = space, task, failed
        self.worth = find(worth) if isinstance(worth, (Measure, str)) else worth
        self.under = (*space.constraints, *constraints(under))
        self.plan = plan_of(space)
        self.best: tuple[float, Genome] | None = None
        """The greatest reward so far, and what it was given for."""
        self._slot: int | None
        self._allowed: tuple[int, ...]
        self._least = math.inf
        length = max(1, self.plan.offsets[-1] + len(self.plan.slots))
        self.action_space = gymnasium.spaces.Discrete(max(1, self.plan.widest))
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (length,), np.float32)
        self._begin(0)

    def _begin(self, seed: int) -> None:
        self._seed, self._actions = seed, list[int]()
        self._go()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._begin(int(self.np_random.integers(2**31)))
        return self._observation(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self._allowed:
            self._actions.append(self._allowed[int(action) % len(self._allowed)])
            self._go()
        over = not self._allowed
        return self._observation(), self._reward() if over else 0.0, over, False, self._info()

    def _go(self) -> None:
        """From the actions taken to what is allowed next: nothing, if the genome is made."""
        self._taken: list[int] = []
        left = iter(self._actions)

        def choose(slot: int, allowed: Sequence[int]) -> int:
            action = next(left, None)
            if action is None:
                raise _Open(slot, allowed)
            self._taken.append(self.plan.offsets[slot] + action)
            return action

        try:
            self._genome = self.plan.made(choose, Random(self._seed))
            self._slot, self._allowed = None, ()
        except _Open as one:
            self._slot, self._allowed = one.slot, tuple(one.allowed)

    def _observation(self) -> Any:
        seen = np.zeros(self.observation_space.shape or (), np.float32)
        seen[self._taken] = 1.0
        if self._slot is not None:
            seen[self.plan.offsets[-1] + self._slot] = 1.0
        return seen

    def _info(self) -> dict[str, Any]:
        mask = (np.arange(max(1, self.plan.widest)) < max(1, len(self._allowed))).astype(np.int8)
        return {"action_mask": mask} | ({} if self._allowed else {"genome": copy.deepcopy(self._genome)})

    def _reward(self) -> float:
        """What the genome is worth."""
        reward = self._worth(self._genome)
        if not math.isfinite(reward):
            return self.failed if self.failed is not None else self._least if self._least < math.inf else 0.0
        self._least = min(self._least, reward)
        if self.best is None or reward > self.best[0]:
            self.best = (reward, self._genome)
        return reward

    def _worth(self, genome: Genome) -> float:
        """Not finite for what failed."""
        measured = self.worth if isinstance(self.worth, Measure) else None
        if self.under or measured is not None:
            candidate = Candidate(self.space.decode(genome), recipe=self.space.recipe_of(genome), task=self.task)
            told = evaluate(candidate, [] if measured is None else [measured], self.under)
            if told.ended:
                return -math.inf
            if measured is not None:
                return told.values[measured.name] * (1.0 if measured.direction == "max" else -1.0)
        try:
            return float(self.worth(genome))
        except CandidateError:
            return -math.inf


class _Open(Exception):
    """The next step is not decided."""

    def __init__(self, slot: int, allowed: Sequence[int]) -> None:
        super().__init__(slot)
        self.slot, self.allowed = slot, allowed
