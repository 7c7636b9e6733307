"""Positions that do not count: whatever stands in them changes neither losses, nor scores, nor gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nasmyth import build
from nasmyth.errors import DataError
from nasmyth.forms import IGNORED, Classes, TokenInput, Values
from nasmyth.graph import Graph, chain, residual
from nasmyth.ops import Attention, Embedding, Linear, Mean, SequenceConv
from nasmyth.train import Split, Task, evaluate, score_split
from nasmyth.train.mistakes import mistakes

TEXTS = ["abca", "b", "acbbac", "caaab", "", "bcb"]
EACH = chain(embed=Embedding(5, 8), mix=residual(Attention(2)), conv=residual(SequenceConv(8, 3)), head=Linear(3))
WHOLE = chain(
    embed=Embedding(5, 8), mix=residual(Attention(2)), conv=residual(SequenceConv(8, 5)), pool=Mean("l"), head=Linear(3)
)


def inputs(length):
    return TokenInput(length, ("a", "b", "c", "d"), padded=True)


def each_letter(length):
    """The next letter of each place, where there is one."""
    y = torch.full((len(TEXTS), length), IGNORED)
    for row, text in enumerate(TEXTS):
        for i, letter in enumerate(text[1:]):
            y[row, i] = "abc".index(letter)
    return y


def task(length, whole):
    x = inputs(length).encode(TEXTS)
    outputs = Classes(("a", "b", "c")) if whole else Classes(("a", "b", "c"), positions=(length,))
    split = Split(x, torch.tensor([0, 1, 2, 0, 1, 2]) if whole else each_letter(length))
    return Task("letters", inputs(length), outputs, split, split, split)


def trained(length, whole):
    """Loss, scores and gradients of one network for texts that are padded to a length."""
    given = task(length, whole)
    network = build(Graph.of(WHOLE if whole else EACH, given.input), 0, given.inputs, given.outputs)
    x, y = given.train.batch(torch.arange(len(TEXTS)))
    loss = given.loss(network(*given.inputs.module()(x)), y, smoothing=0.1)
    loss.backward()
    scores = evaluate(network, given)
    return loss.item(), scores, [p.grad for p in network.parameters()], score_split(network, given)


@pytest.mark.parametrize("whole", [True, False])
def test_longer_padding_changes_nothing(whole):
    short, long = trained(6, whole), trained(17, whole)
    assert short[0] == pytest.approx(long[0], rel=1e-5)
    assert short[1] == pytest.approx(long[1], rel=1e-4)
    for ours, theirs in zip(short[2], long[2], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert torch.equal(short[3].each, long[3].each) and short[3].picture == long[3].picture
    assert len(short[3].each) == (len(TEXTS) if whole else sum(max(0, len(text) - 1) for text in TEXTS))


def test_without_the_mask_padding_does_change_the_loss():
    """What makes the law above one that can fail."""

    def loss(length):
        given = task(length, True)
        network = build(Graph.of(WHOLE, (length,)), 0)
        return given.loss(network(given.train.x.float()), given.train.y).item()

    assert loss(6) != pytest.approx(loss(17), rel=1e-3)


def test_what_stands_where_nothing_counts_is_of_no_consequence():
    generator = torch.Generator().manual_seed(0)
    outputs, fields = Classes(("a", "b", "c"), positions=(4, 2)), Values(("u", "v"), (1.0, 2.0), (3.0, 4.0), (4, 2))
    y = torch.randint(0, 3, (5, 4, 2), generator=generator)
    values = torch.randn((5, 4, 2, 2), generator=generator)
    hidden = torch.rand((5, 4, 2), generator=generator) < 0.4
    y[hidden], values[hidden] = IGNORED, torch.nan
    for form, target in ((outputs, y), (fields, values)):
        pred = torch.randn((5, 4, 2, form.size), generator=generator, requires_grad=True)
        other = torch.where(hidden[..., None], 7.0, pred).detach().requires_grad_()
        one, two = form.loss(pred, target), form.loss(other, target)
        one.backward()
        two.backward()
        assert one.item() == pytest.approx(two.item(), rel=1e-6)
        torch.testing.assert_close(pred.grad, other.grad)
        assert not pred.grad[hidden].any()
        meters = [form.meter(), form.meter()]
        meters[0].update(pred.detach(), target)
        for i in range(5):  # batch by batch, some of which may count nothing
            meters[1].update(other.detach()[i : i + 1], target[i : i + 1])
        assert meters[0].compute() == pytest.approx(meters[1].compute(), rel=1e-5)
        assert form.counted(target) == int((~hidden).sum()) == len(form.each(pred.detach(), target))
        places, wrong = form.worst(pred.detach(), target)
        assert not hidden.flatten()[places].any() and len(places) == wrong


def test_losses_are_those_of_what_counts_alone():
    pred, y = torch.randn(3, 4, 5), torch.tensor([[0, 1, IGNORED, 4], [IGNORED] * 4, [2, 2, 3, IGNORED]])
    kept = y != IGNORED
    expected = torch.nn.functional.cross_entropy(pred[kept], y[kept], label_smoothing=0.2)
    torch.testing.assert_close(Classes(tuple("abcde"), positions=(4,)).loss(pred, y, 0.2), expected)
    fields = Values(("u",), (2.0,), (3.0,), (4,))
    values = torch.where(kept, torch.randn(3, 4), torch.nan)[..., None]
    expected = ((pred[..., :1] - (values - 2) / 3)[kept]).square().mean()
    torch.testing.assert_close(fields.loss(pred[..., :1], values), expected)


def test_a_batch_in_which_nothing_counts_loses_nothing():
    form = Classes(("a", "b"), positions=(3,))
    pred = torch.randn(2, 3, 2, requires_grad=True)
    loss = form.loss(pred, torch.full((2, 3), IGNORED))
    loss.backward()
    assert loss.item() == 0.0 and not pred.grad.any()


def test_chance_is_that_of_what_counts():
    form = Classes(("a", "b"), positions=(4,))
    train, valid = (
        torch.tensor([[0, 0, 1, IGNORED]]),
        torch.tensor([[1, IGNORED, IGNORED, 0], [0, 0, IGNORED, IGNORED]]),
    )
    level = form.chance(train, valid)
    assert (level["answer"], level["share"], level["value"]) == ("a", pytest.approx(2 / 3), 0.75)


def test_the_worst_answers_show_what_they_are_about():
    given = task(6, False)
    network = build(Graph.of(EACH, given.input), 0, given.inputs, given.outputs)
    told = mistakes(score_split(network, given).raw, given)
    assert told["columns"] == ["text"] and told["of"] == 14 and 0 < told["wrong"] <= 14
    assert all(any(text.startswith(one["cells"][0]) for text in TEXTS) for one in told["examples"])


def test_targets_of_another_form_are_refused():
    x = inputs(6).encode(TEXTS)
    for y in (torch.zeros(6, 5).long(), torch.full((6, 6), 3), torch.full((6, 6), -1), torch.zeros(6, 6)):
        split = Split(x, y)
        with pytest.raises(DataError, match="positions"):
            Task("letters", inputs(6), Classes(("a", "b", "c"), positions=(6,)), split, split, split)


def test_labels_that_are_missing_do_not_count():
    form = Classes(("a", "b"), positions=(3,))
    assert form.encode(np.array([["a", None, "b"], ["b", "b", float("nan")]], dtype=object)).tolist() == [
        [0, IGNORED, 1], [1, 1, IGNORED],
    ]  # fmt: skip
