"""The kernel of wide networks: against wide networks that are drawn, and closed forms."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from nasmyth import Graph, build, chain, parallel, repeat, residual
from nasmyth.domains import read
from nasmyth.errors import CandidateError
from nasmyth.graph import Identity, Zero, cell
from nasmyth.measure import Candidate, nngp
from nasmyth.measure.scores.nngp import kernel
from nasmyth.ops import Activation, BatchNorm, Flatten, Linear
from nasmyth.testing import check_measure
from nasmyth.train import initialise

torch.set_num_threads(1)
RELU = Activation("relu")


def inputs(n=6, d=10):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(1))


def mlp(body, width, d=10):
    return Graph.of(chain(Linear(width), body, RELU, Linear(3)), (d,))


def simulated(graph, x, draws, aware=False):
    """The mean kernel of networks that are drawn: of what their last layer reads."""
    found = 0.0
    for seed in range(draws):
        network = initialise(build(graph, seed), seed, aware=aware)
        last = [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1]
        last.register_forward_pre_hook(lambda layer, given: setattr(layer, "given", given[0].double()))
        with torch.no_grad():
            network(x)
        found = found + (last.given @ last.given.T / last.in_features).numpy() / draws
    return found


def random_body(seed, width, post):
    rng = random.Random(seed)
    layer = chain(Linear(width), RELU) if post else chain(RELU, Linear(width))
    return cell(3, lambda i, j: layer if j == i + 1 else rng.choice((layer, Identity(), Zero())))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("aware", [False, True])
def test_it_is_what_wide_networks_have(seed, aware):
    graph = mlp(random_body(seed, 1000, post=False), 1000)
    exact, found = kernel(graph, inputs(), aware=aware), simulated(graph, inputs(), 6, aware)
    assert np.abs(found / exact - 1).max() < 0.1 and np.linalg.norm(found - exact) < 0.05 * np.linalg.norm(exact)
    least, expected = (np.linalg.eigvalsh(one)[0] for one in (found, exact))
    assert least == pytest.approx(expected, rel=0.05)


def test_sums_of_what_is_positive_have_products_between_terms():
    body = chain(RELU, random_body(1, 1000, post=True), Linear(1000))
    exact, found = kernel(mlp(body, 1000), inputs()), simulated(mlp(body, 1000), inputs(), 6)
    assert np.linalg.norm(found - exact) < 0.05 * np.linalg.norm(exact)
    assert np.linalg.eigvalsh(found)[0] == pytest.approx(np.linalg.eigvalsh(exact)[0], rel=0.05)


def test_a_chain_is_the_arc_cosine_kernel_layer_by_layer():
    x = inputs().double().numpy()
    expected = 2 * x @ x.T / x.shape[1]
    for _ in range(5):
        sizes = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
        angle = np.arccos(np.clip(expected / sizes, -1, 1))
        expected = sizes / math.pi * (np.sin(angle) + (math.pi - angle) * np.cos(angle))
    deep = Graph.of(chain(repeat(chain(Linear(5), RELU), 5), Linear(2)), (10,))
    assert kernel(deep, x) == pytest.approx(expected / 2)


def test_skips_and_branches():
    x = inputs()
    plain, doubled = mlp(Identity(), 8), mlp(parallel(Identity(), Identity()), 8)
    assert kernel(doubled, x) == pytest.approx(4 * kernel(plain, x))  # a signal summed with itself
    two = mlp(parallel(chain(RELU, Linear(8)), chain(RELU, Linear(8))), 8)
    one = mlp(chain(RELU, Linear(8)), 8)
    assert kernel(two, x) == pytest.approx(2 * kernel(one, x))  # independent layers
    assert kernel(two, x, aware=True) == pytest.approx(kernel(one, x, aware=True))  # each of half the variance


def test_deeper_chains_tell_examples_less_apart():
    rates = [np.linalg.eigvalsh(kernel(mlp(repeat(chain(RELU, Linear(8)), n), 8), inputs()))[0] for n in (1, 4, 16)]
    skipping = mlp(repeat(residual(RELU, Linear(8)), 16), 8)
    assert rates[0] > rates[1] > rates[2] > 0 and np.linalg.eigvalsh(kernel(skipping, inputs()))[0] > rates[2]


def test_laws():
    graph = Graph.of(chain(Flatten(), Linear(16), residual(RELU, Linear(16)), RELU, Linear(10)), (1, 8, 8))
    check_measure(nngp, Candidate(graph, task=read("digits", limit=200)))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BatchNorm(), "BatchNorm.* the kernel is known of linear layers"),
        (Activation("tanh"), "Activation"),
        (repeat(Linear(8), 2, tied=True), "used twice"),
        (chain(residual(RELU), RELU), "relu between them"),
    ],
)
def test_what_it_does_not_know_is_refused(body, said):
    with pytest.raises(CandidateError, match=said):
        kernel(Graph.of(chain(Linear(8), body, Linear(2)), (8,)), inputs(d=8))
