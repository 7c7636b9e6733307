"""Any optimiser with `ask()` and `tell()` as a strategy.

    @optimizer                                              # in mine.py
    def cma_es(space, seed):
        import cma
        size = len(space.holes)                             # points of the unit cube: see `unit_cube.py`
        return cma.CMAEvolutionStrategy(size * [0.5], 0.3, {"seed": seed + 1, "verbose": -9})

    AskTell("mine:cma_es")

`ask()` gives a genome, a point of the unit cube, or several of either (a generation, as in CMA-ES: `tell` then hears of all of
them together); what it gives may also be an object whose `value` is one (nevergrad). `tell(what was asked for, loss)` hears a
number to be made small: see `play.py`.

The optimiser is code, and a strategy is data, perhaps a stranger's. So it goes by a name, "module:function", and nothing is
imported for that name, and nothing called but a function that was marked with `optimizer` in a module that is imported already:
whoever writes a study can have nothing run that was not meant for this and that you did not import.

The state is the log played through: asked, told of a trial, asked, told, as if by one worker. The seed is a number made of the
first genome told, which is drawn by that of the study. What is asked for ahead, for several workers, is asked of a copy. An ask
costs two copies (`copy.deepcopy`) of the optimiser, and what it takes itself to be told since the last; a search that is taken
up again plays the whole log through once.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from nasmyth.record import content_key
from nasmyth.search.adapters import one_plus_one
from nasmyth.search.adapters.marked import named
from nasmyth.search.adapters.play import Play
from nasmyth.search.adapters.told import Told
from nasmyth.search.strategy import (
    FinishedTrial,
    Pending,
    Proposal,
    Strategy,
    distinct,
    fitness,
    hashable,
    in_full,
    out,
    strategy,
)
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

AHEAD = 16
"""Asks that may give what is known already, before genomes are drawn."""


@strategy("ask_tell")
class AskTell(Strategy):
    """An optimiser of another package (see the top of this file).

    make: "module:function" of a function that was marked with `optimizer`; by default, the (1+1) evolution strategy.
    """

    make: str = f"{one_plus_one.__name__}:one_plus_one"

    def init(self, space: Space) -> Told:
        return Told()

    def tell(self, state: Told, trial: FinishedTrial) -> Told:
        return state.then(trial.genome, fitness(trial))

    def ask(self, state: Told, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        away, make = out(pending), named(self.make)
        if not state.items:
            return in_full(distinct(lambda: space.sample(rng), n, away))
        known = away | {hashable(genome) for genome, _ in state.items}
        seed = int(content_key(sorted(state.items[0][0].items())), 16) % 2**31
        play = state.made((self, space), lambda: Play.begun(make, space, seed), Play.after).copy()
        left = AHEAD + n

        def suggest() -> Genome:
            nonlocal left
            while left > 0:
                left -= 1
                genome = play.next()
                if hashable(genome) not in known and space.meets(genome):
                    return genome
            return space.sample(rng)

        with play.drawing():
            return in_full(distinct(suggest, n, known if len(known) < space.size else away))
