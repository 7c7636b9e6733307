"""The laws of strategies find what breaks them: each of these is right but for one thing."""

from random import Random as Generator

import pytest
from core_toys import SHAPE, Tag

from nasmyth.graph import chain
from nasmyth.search import FULL, Proposal, Random, Stage, Strategy, fitness
from nasmyth.space import Space, integer
from nasmyth.testing import check_strategy

SPACE = Space(chain(*(Tag(i, integer(0, 7)) for i in range(4))), SHAPE)
HALF = Stage("half", 0.5, keep=True)


class Right(Strategy):
    """Random genomes, trained by half."""

    def init(self, space):
        return ()

    def tell(self, state, trial):
        return (*state, (fitness(trial), trial.number, trial.genome, trial.stage.name))

    def ask(self, state, space, rng, n, pending):
        return [one._replace(stage=HALF) for one in Random().ask(None, space, rng, n, pending)]


class Repeats(Right):
    def ask(self, state, space, rng, n, pending):
        return [Proposal(space.sample(rng))] * n


class IgnoresPending(Right):
    """The first of the space, until it is told."""

    def ask(self, state, space, rng, n, pending):
        return super().ask(state, space, Generator(len(state)), n, ())


class Outside(Right):
    def ask(self, state, space, rng, n, pending):
        return [
            Proposal({**one.genome, next(iter(one.genome)): 8}) for one in super().ask(state, space, rng, n, pending)
        ]


class TooMany(Right):
    def ask(self, state, space, rng, n, pending):
        return super().ask(state, space, rng, n + 1, pending)


class GivesUp(Right):
    def ask(self, state, space, rng, n, pending):
        return super().ask(state, space, rng, n, pending) if len(state) < 10 else []


class Genomes(Right):
    def ask(self, state, space, rng, n, pending):
        return [one.genome for one in super().ask(state, space, rng, n, pending)]


class OwnChance(Right):
    def ask(self, state, space, rng, n, pending):
        return super().ask(state, space, Generator(), n, pending)


class InPlace(Right):
    def init(self, space):
        return []

    def tell(self, state, trial):
        state.append(trial.number)
        return state

    def ask(self, state, space, rng, n, pending):
        return super().ask(state, space, Generator(f"{len(state)} {rng.random()}"), n, pending)


class Remembers(Right):
    """By what is the same object, which a journal does not keep."""

    def tell(self, state, trial):
        return (*state, trial.genome)

    def ask(self, state, space, rng, n, pending):
        met = sum(a is b for a in state for b in state)
        odd = sum(id(one) for one in state) if met else 0
        return super().ask(state, space, Generator(odd), n, pending)


class Stops(Right):
    """At the first failure."""

    def tell(self, state, trial):
        return max(state, trial.objectives[0]) if state else trial.objectives[0]


class Unborn(Right):
    """Goes on from a trial that is still out."""

    def ask(self, state, space, rng, n, pending):
        there = [one.number for one in pending if one.genome is not None]
        return [one._replace(parent=there[0] if there else None) for one in super().ask(state, space, rng, n, pending)]


class NotKept(Right):
    """Goes on from what nobody was told to keep."""

    def ask(self, state, space, rng, n, pending):
        parent = max(state)[1] if state and max(state)[0][0] == 0 else None
        asked = super().ask(state, space, rng, n, pending)
        return [one._replace(stage=HALF._replace(keep=False), parent=parent) for one in asked]


class FromTheDead(Right):
    """Goes on from the worst."""

    def ask(self, state, space, rng, n, pending):
        parent = min(state)[1] if state else None
        return [one._replace(parent=parent) for one in super().ask(state, space, rng, n, pending)]


class NoFurther(Right):
    """Goes on with the best, to where it is."""

    def ask(self, state, space, rng, n, pending):
        asked = super().ask(state, space, rng, n, pending)
        best = max(state) if state else None
        busy = [one.genome for one in pending]
        if best and best[0][0] == 0 and best[2] not in busy:
            asked[0] = Proposal(best[2], Stage("again", 0.2, keep=True), best[1])
        return asked


class TwoOfAName(Right):
    def ask(self, state, space, rng, n, pending):
        return [one._replace(stage=Stage("half", rng.random())) for one in super().ask(state, space, rng, n, pending)]


class FullIsNotFinal(Right):
    def ask(self, state, space, rng, n, pending):
        return [one._replace(stage=Stage("whole")) for one in super().ask(state, space, rng, n, pending)]


class NoShare(Right):
    def ask(self, state, space, rng, n, pending):
        return [one._replace(stage=Stage("none", 0.0)) for one in super().ask(state, space, rng, n, pending)]


BROKEN = [
    (Repeats, "repeats itself"), (IgnoresPending, "repeats itself"), (Outside, "not in the space|outside|8"),
    (TooMany, "asked for"), (GivesUp, "gives 0"), (Genomes, "no Proposal"), (OwnChance, "two answers"),
    (InPlace, "in place"), (Remembers, "two answers|killed|fold"), (Unborn, "was not told"), (FromTheDead, "failed"),
    (NotKept, "not kept"),
    (NoFurther, "not further"), (TwoOfAName, "two stages"), (FullIsNotFinal, "'final'"), (NoShare, "share"),
]  # fmt: skip


def test_what_is_right_passes():
    check_strategy(Right(), SPACE)


@pytest.mark.parametrize(("cls", "why"), BROKEN, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_broken_is_named(cls, why):
    with pytest.raises(Exception, match=why) as raised:
        check_strategy(cls(), SPACE)
    assert isinstance(raised.value, AssertionError) or cls is Outside


def test_a_strategy_that_cannot_live_with_failures_does_not_pass():
    with pytest.raises((IndexError, AssertionError, TypeError)):
        check_strategy(Stops(), SPACE)


def test_in_full_is_what_final_means():
    assert FULL == Stage("final", 1.0, None, False) and Proposal({}) == ({}, FULL, None, "")
