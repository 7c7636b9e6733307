"""Scores before training: which proposals are trained, and when a score may choose."""

from __future__ import annotations

from random import Random

import pytest

import nasmyth
from nasmyth.domains import read
from nasmyth.errors import DataError
from nasmyth.funnel.screen import POOL, Scorer, Screened
from nasmyth.graph import chain
from nasmyth.measure import measure
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.search.random import Random as RandomSearch
from nasmyth.search.strategy import FULL, hashable
from nasmyth.space import Space, integer

SPACE = Space(chain(Conv(integer(2, 40)), Activation("relu"), Conv(integer(2, 40)), Mean("h w"), Linear(10)), (1, 8, 8))


def second_width(graph):
    return graph.nodes[3].shape[0]


@measure(unit="", direction="max", needs="graph")
def second_width_score(graph):
    """The width of the second layer."""
    return float(second_width(graph))


@measure(unit="", direction="max", needs="graph")
def noise_score(graph):
    """Nothing that has to do with anything."""
    return float(int(graph.key[:6], 16))


class Told:
    """A finished trial."""

    def __init__(self, number, genome, value, error=None):
        self.number, self.genome, self.error, self.at = number, genome, error, float(number)
        self.objectives = (value,) if error is None else ()
        self.stage, self.parent, self.origin, self.violation = FULL, None, "random", 0.0
        self.measures, self.stages, self.seconds = {}, {}, 1.0


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=100)


def screened(digits, scores, value_of, trained=14):
    """A screened random search after so many trainings, its state, and what was said."""
    said = []
    search = Screened(RandomSearch(), Scorer(scores, digits, 0, lambda trust, count: said.append((trust.name, count))))
    state = search.init(SPACE)
    for i in range(trained):
        genome = SPACE.sample(seed=i)
        state = search.tell(state, Told(i, genome, value_of(SPACE.decode(genome))))
    return search, state, said


def test_a_score_that_proves_itself_chooses(digits):
    search, state, said = screened(digits, ["second_width_score", "noise_score"], second_width)
    chosen = search.ask(state, SPACE, Random(3), 2, ())
    pool = RandomSearch().ask(None, SPACE, Random(3), POOL * 2, ())
    best = sorted((second_width(SPACE.decode(one.genome)) for one in pool), reverse=True)[:2]
    assert [second_width(SPACE.decode(one.genome)) for one in chosen] == best and said == [("second_width_score", 14)]


@pytest.mark.parametrize("trained", [5, 14])
def test_until_then_everything_is_trained(digits, trained):
    """By a score of nothing, or of too few trainings."""
    score = "second_width_score" if trained == 5 else "noise_score"
    search, state, said = screened(digits, [score], second_width, trained)
    plain = RandomSearch().ask(None, SPACE, Random(3), 4, ())
    assert search.ask(state, SPACE, Random(3), 4, ()) == plain and not said


def test_counting_is_not_beaten_by_what_counts(digits):
    """What is as good as parameters chooses nothing."""
    search, state, said = screened(digits, ["second_width_score"], lambda graph: graph.costs.params)
    search.ask(state, SPACE, Random(3), 2, ())
    assert not said


def test_what_failed_is_no_truth(digits):
    search, state, _ = screened(digits, ["second_width_score"], second_width, trained=3)
    failed = search.tell(state, Told(9, SPACE.sample(seed=9), 0.0, error="memory"))
    assert len(state.truths) == len(failed.truths) == 3


def test_each_network_is_scored_once(digits):
    search, state, _ = screened(digits, ["second_width_score"], second_width)
    search.ask(state, SPACE, Random(3), 2, ())
    before = dict(search.scorer.told)
    search.ask(state, SPACE, Random(3), 2, ())
    assert search.scorer.told.keys() == before.keys() and hashable(SPACE.sample(seed=0)) in before


def test_a_design_says_by_what_it_chose(digits, monkeypatch, tmp_path):
    from nasmyth.funnel import screen

    monkeypatch.setattr(screen, "LEAST", 3)
    monkeypatch.setattr(screen, "trusted", lambda ours, truths, theirs: screen.Trust("jacov", 0.97, _interval()))
    found = nasmyth.design(
        digits, under="params<=3k", spend="14 trials", scores=["jacov"], workers=1, out=tmp_path / "a.db", progress=None
    )
    assert "proposals were chosen by jacov" in str(found) and "chance 97 %" in str(found)
    assert [note["score"] for note in found.study.notes if note["what"] == "screen"] == ["jacov"]


def _interval():
    from nasmyth.intervals import Interval

    return Interval(0.2, 0.1, 0.3)


def test_what_needs_training_is_refused_before_anything(digits, tmp_path):
    with pytest.raises(DataError, match="accuracy needs training"):
        nasmyth.design(digits, spend="3 trials", scores=["accuracy"], out=tmp_path / "a.db", progress=None)
    assert not (tmp_path / "a.db").exists()
