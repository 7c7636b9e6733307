"""A space and strategies small enough to see through, for tests of the study alone."""

from __future__ import annotations

import itertools
import random
from typing import Any, NamedTuple

from nasmyth.search import Proposal


class ToyGraph(NamedTuple):
    """An architecture that is nothing but its key."""

    key: str
    numbers: tuple[int, ...]

    def to_json(self) -> Any:
        return list(self.numbers)


class ToySpace:
    """`holes` decisions among `options` each. `fold` makes that many genomes decode to one graph."""

    def __init__(self, holes: int = 3, options: int = 10, fold: int = 1) -> None:
        self.holes, self.options, self.fold = holes, options, fold
        self.key = f"toy-{holes}-{options}-{fold}"
        self.size = options**holes

    def sample(self, seed: Any = 0) -> dict[str, int]:
        rng = seed if isinstance(seed, random.Random) else random.Random(seed)
        return {f"h{i}": rng.randrange(self.options) for i in range(self.holes)}

    def decode(self, genome: dict[str, int]) -> ToyGraph:
        from nasmyth.errors import GenomeError

        if len(genome) != self.holes:
            raise GenomeError(f"{self.holes} decisions are needed, got {len(genome)}")
        numbers = tuple(genome[f"h{i}"] // self.fold for i in range(self.holes))
        return ToyGraph("-".join(map(str, numbers)), numbers)

    def enumerate(self) -> Any:
        for numbers in itertools.product(range(self.options), repeat=self.holes):
            yield {f"h{i}": n for i, n in enumerate(numbers)}

    def mutate(self, genome: dict[str, int], rng: random.Random) -> dict[str, int]:
        return {**genome, f"h{rng.randrange(self.holes)}": rng.randrange(self.options)}

    def to_json(self) -> Any:
        return [self.holes, self.options, self.fold]


class Anywhere:
    """Random proposals."""

    def init(self, space: Any) -> Any:
        return None

    def tell(self, state: Any, trial: Any) -> Any:
        return state

    def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Any]:
        return [Proposal(space.sample(rng)) for _ in range(n)]


class Climb:
    """Mutates the best so far: its proposals depend on every result that it was told, and on their order."""

    def init(self, space: Any) -> Any:
        return ()

    def tell(self, state: Any, trial: Any) -> Any:
        return (*state, (trial.objectives if trial.finished else (float("-inf"),), trial.number, trial.genome))[-12:]

    def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Any]:
        if len(state) < 4:
            return [Proposal(space.sample(rng)) for _ in range(n)]
        parents = sorted(rng.sample(state, 3), key=lambda s: (s[0], s[1]))
        return [Proposal(space.mutate(parents[-1][2], rng)) for _ in range(n)]


class Fixed:
    """Proposes one genome, again and again."""

    def __init__(self, genome: Any) -> None:
        self.genome = genome

    def init(self, space: Any) -> Any:
        return None

    def tell(self, state: Any, trial: Any) -> Any:
        return state

    def ask(self, state: Any, space: Any, rng: random.Random, n: int, pending: Any) -> list[Any]:
        return [Proposal(dict(self.genome)) for _ in range(n)]


def score(graph: Any) -> float:
    """A fixed evaluation with one best network."""
    return -float(sum((n - 7) ** 2 for n in graph.numbers))


def story(journal: Any) -> list[Any]:
    """What happened, less when and how long it took."""
    kept = []
    for one in journal.read():
        data = {k: v for k, v in one.data.items() if k not in ("seconds", "environment")}
        kept.append((one.seq, one.kind, one.trial, data))
    return kept
