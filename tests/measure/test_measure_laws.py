"""The laws of measures hold for scores that keep them, and name what is broken in those that do not."""

from __future__ import annotations

import pytest
import torch
from measure_toys import graph, toy_gradnorm, toy_naswot, toy_predictor, toy_random

from nasmyth.domains import read
from nasmyth.measure import Candidate, Measure, accuracy, latency, measures
from nasmyth.testing import check_measure
from nasmyth.train import Recipe

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def made():
    return Candidate(graph(), Recipe(epochs=1, batch=64), task=read("digits", limit=200))


@pytest.mark.parametrize(
    "one", [toy_naswot, toy_gradnorm, toy_random, toy_predictor, accuracy, latency("cpu")], ids=repr
)
def test_laws(one, made):
    check_measure(one, made)


def broken(name, function, needs="graph", unit="", **more):
    """A measure that breaks a law, where pickle finds it."""
    function.__doc__ = "Broken."
    kinds = (needs,) if isinstance(needs, str) else needs
    return measures.add(name, Measure(name, function, unit=unit, needs=kinds, **more))


_count = iter(range(1000))


def peeks(network):
    return float(network.graph.costs.params) + float(next(iter(network.parameters())).detach().sum())


def steps(network, batch):
    with torch.no_grad():
        network.train()(batch)
    return 1.0


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (broken("broken_counts", lambda graph: float(next(_count))), "is not called stochastic"),
        (broken("broken_unit", lambda graph: 1.0, unit="parsec"), "has the unit 'parsec'"),
        (broken("broken_nan", lambda graph: float("nan")), "raise a CandidateError"),
        (broken("broken_takes", lambda graph, task: 1.0), "has to take as many arguments"),
        (broken("broken_leaves", steps, ("network", "batch")), "changes the network"),
        (broken("broken_key", lambda graph: float(id(graph))), "on an equal graph"),
        (
            broken("broken_beside", lambda graphs: [float(len(graphs))] * len(graphs), many=True),
            "depends on who is asked",
        ),
        (
            broken("broken_seed", lambda graph, task: float(torch.rand(())), ("graph", "task")),
            "does not say that it needs the seed",
        ),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_what_breaks_a_law_is_named(one, said, made):
    with pytest.raises(AssertionError, match=said):
        check_measure(one, made)


def test_what_is_said_of_the_needs_is_true(made):
    """A figure of first weights depends on the seed, and says so through the network that it needs."""
    check_measure(broken("broken_not", peeks, "network"), made)
