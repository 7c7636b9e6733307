"""Mixtures of experts against plain loops over places, choices and experts."""

import math

import pytest
import torch
import torch.nn.functional as F

from nasmyth import Graph, chain, ops
from nasmyth.errors import SpaceError
from nasmyth.graph import Spec
from nasmyth.measure import active_params, macs, params
from nasmyth.network import build
from nasmyth.train.auxiliary import auxiliary_losses

L, D = 7, 5


def made(seed=0, **fields):
    torch.manual_seed(seed)
    module = ops.MixtureOfExperts(**{"experts": 4, "k": 2, "hidden": 3, **fields}).build((L, D)).double()
    for weight in module.parameters():
        torch.nn.init.normal_(weight)
    return module, torch.randn(3, L, D, dtype=torch.float64)


def expert(module, i, x):
    up, down = torch.cat(tuple(module.up)), torch.cat(tuple(module.down))
    return down[i] @ module.act(up[i] @ x)


def by_loop(module, x, room=None):
    """One place after another; an expert that has no room left in an example takes no more."""
    output, gate = torch.zeros_like(x), torch.cat(tuple(module.gate))
    for b, example in enumerate(x):
        taken = [0] * module.experts
        for place, token in enumerate(example):
            scores = (gate @ token).softmax(0)
            best = scores.argsort(descending=True)[: module.k]
            total = scores[best].sum() if module.k > 1 else 1.0
            for i in best.tolist():
                if room is None or taken[i] < room:
                    output[b, place] += scores[i] / total * expert(module, i, token)
                taken[i] += 1
    return output


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("older", [(), (1, 2)])
def test_without_drops_it_is_a_loop_over_places(k, older):
    module, x = made(k=k, older=older)
    assert torch.allclose(module(x), by_loop(module, x))


@pytest.mark.parametrize("capacity", [0.3, 0.6, 1.0])
def test_with_a_capacity_an_expert_takes_the_first_that_come(capacity):
    module, x = made(capacity=capacity)
    room = math.ceil(capacity * L * 2 / 4)
    assert torch.allclose(module(x), by_loop(module, x, room))
    assert not torch.allclose(by_loop(module, x, room), by_loop(module, x))


def test_capacity_for_all_drops_nothing():
    module, x = made(capacity=2.0)
    without, _ = made()
    without.load_state_dict(module.state_dict())
    assert torch.allclose(module(x), without(x))


def test_a_place_does_not_lose_its_room_to_a_later_one():
    module, x = made(capacity=0.5)
    other = x.clone()
    other[:, 4:] = torch.randn(3, L - 4, D)
    assert torch.equal(module(x)[:, :4], module(other)[:, :4])


def test_experts_take_the_places_that_want_them_most():
    module, x = made(k=1, routing="experts", capacity=1.5)
    wanted = torch.zeros_like(x)
    scores = (x @ module.gate[0].T).softmax(-1)
    for b in range(3):
        for i in range(4):
            for place in scores[b, :, i].argsort(descending=True)[: math.ceil(1.5 * L / 4)].tolist():
                wanted[b, place] += scores[b, place, i] * expert(module, i, x[b, place])
    assert torch.allclose(module(x), wanted)


def test_exported_programs_compute_the_same():
    module, x = made()
    program = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},))
    assert torch.allclose(program.module()(x[:2]), module(x[:2]))


def test_one_expert_is_a_layer():
    module, x = made(experts=1, k=1)
    wanted = F.linear(F.gelu(F.linear(x, module.up[0][0])), module.down[0][0])
    assert torch.allclose(module(x), wanted)


def test_equal_experts_are_one_of_them():
    module, x = made(k=3)
    for weights in (*module.up, *module.down):
        weights.data.copy_(weights.data[:1].expand_as(weights))
    assert torch.allclose(module(x), F.linear(F.gelu(F.linear(x, module.up[0][0])), module.down[0][0]))


def test_a_given_expert_is_among_the_chosen():
    module, x = made(k=1, given=True)
    codes = torch.randint(4, (3, L))
    scores = (x @ module.gate[0].T).softmax(-1)
    wanted = torch.stack(
        [
            torch.stack([scores[b, t, codes[b, t]] * expert(module, codes[b, t], x[b, t]) for t in range(L)])
            for b in range(3)
        ]
    )
    assert torch.allclose(module(x, codes.double()), wanted)


def test_a_given_expert_that_is_missing_is_named():
    network = build(Graph.of(ops.MixtureOfExperts(given=True), input=(L, D)))
    with pytest.raises(ValueError, match="reads the graph's input `expert`"):
        network(torch.randn(2, L, D))
    graph = Graph.of(ops.MixtureOfExperts(given=True), input={"x": (L, D), "expert": Spec((L,))})
    assert build(graph)(torch.randn(2, L, D), torch.zeros(2, L)).shape == (2, L, D)


@pytest.mark.parametrize("k", [1, 2])
def test_what_it_adds_to_the_loss(k):
    module, x = made(k=k, balance=0.5, z_loss=0.25)
    with auxiliary_losses(module) as losses:
        module.eval()(x)
        assert losses == []
        module.train()(x)
    logits = (x @ module.gate[0].T).flatten(0, 1)
    scores = logits.softmax(-1)
    chosen = [0.0] * 4
    for row in scores:
        for i in row.argsort(descending=True)[:k].tolist():
            chosen[i] += 1 / (k * len(scores))
    balance = 4 * sum(f * p for f, p in zip(chosen, scores.mean(0), strict=True))
    wanted = 0.5 * balance + 0.25 * logits.logsumexp(-1).square().mean()
    assert len(losses) == 1 and torch.allclose(losses[0], wanted)
    assert module.auxiliary_losses is None


def test_experts_that_choose_need_no_balance():
    module, x = made(routing="experts", balance=100.0, z_loss=0.0)
    with auxiliary_losses(module) as losses:
        module(x)
    assert losses[0].item() == 0.0


def test_the_gate_of_one_expert_learns():
    module, x = made(k=1)
    module(x).square().sum().backward()
    assert float(module.gate[0].grad.abs().max()) > 0


def test_what_is_active_and_what_it_costs():
    graph = Graph.of(chain(ops.Linear(D), ops.MixtureOfExperts(8, 2, 3)), input=(L, D))
    linear, gate, one = D * (D + 1), 8 * D, 2 * 3 * D
    assert params(graph) == linear + gate + 8 * one
    assert active_params(graph) == linear + gate + 2 * one
    assert macs(graph) == L * (D * D + gate + 2 * one)
    assert active_params(Graph.of(ops.MixtureOfExperts(2, 2, 3), input=(L, D))) == 2 * D + 2 * one


def test_a_capacity_costs_all_the_room_there_is():
    graph = Graph.of(ops.MixtureOfExperts(4, 2, 3, capacity=1.25), input=(L, D))
    assert macs(graph) == L * D * 4 + 4 * math.ceil(1.25 * L * 2 / 4) * 2 * 3 * D


def test_places_one_by_one():
    network = build(Graph.of(ops.MixtureOfExperts(4, 2, 3), input=(L, D))).eval()
    x, state = torch.randn(2, L, D), network.initial_state(2)
    for place in range(L):
        y, state = network.step(state, x[:, place])
        assert torch.allclose(y, network(x)[:, place], atol=1e-6)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"capacity": 0}, "capacity=0, and it is above 0 and finite: write capacity=1.25, or None"),
        ({"capacity": -1.0}, "above 0"),
        ({"capacity": math.inf}, "or None to drop nothing"),
        ({"k": 3, "experts": 2}, "3 of 2 experts cannot be chosen: write k=2 or experts=3"),
        ({"k": 0}, "k=0, and it must be at least 1"),
        ({"experts": 0}, "experts=0"),
        ({"hidden": 0}, "hidden=0"),
        ({"routing": "random"}, "routing='random', and it is one of 'places', 'experts'"),
        ({"activation": "tanh"}, "activation='tanh'"),
        ({"given": True, "routing": "experts"}, "routing='places'"),
        ({"older": (8,)}, "leaves 0 of 8 experts"),
        ({"older": (0,)}, "each generation has one"),
    ],
)
def test_what_does_not_go_together(fields, message):
    with pytest.raises(SpaceError, match=message):
        ops.MixtureOfExperts(**fields)
