"""Policy gradient: genomes are drawn from a policy, and those that were worth more than expected are made likelier.

Trials are gathered in batches; a full one moves the parameters, by Adam (Kingma and Ba 2015, arXiv:1412.6980), uphill on

    mean over its genomes of sum over their steps of   advantage * log chance of the action + entropy * entropy of the step

A reward is the rank of `fitness` among all that was told by then, as a normal score: nothing depends on the scale of the
objective, a failure or a broken constraint is just a bad rank, and several objectives are ranked as evolution ranks them.
The advantage is what a reward has over the baseline.

Departures: what was tried is not drawn again, since it would cost a trial and tell nothing; a policy that repeats itself is
heated until it does not. A trial counts as drawn by the policy that it is learned by, though a batch may have been asked for
before, or by somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from nasmyth.errors import SpaceError
from nasmyth.search.model.log import Log
from nasmyth.search.reinforce.policy import Chained, Independent, Tape
from nasmyth.search.reinforce.steps import Plan, Step, plan_of
from nasmyth.search.strategy import (
    FinishedTrial,
    Pending,
    Proposal,
    Strategy,
    distinct,
    hashable,
    in_full,
    out,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

HEATING = 1.25
"""By which the logits are divided once more for every draw that repeats what is known."""
DRAWS = 20
"""Genomes drawn that miss the constraints of the space, before one is sampled within them."""
FIRST, SECOND, TINY = 0.9, 0.99, 1e-8
"""Of Adam: how much of the mean gradient is kept, and of the mean square; there are tens of batches, not thousands."""


class Learner(NamedTuple):
    """What was told, and what was learned of it."""

    plan: Plan
    log: Log
    known: frozenset[Hashable]
    """The genomes of the log."""
    steps: tuple[tuple[Step, ...], ...]
    """What makes each of them."""
    parameters: tuple[float, ...]
    mean: tuple[float, ...]
    """Of the gradients."""
    square: tuple[float, ...]
    moves: int = 0
    waiting: int = 0
    """How many of those told last were not learned from."""
    baseline: float = 0.0


class PolicyGradient(Strategy, abstract=True):
    """What all of them share (see the top of this file).

    policy: what genomes are drawn from. batch: trials that are learned from together. rate: by how much a parameter moves at
    most, about, in nats. entropy: what a nat of it is worth in deviations of the reward. decay: how much of the baseline is
    kept when a batch is told.
    """

    policy: Independent | Chained = Independent()
    batch: int = 10
    rate: float = 0.3
    entropy: float = 0.02
    decay: float = 0.7

    def check(self) -> None:
        if self.batch < 1 or self.rate <= 0 or self.entropy < 0 or not 0 <= self.decay <= 1:
            raise SpaceError(f"{self!r}: needs batch >= 1, rate > 0, entropy >= 0 and decay from 0 to 1")

    def init(self, space: Space) -> Learner:
        plan = plan_of(space)
        none = (0.0,) * self.policy.size(plan)
        return Learner(plan, Log(space), frozenset(), (), none, none, none)

    def tell(self, state: Learner, trial: FinishedTrial) -> Learner:
        log = state.log.then(trial)
        known = state.known | {hashable(trial.genome)}
        steps = (*state.steps, tuple(state.plan.read(trial.genome)))
        state = state._replace(log=log, known=known, steps=steps, waiting=state.waiting + 1)
        return state if state.waiting < self.batch else self._learned(state)

    def _learned(self, state: Learner) -> Learner:
        """After a full batch."""
        tape = Tape.of(self.policy, state.plan, state.steps[-state.waiting :])
        rewards = state.log.y[-state.waiting :]
        advantages = self.advantages(state, tape, rewards)
        old = tape.taken(tape.chances(np.array(state.parameters)))
        for _ in range(self.passes()):
            state = self._moved(state, tape, advantages, old)
        baseline = self.decay * state.baseline + (1 - self.decay) * float(rewards.mean())
        return state._replace(waiting=0, baseline=baseline)

    def _moved(self, state: Learner, tape: Tape, advantages: Any, old: Any) -> Learner:
        """After a step of Adam."""
        parameters = np.array(state.parameters)
        chances = tape.chances(parameters)
        weights = self.weights(tape, advantages, tape.taken(chances) - old)
        by_logit = tape.slope_of_taken(chances, weights) + self.entropy * tape.slope_of_entropy(chances)
        slope, moves = tape.slope(by_logit) / state.waiting, state.moves + 1
        mean = FIRST * np.array(state.mean) + (1 - FIRST) * slope
        square = SECOND * np.array(state.square) + (1 - SECOND) * slope**2
        step = mean / (1 - FIRST**moves) / (np.sqrt(square / (1 - SECOND**moves)) + TINY)
        parameters += self.rate / self.passes() * step
        return state._replace(
            parameters=tuple(parameters.tolist()), mean=tuple(mean.tolist()), square=tuple(square.tolist()), moves=moves
        )

    def advantages(self, state: Learner, tape: Tape, rewards: Any) -> Any:
        """T: what each step is thought to have brought, from the rewards of the genomes."""
        return (rewards - state.baseline)[tape.genome]

    def passes(self) -> int:
        """How often a batch moves the parameters."""
        return 1

    def weights(self, tape: Tape, advantages: Any, gains: Any) -> Any:
        """T: by how much each step is made likelier. gains: of the logarithms of the chances since the batch was full."""
        return advantages

    def ask(self, state: Learner, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        known = out(pending) | state.known
        seen, heat, draw = set(known), 1.0, self.drawing(state, rng)

        def make() -> Genome:
            nonlocal heat
            genome = _within(space, draw, rng, heat)
            heat = heat * HEATING if hashable(genome) in seen else 1.0
            seen.add(hashable(genome))
            return genome

        return in_full(distinct(make, n, known))

    def drawing(self, state: Learner, rng: Random) -> Callable[[float], Genome]:
        """What draws a genome, which may miss the constraints, by policies that are heated so much."""
        return lambda heat: self.policy.draw(state.plan, state.parameters, rng, heat)


def _within(space: Space, draw: Callable[[float], Genome], rng: Random, heat: float) -> Genome:
    for _ in range(DRAWS):
        genome = draw(heat)
        if space.meets(genome):
            return genome
    return space.sample(rng)
