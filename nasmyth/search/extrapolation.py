"""Stopping by extrapolation: who is not going to be the best is not trained on.

    Hyperband(stop=Extrapolation())
    ASHA(stop=Extrapolation(probability=0.01))

The curve of a short training is extrapolated to the end of one in full (`model/curves.py`). Genomes that were trained in full
after such a guess say by how much guesses are wrong at that stage: on average, which is corrected, and how widely, which counts
beside the spread of the fit. For a schedule of its own that ends with small steps looks better than the first part of a longer
one, and no curve can know that. Who beats the best so far with less than a small probability is not promoted (as in section 4
of Domhan et al. 2015, "Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation of learning
curves"; for populations of trainings side by side: "Parallel Bayesian Optimization of Agent-based Transportation Simulation",
arXiv:2207.05041).

Without a curve in which the objective is found, with several objectives, or before `ended` guesses at a stage came to their
end, nobody is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from statistics import NormalDist, fmean, stdev
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.search.halving import Stop
from nasmyth.search.strategy import FULL, FinishedTrial, fitness, hashable

NO_SCORES = {"epoch", "seconds", "lr", "train_loss"}


class Guess(NamedTuple):
    """What a curve promises in full, and the share of a training after which it does."""

    share: float
    mean: float
    deviation: float


class Seen(NamedTuple):
    """Guesses and what became of them."""

    best: float = -math.inf
    """Of those trained in full that meet the constraints."""
    guesses: Mapping[int, Guess] = {}
    """By the number of the trial."""
    open: Mapping[Hashable, tuple[Guess, ...]] = {}
    """By genome: those that it has not come to its end of."""
    errors: Mapping[float, tuple[float, ...]] = {}
    """By share: how much better than guessed they were in the end."""


class Extrapolation(Stop):
    """Who beats the best with less than `probability` is stopped, from `ended` comparisons on (see the top of this file)."""

    probability: float = 0.05
    ended: int = 4

    def check(self) -> None:
        if not 0 < self.probability < 1 or self.ended < 2:
            raise SpaceError(f"{self!r}: needs a probability between 0 and 1, and ended >= 2")

    def tell(self, state: Seen | None, trial: FinishedTrial) -> Seen:
        """What is known after one more trial."""
        state = state or Seen()
        if len(trial.objectives) != 1 or not all(map(math.isfinite, fitness(trial))):
            return state
        if trial.stage.name == FULL.name:
            return _ended(state, trial)
        guess = guessed(trial)
        if guess is None:
            return state
        genome = hashable(trial.genome)
        return state._replace(
            guesses={**state.guesses, trial.number: guess},
            open={**state.open, genome: (*state.open.get(genome, ()), guess)},
        )

    def hopeless(self, state: Seen | None, number: int) -> bool:
        """Whether the genome of a trial beats the best with too small a probability."""
        guess = state.guesses.get(number) if state else None
        if state is None or guess is None or not math.isfinite(state.best):
            return False
        errors = state.errors.get(guess.share, ())
        if len(errors) < self.ended:
            return False
        mean, deviation = guess.mean + fmean(errors), math.hypot(guess.deviation, stdev(errors))
        if not 0 < deviation < math.inf:
            return deviation == 0 and mean < state.best
        return 1 - NormalDist(mean, deviation).cdf(state.best) < self.probability


def _ended(state: Seen, trial: FinishedTrial) -> Seen:
    """After a training in full."""
    value, errors = trial.objectives[0], dict(state.errors)
    for guess in state.open.get(genome := hashable(trial.genome), ()):
        errors[guess.share] = (*errors.get(guess.share, ()), value - guess.mean)
    best = max(state.best, value) if trial.violation == 0 else state.best
    return state._replace(best=best, errors=errors, open={k: v for k, v in state.open.items() if k != genome})


def guessed(trial: FinishedTrial) -> Guess | None:
    """What the curve of a trial promises of a training in full; None if it has no curve of its objective."""
    from nasmyth.search.model.curves import extrapolate

    stage = trial.stages.get(trial.stage.name, {})
    curve = stage.get("curve") or ()
    scores = _scores(curve, trial.objectives[0])
    if scores is None:
        return None
    epochs = [float(entry["epoch"]) for entry in curve]
    in_full = float(stage.get("planned") or epochs[-1]) / trial.stage.share
    mean, deviation = extrapolate(epochs, scores, in_full)
    return Guess(trial.stage.share, mean, deviation) if math.isfinite(deviation) else None


def _scores(curve: Any, objective: float) -> list[float] | None:
    """The scores of the curve, larger for the better, in which the objective is found: with weights kept from the best
    epoch it is one of them."""
    for name in curve[0] if curve else ():
        for sign in () if name in NO_SCORES else (1.0, -1.0):
            scores = [sign * float(entry.get(name, math.nan)) for entry in curve]
            if any(math.isclose(score, objective, rel_tol=1e-6, abs_tol=1e-9) for score in scores):
                return scores
    return None
