"""More experts for a network: the old ones stay as they are, to the bit, while all else is trained."""

import pytest
import torch

from nasmyth import Graph, chain, ops
from nasmyth.errors import NasmythError
from nasmyth.measure import macs
from nasmyth.network import Network, build
from nasmyth.transform import add_experts

BODY = chain(embed=ops.Linear(6), mix=ops.MixtureOfExperts(2, 2, 4), head=ops.Linear(3))


def trained(network, steps=3):
    optimizer = torch.optim.AdamW(network.parameters(), 0.1, weight_decay=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.randn(4, 5, 6)).square().mean().backward()
        optimizer.step()
    return network


def test_old_experts_are_held_through_training():
    first = trained(build(Graph.of(BODY, input=(5, 6))))
    second = add_experts(first, 2)
    third = add_experts(trained(second), 1, seed=7)
    before = {name: weight.clone() for name, weight in third.named_parameters()}
    trained(third)
    held = {name for name, weight in third.named_parameters() if torch.equal(weight, before[name])}
    assert held == {f"mix.{name}.{i}" for name in ("gate", "up", "down") for i in (0, 1)}
    for name, weight in first.mix.named_parameters():
        assert torch.equal(weight, dict(third.mix.named_parameters())[name])
    assert third.layer("mix").experts == 5 and third.graph.nodes[2].op.older == (2, 2)
    assert third.history[-1]["transform"] == "add_experts"


def test_new_experts_that_are_not_chosen_change_nothing():
    network = build(Graph.of(BODY, input=(5, 6))).eval()
    wider = add_experts(network, 3)
    x = torch.rand(2, 5, 6)
    wider.embed.load_state_dict({"weight": torch.eye(6), "bias": torch.zeros(6)})
    network.embed.load_state_dict(wider.embed.state_dict())
    wider.mix.gate[1].data.fill_(-100.0)
    assert torch.allclose(network(x), wider(x), atol=1e-6) and not wider.training


def test_a_place_costs_the_columns_of_the_gate_more():
    network = build(Graph.of(BODY, input=(5, 6)))
    assert macs(add_experts(network, 4).graph) == macs(network.graph) + 5 * 4 * 6


def test_without_hold_all_goes_on_and_files_keep_what_is_held():
    network = build(Graph.of(BODY, input=(5, 6)))
    assert all(weight.requires_grad for weight in add_experts(network, 1, hold=False).parameters())
    wider = add_experts(network, 1)
    again = Network.from_bytes(wider.to_bytes())
    assert again.graph is wider.graph or again.graph.key == wider.graph.key
    assert torch.equal(again(torch.ones(1, 5, 6)), wider.eval()(torch.ones(1, 5, 6)))


def test_what_it_refuses():
    with pytest.raises(NasmythError, match="has no MixtureOfExperts"):
        add_experts(build(Graph.of(ops.Linear(3), input=(5, 6))), 1)
    with pytest.raises(NasmythError, match="add at least 1"):
        add_experts(build(Graph.of(BODY, input=(5, 6))), 0)
