"""Several inputs and masks through the trainer: texts of different length beside a table, answered at every letter."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from toys import equal_states, same, timeless, weights

from nasmyth import build
from nasmyth.forms import IGNORED, Classes, NamedInputs, TokenInput, fit_table_input
from nasmyth.graph import Graph, chain, op, residual
from nasmyth.ops import Attention, Dropout, Embedding, Linear
from nasmyth.train import EMA, SGD, AdamW, Recipe, Split, Task, TrainingState, fit, initialise, limits

LENGTH, COUNT = 9, 120
RECIPE = Recipe(AdamW(lr=2e-2), epochs=8, batch=16, average=EMA(0.9), smoothing=0.05, clip=1.0)


@op("b l d, row: b f -> b l d")
class AddRow(nn.Module):
    """The row of an example is added to each of its positions."""

    def __init__(self, d: int, f: int) -> None:
        super().__init__()
        self.linear = nn.Linear(f, d)

    def forward(self, x, row):
        return x + self.linear(row).unsqueeze(1)


GRAPH_OF = chain(
    embed=Embedding(5, 16),
    row=AddRow(),
    mix=residual(Attention(2), Dropout(0.1)),
    more=residual(Attention(2)),
    head=Linear(4),
)


@pytest.fixture(scope="module")
def task():
    """Whether the letter is one that occurs twice (of what is there), and whether the number of the row is positive."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(3, LENGTH + 1, (COUNT, 1), generator=generator)
    there = torch.arange(LENGTH) < lengths
    codes = torch.where(there, torch.randint(1, 5, (COUNT, LENGTH), generator=generator), 0)
    row = {"a": torch.randn(COUNT, generator=generator).numpy()}
    again = (codes[:, :, None] == codes[:, None, :]).sum(2) > 1
    y = torch.where(there, 2 * again.long() + (torch.as_tensor(row["a"]) > 0)[:, None], IGNORED)
    inputs = NamedInputs((("tokens", TokenInput(LENGTH, tuple("abcd"), padded=True)), ("row", fit_table_input(row))))
    whole = Split(inputs.encode({"tokens": codes, "row": row}), y)
    parts = [whole.take(torch.arange(a, b)) for a, b in ((0, 80), (80, 100), (100, COUNT))]
    outputs = Classes(("one below", "one above", "more below", "more above"), positions=(LENGTH,))
    return Task("letters", inputs, outputs, *parts)


def network(task):
    return initialise(build(Graph.of(GRAPH_OF, task.input), 0, task.inputs, task.outputs), 0)


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_a_masked_task_of_two_inputs_goes_on_bit_equally(task, precision, monkeypatch):
    monkeypatch.setattr(limits, "CHECKPOINTING", 1.0)
    recipe, kept = RECIPE.replace(precision=precision), []
    assert task.inputs.spec.names == ("tokens", "mask", "row")
    net = network(task)
    expected = fit(net, task, recipe, seed=3, checkpoint=lambda s: kept.append(s.to_bytes()), every=0, device="cpu")
    assert expected.curve[-1]["train_loss"] < 0.8 * expected.curve[0]["train_loss"]
    assert expected.scores["accuracy"] > 0.6
    left = fit(network(task), task, recipe, seed=3, until=3.4, device="cpu")
    assert len(kept) >= 2
    for data in (left.state.to_bytes(), kept[0], kept[len(kept) // 2]):
        gone_on = fit(TrainingState.from_bytes(data), task, device="cpu")
        assert same(weights(gone_on.network), weights(net)) and gone_on.scores == expected.scores
        assert timeless(gone_on.curve) == timeless(expected.curve)
        assert equal_states(gone_on.state, expected.state) == []


def test_half_precision_is_another_training(task):
    ends = [
        fit(network(task), task, RECIPE.replace(precision=p), seed=3, epochs=2, device="cpu").curve[-1]["loss"]
        for p in ("32", "bf16")
    ]
    assert ends[0] != ends[1] and ends[0] == pytest.approx(ends[1], rel=0.05)


def test_what_stands_in_the_padding_changes_no_weight(task):
    """The loop hands mask and targets on as they are: padded further, the training ends the same."""

    def padded(split, more):
        x = {**split.x, "tokens": nn.functional.pad(split.x["tokens"], (0, more))}
        return Split(x, nn.functional.pad(split.y, (0, more), value=IGNORED))

    tokens, row = (form for _, form in task.inputs.inputs)
    inputs = NamedInputs((("tokens", tokens.replace(length=LENGTH + 5)), ("row", row)))
    splits = [padded(split, 5) for split in (task.train, task.valid, task.test)]
    longer = Task("letters", inputs, task.outputs.replace(positions=(LENGTH + 5,)), *splits)
    ends = []
    recipe = RECIPE.replace(
        optimizer=SGD(lr=0.1)
    )  # Adam would make steps of rounding errors: keys' biases have no gradient
    for one in (task, longer):
        # without dropout, whose numbers are drawn for padding as well
        template = chain(embed=Embedding(5, 16), row=AddRow(), mix=residual(Attention(2)), head=Linear(4))
        net = initialise(build(Graph.of(template, one.input), 0, one.inputs, one.outputs), 0)
        fit(net, one, recipe, seed=3, epochs=2, device="cpu")
        ends.append(weights(net))
    for name, tensor in ends[0].items():
        torch.testing.assert_close(tensor, ends[1][name], rtol=1e-3, atol=1e-4)
