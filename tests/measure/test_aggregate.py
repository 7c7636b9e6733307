"""Ranks of several scores as one."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from nasmyth.domains import read
from nasmyth.errors import DataError
from nasmyth.graph import chain
from nasmyth.measure import Candidate, evaluate, find
from nasmyth.measure.scores.aggregate import Reference, aggregated, reference, shares
from nasmyth.ops import Activation, Conv, Linear, Mean
from nasmyth.space import Space, choice
from nasmyth.study import Study
from nasmyth.testing import check_measure

LAYERS = (Conv(choice(4, 6, 8, 12)), Activation("relu"), Conv(choice(4, 8)), Activation("relu"))
SPACE = Space(chain(*LAYERS, Mean("h w"), Linear(10)), (1, 8, 8))
SCORES = ("params", "naswot", "jacov")


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=200)


@pytest.fixture(scope="module")
def file(digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("scores") / "scores.json"
    reference(SPACE, SCORES, digits, sample=6).write(path)
    return str(path)


def test_ranks_from_one_to_all_and_ties_in_the_middle():
    np.testing.assert_allclose(shares([3.0, 1.0, 2.0]), [1, 1 / 3, 2 / 3])
    np.testing.assert_allclose(shares([3.0, 1.0, 2.0], "min"), [1 / 3, 1, 2 / 3])
    np.testing.assert_allclose(shares([1.0, 1.0, 5.0, 5.0]), [1.5 / 4, 1.5 / 4, 3.5 / 4, 3.5 / 4])


def test_what_failed_ranks_last():
    found = shares([math.nan, 1.0, math.inf, -5.0])
    assert found[0] == found[2] == min(found) and found[1] == 1.0


def test_any_growing_change_of_a_score_leaves_the_sum_as_it_is():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=30), rng.normal(size=30)
    told = {"a": "max", "b": "min"}
    np.testing.assert_allclose(aggregated({"a": a, "b": b}, told), aggregated({"a": np.exp(a), "b": b**3}, told))
    assert aggregated({"a": a, "b": b}, told).argmax() == aggregated({"a": 7 * a, "b": b - 3}, told).argmax()


def test_bad_by_one_score_costs_more_than_good_by_another_brings():
    told = {"a": "max", "b": "max"}
    even, uneven, *_ = aggregated(
        {"a": [5, 9, *range(4), *range(10, 14)], "b": [5, 1, *range(6, 10), 0, 2, 3, 4]}, told
    )
    assert even > uneven


def test_as_a_measure_it_keeps_the_laws(file, digits):
    one = find(f"rank_aggregate@{file}")
    assert set(one.needs) == {"graph", "forward", "jacobian"} and pickle.loads(pickle.dumps(one)) is one
    check_measure(one, Candidate(SPACE.decode(SPACE.sample(seed=3)), task=digits))


def test_it_is_the_sum_of_log_ranks_in_the_sample(file, digits):
    candidate = Candidate(SPACE.decode(SPACE.sample(seed=5)), task=digits)
    told, known = evaluate(candidate, [*SCORES, f"rank_aggregate@{file}"]).values, Reference.read(file)
    expected = 0.0
    for name in SCORES:
        column, value = known.columns[name], told[name]
        below, equal = sum(v < value for v in column), sum(v == value for v in column)
        expected += math.log((below + equal / 2 + 1) / (len(column) + 1))
    assert told[f"rank_aggregate@{file}"] == pytest.approx(expected)


def test_a_search_by_it_trains_nothing(file, digits):
    with Study(None, SPACE, maximize=f"rank_aggregate@{file}", strategy="evolution", seed=0) as study:
        study.run(digits, trials=6)
        assert len(study.trials) == 6 and all(t.error is None and "accuracy" not in t.measures for t in study.trials)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"columns": {"a": [1], "b": [1, 2]}, "directions": {"a": "max", "b": "max"}}', "[1]"]
)
def test_a_file_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(DataError, match="make"):
        find(f"rank_aggregate@{tmp_path / 'bad.json'}")


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(DataError, match=r"nowhere.json: no reference scores"):
        find("rank_aggregate@nowhere.json")
