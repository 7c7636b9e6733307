"""A strategy turns the log of what was tried into what to try next.

    class Mine(Strategy):
        def init(self, space): ...                       # the state before anything was tried
        def tell(self, state, trial): ...                # the state after one more finished trial
        def ask(self, state, space, rng, n): ...         # n genomes to try next

It is a frozen value and keeps nothing: its state is `tell` folded over the log, and its chance comes from the `rng` that
it is given, which depends on the seed and on how many proposals came before. So a search that was killed goes on exactly
as if it had not been, and n workers may ask at once.

A trial has a `genome`, `objectives` (every one to be made larger; empty when it failed), `violation` (0 when it meets all
constraints, else by how much it misses them) and `error`. A strategy must live with failures, ties and repetitions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from nasmyth.record import Value
from nasmyth.registry import Registry, subclass
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

S = TypeVar("S", bound="type[Strategy]")
_REDRAWS = 20  # a space may hold fewer genomes than are asked for: then repetitions are all there is


class Told(Protocol):
    """A finished trial, as a strategy sees it."""

    @property
    def genome(self) -> Any: ...
    @property
    def objectives(self) -> Sequence[float]: ...
    @property
    def violation(self) -> float: ...


class Strategy(Value):
    """Base of all strategies (see the top of this file)."""

    def init(self, space: Space) -> Any:
        """The state before anything was tried. A strategy without memory has None."""
        return None

    def tell(self, state: Any, trial: Told) -> Any:
        """The state after one more finished trial. Must not change `state` in place."""
        return state

    def ask(self, state: Any, space: Space, rng: Random, n: int) -> list[Genome]:
        """n genomes of `space` to try next, distinct where that is possible."""
        raise NotImplementedError


strategies: Registry[type[Strategy]] = Registry("strategies", subclass(Strategy, "a class of Strategy"))


def strategy(name: str) -> Any:
    """Register a strategy class under the name that the command line uses."""

    def define(cls: S) -> S:
        strategies.add(name, cls)
        return cls

    return define


def fitness(trial: Told) -> tuple[float, float]:
    """How good a trial was, to be compared: first whether and how nearly it meets the constraints, then its objective.

    This is the feasibility rule of Deb (2000, "An efficient constraint handling method for genetic algorithms"). Several
    objectives count by their sum here; strategies for Pareto fronts rank them otherwise. A failed trial is worst.
    """
    total = float(sum(trial.objectives))
    if not trial.objectives or total != total or trial.violation != trial.violation:  # NaN is unlike itself
        return (float("-inf"), float("-inf"))
    return (-trial.violation, total)


def distinct(make: Callable[[], Genome], n: int, before: Sequence[Genome] = ()) -> list[Genome]:
    """`before` and what `make` makes, n genomes together; each is made again while it repeats another."""
    made = list(before[:n])
    while len(made) < n:
        genome = make()
        for _ in range(_REDRAWS):
            if genome not in made:
                break
            genome = make()
        made.append(genome)
    return made


def written(genome: Genome) -> Any:
    """A genome as a value that sets can hold."""
    return tuple(sorted((key, tuple(v) if isinstance(v, list) else v) for key, v in genome.items()))
