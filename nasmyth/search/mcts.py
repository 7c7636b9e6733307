"""Monte-Carlo tree search over the decisions of a space: where a beginning led to good networks, more of it is tried.

    MCTS()
    MCTS(explore=0.7, widen=1.0)      # every answer once before any twice, and bolder bonuses: UCT as it is written

A space asks its questions one after another (`questions.py`), so genomes are the leaves of a tree (Negrinho and Gordon 2017,
"DeepArchitect: Automatically Designing and Training Deep Architectures", arXiv:1704.08792). A proposal walks down from the
root. At each node it takes the answer of the greatest upper confidence bound

    mean reward of the trials below it + explore * sqrt(ln(trials below the node) / trials below the answer)

(UCT: Kocsis and Szepesvari 2006, "Bandit based Monte-Carlo planning"), but a new answer while those known are fewer than
(trials below the node) ** widen (progressive widening: Coulom 2007, "Computing Elo ratings of move patterns in the game of Go";
Couetoux et al. 2011, "Continuous upper confidence trees"). Below the last trial that began alike, answers are drawn at random.

A reward is a trial's rank among all that were told, from 0 to 1, equal ones sharing theirs: nothing depends on the scale of
the objective, a few networks that learn nothing do not drown the differences between the others, and what failed or misses
a constraint is just ranked last. What is pending counts as a trial of reward 0, as does each proposal for those that are
asked for with it (virtual losses: Chaslot et al. 2008, "Parallel Monte-Carlo tree search").

Departures: ranks in the place of values; a leaf is tried once, and what is below a node that was tried whole is left out; a
walk that misses constraints of the space counts as a loss, and after `TRIES` of them the last is mended.

What comes first is learned first. On NAS-Bench-201 it beats random search from 20 queries on; on NAS-Bench-Graph it is not
told from it within 100 (`benchmarks/strategies_tree.txt`).

No tree is kept. A node is the trials that begin alike, found by sorting the log down the way: about as many steps for each
proposal as there are trials.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from random import Random
from typing import NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.search.evolution import places, ranked
from nasmyth.search.questions import Answer, Path, Question, Step, decided, path_of
from nasmyth.search.strategy import (
    FinishedTrial,
    Fitness,
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
from nasmyth.space.feasible import repair
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space

TRIES = 8
"""Walks for one proposal of which none meets the constraints."""
_DRAWS = 64  # of an answer that is new, where not all are listed

Node = Sequence[int]
"""The numbers of the trials that begin alike."""


class Leaf(NamedTuple):
    """A trial: its genome, the answers that lead there, and how good it was."""

    genome: Hashable
    path: Path
    fitness: Fitness


class Leaves:
    """What was told. Never changed, so that what follows from it is made once."""

    def __init__(self, space: Space, told: tuple[Leaf, ...] = ()) -> None:
        self.space, self.told = space, told

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaves) and (self.space, self.told) == (other.space, other.told)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def known(self) -> frozenset[Hashable]:
        """The genomes."""
        return frozenset(leaf.genome for leaf in self.told)

    @cached_property
    def rewards(self) -> tuple[float, ...]:
        """The rank of each from 0 to 1, equal ones sharing theirs."""
        keys = [key for _, key in ranked([({}, leaf.fitness) for leaf in self.told])]
        return tuple((place + 0.5) / len(keys) for place in places(keys))


@strategy("mcts")
class MCTS(Strategy):
    """Monte-Carlo tree search (see the top of this file).

    explore: weight of the bonus for answers that were tried seldom. widen: power of the trials below a node that bounds how
    many answers to its question are tried; 1 for all of them first.
    """

    explore: float = 0.2
    widen: float = 0.5

    def check(self) -> None:
        if not 0 <= self.explore < math.inf or not 0 < self.widen <= 1:
            raise SpaceError(f"{self!r}: needs explore of at least 0, and widen above 0 and of at most 1")

    def init(self, space: Space) -> Leaves:
        return Leaves(space)

    def tell(self, state: Leaves, trial: FinishedTrial) -> Leaves:
        path = path_of(state.space, trial.genome)
        if path is None:
            return state
        return Leaves(state.space, (*state.told, Leaf(hashable(trial.genome), path, fitness(trial))))

    def ask(self, state: Leaves, space: Space, rng: Random, n: int, pending: Sequence[Pending]) -> list[Proposal]:
        away = out(pending)
        tree = Tree(self, space, [leaf.path for leaf in state.told], [*state.rewards], rng)
        for one in pending:
            if one.genome is not None:
                tree.lose(one.genome)
        found = distinct(tree.proposal, n, away | state.known)
        return in_full(distinct(lambda: space.sample(rng), n, away, found))


class Tree:
    """The paths of trials, and of virtual ones, with their rewards."""

    def __init__(self, of: MCTS, space: Space, paths: list[Path], rewards: list[float], rng: Random) -> None:
        self.of, self.space, self.paths, self.rewards, self.rng = of, space, paths, rewards, rng

    def lose(self, genome: Genome) -> None:
        """Count a trial of reward 0."""
        self._lose(path_of(self.space, genome))

    def _lose(self, path: Path | None) -> None:
        if path is not None:
            self.paths.append(path)
            self.rewards.append(0.0)

    def proposal(self) -> Genome:
        """A genome that meets the constraints, where the tree leads. It counts as lost from now on."""
        genome: Genome = {}
        for _ in range(TRIES):
            if self._complete(range(len(self.paths)), 0):
                return self.space.sample(self.rng)
            genome = self._walk()
            if self.space.meets(genome):
                return genome
        mended = repair(self.space.decisions, self.space.constraints, genome, self.rng)
        genome = self.space.sample(self.rng) if mended is None else mended
        self.lose(genome)
        return genome

    def _walk(self) -> Genome:
        here: Node = range(len(self.paths))
        path: list[Step] = []

        def ask(question: Question) -> Answer:
            nonlocal here
            if not here:
                answer = question.draw(self.rng)
            else:
                then = self._then(here, len(path))
                answer = self._chosen(question, len(here), then, len(path))
                here = then.get(answer, ())
            path.append(Step(answer, question.ways))
            return answer

        genome = decided(self.space, ask, self.rng)
        self._lose(tuple(path))
        return genome

    def _then(self, here: Node, depth: int) -> dict[Answer, list[int]]:
        """The nodes below a node, by the answer that leads there."""
        then: dict[Answer, list[int]] = {}
        for trial in here:
            then.setdefault(self.paths[trial][depth].answer, []).append(trial)
        return then

    def _complete(self, here: Node, depth: int) -> bool:
        """Whether all leaves below a node were tried. Known at the first node that lacks an answer, as a rule the first."""
        if not here:
            return False
        path = self.paths[here[0]]
        if depth == len(path):
            return all(step.ways < math.inf for step in path)
        then = self._then(here, depth)
        return len(then) >= path[depth].ways and all(self._complete(node, depth + 1) for node in then.values())

    def _chosen(self, question: Question, trials: int, then: dict[Answer, list[int]], depth: int) -> Answer:
        known = [answer for answer, node in then.items() if not self._complete(node, depth + 1)]
        if not known or len(then) < math.ceil(trials**self.of.widen):
            new = self._new(question, then)
            if new is not None:
                return new
        if not known:
            return question.draw(self.rng)
        self.rng.shuffle(known)  # so that chance decides between equals
        return max(known, key=lambda answer: self._bound(then[answer], trials))

    def _bound(self, node: list[int], trials: int) -> float:
        """The upper confidence bound of an answer."""
        mean = sum(self.rewards[trial] for trial in node) / len(node)
        return mean + self.of.explore * math.sqrt(math.log(trials) / len(node))

    def _new(self, question: Question, then: dict[Answer, list[int]]) -> Answer | None:
        """An answer that was not given yet; None if there is none, or none is found."""
        if len(then) >= question.ways:
            return None
        drawn: Iterator[Answer] = (question.draw(self.rng) for _ in range(_DRAWS))
        found = next((answer for answer in drawn if answer not in then), None)
        others = [answer for answer in question.answers if answer not in then]
        return self.rng.choice(others) if found is None and others else found
