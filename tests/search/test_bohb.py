"""BOHB and its parts: where new genomes come from, and who is stopped."""

import math
from itertools import pairwise
from random import Random as Generator

import pytest
from core_toys import SHAPE, Tag

from nasmyth.errors import SpaceError
from nasmyth.graph import chain
from nasmyth.search import (
    ASHA,
    BOHB,
    FULL,
    TPE,
    Evolution,
    Extrapolation,
    Hyperband,
    Random,
    SimulatedTrial,
    Simulation,
    Stage,
    Strategy,
    SuccessiveHalving,
    simulate,
)
from nasmyth.search.extrapolation import guessed
from nasmyth.space import Space, integer
from nasmyth.testing import check_strategy

SPACE = Space(chain(*(Tag(i, integer(0, 9)) for i in range(6))), SHAPE)
SHORT = Stage("short", 0.25)


def quality(genome):
    return float(sum(genome.values()))


def work(one, parent):
    return [quality(one.genome) + one.stage.share], one.stage.share


class Teller(Strategy):
    """Proposes at random, and says in the origin of nothing: keeps the shares it was told of, for the test to see."""

    def init(self, space):
        return ()

    def tell(self, state, trial):
        return (*state, trial.stage.share)

    def ask(self, state, space, rng, n, pending):
        assert len(set(state)) <= 1, "a model learns from stages of one length"
        return Random().ask(None, space, rng, n, pending)


def test_bohb_is_a_sentence_of_parts():
    sentence = Hyperband(propose=TPE(random=1 / 3), stop=Extrapolation())
    ours = simulate(BOHB(), SPACE, work, workers=2, trials=150)
    assert [t.genome for t in ours] == [t.genome for t in simulate(sentence, SPACE, work, workers=2, trials=150)]


def test_proposals_come_from_the_longest_stage_with_enough():
    strategy = SuccessiveHalving(R=9, propose=Teller(), enough=6)
    search = Simulation(strategy, SPACE, 0)
    for _ in range(120):
        for one in search.ask(1):
            search.tell(one.number, [quality(one.genome)])
    counts = {share: len(who) for share, (who, _) in search.state.learned.items()}
    assert counts[1.0] >= 6
    for share, (who, told) in search.state.learned.items():
        assert set(told) == {share} and len(told) == len(who)


def test_a_model_makes_the_new_ones_better():
    """The mean of all genomes that were begun, the first thirty aside: with a model above without one."""

    def begun(strategy):
        trials = simulate(strategy, SPACE, work, workers=4, trials=250)
        new = {tuple(trial.genome.items()): quality(trial.genome) for trial in trials}
        return sum([*new.values()][30:]) / (len(new) - 30)

    assert begun(ASHA(R=9, propose=TPE())) > begun(ASHA(R=9)) + 5


def test_nothing_is_begun_twice():
    for strategy in (ASHA(R=9, propose=Evolution(population=8)), BOHB(R=9)):
        trials = simulate(strategy, SPACE, work, workers=3, trials=150)
        places = [(trial.stage.name, tuple(trial.genome.items())) for trial in trials]
        assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    "strategy",
    [
        BOHB(R=9, enough=3, propose=TPE(start=3, candidates=4)),
        SuccessiveHalving(R=9, propose=Evolution(population=4)),
        ASHA(R=9, warm=True, propose=TPE(start=3, candidates=4), enough=4, stop=Extrapolation(0.3)),
    ],
    ids=["bohb", "evolution", "warm"],
)
def test_laws_of_halving_with_parts(strategy):
    check_strategy(strategy, SPACE, trials=24)


# --- stopping -----------------------------------------------------------------------------------------------------------


def curve_of(final, epochs, start=0.1, names=("accuracy",), sign=1.0):
    """A power law that is at `final` after 40 epochs."""
    rate = 1.0
    a = (final - start) / (1 - 40.0**-rate)
    return [
        {"epoch": float(e), "train_loss": 1.0, "lr": 0.1, "seconds": 1.0}
        | {name: sign * (start + a * (1 - float(e) ** -rate)) for name in names}
        for e in range(1, epochs + 1)
    ]


def trial(number, final, stage=SHORT, epochs=10, **more):
    curve = curve_of(final, epochs if stage != FULL else 40)
    told = {stage.name: {"curve": curve, "planned": float(len(curve))}}
    made = {"number": number, "stage": stage, "stages": told, **more}
    return SimulatedTrial({"a": int(final * 1e6)}, (curve[-1]["accuracy"],), **made)


def seen(stop, finals, gap=0.0):
    """A state after some that were tried short and in full; `gap`: by how much all end above what was promised."""
    state = None
    for i, final in enumerate(finals):
        state = stop.tell(state, trial(2 * i, final))
        full = trial(2 * i + 1, final, FULL)
        state = stop.tell(state, full._replace(objectives=(full.objectives[0] + gap,)))
    return state


FINALS = (0.5, 0.7, 0.6, 0.8, 0.65)


def test_a_curve_promises_its_end():
    guess = guessed(trial(1, 0.8))
    assert guess.share == 0.25 and guess.mean == pytest.approx(0.8, abs=0.005)


def test_who_will_not_be_the_best_is_stopped_and_who_may_is_not():
    stop = Extrapolation()
    state = seen(stop, FINALS)
    for number, (final, hopeless) in enumerate([(0.4, True), (0.7, True), (0.801, False), (0.95, False)], 100):
        assert stop.hopeless(stop.tell(state, trial(number, final)), number) == hopeless
    assert not stop.hopeless(state, 999), "of whom nothing is known"


def test_how_wrong_earlier_guesses_were_counts():
    """All ended 0.2 above what their curves promised, as trainings with a schedule of their own do: 0.7 then means 0.9."""
    stop = Extrapolation()
    low, fair = (stop.tell(seen(stop, FINALS, gap), trial(100, 0.79)) for gap in (0.0, 0.2))
    assert stop.hopeless(low, 100) and stop.hopeless(fair, 100), "below the best, by as much as that itself was lifted"
    wide = None
    for i, gap in enumerate((0.3, -0.3, 0.2, -0.2)):
        wide = stop.tell(wide, trial(2 * i, 0.6 + i / 100))
        full = trial(2 * i + 1, 0.6 + i / 100, FULL)
        wide = stop.tell(wide, full._replace(objectives=(full.objectives[0] + gap,)))
    assert not stop.hopeless(stop.tell(wide, trial(100, 0.6)), 100), "guesses that were as wrong as that stop nobody"


def test_too_few_ends_stop_nobody():
    stop = Extrapolation(ended=4)
    state = stop.tell(seen(stop, FINALS[:3]), trial(100, 0.2))
    assert not stop.hopeless(state, 100)
    assert not stop.hopeless(None, 1)


def test_losses_and_several_scores():
    """The objective is found in the curve by its value, whatever it is called, and made larger."""
    curve = curve_of(-0.3, 10, start=-2.0, names=("loss",), sign=-1.0)
    for entry in curve:
        entry["accuracy"] = 0.5
    told = {"short": {"curve": curve, "planned": 10.0}}
    guess = guessed(SimulatedTrial({}, (-curve[-1]["loss"],), stage=SHORT, stages=told))
    assert guess.mean == pytest.approx(-0.3, abs=0.03)
    assert guessed(SimulatedTrial({}, (123.0,), stage=SHORT, stages=told)) is None


@pytest.mark.parametrize(
    "stages",
    [
        {},
        {"short": {}},
        {"short": {"curve": []}},
        {"short": {"curve": [{"epoch": 1.0, "accuracy": 0.5}]}},
        {"other": {}},
    ],
)
def test_without_a_curve_nobody_is_stopped(stages):
    stop = Extrapolation()
    state = stop.tell(seen(stop, FINALS), SimulatedTrial({"b": 1}, (0.5,), number=100, stage=SHORT, stages=stages))
    assert not stop.hopeless(state, 100)


def test_failures_and_several_objectives_are_passed_by():
    stop = Extrapolation()
    state = seen(stop, FINALS)
    for odd in (
        trial(100, 0.2)._replace(objectives=()),
        trial(100, 0.2)._replace(objectives=(math.nan,)),
        trial(100, 0.2)._replace(objectives=(0.2, 1.0)),
        trial(100, 0.2)._replace(violation=math.nan),
    ):
        assert stop.tell(state, odd) == state


def searched(strategy, trials=120):
    """A search whose trials have curves: the finals, by the genome, and who was trained in full."""
    search, ends = Simulation(strategy, SPACE, 0), []
    for _ in range(trials):
        for one in search.ask(1):
            final = 0.1 + quality(one.genome) / 70
            epochs = round(40 * one.stage.share)
            curve = curve_of(final, epochs)
            told = {one.stage.name: {"curve": curve, "planned": float(epochs)}}
            search.tell(one.number, [curve[-1]["accuracy"]], stages=told)
            if one.stage == FULL:
                ends.append(final)
    return ends


def test_a_search_saves_what_is_stopped_and_finds_as_much():
    """Curves here never cross and are known exactly: each that is trained in full after the first few is a new best."""
    plain, ours = searched(ASHA(R=4, eta=2)), searched(ASHA(R=4, eta=2, stop=Extrapolation()))
    better = sum(later > max(ours[: i + 1]) for i, later in enumerate(ours[1:]))
    assert len(ours) < len(plain) / 2 and max(ours) >= max(plain) and better >= len(ours) - 5


def test_warm_promotions_stay_promoted():
    """Who was trained further already is not taken out again, though it looks hopeless by now."""
    trials = simulate(ASHA(R=9, warm=True, stop=Extrapolation()), SPACE, work, workers=3, trials=120)
    full = [trial.at for trial in trials if trial.stage == FULL]
    assert full and all(a <= b for a, b in pairwise(full))


@pytest.mark.parametrize(
    "make", [lambda: Extrapolation(0.0), lambda: Extrapolation(ended=1), lambda: Hyperband(enough=0)]
)
def test_impossible_settings_are_refused_by_bohb(make):
    with pytest.raises(SpaceError, match="needs"):
        make()


def test_random_proposals_are_as_without_a_model():
    state = SuccessiveHalving().init(SPACE)
    asked = SuccessiveHalving().ask(state, SPACE, Generator(3), 5, ())
    assert [one.genome for one in asked] == [one.genome for one in Random().ask(None, SPACE, Generator(3), 5, ())]
