"""How densely genomes lie: a Parzen estimator, each of whose kernels is a genome that was seen.

    kernels = Kernels.of(space)
    kernels.logs(new, x, good)     # M D, N D encodings as of `space.encode`: log densities of the good, and of others
    kernels.draw(genome, rng)      # a genome from around one

A kernel is a product over decisions, of those that are active in the genome in question: so decisions that go together stay
together (the multivariate one of Falkner et al. 2018, "BOHB", arXiv:1807.01774, section 3.2). A decision is drawn anew with
probability `UNIFORM`; otherwise an option stays as it is (Aitchison and Aitken 1976, "Multivariate binary discrimination by the
kernel method"), a number moves by a normal step within its range, and a derivation of a grammar stays or is mutated. A decision
that the genome of the kernel does not make is drawn at random. One more kernel is the space itself.

Departures: densities are told as multiples of a draw from the space at random, which needs no care for what is active. That of
a subset or a derivation falls with the distance of encodings, and is not normalised.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any, NamedTuple

import numpy as np

from nasmyth.space.hole import Genome, Hole
from nasmyth.space.holes import Choice, Integer, Real
from nasmyth.space.space import Space

UNIFORM = 0.25
"""Probability that a decision is drawn anew."""
STEP = 0.15
"""Deviation of the step of a number, as a part of its range."""
PEAK, REACH = 8.0, 0.2
"""Of what is neither an option nor a number: how much likelier than by chance a kernel makes its own decision, and at what
distance of encodings, as a part of their length, that is the e-th part of the root."""
GRID = 65
"""At most as many points at which a normal step is summed up."""


class Kernels(NamedTuple):
    """The kernel of each decision that a space leaves open, by its address, and the columns that encode it."""

    space: Space
    columns: dict[str, slice]

    @classmethod
    def of(cls, space: Space) -> Kernels:
        ends = np.cumsum([len(hole.encode(None)) for hole in space.holes.values()]).tolist()
        parts = map(slice, [0, *ends], ends)
        return cls(
            space, {key: part for (key, hole), part in zip(space.holes.items(), parts, strict=True) if hole.free}
        )

    def logs(self, new: Any, old: Any, good: Any) -> tuple[Any, Any]:
        """M, M: the logarithm of how much likelier than by chance each of `new`, M D, is by the density of those of `old`, N D,
        for which `good`, N, is true, and by that of the others."""
        made = np.zeros((len(new), len(old)))
        for key, columns in self.columns.items():
            made += np.log(_factor(self.space.holes[key], new[:, columns], old[:, columns]))
        made = np.exp(made)
        among = made[:, good], made[:, ~good]
        good_log, rest_log = (np.log((1.0 + part.sum(1)) / (1.0 + part.shape[1])) for part in among)
        return good_log, rest_log

    def draw(self, genome: Genome, rng: Random) -> Genome:
        """A genome from the kernel of this one; whether it meets the constraints is not looked at."""
        decisions, domains = self.space.decisions, self.space.domains

        def pick(key: str, hole: Hole) -> Any:
            if key not in genome or rng.random() < UNIFORM:
                return decisions.draw(key, hole, rng)
            drawn = _near(hole, genome[key], rng)
            return drawn if key not in domains or drawn in domains[key] else decisions.draw(key, hole, rng)

        return self.space.walk(pick)


# --- one decision ------------------------------------------------------------------------------------------------------


def _factor(hole: Hole, new: Any, old: Any) -> Any:
    """M N: how much likelier than by chance the decision is that `new` encodes; 1 where either is not active."""
    if _is_number(hole):
        (here, at), (there, around) = _places(hole, new), _places(hole, old)
        near = _normal(at[:, None] - around) / _heights(hole, around)
    elif isinstance(hole, Choice):
        here, there = new.sum(1), old.sum(1)
        near = hole.count * (new @ old.T)
    else:
        lengths = (new**2).sum(1)[:, None], (old**2).sum(1)
        here, there = ((length.ravel() > 0).astype(float) for length in lengths)
        away = (lengths[0] + lengths[1] - 2 * new @ old.T) / np.maximum(1e-9, (lengths[0] + lengths[1]) / 2)
        near = PEAK * np.exp(-np.maximum(0.0, away) / (2 * REACH**2))
    return 1.0 + (1.0 - UNIFORM) * here[:, None] * there * (near - 1.0)


def _near(hole: Hole, decision: Any, rng: Random) -> Any:
    """The decision, or one close by."""
    if _is_number(hole):
        return _step(hole, decision, rng)
    if isinstance(hole, Choice) or rng.random() < 0.5:
        return decision
    return hole.mutate(decision, rng) or decision


# --- numbers, as fractions of their range -----------------------------------------------------------------------------


def _is_number(hole: Hole) -> bool:
    """Whether decisions have an order: real and whole numbers, and a choice between three numbers or more."""
    return isinstance(hole, (Integer, Real)) or (isinstance(hole, Choice) and hole.numeric and hole.count > 2)


def _places(hole: Hole, x: Any) -> tuple[Any, Any]:
    """Whether the number is active, and where it stands."""
    return (x.sum(1), x @ np.linspace(0.0, 1.0, x.shape[1])) if isinstance(hole, Choice) else (x[:, 0], x[:, 1])


def _step(hole: Any, decision: Any, rng: Random) -> Any:
    """A step of a number, from a truncated normal distribution: of a few numbers, at their places."""
    if hole.count <= GRID:
        at = hole.index(decision) if isinstance(hole, Choice) else (decision - hole.lo) // hole.step
        weights = [math.exp(-0.5 * ((i - at) / (hole.count - 1) / STEP) ** 2) for i in range(int(hole.count))]
        return hole.nth(rng.choices(range(len(weights)), weights)[0])
    at = hole.fraction(decision) if isinstance(hole, Real) else (decision - hole.lo) / (hole.hi - hole.lo)
    while not 0.0 <= (drawn := rng.gauss(at, STEP)) <= 1.0:
        pass  # half of the draws or more lie within
    return hole.at(drawn) if isinstance(hole, Real) else hole.nth(round(drawn * (hole.count - 1)))


def _normal(away: Any) -> Any:
    return np.exp(-0.5 * (away / STEP) ** 2)


def _heights(hole: Hole, around: Any) -> Any:
    """The mean of the normal step over all decisions: what makes 1 of it."""
    points = GRID if math.isinf(hole.count) else min(GRID, int(hole.count))
    return _normal(np.linspace(0.0, 1.0, points)[:, None] - around).mean(0)
