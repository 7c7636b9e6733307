"""Strings by CTC against the sum over all paths, and greedy decoding against the definition."""

import itertools

import pytest
import torch

from nasmyth import Graph, build, chain, frames
from nasmyth.errors import DataError
from nasmyth.export.alone import answers
from nasmyth.forms import IGNORED, ImageInput, Strings, fit_strings
from nasmyth.forms.strings import edit_distance
from nasmyth.ops import Flatten, Linear, Permute
from nasmyth.record import from_json, to_json
from nasmyth.train import AdamW, Recipe, Split, Task, evaluate, fit

torch.set_num_threads(1)


def said(path, blank):
    """The string that a path is."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6])
def test_the_loss_is_the_sum_over_all_paths(length):
    torch.manual_seed(length)
    outputs = Strings(("a", "b"), length, longest=min(3, length))
    logits = torch.randn(1, length, 3)
    chances = logits[0].softmax(1)
    found = {}
    for path in itertools.product(range(3), repeat=length):
        p = torch.stack([chances[i, symbol] for i, symbol in enumerate(path)]).prod()
        found[said(path, 2)] = found.get(said(path, 2), 0) + p
    assert float(sum(found.values())) == pytest.approx(1, abs=1e-5)
    for string, p in found.items():
        if len(string) <= outputs.longest:
            target = outputs.encode(["".join("ab"[i] for i in string)])
            assert float(outputs.loss(logits, target)) == pytest.approx(-float(p.log()), abs=1e-4)


def test_the_loss_of_a_batch_is_the_mean_and_has_right_gradients():
    outputs = Strings(("a", "b"), 5, 3)
    logits, y = torch.randn(3, 5, 3), outputs.encode(["ab", "", "bab"])
    each = torch.stack([outputs.loss(logits[i : i + 1], y[i : i + 1]) for i in range(3)])
    assert torch.allclose(outputs.loss(logits, y), each.mean(), atol=1e-6)
    smooth = -logits.log_softmax(2).mean(2).sum(1).mean()
    assert torch.allclose(outputs.loss(logits, y, smoothing=0.1), 0.9 * each.mean() + 0.1 * smooth, atol=1e-5)


def test_strings_are_decoded_from_the_most_probable_path():
    torch.manual_seed(0)
    outputs = Strings(tuple("abc"), 7, 7)
    logits = torch.randn(50, 7, 4)
    assert outputs.decoded(logits) == [said(path, 3) for path in logits.argmax(2).tolist()]
    indices, probabilities = outputs.module()(logits)
    assert indices.shape == (50, 7) and torch.equal(probabilities, logits.softmax(2))


def test_whole_strings_are_right_or_wrong():
    outputs = Strings(tuple("ab"), 4, 3)
    path = torch.nn.functional.one_hot(torch.tensor([[0, 0, 2, 0], [1, 2, 2, 2]]), 3).float() * 9
    y = outputs.encode(["aa", "ab"])
    meter = outputs.meter()
    meter.update(path, y)
    scores = meter.compute()
    assert scores["accuracy"] == 0.5 and scores["symbol_error"] == 1 / 4  # one put in
    metric = outputs.metric("accuracy")
    assert metric.told(outputs.gather(metric, path, y)) == 0.5 and outputs.each(path, y).tolist() == [1.0, 0.0]
    assert outputs.said(path, y, 1) == {"true": "ab", "answer": "b"}


def test_edit_distance():
    assert edit_distance("kitten", "sitting") == 3 and edit_distance("", "abc") == 3 and edit_distance("ab", "ab") == 0


def test_targets_that_do_not_fit_are_refused():
    outputs = Strings(tuple("ab"), 4, 4)
    with pytest.raises(DataError, match=r"row 1: its 4 symbols need 5 places, one each and a blank between equal ones, and the "
                                        r"network gives 4; give it more places"):  # fmt: skip
        outputs.encode(["abab", "abba"])
    with pytest.raises(
        DataError, match=r"row 0: 5 symbols, and strings have 4 at most; write Strings\(..., longest=5\)"
    ):
        outputs.encode(["ababa"])
    with pytest.raises(DataError, match=r"row 0: 'c' is not one of the symbols \['a', 'b'\]"):
        outputs.encode(["c"])
    with pytest.raises(DataError, match="strings of up to 5 symbols at 4 places"):
        Strings(tuple("ab"), 4, 5)
    with pytest.raises(DataError, match="then -100 up to the end"):
        outputs.validate(torch.tensor([[0, IGNORED, 1, IGNORED]]), "y")


def test_symbols_are_found_and_kept():
    outputs = fit_strings(["31", "2", "313"], length=6)
    assert outputs.names == ("1", "2", "3") and outputs.longest == 3 and outputs.shape == (6, 4)
    assert from_json(to_json(outputs)) is outputs


def written(strings):
    """Images, N H W 1, in which a column is a symbol: "a" is bright above, "b" below."""
    x = torch.zeros(len(strings), 4, 6, 1, dtype=torch.uint8)
    for row, string in enumerate(strings):
        for i, symbol in enumerate(string):
            x[row, slice(0, 2) if symbol == "a" else slice(2, 4), 2 * i] = 255
    return x


def test_a_network_learns_predicts_and_is_exported(tmp_path):
    strings = ["".join(s) for n in range(1, 4) for s in itertools.product("ab", repeat=n)]
    inputs, outputs = ImageInput(4, 6, 1, (0.5,), (0.5,)), fit_strings(strings, length=6)
    split = Split(inputs.encode(written(strings)), outputs.encode(strings))
    task = Task("strings", inputs, outputs, split, split, split)
    assert task.chance()["value"] == pytest.approx(1 / len(strings))
    graph = Graph.of(chain(Permute((2, 0, 1)), frames(chain(Flatten(), Linear(3)))), input=(1, 4, 6))
    network = build(graph, inputs=inputs, outputs=outputs)
    fit(network, task, Recipe(epochs=150, batch=14, optimizer=AdamW(lr=0.05)), device="cpu")
    assert evaluate(network, task)["accuracy"] == 1.0
    found = network.predict(written(strings))
    assert ["".join(labels) for labels in found.labels] == strings
    network.export(tmp_path / "net.py")
    ((labels, _),) = answers(tmp_path / "net.py", [written(strings)])
    assert ["".join(one) for one in labels] == strings
