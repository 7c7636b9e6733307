"""Chunks with learned boundaries, against loops over places; what is causal; the ratio loss; stages that nest."""

import pytest
import torch

from nasmyth import Graph, chain, residual
from nasmyth.blocks import chunked
from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.cell import Cell, Edge, Vertex
from nasmyth.measure import latency
from nasmyth.network import build
from nasmyth.ops import GRU, Add, Attention, Boundaries, Chunk, Identity, Linear, SequenceConv, Unchunk
from nasmyth.testing import randomised
from nasmyth.train.auxiliary import auxiliary_losses

torch.set_num_threads(1)
P = torch.tensor([[0.2, 0.7, 0.1, 0.6, 0.9, 0.3]]).double()
"""The first place always begins a chunk, so these are chunks of 1, 2, 1 and 2 places."""


def test_a_boundary_is_where_neighbours_point_elsewhere():
    boundaries = Boundaries().build((4, 2)).eval()
    x = torch.tensor([[[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [0.0, 3.0]]])
    assert torch.allclose(boundaries(x), torch.tensor([[1.0, 0.0, 1.0, 0.5]]))


def test_chunks_are_their_first_places_and_zeros_behind():
    x = torch.randn(1, 6, 3).double()
    assert torch.equal(Chunk(4).build((6, 3), (6,))(x, P), x[:, [0, 1, 3, 4]])
    padded = Chunk(6).build((6, 3), (6,))(x, P)
    assert torch.equal(padded[:, :4], x[:, [0, 1, 3, 4]]) and not padded[:, 4:].any()
    assert torch.equal(Chunk(2).build((6, 3), (6,))(x, P), x[:, [0, 1]])


@pytest.mark.parametrize("most", [4, 6, 2])
def test_unchunk_smooths_over_chunks_and_repeats_each(most):
    z = torch.randn(1, most, 3).double()
    chances, of_place = [1.0, 0.7, 0.6, 0.9], [0, 1, 1, 2, 3, 3]
    smoothed = [z[0, 0]]
    for c in range(1, min(4, most)):
        smoothed.append(chances[c] * z[0, c] + (1 - chances[c]) * smoothed[-1])
    wanted = torch.stack([smoothed[min(c, most - 1)] for c in of_place])
    assert torch.allclose(Unchunk().build((most, 3), (6,)).eval()(z, P)[0], wanted)


def test_unchunk_undoes_chunk_where_boundaries_are_sure():
    x = torch.randn(2, 5, 3).double().repeat_interleave(2, 1)
    sure = torch.tensor([1.0, 0.0] * 5).double().expand(2, -1)
    chunks = Chunk(5).build((10, 3), (10,))(x, sure)
    assert torch.allclose(Unchunk().build((5, 3), (10,)).eval()(chunks, sure), x, atol=1e-3)


def test_training_changes_no_value_and_lets_boundaries_learn():
    unchunk, z = Unchunk().build((4, 3), (6,)), torch.randn(1, 4, 3).double()
    p = P.clone().requires_grad_()
    assert torch.allclose(unchunk.train()(z, p), unchunk.eval()(z, p))
    (never,) = torch.autograd.grad(unchunk.eval()(z, p).sum(), p)
    (learns,) = torch.autograd.grad(unchunk.train()(z, p).sum(), p)
    assert never[0, [2, 5]].abs().max() == 0  # places that begin nothing
    assert learns[0, [2, 5]].abs().min() > 0


def test_the_ratio_loss_is_least_with_one_chunk_in_so_many_places():
    boundaries = Boundaries(5).build((4, 2))
    at = {share: float(boundaries.ratio_loss((torch.arange(100) < share).double())) for share in (1, 10, 20, 40, 90)}
    assert at[20] == pytest.approx(1) and min(at, key=at.get) == 20


def test_the_loss_is_told_to_who_listens_while_it_trains():
    boundaries, x = Boundaries(weight=0.5).build((6, 4)), torch.randn(2, 6, 4)
    with auxiliary_losses(boundaries) as heard:
        boundaries.eval()(x)
        assert heard == []
        p = boundaries.train()(x)
        assert len(heard) == 1 and torch.isclose(heard[0], 0.5 * boundaries.ratio_loss(p))
    boundaries(x)
    assert len(heard) == 1


def test_nested_stages_are_causal_and_every_boundary_learns():
    inner = SequenceConv(4, causal=True)
    graph = Graph.of(chunked(chunked(inner, ratio=2.0), ratio=2.0, room=2.0), (12, 4))
    torch.manual_seed(0)
    network = randomised(build(graph)).double()
    x = torch.randn(2, 12, 4).double()
    other = x.clone()
    other[:, 7:] += torch.randn(2, 5, 4).double()
    assert torch.allclose(network.eval()(x)[:, :7], network(other)[:, :7])
    with auxiliary_losses(network) as losses:
        network.train()(x).square().sum().backward()
    assert len(losses) == 2 and all(loss > 0 for loss in losses)
    for module in network.modules():
        if isinstance(module, Boundaries.module):
            assert module.query.weight.grad.abs().max() > 0


@pytest.mark.parametrize("graph", [
    Graph.of(chunked(chain(SequenceConv(4, causal=True), GRU(4)), ratio=2.0, room=2.0), (16, 4)),
    Graph.of(chain(Linear(4), chunked(residual(Attention(2, causal=True)), ratio=3.0, room=1.0), GRU(3)), (16, 4)),
    Graph.of(chunked(chunked(residual(Attention(2, causal=True)), ratio=2.0, room=2.0), ratio=2.0, room=2.0), (16, 4)),
], ids=["recurrent", "attention, too little room", "nested"])  # fmt: skip
def test_chunks_stream_whatever_works_on_them(graph):
    torch.manual_seed(0)
    network = randomised(build(graph)).double().eval()
    x = torch.randn(3, 16, 4).double()
    state, outputs = network.initial_state(3), []
    with torch.no_grad():
        for place in range(16):
            output, state = network.step(state, x[:, place])
            outputs.append(output)
        torch.testing.assert_close(torch.stack(outputs, 1), network(x), atol=1e-5, rtol=1e-5)
    assert 0 < latency("cpu", step=True)(graph) < 1


def test_what_works_on_chunks_waits_for_them():
    graph = Graph.of(chunked(Linear(4), ratio=4.0), (8, 4))
    network, worked = build(graph).eval(), []
    (inner,) = (m for n, m in network.named_modules() if isinstance(m, torch.nn.Linear) and n.startswith("n3"))
    inner.register_forward_hook(lambda *given: worked.append(1))
    x, state = torch.ones(1, 4), network.initial_state()
    for _ in range(8):  # neighbours that are alike: one chunk
        _, state = network.step(state, x)
    assert len(worked) == 1


def test_places_and_chunks_that_are_as_many_are_told_apart():
    mixed = Cell((Vertex((Edge(0, Identity()),), Boundaries()),
                  Vertex((Edge(0, Identity()), Edge(1, Identity())), join=Chunk(6)),
                  Vertex((Edge(0, Identity()), Edge(2, Identity())), join=Add())))  # fmt: skip
    with pytest.raises(
        ShapeError, match=r"Add\(\) takes what comes at every place together with what comes at some only"
    ):
        build(Graph.of(mixed, (6, 4))).initial_state()
    chunks = Cell((*mixed.vertices[:2], Vertex((Edge(2, Linear(4)),))))
    with pytest.raises(ShapeError, match=r"answers at some places only: put Unchunk\(\) behind Linear\(4\)"):
        build(Graph.of(chunks, (6, 4))).initial_state()


def test_there_is_room_for_a_share_of_the_places():
    chunks = [node.shape for node in Graph.of(chunked(Linear(4), ratio=4.0), (64, 4)).nodes if node.shape[0] == 24]
    assert chunks == [(24, 4), (24, 4)]


@pytest.mark.parametrize("make, error, said", [
    (lambda: Boundaries(1), SpaceError, "above 1"),
    (lambda: Chunk(7).infer((6, 3), (6,)), ShapeError, "most=6 or less"),
    (lambda: Graph.of(chunked(Identity(), ratio=0.5), (6, 3)), SpaceError, "above 1"),
], ids=["ratio", "most", "block"])  # fmt: skip
def test_bad_settings_are_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()
