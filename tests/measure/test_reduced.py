"""Scores of smaller networks in the place of the whole."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from nasmyth.domains import read
from nasmyth.errors import CandidateError, UnitError
from nasmyth.graph import Graph, chain, repeat, residual
from nasmyth.graph.edit import with_input
from nasmyth.measure import Candidate, evaluate, find
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean
from nasmyth.testing import check_measure

torch.set_num_threads(1)


def network(blocks: int, side: int = 8) -> Graph:
    body = repeat(residual(Activation("relu"), Conv(6), BatchNorm()), blocks)
    return Graph.of(
        chain(stem=Conv(6), body=body, tail=chain(Activation("relu"), Mean("h w"), Linear(10))), (1, side, side)
    )


@pytest.fixture(scope="module")
def digits():
    return read("digits", limit=200)


def figure(graph, name, task, **more):
    return evaluate(Candidate(graph, task=task, **more), [name]).require()[name]


@pytest.mark.parametrize("score", ["jacov", "naswot", "grad_norm", "params"])
def test_fewer_blocks_are_those_of_a_shallower_network(score, digits):
    assert figure(network(4), f"reduced@{score},copies=1", digits) == pytest.approx(figure(network(1), score, digits))


def test_what_is_shallow_already_stays(digits):
    assert figure(network(1), "reduced@jacov,copies=2", digits) == figure(network(1), "jacov", digits)


def test_fewer_pixels_are_those_of_smaller_images(digits):
    batch = Candidate(network(2), task=digits)["batch"]
    made = {"batch": adaptive_avg_pool2d(batch, 4)}
    assert figure(network(2), "reduced@jacov,side=4", digits) == figure(network(2, side=4), "jacov", digits, made=made)


def test_another_input_leaves_the_layers_as_they_are():
    graph = network(2)
    assert with_input(graph, (1, 4, 4)) == network(2, side=4) and with_input(graph, (1, 8, 8)) == graph


@pytest.mark.parametrize("name", ["reduced@jacov,copies=1", "reduced@synflow,copies=1,side=4"])
def test_laws(name, digits):
    one = find(name)
    assert pickle.loads(pickle.dumps(one)) is one
    check_measure(one, Candidate(network(3), task=digits))


def test_only_images_have_a_side(digits):
    table = read((np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2))
    graph = Graph.of(chain(Linear(4), Activation(), Linear(2)), (3,))
    error = evaluate(Candidate(graph, task=table), ["reduced@naswot,side=4"]).error
    assert isinstance(error, CandidateError) and "only images have a side" in str(error)


@pytest.mark.parametrize(
    "name", ["reduced@jacov", "reduced@accuracy,copies=1", "reduced@latency@cpu,copies=1", "reduced@jacov,copies=-1"]
)
def test_bad_settings_are_refused_with_the_cure(name):
    with pytest.raises(UnitError, match=r"copies|setting|whole"):
        find(name)
