"""The strategy that is chosen where none is named: which, why, and that a study keeps it."""

import pytest
from core_toys import SHAPE, Tag, Wide

from nasmyth.errors import SpaceError, UnknownNameError
from nasmyth.graph import chain
from nasmyth.measure import macs, params
from nasmyth.search import Auto, BayesianOptimization, Evolution, Grid, Program
from nasmyth.space import Space, choice, integer
from nasmyth.study import Study

TINY = Space(chain(Tag(choice(1, 2, 3)), Tag(choice(1, 2, 3))), SHAPE)
SPACE = Space(chain(*(Wide(choice(4, 8, 16, 24)) for _ in range(5))), (3, 8, 8))
HUGE = Space(chain(*(Tag(choice(*range(40))) for _ in range(40))), SHAPE)


@pytest.mark.parametrize(
    ("space", "kind", "why"),
    [(TINY, Grid, "9 networks"), (SPACE, BayesianOptimization, "a model"), (HUGE, Evolution, "1,600 numbers")],
)
def test_what_a_space_calls_for(space, kind, why):
    chosen = Auto().chosen(space)
    assert type(chosen.strategy) is kind and why in str(chosen)


def test_a_sum_over_a_chain_is_solved():
    pytest.importorskip("ortools", reason="integer programs need nasmyth[program]")
    assert Auto(goal="macs").chosen(SPACE).strategy == Program("macs")
    study = Study(None, SPACE, maximize=macs, under=[params <= 3000], strategy="auto")
    assert study.strategy == Auto("macs", "max")
    (best,) = study.ask(1)
    fits = [graph for graph in map(SPACE.decode, SPACE.enumerate()) if params(graph) <= 3000]
    assert macs(best.graph) == max(map(macs, fits))


def test_a_goal_that_must_be_trained_for_says_nothing():
    for goals in ({"maximize": "accuracy"}, {"maximize": [macs], "minimize": [params]}):
        assert Study(None, SPACE, strategy="auto", **goals).strategy == Auto()


def test_a_study_that_chose_goes_on(tmp_path):
    with Study(tmp_path / "auto.db", SPACE, minimize=params, strategy="auto") as study:
        first = [trial.genome for trial in study.ask(2)]
    with Study(tmp_path / "auto.db", SPACE, minimize=params, strategy="auto") as study:
        assert [trial.genome for trial in study.trials] == first


def test_goals_that_are_none():
    with pytest.raises(UnknownNameError, match="parms"):
        Auto(goal="parms")
    with pytest.raises(SpaceError, match="direction"):
        Auto(goal="params", direction="up")


def test_numbers_alone_make_no_model_too_large():
    assert isinstance(
        Auto().chosen(Space(chain(*(Tag(i, integer(0, 99)) for i in range(50))), SHAPE)).strategy, BayesianOptimization
    )
