"""Graphs: nodes that are classified by what flows along the edges; from arrays to a design, and Cora itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import nasmyth
from nasmyth.domains import domain_for, read_inputs
from nasmyth.errors import DataError
from nasmyth.graph import Graph, Spec, chain
from nasmyth.ops import Linear, MessagePassing
from nasmyth.ops.message_passing import KINDS
from nasmyth.spaces import nas_bench_graph
from nasmyth.spaces.nas_bench_graph import genome
from nasmyth.train import AdamW, Recipe, evaluate, fit, initialise, score_split

CORA = Path(__file__).parents[3] / "shared/data/cora.npz"
QUICK = Recipe(optimizer=AdamW(lr=1e-2), batch=1, epochs=3)
N, CLASSES = 90, 3


def communities():
    """A graph whose nodes are joined to others of their class, and whose features say little."""
    rng = np.random.default_rng(0)
    y = np.arange(N) % CLASSES
    pairs = np.array(
        [(i, j) for i in range(N) for j in range(N) if i != j and rng.random() < (0.2 if y[i] == y[j] else 0.01)]
    )
    x = rng.normal(size=(N, 8)) + 0.7 * np.eye(8)[y]
    places = rng.permutation(N)
    masks = {
        f"{name}_mask": np.isin(np.arange(N), part)
        for name, part in zip(("train", "val", "test"), np.split(places, [45, 65]), strict=True)
    }
    return {"x": x, "edge_index": pairs.T, "y": y, **masks}


@pytest.fixture
def task():
    return nasmyth.read(communities())


def network_of(task, template):
    return initialise(nasmyth.build(Graph.of(template, task.input), 0, task.inputs, task.outputs), 0)


def test_splits_are_the_masks(task):
    arrays = communities()
    assert domain_for(task).name == "graphs" and task.outputs.size == CLASSES
    for split, mask in (("train", "train_mask"), ("valid", "val_mask"), ("test", "test_mask")):
        assert torch.equal(getattr(task, split).y[0] >= 0, torch.from_numpy(arrays[mask]))
    assert task.describe()["input"] == [["x", [N, 8], "float"], ["edges", [2, arrays["edge_index"].shape[1]], "int"]]


def test_without_masks_nodes_are_shared_out():
    arrays = {key: value for key, value in communities().items() if not key.endswith("mask")}
    task = nasmyth.read(arrays)
    counts = [task.outputs.counted(split.y) for split in (task.train, task.valid, task.test)]
    assert counts == [54, 18, 18]
    partly = nasmyth.read(
        {**arrays, "train_mask": np.arange(N) < 30, "y": np.where(np.arange(N) < 80, arrays["y"], -1)}
    )
    assert [partly.outputs.counted(s.y) for s in (partly.train, partly.valid, partly.test)] == [30, 25, 25]
    assert partly.classes == ("0", "1", "2")


def dense(arrays):
    adjacency = torch.zeros(N, N, dtype=torch.float64)
    for i, j in arrays["edge_index"].T:
        adjacency[j, i] += 1
    return adjacency


@pytest.mark.parametrize("kind", KINDS)
def test_message_passing_is_what_its_paper_says(kind):
    """Against matrices."""
    arrays = communities()
    x = torch.from_numpy(arrays["x"])
    layer = MessagePassing(kind, 5).build((N, 8), (2, arrays["edge_index"].shape[1])).double()
    torch.nn.init.normal_(layer.bias)
    a, eye = dense(arrays), torch.eye(N, dtype=torch.float64)
    h = x @ layer.linear.weight.T
    degree = a.sum(1)
    half = torch.where(degree > 0, degree.clamp(min=1).rsqrt(), 0.0)
    normal = half[:, None] * a * half
    own = x @ layer.own.weight.T if hasattr(layer, "own") else h
    if kind == "gat":
        scores = torch.nn.functional.leaky_relu((h @ layer.toward)[:, None] + (h @ layer.away)[None], 0.2)
        weights = torch.where(a + eye > 0, scores, -torch.inf).softmax(1)
        expected = weights @ h
    else:
        loops = (degree + 1).rsqrt()
        expected = {
            "gcn": (loops[:, None] * (a + eye) * loops) @ h,
            "gin": a @ h + h,
            "sage": a @ h / degree.clamp(min=1)[:, None] + own,
            "graph": a @ h + own,
            "cheb": own - normal @ h,
            "arma": own + normal @ h,
        }[kind]
    expected = expected + layer.bias
    expected = expected.relu() if kind == "arma" else expected
    found = layer(x[None], torch.from_numpy(arrays["edge_index"])[None])
    torch.testing.assert_close(found[0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_edges_that_lead_nowhere_change_nothing(kind):
    x, edges = torch.randn(2, 6, 3), torch.randint(0, 6, (2, 2, 9))
    layer = MessagePassing(kind, 4).build((6, 3), (2, 9))
    padded = torch.cat((edges, torch.full((2, 2, 5), -1)), 2)
    torch.testing.assert_close(layer(x, padded), layer(x, edges))


def test_neighbours_tell_what_features_do_not(task):
    recipe = Recipe(optimizer=AdamW(lr=3e-2, weight_decay=0.05), batch=1, epochs=100)
    scores = []
    for first in (MessagePassing("sage", 16), Linear(16)):
        network = network_of(task, chain(first, Linear(CLASSES)))
        fit(network, task, recipe)
        scores.append(evaluate(network, task, "test")["accuracy"])
    assert scores[0] > scores[1] + 0.2


def test_only_the_nodes_of_a_split_are_scored(task):
    network = network_of(task, chain(MessagePassing("gcn", CLASSES)))
    split = score_split(network, task)
    assert len(split.each) == 25 and sum(map(sum, split.picture["confusion"])) == 25
    assert split.scores["accuracy"] == pytest.approx(split.each.mean().item())


@pytest.mark.parametrize("suffix", ["onnx", "pt2", "py"])
def test_networks_on_graphs_are_exported_and_predict(suffix, task, tmp_path):
    np.savez(tmp_path / "graph.npz", **communities())
    network = network_of(task, chain(MessagePassing("gat", 6), MessagePassing("sage", CLASSES)))
    assert network.export(tmp_path / f"net.{suffix}").difference < 1e-5
    raw, names = read_inputs(tmp_path / "graph.npz", network.inputs)
    assert names == ["graph"] and len(network.predict(raw).labels[0]) == N
    assert network.predict({"x": raw["x"], "edges": raw["edges"][:, :50]}).probabilities.shape == (1, N, CLASSES)


def test_from_arrays_to_a_design(tmp_path):
    found = nasmyth.design(
        communities(), spend="2 trials", recipe=QUICK, under=["params<=2k"], out=tmp_path / "graph.db"
    )
    assert found.best.graph.inputs.names == ("x", "edges")
    from nasmyth.report import html

    assert "edges 2x" in html(tmp_path / "graph.db")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"edge_index": np.array([[0, N], [1, 2]])}, "from 0 to 89"),
        ({"edge_index": np.zeros((3, 4))}, "whole ones 2 e"),
        ({"train_mask": np.ones(3, bool)}, "for each of 90 nodes"),
        ({"y": np.zeros(4)}, "for each of 90 nodes"),
    ],
)
def test_graphs_whose_arrays_do_not_go_together_are_refused(change, said):
    with pytest.raises(DataError, match=said):
        nasmyth.read({**communities(), **change})


def test_networks_of_nas_bench_graph_are_trained(task):
    edges = task.inputs.edges
    space = nas_bench_graph({"x": (N, 8), "edges": Spec((2, edges), "int")}, CLASSES, 8)
    graph = space.decode(genome("0-0-1-3 gcn-fc-skip-gat"))
    network = initialise(nasmyth.build(graph, 0, task.inputs, task.outputs), 0)
    assert fit(network, task, Recipe(optimizer=AdamW(lr=1e-2), batch=1, epochs=40)).scores["accuracy"] > 0.6


@pytest.mark.skipif(not CORA.exists(), reason="the shared data is not here")
def test_cora():
    task = nasmyth.read(CORA)
    assert [task.outputs.counted(split.y) for split in (task.train, task.valid, task.test)] == [140, 500, 1000]
    network = network_of(task, chain(MessagePassing("gcn", 16), MessagePassing("gcn", 7)))
    fit(network, task, Recipe(optimizer=AdamW(lr=1e-2, weight_decay=0.5), batch=1, epochs=40))
    assert evaluate(network, task, "test")["accuracy"] > 0.6  # without the edges it is 0.55
