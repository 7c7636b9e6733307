"""A warm start: a search begins with the best of another one, even of another space.

    strategy, carried = warm_start("old.db", space, Evolution())      # nasmyth.study: reads and projects the trials
    print(carried)                                                    # what was lost on the way
    WarmStarted(Evolution(), starts=(...))                            # which is made of this: plain data

The starts take the places of the first new genomes that the inner strategy asks for, the best first, at the stage that it
begins with; so halving trains them a little first, as it does all. Then the inner strategy goes on as if they had been its
own idea.

With `trust="values"`, starts that are the very network of an old trial (`same`) are not tried again: the inner strategy is told
their old objectives before anything else, as trials 0, -1, -2 ... That makes sense only where data, recipe and goals are those
of the old study, which `warm_start` sees to. The best of them is in the old study, then, and not in the new one.

The idea is that of transfer by warm starts: Feurer et al. 2015, "Initializing Bayesian hyperparameter optimization via
meta-learning", with one other study and without a choice of data sets.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from random import Random
from typing import Any, Literal, NamedTuple

from nasmyth.errors import GenomeError, ShapeError, SpaceError
from nasmyth.record import Value
from nasmyth.search.evolution import Evolution
from nasmyth.search.simulation import SimulatedTrial
from nasmyth.search.strategy import FinishedTrial, Pending, Proposal, Strategy, hashable, out, strategy
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

ORIGIN = "warm start"


class Start(Value):
    """A genome to begin with, as pairs of address and decision, and what the trial that it comes from had reached.

    same: whether it is the very network and recipe of that trial. objectives: oriented, more being better.
    """

    genome: tuple[tuple[str, Any], ...]
    objectives: tuple[float, ...] = ()
    violation: float = 0.0
    same: bool = False


class Warmed(NamedTuple):
    """Starts that were not told yet, and all genomes that were."""

    inner: Any
    left: tuple[Genome, ...] = ()
    told: frozenset[Hashable] = frozenset()


@strategy("warm_started")
class WarmStarted(Strategy):
    """The inner strategy, begun with what is known (see the top of this file).

    starts: the best first. trust: "nothing", by which all starts are tried, or "values". source: where they come from.
    """

    inner: Strategy = Evolution()
    starts: tuple[Start, ...] = ()
    trust: Literal["nothing", "values"] = "nothing"
    source: str = ""

    def init(self, space: Space) -> Warmed:
        """Raises SpaceError for a start that is no genome of the space. One over the space's budget is left out."""
        genomes = [_checked(start, space) for start in self.starts]
        able = [(start, one) for start, one in zip(self.starts, genomes, strict=True) if space.meets(one)]
        known = [(start, one) for start, one in able if self._trusts(start)]
        state = self.inner.init(space)
        for number, (start, one) in enumerate(known):
            state = self.inner.tell(state, SimulatedTrial(one, start.objectives, start.violation, number=-number))
        return Warmed(state, tuple(one for start, one in able if not self._trusts(start)))

    def _trusts(self, start: Start) -> bool:
        return self.trust == "values" and start.same and bool(start.objectives)

    def tell(self, state: Warmed, trial: FinishedTrial) -> Warmed:
        left = tuple(one for one in state.left if one != trial.genome)
        return Warmed(self.inner.tell(state.inner, trial), left, state.told | {hashable(trial.genome)})

    def ask(self, state: Warmed, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        asked = self.inner.ask(state.inner, space, rng, n, pending)
        away = out(pending)
        left = [one for one in state.left if hashable(one) not in away and space.meets(one)]
        if not left:
            return asked
        made: list[Proposal] = []
        placed: set[Hashable] = set()
        for one in asked:
            token = hashable(one.genome)
            if left and one.parent is None and token not in state.told | away:
                placed.add(hashable(left[0]))
                made.append(one._replace(genome=left.pop(0), origin=ORIGIN))
            elif token not in placed:
                made.append(one)
        return made


def _checked(start: Start, space: Space) -> Genome:
    """The genome of a start, in the form of the space, if it decodes there."""
    try:
        genome = space.validate({key: list(d) if isinstance(d, tuple) else d for key, d in start.genome})
        space.decode(genome)
    except (GenomeError, ShapeError) as error:
        raise SpaceError(
            f"a start of WarmStarted is not of this space: {error}; project what an old study found: "
            f"warm_start('old.db', space)"
        ) from None
    return genome
