"""What is told of scores: values, failures, seconds, and how much of them is luck."""

from __future__ import annotations

import math

import audit_toys
import numpy as np
import pytest
import torch

from nasmyth.bench import oriented
from nasmyth.bench.scoring import VARIED, luck, refuse, scored
from nasmyth.domains import read
from nasmyth.errors import DataError
from nasmyth.measure import find, params

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=200)


@pytest.fixture(scope="module")
def graphs():
    space = audit_toys.space()
    return [space.decode(genome) for genome in space.enumerate()]


def test_each_is_measured_as_by_hand_and_timed(digits, graphs):
    found = scored(graphs, ["params", "audit_weights", "audit_predicted"], digits)
    assert found["params"].values == [params(graph) for graph in graphs] == found["audit_weights"].values
    assert found["audit_predicted"].values == [graph.costs.macs for graph in graphs]
    assert audit_toys.ASKED[0] == len(graphs), "many at once"
    assert 0 < found["params"].seconds < found["audit_weights"].seconds, "what it needs is part of its price"


def test_luck_is_told_apart_by_where_it_comes_from(digits, graphs):
    found = scored(graphs, ["params", "audit_weights", "audit_dice", "audit_brightness"], digits, seeds=4)
    assert found["params"].by_init == found["params"].by_batch == found["audit_weights"].by_init == 0
    assert found["audit_dice"].by_init > 0.5 and found["audit_dice"].by_batch == 0
    assert math.isnan(found["audit_brightness"].by_init), "the same for all networks: no share of nothing"


def test_luck_is_the_share_of_variance_that_repetition_has():
    """Against a mixture of known variances; any increasing function of the values gives the same."""
    rng = np.random.default_rng(0)
    between = rng.normal(size=(4000, 1))
    for share in (0.1, 0.5):
        values = math.sqrt(1 - share) * between + math.sqrt(share) * rng.normal(size=(4000, 5))
        assert luck(values) == pytest.approx(share, abs=0.05), "ranks of normal values vary almost as these do"
        assert luck(np.exp(10 * values)) == pytest.approx(luck(values))
    assert luck(rng.normal(size=(500, 5))) == pytest.approx(1, abs=0.05)
    assert luck(np.repeat(between, 3, axis=1)) == 0
    assert math.isnan(luck(np.ones((5, 3))))


def test_a_failure_is_the_candidates_outcome_and_says_why(digits, graphs):
    found = scored(graphs, ["audit_fragile", "params"], digits)["audit_fragile"]
    widths = [graph.nodes[1].shape[0] for graph in graphs]
    assert {i for i, width in enumerate(widths) if width in (2, 12)} == set(found.failures)
    assert set(found.failures.values()) == {"ArithmeticError: too wide for it", "it gave inf"}
    assert all(math.isnan(found.values[i]) for i, width in enumerate(widths) if width == 12)
    ranked = oriented("audit_fragile", found.values)
    assert all(ranked[i] == -math.inf for i in found.failures)


def test_what_never_has_a_value_is_refused(digits, graphs):
    with pytest.raises(
        DataError, match="audit_broken has a value for none of 15 candidates: ArithmeticError: it never works"
    ):
        scored(graphs, ["audit_broken"], digits)


def test_only_the_first_are_measured_again(digits, graphs, monkeypatch):
    asked = []
    one = find("audit_weights")
    counting = lambda network: asked.append(network) or 1.0 * len(asked)
    monkeypatch.setattr(one, "function", counting)
    scored(graphs, [one], digits, seeds=3)
    assert len(asked) == len(graphs) + 2 * VARIED


def test_costs_promise_by_being_large_and_scores_as_they_say():
    assert list(oriented("params", [1, 2])) == [1, 2] == list(oriented("latency@cpu", [1, 2]))
    assert list(oriented("rmse", [1, 2])) == [-1, -2]


@pytest.mark.parametrize(
    ("name", "said"), [("accuracy", "needs training"), ("audit_brightness", "needs data")], ids=["trained", "batch"]
)
def test_what_cannot_be_told_is_refused(name, said):
    with pytest.raises(DataError, match=said):
        refuse([find(name)], None)
