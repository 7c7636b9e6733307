"""Any sampler of Optuna as a strategy.

    OptunaSampler()                                                      # TPE, with Optuna's settings
    OptunaSampler("tpe", settings=[("n_startup_trials", 20)])
    OptunaSampler("cmaes", ordered=True)
    OptunaSampler("optunahub_like.samplers:MySampler")                   # a class of yours, imported before

Each ask makes an Optuna study in memory of what was told (a failure as FAIL, a missed constraint as a constraint of Optuna) and
what is pending (RUNNING), and a sampler with a seed drawn from the `rng` of the ask; then the space is walked, and each hole
suggested as it becomes active (see `parameters.py`). Nothing stays of that but what was told, which the logs that follow extend
(see `told.py`). What Optuna suggests again, or against the constraints of a narrowed space, is moved on by one decision.

Samplers that may keep notes on their trials (the generations of a genetic algorithm, the distribution of CMA-ES) play through
what was told in its order: each trial is asked for, given its own decisions, and told. A genome that came in another way plays
a part as if it had been asked for.

Departures: CMA-ES knows no constraints and one objective only; so it is told the first, and what misses a constraint counts as
worse than anything that does not, by how much it misses it, which is all the same to a method that looks at ranks.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from nasmyth.errors import SpaceError, nearest, require
from nasmyth.search.adapters.quiet import quiet
from nasmyth.search.adapters.told import Item, Told
from nasmyth.search.strategy import (
    WORST,
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

if TYPE_CHECKING:
    from nasmyth.search.adapters.board import Board
    from nasmyth.search.adapters.parameters import Codings

SAMPLERS = {
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "nsgaii": "NSGAIISampler",
    "nsgaiii": "NSGAIIISampler",
    "random": "RandomSampler",
}
"""Samplers of Optuna by short names. Any other goes by "package.module:Class"."""
NO_NOTES = ("TPESampler", "GPSampler", "RandomSampler")
"""Samplers that need to know of trials no more than decisions and results."""
OURS = ("seed", "constraints_func")
"""What the adapter sets itself."""
AGAIN = 3
"""Asks in a row that may repeat what is known, before genomes are drawn."""
FAR = 1e9
"""What a constraint that was not measured is missed by."""
BELOW = -1e30
"""Of a trial that misses a constraint, told to a sampler without constraints."""


@strategy("optuna")
class OptunaSampler(Strategy):
    """A sampler of Optuna (see the top of this file). Needs `nasmyth[optuna]`.

    sampler: "tpe", "cmaes", "gp", "nsgaii", "nsgaiii", "random", or "package.module:Class": a class of samplers in a module
    that was imported before, since a study that holds this must not decide what is run. settings: pairs of names and values,
    as the sampler takes them. ordered: choices between numbers as whole numbers in their order, for samplers that know no
    categories.
    """

    sampler: str = "tpe"
    settings: tuple[tuple[str, Any], ...] = ()
    ordered: bool = False

    def check(self) -> None:
        names = [name for name, _ in self.settings]
        if self.sampler not in SAMPLERS and ":" not in self.sampler:
            raise SpaceError(
                f"{self!r}: no sampler {self.sampler!r}{nearest(self.sampler, SAMPLERS)}; there are {', '.join(SAMPLERS)}, "
                "and 'package.module:Class'"
            )
        if len({*names}) < len(names) or {*names} & {*OURS}:
            raise SpaceError(f"{self!r}: each setting once, and not {' or '.join(OURS)}, which the study sets")

    def init(self, space: Space) -> Told:
        return Told()

    def tell(self, state: Told, trial: FinishedTrial) -> Told:
        return state.then(trial.genome, fitness(trial))

    def ask(self, state: Told, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        from nasmyth.search.adapters.parameters import codings_of

        away = out(pending)
        known = away | {hashable(genome) for genome, _ in state.items}
        with quiet():
            maker = Maker(self, codings_of(space, self.ordered), state)
            board = maker.told(state).fork()
            for one in pending:
                if one.genome is not None:
                    maker.append(board, one.genome)
            study = board.study(maker.sampler(rng.getrandbits(32)))
            missed = 0

            def suggest() -> Genome:
                nonlocal missed
                if missed >= AGAIN:
                    return space.sample(rng)
                genome = maker.codings.suggest(study.ask(), rng)
                if hashable(genome) not in known and space.meets(genome):
                    return genome
                missed += 1
                return space.mutate(genome, rng) if space.meets(genome) else space.sample(rng)

            return in_full(distinct(suggest, n, known if len(known) < space.size else away))


class Maker:
    """Makes studies of what was told, for one strategy and a log."""

    def __init__(self, asked: OptunaSampler, codings: Codings, state: Told) -> None:
        self.asked, self.codings = asked, codings
        self.cls = _class_of(asked.sampler)
        takes = inspect.signature(self.cls).parameters
        self.takes_seed = "seed" in takes
        self.takes_constraints = "constraints_func" in takes
        sound = [fit for _, fit in state.items if fit != WORST]
        one = _is(self.cls, "CmaEsSampler")
        self.objectives = 1 if one or not sound else len(sound[0]) - 1
        self.constrained = self.takes_constraints and any(fit[0] < 0 for fit in sound)
        self.notes = not any(_is(self.cls, name) for name in NO_NOTES)

    def sampler(self, seed: int) -> Any:
        """Raises SpaceError for settings that it does not take."""
        from optuna.trial import FrozenTrial

        ours: dict[str, Any] = {"seed": seed} if self.takes_seed else {}
        if self.takes_constraints and not hasattr(FrozenTrial, "constraints"):  # Optuna before 5
            ours["constraints_func"] = lambda trial: trial.system_attrs.get("constraints", (0.0,))
        if _is(self.cls, "CmaEsSampler"):
            require("cmaes", extra="optuna")
            if dict(self.asked.settings).get("with_margin"):
                raise SpaceError(f"{self.asked!r}: with_margin notes points that no log keeps; leave it out")
        if _is(self.cls, "GPSampler"):
            require("scipy", extra="optuna")
        try:
            return self.cls(**dict(self.asked.settings), **ours)
        except (TypeError, ValueError) as error:
            takes = ", ".join(name for name in inspect.signature(self.cls).parameters if name not in OURS)
            raise SpaceError(f"{self.asked!r}: {error}; {self.cls.__name__} takes {takes}") from None

    def told(self, state: Told) -> Board:
        """The board of all that was told."""
        from nasmyth.search.adapters.board import Board

        key = (self.asked, self.codings.space, self.objectives, self.constrained)
        return state.made(key, lambda: Board(self.objectives), self._extended)

    def _extended(self, board: Board, count: int, items: Sequence[Item]) -> Board:
        board = board.fork()
        for i, (genome, fit) in enumerate(items, count):
            values, attrs = self._outcome(fit)
            if self.notes:
                self._play(board, i, genome, values, attrs)
            else:
                self.append(board, genome, values, attrs, finished=True)
        return board

    def append(
        self,
        board: Board,
        genome: Genome,
        values: Sequence[float] | None = None,
        attrs: dict[str, Any] | None = None,
        finished: bool = False,
    ) -> None:
        """Add a trial: finished with these values, failed without, or running."""
        from optuna.trial import TrialState, create_trial

        ended = TrialState.FAIL if values is None else TrialState.COMPLETE
        params = self._parameters(genome)
        trial = create_trial(
            state=(TrialState.FAIL if params is None else ended) if finished else TrialState.RUNNING,
            values=None if params is None else values,
            params={one.name: one.value for one in params or ()},
            distributions={one.name: one.distribution for one in params or ()},
            system_attrs=attrs,
        )
        board.append(trial)

    def _play(
        self, board: Board, number: int, genome: Genome, values: Sequence[float] | None, attrs: dict[str, Any]
    ) -> None:
        """Ask for a trial, give it its own decisions and tell it: so the sampler takes its notes."""
        from optuna.trial import TrialState

        sampler, params = self.sampler(number), self._parameters(genome)
        study, trial = board.study(sampler), board.create_new_trial(0)
        sampler.before_trial(study, board.get_trial(trial))
        asked = board.get_trial(trial)
        sampler.sample_relative(study, asked, sampler.infer_relative_search_space(study, asked))
        for one in params or ():
            board.set_trial_param(trial, one.name, one.distribution.to_internal_repr(one.value), one.distribution)
        for key, value in attrs.items():
            board.set_trial_system_attr(trial, key, value)
        values = None if params is None else values
        ended = TrialState.FAIL if values is None else TrialState.COMPLETE
        sampler.after_trial(study, board.get_trial(trial), ended, values)
        board.set_trial_state_values(trial, ended, values)

    def _parameters(self, genome: Genome) -> Any:
        """What a genome is told as; None where the space has ruled a decision of it out."""
        try:
            return self.codings.parameters(genome)
        except ValueError:
            return None

    def _outcome(self, fit: Sequence[float]) -> tuple[Sequence[float] | None, dict[str, Any]]:
        """Values and notes of a trial; no values for one that failed."""
        if fit == WORST or len(fit) <= self.objectives:
            return None, {}
        missed = min(-fit[0], FAR)
        if self.constrained:
            return fit[1 : self.objectives + 1], {"constraints": [missed]}
        if missed > 0:
            return [BELOW * (1 + missed)] * self.objectives, {}
        return fit[1 : self.objectives + 1], {}


def _class_of(name: str) -> Any:
    """The class of samplers of that name. Raises SpaceError, MissingExtraError."""
    optuna = require("optuna", extra="optuna")
    module, _, attribute = name.partition(":")
    if name in SAMPLERS:
        return getattr(optuna.samplers, SAMPLERS[name])
    found = getattr(sys.modules.get(module), attribute, None)  # never imported here: a study may name whatever it likes
    if isinstance(found, type) and issubclass(found, optuna.samplers.BaseSampler):
        return found
    why = "is no class of Optuna samplers" if module in sys.modules else f"is not known: import {module} first"
    raise SpaceError(f"OptunaSampler({name!r}): {name} {why}")


def _is(cls: Any, name: str) -> bool:
    """Whether a class of samplers is one of Optuna's, or made of it. By name: not every version has all of them."""
    import optuna

    base = getattr(optuna.samplers, name, None)
    return base is not None and issubclass(cls, base)
