"""The decisions of a space as a tree of small questions, in the order in which the space makes them.

A node of the tree is what was decided so far, and asks what is decided next; which decisions there are may depend on those
before them. Where a hole has many decisions, several questions lead to one, so that what was learned of some tells of those
near them:

- a number is told by halves: is it among the lower or the upper half of what is left? (the bisection of Negrinho and Gordon
  2017, "DeepArchitect", arXiv:1704.08792). A real number is told to one part in 2^CELLS of its range; where it is in there is
  left to chance.
- a grammar asks for the alternative of each symbol, in the order in which they are derived.
- of all else, a question is a decision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from operator import itemgetter
from random import Random
from typing import Any, NamedTuple

from nasmyth.space.grammar import Grammar
from nasmyth.space.hole import Genome, Hole, below
from nasmyth.space.holes import Choice, Integer, Real
from nasmyth.space.language import by_weight, written
from nasmyth.space.rules import Production
from nasmyth.space.space import Space

CELLS = 5
"""Questions about a real number."""
FEW = 64
"""Answers that are listed."""

Answer = Hashable


class Question(NamedTuple):
    """One of the questions that lead to a decision."""

    ways: float
    """How many answers there are; infinite where the decisions that they lead to never come to an end."""
    answers: Sequence[Answer]
    """All of them where they are few, else none."""
    draw: Callable[[Random], Answer]
    """An answer at random, such that every decision is as likely as `space.sample` makes it."""
    told: Callable[[Any], Answer]
    """What a decision answers."""


class Step(NamedTuple):
    """A question that was answered."""

    answer: Answer
    ways: float


Path = tuple[Step, ...]
"""A genome as answers, from the root of the tree to a leaf."""


def decided(space: Space, ask: Callable[[Question], Answer], rng: Random) -> Genome:
    """The genome that answers lead to. rng: for what no question asks."""
    return space.walk(lambda key, hole: _decide(space, key, hole, ask, rng))


def path_of(space: Space, genome: Genome) -> Path | None:
    """The answers that lead to a genome; None where none do: it was added by hand, and the space is narrowed to others."""
    if any(key in genome and genome[key] not in left for key, left in space.domains.items()):
        return None
    steps: list[Step] = []
    nothing = Random(0)

    def pick(key: str, hole: Hole) -> Any:
        def answer(question: Question) -> Answer:
            steps.append(Step(question.told(genome[key]), question.ways))
            return steps[-1].answer

        _decide(space, key, hole, answer, nothing)
        return genome[key]

    space.walk(pick)
    return tuple(steps)


def _decide(space: Space, key: str, hole: Hole, ask: Callable[[Question], Answer], rng: Random) -> Any:
    left = space.domains.get(key)
    if left is None and isinstance(hole, Real):
        cell = _halved(2**CELLS, lambda at: lambda decision: hole.fraction(decision) * 2**CELLS >= at, ask, True)
        return hole.at((cell + rng.random()) / 2**CELLS)
    if left is None and isinstance(hole, Grammar):
        return _derived(hole, ask)
    if isinstance(hole, (Choice, Integer)) and hole.numeric:
        values = _in_order(hole) if left is None else sorted(left)
        return values[_halved(len(values), lambda at: lambda decision: decision >= values[at], ask)]
    return _chosen(space, key, hole, left, ask)


def _halved(
    n: int, reaches: Callable[[int], Callable[[Any], bool]], ask: Callable[[Question], Answer], endless: bool = False
) -> int:
    """One of the first n numbers. reaches: whether what a decision is numbered is at least this."""
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2

        def draw(rng: Random, low: int = low, middle: int = middle, high: int = high) -> bool:
            return below(high - low, rng) >= middle - low

        upper = ask(Question(math.inf if endless else 2, (False, True), draw, reaches(middle)))
        low, high = (middle, high) if upper else (low, middle)
    return low


def _derived(hole: Grammar, ask: Callable[[Question], Answer]) -> list[int]:
    asked = 0

    def choose(offered: list[Production], weights: list[float], slack: Any, state: Any) -> Production:
        nonlocal asked
        at, asked = asked, asked + 1
        if len(offered) == 1:
            return offered[0]
        by_number: dict[Answer, Production] = {one.number: one for one in offered}

        def draw(rng: Random) -> Answer:
            return by_weight(rng)(offered, weights).number  # type: ignore[no-any-return]

        return by_number[ask(Question(len(offered), (*by_number,), draw, itemgetter(at)))]

    return written(hole.language.drawn(choose))


def _chosen(space: Space, key: str, hole: Hole, left: list[Any] | None, ask: Callable[[Question], Answer]) -> Any:
    answers = _listed(hole) if left is None else tuple(map(_answer, left))
    if len(answers) == 1:
        return _decision(answers[0])
    ways = len(left) if left is not None else hole.count if hole.quickly_counted else math.inf

    def draw(rng: Random) -> Answer:
        return _answer(space.decisions.draw(key, hole, rng))

    return _decision(ask(Question(ways, answers, draw, _answer)))


@lru_cache(maxsize=1000)
def _listed(hole: Hole) -> tuple[Answer, ...]:
    few = hole.quickly_counted and hole.count <= FEW
    return tuple(_answer(hole.nth(i)) for i in range(int(hole.count))) if few else ()


@lru_cache(maxsize=1000)
def _in_order(hole: Hole) -> Sequence[Any]:
    """The decisions of a hole of numbers, from the least."""
    if isinstance(hole, Integer):
        return range(hole.lo, hole.hi + 1, hole.step)
    return sorted(map(hole.nth, range(int(hole.count))))


def _answer(decision: Any) -> Answer:
    return tuple(decision) if isinstance(decision, list) else decision


def _decision(answer: Any) -> Any:
    return list(answer) if isinstance(answer, tuple) else answer
