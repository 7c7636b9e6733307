"""What was added by what: steps from the plain network at its start to the chosen one, that sum to the whole way."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from nasmyth import ops
from nasmyth.funnel.added import added
from nasmyth.funnel.estimate import expected_of
from nasmyth.funnel.leaderboard import Leaderboard
from nasmyth.graph import chain
from nasmyth.measure import find
from nasmyth.search.strategy import Stage
from nasmyth.space import Space, choice, integer
from nasmyth.study import Study
from nasmyth.train import SGD, Recipe

STAGES = ("1/3", "final")
SPACE = Space(chain(ops.Linear(integer(2, 99)), ops.Linear(3)), (4,), recipe=Recipe(SGD(lr=choice(0.1, 0.3))))
RATE = next(key for key in SPACE.holes if key.startswith("recipe"))


@pytest.fixture
def study():
    with Study(None, SPACE, maximize="accuracy") as made:
        yield made


def tried(study, width, rate, stage, accuracy, origin="random"):
    trial = study.add(
        {"[0].out": width, RATE: rate}, origin=origin, stage=Stage(stage, 1.0 if stage == "final" else 1 / 3)
    )
    return study.tell(trial, {"accuracy": accuracy, "loss": 1.0 - accuracy})


def steps(study, chosen, goal="accuracy", board=None):
    def rate(trials):
        told = expected_of(find(goal), [one.measures[goal] for one in trials], [math.nan] * len(trials), 10_000)
        return {trial.number: one for trial, one in zip(trials, told, strict=True)}

    return [
        (one["what"], round(one["gain"], 2))
        for one in added(board or Leaderboard(study, goal, ()), chosen, STAGES, rate)
    ]


def test_each_step_changes_one_thing_and_all_sum_to_the_whole_way(study):
    tried(study, 8, 0.1, "1/3", 0.60, "baseline")
    tried(study, 8, 0.1, "final", 0.70, "baseline")
    tried(study, 20, 0.1, "1/3", 0.75)
    tried(study, 20, 0.1, "final", 0.80)
    tried(study, 20, 0.3, "1/3", 0.78)
    best = tried(study, 20, 0.3, "final", 0.85)
    assert steps(study, best) == [("time", 0.10), ("architecture", 0.10), ("recipe", 0.05)]


def test_where_the_plain_network_was_left_early_the_rest_is_time(study):
    tried(study, 8, 0.1, "1/3", 0.60, "baseline")
    tried(study, 20, 0.1, "1/3", 0.75)
    best = tried(study, 20, 0.1, "final", 0.90)
    assert steps(study, best) == [("architecture", 0.15), ("time", 0.15)]


def test_what_went_on_after_its_end_is_compared_at_its_end(study):
    plain, end, longer = (
        SimpleNamespace(number=i, genome={"width": w}, origin=origin, recipe=None, measures={"accuracy": a})
        for i, (w, origin, a) in enumerate([(8, "baseline", 0.70), (20, "random", 0.80), (20, "random", 0.90)])
    )
    board = SimpleNamespace(goal="accuracy", at=lambda stage: [plain, end, longer] if stage == "final" else [])
    assert steps(study, longer, board=board) == [("architecture", 0.10), ("time", 0.10)]
    assert steps(study, end, board=board) == [("architecture", 0.10)]


def test_the_plain_network_has_gained_by_time_alone(study):
    tried(study, 8, 0.1, "1/3", 0.60, "baseline")
    assert steps(study, tried(study, 8, 0.1, "final", 0.70, "baseline")) == [("time", 0.10)]


def test_where_there_is_no_plain_network_nothing_is_told(study):
    assert steps(study, tried(study, 20, 0.1, "final", 0.90)) == []
