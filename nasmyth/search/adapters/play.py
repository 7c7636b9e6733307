"""A log played through by an optimiser with `ask()` and `tell()`: asked, told, asked, told.

What it asks for at its state after a trial is asked for in the search, too, so what comes back is told as the very thing
that it asked for; what comes in another order or from elsewhere is told as a point or genome of its own (or not at all,
where it deals in objects of its own).

Losses are minus the first objective; for a missed constraint, the worst loss so far of those that miss none, and what it
misses; for a failure, the worst of all so far. So they are finite, and of one scale.
"""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from nasmyth.search.adapters.told import Item
from nasmyth.search.adapters.unit_cube import cube_of
from nasmyth.search.strategy import WORST, Fitness, hashable
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

FAR = 1e9
"""What a constraint that was not measured is missed by."""
GENERATORS = (random.random.__self__, np.random.randn.__self__)  # type: ignore[attr-defined]
"""Those of Python and NumPy that belong to all. An optimiser may hold on to one of them."""
_alone = threading.RLock()


class Play:
    """An optimiser and where it is in its log. `after` and `copy` leave it as it is; `next` and `tell` do not."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self.machine: Any = None
        self.chance: tuple[Any, Any] = (random.Random(seed).getstate(), np.random.RandomState(seed).get_state())
        """The generators of Python and NumPy that belong to all, as it left them: many optimisers draw from those."""
        self.left: list[tuple[Genome, Any]] = []
        """Of what it asked for last: genomes, and what it called them, that nobody has told or taken yet."""
        self.size = 0
        """How many it asked for; 0 for one at a time."""
        self.heard: list[tuple[Any, float]] = []
        """What was told of a generation that is not whole yet."""
        self.worst: float | None = None
        self.lowest = 0.0

    @classmethod
    def begun(cls, make: Callable[..., Any], space: Space, seed: int) -> Self:
        """Of `make(space, seed)`, told nothing."""
        play = cls(space, seed)
        with play.drawing():
            play.machine = make(space, seed)
        return play

    def copy(self) -> Self:
        """Copied in one piece, since what it asked for may be part of it; what belongs to all is not copied."""
        other = copy.copy(self)
        for name in ("machine", "left", "heard"):
            setattr(other, name, None)
        memo: dict[int, Any] = {id(one): one for one in (self.space, *GENERATORS)}
        other.machine, other.left, other.heard = copy.deepcopy((self.machine, self.left, self.heard), memo)
        return other

    def after(self, count: int, items: Sequence[Item]) -> Self:
        """Told of these as well."""
        other = self.copy()
        with other.drawing():
            for genome, fit in items:
                other.tell(genome, other.loss(fit))
        return other

    def next(self) -> Genome:
        """What it asks for next."""
        if not self.left:
            self._ask()
        return self.left.pop(0)[0]

    def tell(self, genome: Genome, loss: float) -> None:
        if not self.left and not self.heard:
            self._ask()
        token = hashable(genome)
        place = next((i for i, (asked, _) in enumerate(self.left) if hashable(asked) == token), None)
        called = self._foreign(genome) if place is None else self.left.pop(place)[1]
        if self.size == 0:
            self.left = []
            if called is not None:
                self.machine.tell(called, loss)
            return
        self.heard += [] if called is None else [(called, loss)]
        if len(self.heard) == self.size:
            asked, losses = [one for one, _ in self.heard], [loss for _, loss in self.heard]
            self.left, self.heard = [], []
            self.machine.tell(asked, losses)

    def loss(self, fit: Fitness) -> float:
        """What a trial is told as (see the top of this file)."""
        if fit == WORST or len(fit) < 2:
            return self.lowest
        missed = min(-fit[0], FAR)
        if missed > 0:
            loss = (self.worst or 0.0) + missed
        else:
            loss = -fit[1]
            self.worst = loss if self.worst is None else max(self.worst, loss)
        self.lowest = max(self.lowest, loss)
        return loss

    def _ask(self) -> None:
        asked = self.machine.ask()
        several = isinstance(asked, (list, tuple, np.ndarray)) and len(asked) > 0 and not np.isscalar(asked[0])
        self.size = len(asked) if several else 0
        self.left = [(self._genome(one), one) for one in (asked if several else [asked])]

    def _genome(self, called: Any) -> Genome:
        """Raises GenomeError for a genome of another space."""
        plain = getattr(called, "value", called)
        return self.space.validate(plain) if isinstance(plain, dict) else cube_of(self.space).decode(plain)

    def _foreign(self, genome: Genome) -> Any:
        """A genome that it did not ask for, in the form of what it asks for; None if that is an object of its own."""
        like = self.left[0][1] if self.left else self.heard[0][0]
        if isinstance(like, dict):
            return genome
        if not isinstance(like, (list, tuple, np.ndarray)):
            return None
        point = cube_of(self.space).encode(genome)
        point += [0.5] * (len(like) - len(point))  # it may need more numbers than there are decisions
        return np.array(point) if isinstance(like, np.ndarray) else type(like)(point)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Inside, the generators that belong to all are in its own state; `next` and `tell` are for there. After, they are as
        they were."""
        with _alone:
            before = random.getstate(), np.random.get_state()  # noqa: NPY002
            random.setstate(self.chance[0])
            np.random.set_state(self.chance[1])  # noqa: NPY002
            try:
                yield
            finally:
                self.chance = random.getstate(), np.random.get_state()  # noqa: NPY002
                random.setstate(before[0])
                np.random.set_state(before[1])  # noqa: NPY002
