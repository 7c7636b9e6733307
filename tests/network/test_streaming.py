"""Networks a place at a time: the same as the whole at once, a state a layer, and a refusal that names the layer."""

import pytest
import torch
from torch import nn

from nasmyth import Graph, chain, ops, residual
from nasmyth.errors import ExportError, ShapeError
from nasmyth.graph import repeat
from nasmyth.graph.inputs import Spec
from nasmyth.graph.op import op, state_count
from nasmyth.graph.op import ops as registered
from nasmyth.measure import find, latency, state
from nasmyth.network import build
from nasmyth.testing import check_op

torch.set_num_threads(1)
BEFORE = set(registered._items)


@op("b l d -> b l d", ordered="l", mixes="l")
class RunningSum(nn.Module):
    no_onnx = "a sum that runs is for tests alone"

    def __init__(self, d: int, rate: float = 1.0) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.full((d,), rate))

    def forward(self, x):
        return x.cumsum(1) * self.rate

    def initial_state(self, batch):
        return (self.rate.new_zeros(batch, self.rate.numel()),)

    def step(self, state, x):
        total = state[0] + x
        return total * self.rate, (total,)


@op("b l d -> b l d", ordered="l", mixes="l")
class Ahead(nn.Module):
    def forward(self, x):
        return x.roll(-1, 1)

    def initial_state(self, batch):
        raise ValueError("it looks ahead; use RunningSum()")

    def step(self, state, x):
        return x, state


@op("b l d -> b l d", ordered="l", mixes="l")
class Forgetful(RunningSum.module):
    def step(self, state, x):
        return x * self.rate, state


state_count.register(RunningSum, lambda op, inputs, output: output[1])
state_count.register(Forgetful, lambda op, inputs, output: output[1])

for _name in set(registered._items) - BEFORE:  # they are for these tests alone
    del registered._items[_name]


def test_place_by_place_equals_the_whole():
    body = repeat(residual(ops.LayerNorm(), RunningSum(0.3), ops.Activation("gelu"), ops.Linear(6)), 2, tied=True)
    network = build(Graph.of(chain(stem=ops.Linear(6), body=body, head=ops.Linear(3)), (5, 4)), seed=1).eval()
    x = torch.randn(2, 5, 4)
    state, outputs = network.initial_state(batch=2), []
    for place in range(5):
        output, state = network.step(state, x[:, place])
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), network(x))
    assert [len(kept) for kept in state].count(1) == 2  # one module, twice in the network, with a state each


def test_codes_stream():
    network = build(Graph.of(chain(ops.Embedding(9, 4), RunningSum(), ops.Linear(9)), {"tokens": Spec((6,), "int")}))
    tokens = torch.randint(9, (1, 6))
    state = network.initial_state()
    for place in range(6):
        output, state = network.step(state, tokens[:, place])
    torch.testing.assert_close(output, network(tokens)[:, -1])


def decoder(**inputs):
    """Answers a place at a time, beside a memory that two of its layers look at."""
    body = chain(
        ops.Attention(2, causal=True), residual(ops.CrossAttention(2, k=3)), ops.Linear(3), ops.CrossAttention(1, k=2)
    )
    return Graph.of(body, {"x": (5, 4), "memory": (7, 3), **inputs})


@pytest.mark.parametrize("masked", [False, True])
def test_a_decoder_streams_beside_a_memory_that_is_given_whole(masked):
    network = build(decoder(**({"memory_mask": (7,)} if masked else {})), seed=1).double().eval()
    x, whole = torch.randn(2, 5, 4).double(), {"memory": torch.randn(2, 7, 3).double()}
    if masked:
        whole["memory_mask"] = torch.tensor([[1.0] * 7, [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]]).double()
    state, outputs = network.initial_state(2, **whole), []
    for place in range(5):
        output, state = network.step(state, x[:, place])
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), network(x, *whole.values()))


def test_a_step_beside_a_memory_is_timed_and_what_is_kept_of_it_is_counted():
    graph = decoder(memory_mask=(7,))
    assert 0 < latency("cpu", step=True)(graph) < 1
    kept = build(graph).initial_state(memory=torch.randn(1, 7, 3), memory_mask=torch.ones(1, 7))
    past = 2 * 5 * 4  # keys and values of attention, after the last place
    assert state(graph) == 4 * (past + sum(one.numel() for layer in kept[3:] for one in layer))


def test_a_memory_is_given_whole_or_refused_in_words():
    network, memory = build(decoder()), torch.randn(2, 7, 3)
    with pytest.raises(ShapeError, match=r"is given whole: network.initial_state\(batch, memory=...\)"):
        network.initial_state(2)
    with pytest.raises(ShapeError, match="no input 'hint', it takes"):
        network.initial_state(2, memory=memory, hint=memory)
    with pytest.raises(ShapeError, match=r"memory has the shape \(2, 7, 3\), and is \(1, 7, 3\) for a batch of 1"):
        network.initial_state(memory=memory)
    with pytest.raises(ShapeError, match=r"Attention\(heads=2, causal=True\) takes places one by one beside"):
        build(Graph.of(chain(ops.Attention(2, causal=True)), {"x": (5, 4), "mask": (5,)})).initial_state(
            mask=torch.ones(1, 5)
        )


def test_what_is_asked_beside_a_whole_streams_without_a_state():
    graph = Graph.of(chain(ops.Linear(4), ops.ContextMean(), ops.Linear(2)), {"x": (6, 3), "queries": (5, 2)})
    network, x, queries = build(graph).eval(), torch.randn(1, 6, 3), torch.randn(1, 5, 2)
    state, outputs = network.initial_state(x=x), []
    for place in range(5):
        output, state = network.step(state, queries[:, place])
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs, 1), network(x, queries))
    assert 0 < latency("cpu", step=True)(graph) < 1


@pytest.mark.parametrize("layers, message", [
    (ops.Attention(2), r"Attention\(heads=2\).*places.*at mixer"),
    (ops.SequenceConv(4), r"SequenceConv\(4\).*it sees later places.*at mixer"),
    (ops.Mean("l"), r"Mean\(axes='l'\) needs the whole sequence.*at mixer"),
    (Ahead(), r"Ahead\(\) cannot take places one by one: it looks ahead; use RunningSum\(\).*at mixer"),
])  # fmt: skip
def test_what_needs_the_whole_is_named(layers, message):
    with pytest.raises(ShapeError, match=message):
        build(Graph.of(chain(mixer=layers), (5, 4))).initial_state()


def test_places_of_another_number_or_length_are_refused():
    network = build(Graph.of(chain(ops.Linear(2)), (5, 4)))
    with pytest.raises(ShapeError, match="given a place of 2 inputs"):
        network.step(network.initial_state(), torch.zeros(1, 4), torch.zeros(1, 4))
    both = Graph.of(chain(ops.Linear(2)), {"x": (5, 4), "y": (3, 4)})
    with pytest.raises(ShapeError, match="where the first axis of each input is theirs"):
        build(both).initial_state()


def test_a_step_that_differs_is_noticed():
    check_op(RunningSum(), (4, 3), onnx=False)
    with pytest.raises(AssertionError, match=r"Forgetful\(\): place by place it gives something else"):
        check_op(Forgetful(), (4, 3), onnx=False)


def test_a_layer_says_why_it_has_no_onnx(tmp_path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(ExportError, match=r"RunningSum\(\): a sum that runs is for tests alone.*\.pt2.*at \[1\]"):
        build(Graph.of(chain(ops.Linear(3), RunningSum()), (5, 4))).export(tmp_path / "net.onnx")


def test_a_step_is_timed_and_what_it_keeps_is_counted():
    graph = Graph.of(chain(ops.Linear(6), RunningSum(), RunningSum()), (5, 4))
    before = torch.get_num_threads()
    assert 0 < latency("cpu", step=True)(graph) < 1
    assert torch.get_num_threads() == before
    assert find("latency@cpu,step=1").name == latency("cpu", step=True).name == "latency@cpu,step=1"
    assert state(graph) == 2 * 6 * 4
    with pytest.raises(ShapeError, match="needs the whole sequence"):
        latency("cpu", step=True)(Graph.of(chain(ops.Mean("l")), (5, 4)))
