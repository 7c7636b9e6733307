"""A strategy turns the log of what was tried into what to do next.

    class Mine(Strategy):
        def init(self, space): ...                          # the state before anything was tried
        def tell(self, state, trial): ...                   # the state after one more finished trial
        def ask(self, state, space, rng, n, pending): ...   # n proposals of what to work on next

It is a frozen value and keeps nothing: its state is `tell` folded over the log, and its chance comes from the `rng` that
it is given, which depends on the seed and on how many proposals came before. So a search that was killed goes on exactly
as if it had not been, and n workers may ask at once: `pending` is what they work on now.

A proposal is a piece of work: a genome, the stage that it is to be tried at (how much to spend), and the trial whose
trained weights it starts from, if any. The same genome at a further stage is another proposal, and so another trial.
Where what comes next depends on what is pending, `ask` gives fewer than n; it is asked again when something was told.

A strategy must live with failures (no objectives), ties, repetitions, and results that come back in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import isfinite, isnan
from random import Random
from typing import Any, NamedTuple, Protocol, TypeVar

from nasmyth.record import Value
from nasmyth.registry import Registry, subclass
from nasmyth.search.files import PARTS, STRATEGIES
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

S = TypeVar("S", bound="type[Strategy]")
P = TypeVar("P", bound=type[Value])
Fitness = tuple[float, ...]
WORST: Fitness = (float("-inf"), float("-inf"))
_DRAWS = 21  # a space may hold fewer genomes than are asked for: then repetitions are all there is


class Stage(NamedTuple):
    """How much of a training a proposal is worth."""

    name: str = "final"
    """Nothing is tried twice at one stage, and what is trained in full is called "final"."""
    share: float = 1.0
    """Of a training in full: how far along the epochs of the recipe it goes. A parent's epochs count, where it has one."""
    seconds: float | None = None
    """The most that it may take; None for no bound of its own."""
    keep: bool = False
    """Whether its trained state is kept in any case, such as for others to start from; else only that of the best is."""
    epochs: float | None = None
    """The epochs that a training in full is expected to have, where `seconds` decide how far this stage goes, and not a
    share of the epochs of the recipe."""


FULL = Stage()


class Proposal(NamedTuple):
    """A piece of work: a genome to be tried, and how."""

    genome: Genome
    stage: Stage = FULL
    parent: int | None = None
    """The number of the trial whose trained state it starts from; None starts from new weights."""
    origin: str = ""
    """Where it came from, in a word, for reports; the name of the strategy if it says nothing."""


class Pending(NamedTuple):
    """A trial that is being worked on."""

    number: int
    genome: Genome | None
    """None for a graph that was added by hand."""
    stage: Stage = FULL
    parent: int | None = None


class FinishedTrial(Protocol):
    """A finished trial, as a strategy sees it."""

    @property
    def number(self) -> int: ...
    @property
    def genome(self) -> Any: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def parent(self) -> int | None: ...
    @property
    def origin(self) -> str: ...
    @property
    def objectives(self) -> Sequence[float]:
        """Every one to be made larger; empty when it failed."""

    @property
    def violation(self) -> float:
        """0 when it meets all constraints, else by how much it misses them."""

    @property
    def excess(self) -> Mapping[str, float]:
        """Of each constraint, by its text: by what fraction of its bound it is missed, negative with room to spare. Infinite
        where it was not measured; empty where nobody says which constraints there are."""

    @property
    def error(self) -> Any:
        """Why it failed; None if it did not."""

    @property
    def seconds(self) -> float:
        """What it took."""

    @property
    def at(self) -> float:
        """Seconds of work on the study when it was told."""

    @property
    def measures(self) -> Mapping[str, float]: ...
    @property
    def stages(self) -> Mapping[str, Mapping[str, Any]]:
        """What was recorded on the way, by label: epochs reached, seconds of training, learning curve."""


class Strategy(Value):
    """Base of all strategies (see the top of this file)."""

    def init(self, space: Space) -> Any:
        """The state before anything was tried. A strategy without memory has None."""
        return None

    def tell(self, state: Any, trial: FinishedTrial) -> Any:
        """The state after one more finished trial. Must not change `state` in place."""
        return state

    def ask(self, state: Any, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        """n proposals of what to work on next, distinct and none of them pending where that is possible.

        pending: the trials that are being worked on now, oldest first. Fewer than n where the rest depends on those.
        """
        raise NotImplementedError


strategies: Registry[type[Strategy]] = Registry(
    "strategies",
    subclass(Strategy, "a class of Strategy"),
    files={name: f"nasmyth.search.{file}" for name, file in STRATEGIES.items()},
)


def strategy(name: str) -> Any:
    """Register a strategy class under the name that the command line uses."""

    def define(cls: S) -> S:
        strategies.add(name, cls)
        return cls

    return define


parts: Registry[type[Value]] = Registry(
    "parts",
    subclass(Value, "a class of Value, such as a model or an acquisition"),
    files={name: f"nasmyth.search.{file}" for name, file in PARTS.items()},
)


def part(name: str) -> Callable[[P], P]:
    """Register a class of what strategies are made of, under the name that the command line uses."""

    def define(cls: P) -> P:
        parts.add(name, cls)
        return cls

    return define


def fitness(trial: FinishedTrial) -> Fitness:
    """How good a trial was, to be compared: first whether and how nearly it meets the constraints, then its objectives.

    This is the feasibility rule of Deb (2000, "An efficient constraint handling method for genetic algorithms"). Compared
    as they stand, several objectives count one after another, as in the best of a study; `pareto.crowded` ranks them side
    by side. A failed trial is worst, and so is one with a number that is not finite.
    """
    if not trial.objectives or isnan(trial.violation) or not all(map(isfinite, trial.objectives)):
        return WORST
    return (-trial.violation, *map(float, trial.objectives))


def distinct(
    make: Callable[[], Genome], n: int, taken: Iterable[Hashable] = (), before: Iterable[Genome] = ()
) -> list[Genome]:
    """n genomes: those of `before`, then what `make` makes, again while it repeats another or is `taken`."""
    made: list[Genome] = []
    seen = set(taken)
    for genome in before:
        if len(made) < n and (token := hashable(genome)) not in seen:
            made.append(genome)
            seen.add(token)
    while len(made) < n:
        for _ in range(_DRAWS):
            genome = make()
            if (token := hashable(genome)) not in seen:
                break
        made.append(genome)
        seen.add(token)
    return made


def out(pending: Iterable[Pending]) -> set[Hashable]:
    """The genomes that are being worked on, as `hashable` ones."""
    return {hashable(one.genome) for one in pending if one.genome is not None}


def in_full(genomes: Iterable[Genome]) -> list[Proposal]:
    """Proposals to train these genomes in full, from new weights."""
    return [Proposal(genome) for genome in genomes]


def hashable(genome: Genome) -> Hashable:
    """A genome as a value that sets can hold."""
    return tuple(sorted((key, tuple(v) if isinstance(v, list) else v) for key, v in genome.items()))
