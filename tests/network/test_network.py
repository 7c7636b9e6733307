import copy
import pickle
import weakref

import pytest
import torch
from nets import CLASSES, PHOTO, PRICES, TABLE, classifier, pictures, rows, sampled, stir, tiny
from torch import nn

from nasmyth.domains import read
from nasmyth.errors import CheckError, DataError, NasmythError, ShapeError, UnknownNameError
from nasmyth.graph import Graph, Node, chain, residual
from nasmyth.measure import Candidate, Measure, accuracy, params
from nasmyth.network import Network, build
from nasmyth.ops import Activation, BatchNorm, Conv, Flatten, Linear, Mean


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def test_weights_are_named_after_addresses():
    network = build(tiny())
    assert {
        "stem.0.weight",
        "stem.1.running_mean",
        "stages.1.body.0.weight",
        "again.0.0.weight",
        "again.1.0.weight",
        "head.1.bias",
    } < set(network.state_dict())
    assert network.stages[1].body[0] is network.get_submodule("stages.1.body.0")
    assert not [k for k in build(Graph.of(Conv(2), (1, 4, 4))).state_dict() if k != "_self.weight"]


def test_the_computation_is_that_of_the_graph():
    template = residual(Conv(3), BatchNorm(), Activation("silu"))
    network = stir(build(Graph.of(chain(template, Flatten(), Linear(2)), (3, 4, 4))))
    x = torch.randn(2, 3, 4, 4)
    body = network[0].body
    wanted = network[2](torch.flatten(x + nn.functional.silu(body[1](body[0](x))), 1))
    assert torch.equal(network(x), wanted)


def test_equal_seeds_give_equal_weights_and_leave_the_global_state_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    a, b, c = build(tiny(), seed=1), build(tiny(), seed=1), build(tiny(), seed=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same(a.state_dict(), b.state_dict()) and not same(a.state_dict(), c.state_dict())
    assert not torch.equal(a.stages[0].body[0].weight, a.stages[1].body[0].weight)


def test_weights_of_a_node_do_not_depend_on_the_rest():
    long = Graph.of(chain(a=Conv(4), b=Conv(4), c=Linear(2)), (1, 5, 4))
    short = Graph.of(chain(a=Conv(4), c=Linear(2)), (1, 5, 4))
    assert torch.equal(build(long).a.weight, build(short).a.weight)


def test_nodes_of_one_address_share_one_module():
    network = build(tiny(tied=True))
    shared = [name for name in network.state_dict() if name.startswith("again")]
    assert shared == ["again.tied.0.weight"]
    calls = []
    network.again.tied[0].register_forward_hook(lambda *_: calls.append(1))
    network(torch.zeros(1, 1, 12, 12))
    assert len(calls) == 2
    assert sum(p.numel() for p in network.parameters()) == network.graph.costs.params


def test_two_ops_cannot_share_a_module():
    graph = tiny()
    nodes = tuple(Node(n.op, n.inputs, n.shape, "same" if n.inputs else n.address) for n in graph.nodes)
    with pytest.raises(NasmythError, match=r"'same' would share one module, but are Conv\(6\) and BatchNorm"):
        build(Graph(nodes))


def test_values_are_let_go_when_nothing_needs_them():
    network = build(Graph.of(chain(*(Activation() for _ in range(5))), (3,)))
    alive, most = weakref.WeakSet(), []

    def count(module, inputs, output):
        alive.add(output)
        most.append(len(alive))

    for layer in network.children():
        layer.register_forward_hook(count)
    network(torch.randn(1, 3, requires_grad=False))
    assert max(most) <= 2


def test_it_can_be_copied_moved_and_traced():
    network = classifier()
    x = torch.randn(3, 1, 12, 12)
    twin = copy.deepcopy(network)
    assert torch.equal(twin(x), network(x)) and twin.graph == network.graph
    assert twin.stem[0].weight is not network.stem[0].weight
    assert torch.allclose(twin.double()(x.double()).float(), network(x), atol=1e-5)
    assert torch.equal(torch.fx.symbolic_trace(network)(x), network(x))
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim("n")},), strict=False)
    assert torch.allclose(program.module()(x[:2]), network(x[:2]), atol=1e-6)


def test_it_can_be_sent_to_another_process():
    network = classifier().train()
    network.stem.eval()
    network.head[1].bias.requires_grad_(False)
    network.history = ({"what": "trained"},)
    again = pickle.loads(pickle.dumps(network))
    assert same(again.state_dict(), network.state_dict()) and again.graph == network.graph
    assert again.inputs is PHOTO and again.outputs is CLASSES and again.history == network.history
    assert [m.training for m in again.modules()] == [m.training for m in network.modules()]
    assert [p.requires_grad for p in again.parameters()] == [p.requires_grad for p in network.parameters()]


def test_a_replaced_layer_is_used():
    network = classifier()
    network.head[1] = nn.Flatten()
    for one in (network, copy.deepcopy(network)):
        assert one(torch.zeros(2, 1, 12, 12)).shape == (2, 6)


def test_classification_answers_labels_and_probabilities():
    network = classifier()
    found = network.predict(pictures(7))
    assert len(found) == 7 and found.names == CLASSES.names and found.values is None
    assert torch.allclose(found.probabilities.sum(1), torch.ones(7))
    assert found.labels == tuple(CLASSES.names[i] for i in found.probabilities.argmax(1))
    assert "for 7 examples" in repr(found)
    prepared = (pictures(7).permute(0, 3, 1, 2) / 255 - 0.3) / 0.2
    assert torch.allclose(network(prepared).softmax(1), found.probabilities, atol=1e-6)


def test_regression_answers_values_in_their_units():
    (network,) = sampled("tables", 1)
    found = network.predict(rows(5))
    assert found.values.shape == (5, 2) and found.labels is None and found.names == PRICES.names
    scaled = (found.values - torch.tensor(PRICES.mean)) / torch.tensor(PRICES.std)
    assert torch.allclose(network(TABLE.module()(TABLE.encode(rows(5)))), scaled, atol=1e-4)


def test_without_inputs_and_outputs_it_takes_and_gives_floats():
    network = stir(build(tiny()))
    x = torch.randn(3, 1, 12, 12)
    assert torch.equal(network.predict(x.tolist()).values, network(x))
    with pytest.raises(DataError, match=r"takes \(N, 1, 12, 12\)"):
        network.predict(torch.zeros(3, 1, 12, 11))


def test_batches_do_not_matter_and_modes_are_kept():
    network = classifier().train()
    network.stem.eval()
    modes = [m.training for m in network.modules()]
    whole, parts = network.predict(pictures(9)), network.predict(pictures(9), batch=2)
    assert torch.allclose(whole.probabilities, parts.probabilities, atol=1e-6)
    assert [m.training for m in network.modules()] == modes and any(modes) and not all(modes)


def test_no_examples_are_refused():
    with pytest.raises(DataError, match="no examples"):
        classifier().predict(pictures(0))


def test_inputs_and_outputs_must_fit():
    with pytest.raises(ShapeError, match=r"takes \(1, 10, 10\) and the input is \(1, 12, 12\)"):
        Network(tiny((1, 10, 10)), PHOTO)
    with pytest.raises(ShapeError, match=r"gives \(5,\) and the answer needs \(4,\): end it with Linear\(4\)"):
        Network(tiny(out=5), PHOTO, CLASSES)
    with pytest.raises(ShapeError, match=r"gives \(4, 12, 12\) and the answer needs \(4,\)"):
        Network(Graph.of(chain(Conv(4)), (1, 12, 12)), PHOTO, CLASSES)


def test_check_gives_the_figures_or_raises_them():
    network = classifier()
    count = sum(p.numel() for p in network.parameters())
    assert network.check(params <= 10_000) == {"params": count}
    with pytest.raises(CheckError, match="params<=10: measured 1.") as caught:
        network.check(params <= 10_000, "params<=10")
    assert caught.value.measured == {"params": count}
    assert network.check() == {}


def test_check_hands_measures_what_they_need():
    """Whatever that is: a task, or a batch of it, of this very network."""
    task = read("digits", limit=100)
    graph = Graph.of(chain(Conv(4), Activation("relu"), Mean("h w"), Linear(10)), task.input)
    network = build(graph, 3, task.inputs, task.outputs).eval()
    spread = Measure(
        "spread",
        lambda net, batch: float(net(batch).detach().std()),
        unit="",
        direction="max",
        needs=("network", "batch"),
    )
    measured = network.check(spread >= 0, "accuracy>=0", task=task)
    assert measured == {
        "spread": spread(network, Candidate.of(network, task)["batch"]),
        "accuracy": accuracy(network, task),
    }
    assert network.check("accuracy>=0", task=task, split="test") == {"accuracy": accuracy(network, task, split="test")}
    with pytest.raises(CheckError, match="spread>=9.*: measured"):
        network.check(spread >= 9e9, task=task)
    with pytest.raises(DataError, match="spread needs data, and the candidate has none"):
        network.check(spread >= 0)


def test_check_takes_the_measures_of_nasmyth():
    from nasmyth.measure import size

    network = classifier()
    assert network.check(params <= 1e4, size <= "20kB").keys() == {"params", "size"}
    with pytest.raises(CheckError, match="size"):
        network.check(size <= "1kB")


def test_it_says_what_it_is():
    network = classifier()
    assert repr(network).startswith(f"<Network {network.graph.key}: 1x12x12 -> 4 classes, ")
    assert "stages[1].body[0]" in str(network)
    assert "2 values" in repr(sampled("tables", 1)[0])
    assert Mean is not None and "-> 4, " in repr(build(tiny()))


def test_a_layer_is_found_by_its_address():
    network = build(tiny(tied=True))
    assert network.layer("stages[1].body[0]") is network.stages[1].body[0]
    assert network.layer("again.tied[0]") is network.get_submodule("again.tied.0")
    for node in network.graph.nodes[1:]:
        assert network.layer(node.address) is not None
    with pytest.raises(
        UnknownNameError,
        match=r"no layer is at 'stages\[1\]\.bdy\[0\]'.*stages\[1\]\.body\[0\].*print\(network\.graph\)",
    ):
        network.layer("stages[1].bdy[0]")
    assert build(Graph.of(Conv(2), (1, 4, 4))).layer("").weight.shape == (2, 1, 3, 3)


def test_an_address_may_be_called_layer():
    network = build(Graph.of(chain(layer=Linear(2), next=chain(layer=Linear(3))), (4,)))
    assert network.layer("layer").out_features == 2 and network.layer("next.layer").out_features == 3
    assert {"layer_.weight", "next.layer.weight"} < set(network.state_dict())
