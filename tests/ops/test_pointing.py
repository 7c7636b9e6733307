"""Pointing: against a plain loop, at other lengths, with places that may not be pointed at, and answers that cannot be."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph import Graph, chain, parallel
from nasmyth.network import build
from nasmyth.ops import Identity, Linear, Mean, Pointer, WordsAndItems

D, S = 3, 2


def made(op=Pointer(4), places=5):  # noqa: B008  a frozen value
    torch.manual_seed(0)
    module = op.build((places, D), (S,), (4,))
    for parameter in module.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.5)
    return module


def inputs(places=5, batch=6, steps=4):
    torch.manual_seed(1)
    return torch.randn(batch, places, D), torch.randn(batch, S), torch.randint(places, (batch, steps))


def by_hand(pointer, x, start, told):
    """One example, told what it pointed at before."""
    h, fed, found = pointer.start(start)[None], pointer.first[None], []
    memory = torch.zeros_like(h)
    for place in told.tolist():
        if isinstance(pointer.cell, torch.nn.GRUCell):
            h = pointer.cell(fed, h)
        else:
            h, memory = pointer.cell(fed, (h, memory))
        pairs = [pointer.key.weight @ one + pointer.query.weight @ h[0] for one in x]
        found.append(torch.stack([pointer.score.weight[0] @ pair.tanh() for pair in pairs]))
        fed = x[place][None]
    return torch.stack(found)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_told_decoder_is_the_equations_written_out(cell):
    pointer, (x, start, told) = made(Pointer(4, cell=cell)), inputs()
    got = pointer.train()(x, start, told)
    for i in range(len(x)):
        assert torch.allclose(got[i], by_hand(pointer, x[i], start[i], told[i]), atol=1e-6)


@pytest.mark.parametrize("op", [Pointer(4), Pointer(4, extra=2, once=True, cell="gru")], ids=["lstm", "gru"])
def test_evaluation_follows_its_own_choices_and_no_targets(op):
    pointer, (x, start, told) = made(op), inputs()
    alone = pointer.eval()(x, start, told)
    assert torch.equal(alone, pointer(x, start, (told + 1) % 5))
    pointer.train()
    assert torch.equal(alone, pointer(x, start, torch.full_like(told, -1)))
    assert torch.allclose(alone, pointer(x, start, alone.argmax(2)), atol=1e-6)


def test_the_same_weights_point_into_inputs_of_any_length():
    def graph(places, steps):
        point = parallel(Identity(), Mean("l"), join=Pointer(4))
        return Graph.of(chain(Linear(6), point), input={"x": (places, 2), "targets": (steps,)})

    short, long = build(graph(3, 3)), build(graph(7, 5))
    long.load_state_dict(short.state_dict())
    assert long(torch.randn(2, 7, 2), torch.zeros(2, 5)).shape == (2, 5, 7)


def test_what_a_mask_leaves_out_is_as_if_it_were_not_there():
    pointer, (x, start, told) = made(), inputs()
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0]).expand(len(x), -1)
    got, kept = pointer.eval()(x, start, told, mask), pointer(x[:, [0, 2, 3]], start, told)
    assert torch.allclose(got[:, :, [0, 2, 3]], kept, atol=1e-6)
    assert not bool(torch.isin(got.argmax(2), torch.tensor([1, 4])).any())


def test_a_mask_that_hides_all_leaves_the_learned_places_and_a_finite_loss():
    x, start, told = inputs()
    nothing = torch.zeros(6, 5)
    ends = made(Pointer(4, extra=1)).eval()(x, start, told, nothing)
    assert bool((ends.argmax(2) == 5).all())
    plain = made().eval()(x, start, told, nothing)
    assert bool(F.cross_entropy(plain.flatten(0, 1), told.flatten()).isfinite())


def test_pointing_once_gives_an_order_and_may_end_more_than_once():
    x, start, _ = inputs()
    steps = torch.zeros(6, 5)
    assert (
        made(Pointer(4, once=True)).eval()(x, start, steps).argmax(2).sort(1).values.tolist() == [[0, 1, 2, 3, 4]] * 6
    )
    module = made(Pointer(4, extra=1, once=True)).train()
    assert bool((module(x, start, torch.full((6, 4), 5))[:, :, 5] > -1e3).all())


def test_a_sequence_of_one_place_and_an_empty_one():
    x, start, told = inputs(places=1)
    assert made(places=1).eval()(x, start, told).argmax(2).tolist() == [[0] * 4] * 6
    nothing = made(Pointer(4, extra=1)).eval()(x[:, :0], start, told)
    assert nothing.shape == (6, 4, 1)
    with pytest.raises(ShapeError, match="must be at least 1"):
        Pointer().infer((0, D), (S,), (4,))


@pytest.mark.parametrize("op, told, mask, error", [
    (Pointer(4), [0, 5, 1, 2], None, "a target is 5, and there are 5 places"),
    (Pointer(4), [0, 4, 1, 2], [1, 1, 1, 1, 0], "a target is 4, a place that the mask leaves out"),
    (Pointer(4, once=True), [0, 1, 1, 2], None, "place 1 is twice a target"),
], ids=["range", "mask", "twice"])  # fmt: skip
def test_targets_that_cannot_be_pointed_at(op, told, mask, error):
    x, start, _ = inputs()
    mask = None if mask is None else torch.tensor([mask] * 6)
    with pytest.raises(ValueError, match=error):
        made(op).train()(x, start, torch.tensor([told] * 6), mask)


@pytest.mark.parametrize("fields", [{"cell": "rnn"}, {"hidden": 0}, {"extra": -1}], ids=["cell", "hidden", "extra"])
def test_pointers_that_cannot_be(fields):
    with pytest.raises(SpaceError, match=next(iter(fields))):
        Pointer(**fields)


def items():
    torch.manual_seed(0)
    layer = WordsAndItems(4).build((3, 6), (5, 2), (5,)).eval()
    return layer, torch.randn(2, 3, 6), torch.randn(2, 5, 2)


def test_items_are_scored_by_their_vectors_and_by_those_mentioned():
    layer, x, vectors = items()
    mentioned = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0]])
    got = layer(x, vectors, mentioned)
    assert torch.allclose(got[:, :, :4], layer.word(x))
    for b, spoken in enumerate([[1, 3], [2]]):
        mean = vectors[b, spoken].mean(0)
        for j in range(5):
            wanted = (layer.item(x[b]) + layer.relate.weight @ mean) @ vectors[b, j] / 2**0.5
            assert torch.allclose(got[b, :, 4 + j], wanted, atol=1e-6)


def test_where_nothing_was_mentioned_what_is_said_decides_alone():
    layer, x, vectors = items()
    got = layer(x, vectors, torch.zeros(2, 5))
    assert torch.allclose(got[:, :, 4:], layer.item(x) @ vectors.transpose(1, 2) / 2**0.5, atol=1e-6)


def test_other_items_may_be_pointed_at_later():
    layer, x, vectors = items()
    more = torch.cat((vectors, torch.randn(2, 3, 2)), 1)
    got = layer(x, more, torch.zeros(2, 8))
    assert got.shape == (2, 3, 12)
    assert torch.allclose(got[:, :, :9], layer(x, vectors, torch.zeros(2, 5)), atol=1e-6)
