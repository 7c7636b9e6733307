"""What is known of the candidates of a funnel: how far each came, and how well it did there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nasmyth.funnel.plan import trained
from nasmyth.search.strategy import FinishedTrial
from nasmyth.space.hole import Genome


@dataclass(frozen=True)
class Reached:
    """What a candidate had at a rung."""

    value: float
    """Of the goal."""
    loss: float
    trial: int

    def beats(self, other: Reached, direction: str) -> bool:
        """Whether it scored better, or as well with less loss."""
        sign = 1 if direction == "max" else -1
        return (sign * self.value, -self.loss) > (sign * other.value, -other.loss)


@dataclass(frozen=True)
class Entrant:
    """A candidate: how far it got, and how well it did there."""

    genome: Genome
    number: int
    origin: str
    tried: frozenset[str] = frozenset()
    """The rungs at which it was tried, failed or not."""
    results: Mapping[str, Reached] = field(default_factory=dict)
    """By rung; empty once it failed or is over the budget."""
    seconds: float = 0.0
    """Of its training so far."""
    epochs: float = 0.0
    """Of that."""
    kept: bool = False
    """Whether its state is there to be gone on with."""
    spent: bool = False
    """Whether it went on after its end, and that brought nothing."""

    @property
    def epoch(self) -> float:
        """Seconds of an epoch; 0 is not known."""
        return self.seconds / self.epochs if self.epochs else 0.0

    def at(self, trial: FinishedTrial, reached: Reached, direction: str) -> Entrant:
        """The same after a trial, come to a rung or gone on after its end."""
        stage, (seconds, epochs) = trial.stage, trained(trial)
        before = self.results.get(stage.name)
        spent = before is not None and not reached.beats(before, direction)
        result = before if before is not None and spent else reached
        return replace(
            self, tried=self.tried | {stage.name}, results={**self.results, stage.name: result}, seconds=seconds,
            epochs=epochs, kept=stage.keep, spent=spent,
        )  # fmt: skip


@dataclass(frozen=True)
class Race:
    """The state: what the inner strategy knows, and all entrants."""

    inner: Any
    now: float = 0.0
    entrants: dict[Any, Entrant] = field(default_factory=dict)
    late: float = 0
    """How many were too slow, while nothing else was tried."""
