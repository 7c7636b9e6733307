"""Policies: how likely each action is in each slot, by parameters that are learned.

    policy = Independent()
    parameters = np.zeros(policy.size(plan))
    genome = policy.draw(plan, parameters, rng)
    tape = Tape.of(policy, plan, [plan.read(genome)])
    tape.chances(parameters)                      # T W: of each action in each step

The chance of an action is the softmax over what is allowed of prior + logits, so that parameters of 0 draw as the space does.
`Independent` has one logit for each action of a slot. `Chained` adds another for each pair of an action and the one before it
in the genome: an autoregressive policy, of first order, in the place of the recurrent network of Zoph and Le (2017,
arXiv:1611.01578), which few trials cannot train.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from nasmyth.record import Value
from nasmyth.search.reinforce.steps import NOTHING, Plan, Step
from nasmyth.space.hole import Genome

BEFORE_FIRST = -1
"""The action before the first."""


class Independent(Value):
    """Every slot for itself."""

    def size(self, plan: Plan) -> int:
        """How many parameters there are."""
        return plan.offsets[-1]

    def places(self, plan: Plan, slot: int, before: int) -> tuple[int, ...]:
        """Where the parameters of a slot begin, after an action: its logits are the sum of what is there."""
        return (plan.offsets[slot],)

    def draw(
        self, plan: Plan, parameters: Sequence[float], rng: Random, heat: float = 1.0, kept: Mapping[str, Any] = NOTHING
    ) -> Genome:
        """A genome. heat: by which all logits are divided; 1 is the policy, and infinity what the space draws. kept:
        decisions that are not drawn."""
        before = BEFORE_FIRST
        made = {key: plan.steps(key, decision) for key, decision in kept.items()}

        def choose(slot: int, allowed: Sequence[int]) -> int:
            nonlocal before
            known = next(made.get(plan.slots[slot].key, iter(())), None)
            if known is not None:
                before = known.action
                return before
            prior, places = plan.slots[slot].prior, self.places(plan, slot, before)
            logits = [prior[one] + sum(parameters[place + one] for place in places) / heat for one in allowed]
            top = max(logits)
            (before,) = rng.choices(allowed, [math.exp(logit - top) for logit in logits])
            return before

        return plan.made(choose, rng, kept)


class Chained(Independent):
    """Every slot depends on the action before it."""

    def size(self, plan: Plan) -> int:
        return plan.offsets[-1] * (2 + plan.widest)

    def places(self, plan: Plan, slot: int, before: int) -> tuple[int, ...]:
        start, width = plan.offsets[slot], len(plan.slots[slot].prior)
        pairs = plan.offsets[-1] + start * (1 + plan.widest)
        return (start, pairs + (before + 1) * width)


class Tape(NamedTuple):
    """The steps of several genomes as arrays: T steps, W the most actions of a slot, R parts that a logit is the sum of."""

    parameters: int
    index: Any
    """T R W: which parameters."""
    prior: Any
    """T W: minus infinity for what is not allowed."""
    action: Any
    """T."""
    slot: Any
    """T."""
    genome: Any
    """T: the number of the genome."""

    @classmethod
    def of(cls, policy: Independent, plan: Plan, genomes: Sequence[Sequence[Step]]) -> Tape:
        steps = [(number, one) for number, every in enumerate(genomes) for one in every]
        index = np.zeros(
            (len(steps), len(policy.places(plan, 0, BEFORE_FIRST)) if steps else 1, plan.widest), dtype=int
        )
        prior = np.full((len(steps), plan.widest), -np.inf)
        before = BEFORE_FIRST
        for t, (number, step) in enumerate(steps):
            if t and steps[t - 1][0] != number:
                before = BEFORE_FIRST
            allowed = list(step.allowed)
            for r, place in enumerate(policy.places(plan, step.slot, before)):
                index[t, r, allowed] = np.add(place, allowed)
            prior[t, allowed] = np.take(plan.slots[step.slot].prior, allowed)
            before = step.action
        columns = np.array([(number, one.slot, one.action) for number, one in steps], dtype=int).reshape(-1, 3).T
        return cls(policy.size(plan), index, prior, columns[2], columns[1], columns[0])

    def chances(self, parameters: Any) -> Any:
        """T W: of each action."""
        logits = self.prior + parameters[self.index].sum(1) if len(self.action) else self.prior
        chances = np.exp(logits - logits.max(1, keepdims=True, initial=-np.inf))
        return chances / chances.sum(1, keepdims=True)

    def taken(self, chances: Any) -> Any:
        """T: the logarithms of the chances of the actions that were taken."""
        return np.log(chances[np.arange(len(self.action)), self.action])

    def entropy(self, chances: Any) -> Any:
        """T: in nats."""
        return -(chances * _log(chances)).sum(1)

    def slope(self, by_logit: Any) -> Any:
        """The slope by each parameter, from that by each logit, T W."""
        slope = np.zeros(self.parameters)
        np.add.at(slope, self.index, np.where(np.isfinite(self.prior), by_logit, 0.0)[:, None, :])
        return slope

    def slope_of_taken(self, chances: Any, weights: Any) -> Any:
        """T W: of the sum of `taken` with these weights, T, by each logit."""
        one_hot = np.arange(chances.shape[1]) == self.action[:, None]
        return weights[:, None] * (one_hot - chances)

    def slope_of_entropy(self, chances: Any) -> Any:
        """T W: of the sum of `entropy`, by each logit."""
        return -chances * (_log(chances) + self.entropy(chances)[:, None])


def _log(chances: Any) -> Any:
    """The logarithm, and 0 for what cannot be."""
    return np.log(np.where(chances > 0, chances, 1.0))
