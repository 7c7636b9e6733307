"""Several heads: losses are summed with weights, each is scored by itself; and several inputs of different kinds together."""

from __future__ import annotations

import re

import pytest
import torch

from nasmyth import Network, build
from nasmyth.errors import DataError, ExportError
from nasmyth.forms import (
    Classes,
    GraphInput,
    Heads,
    ImageInput,
    InputForm,
    NamedInputs,
    TokenInput,
    Values,
    fit_table_input,
)
from nasmyth.graph import Graph, chain, op
from nasmyth.ops import Conv, Linear, Mean
from nasmyth.train import AdamW, Recipe, Split, Task, evaluate, fit

KIND, AGE = Classes(("cat", "dog", "cow")), Values(("age",), (3.0,), (1.5,))
BOTH = Heads((("kind", KIND), ("age", AGE)), (1.0, 0.5))


@op("b d, row: b f, tokens: b l -> b out")
class Meet(torch.nn.Module):
    """Three inputs of different kinds become one."""

    def __init__(self, d: int, f: int, l: int, out: int = 8) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(d + f + l, out)

    def forward(self, x, row, tokens):
        return self.linear(torch.cat((x, row, tokens.float()), 1)).relu()


def targets(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {"kind": torch.arange(n) % 3, "age": 3 + torch.randn(n, 1, generator=generator)}


def table():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(60, 4, generator=generator)
    columns = {f"x{i}": x[:, i].numpy() for i in range(4)}
    inputs = fit_table_input(columns)
    stored, y = inputs.encode(columns), targets(60)
    y["age"] = 3 + stored[:, :1]
    split = Split(stored, y)
    return Task("pets", inputs, BOTH, split, split, split)


def test_the_loss_is_the_weighted_sum():
    pred, y = torch.randn(9, 4), targets(9)
    expected = KIND.loss(pred[:, :3], y["kind"], 0.1) + 0.5 * AGE.loss(pred[:, 3:], y["age"])
    torch.testing.assert_close(BOTH.loss(pred, y, 0.1), expected)
    torch.testing.assert_close(BOTH.loss({"age": pred[:, 3:], "kind": pred[:, :3]}, y, 0.1), expected)


def test_scores_are_those_of_each_head():
    pred, y = torch.randn(9, 4), targets(9)
    meter = BOTH.meter()
    meter.update(pred[:4], {name: one[:4] for name, one in y.items()})
    meter.update(pred[4:], {name: one[4:] for name, one in y.items()})
    scores = meter.compute()
    alone = {}
    for name, form, part in (("kind", KIND, pred[:, :3]), ("age", AGE, pred[:, 3:])):
        own = form.meter()
        own.update(part, y[name])
        alone[name] = own.compute()
    assert scores["accuracy"] == alone["kind"]["accuracy"] and scores["age_rmse"] == pytest.approx(alone["age"]["rmse"])
    assert scores["loss"] == pytest.approx(alone["kind"]["loss"] + 0.5 * alone["age"]["loss"])


def test_a_network_with_two_heads_learns_both(tmp_path):
    task = table()
    graph = Graph.of(chain(Linear(16), Linear(4)), task.input)
    network = build(graph, 0, task.inputs, task.outputs)
    before = evaluate(network, task)
    fit(network, task, Recipe(optimizer=AdamW(lr=1e-2), batch=20, epochs=30))
    after = evaluate(network, task)
    assert after["age_rmse"] < 0.5 * before["age_rmse"] and after["loss"] < before["loss"]
    network.save(tmp_path / "net.safetensors")
    again = Network.load(tmp_path / "net.safetensors")
    told = again.predict({f"x{i}": [0.1, 0.2] for i in range(4)})
    assert set(told.heads) == {"kind", "age"} and told.labels == told.heads["kind"].labels
    assert told.heads["age"].values.shape == (2, 1)
    with pytest.raises(ExportError, match="several heads"):
        network.export(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Heads(()), "pairs"),
        (lambda: Heads((("a", KIND), ("a", AGE))), "pairs"),
        (lambda: Heads((("a", KIND),), (1.0, 2.0)), "2 weights"),
        (lambda: Heads((("a", KIND), ("b", AGE.replace(positions=(3,))))), "positions"),
        (lambda: BOTH.validate({"kind": torch.zeros(3).long()}, "it"), "targets are a dict"),
        (lambda: BOTH.encode({"kind": ["cat"]}), "'age'"),
        (lambda: BOTH.check_output(torch.zeros(3, 5)), r"needs \(N, 4\)"),
        (lambda: BOTH.check_output({"kind": torch.zeros(3, 3)}), "'age' is missing"),
    ],
)
def test_heads_that_do_not_go_together_are_refused(make, said):
    with pytest.raises(DataError, match=said):
        make()


def three(n=48):
    generator = torch.Generator().manual_seed(2)
    rows = {"a": torch.randn(n, generator=generator).numpy(), "b": torch.randn(n, generator=generator).numpy()}
    picture = ImageInput(6, 6, 1, (0.5,), (0.3,))
    inputs = NamedInputs((("picture", picture), ("row", fit_table_input(rows)), ("tokens", TokenInput(5, 9))))
    images = torch.randint(0, 256, (n, 6, 6), generator=generator, dtype=torch.uint8)
    raw = {"picture": images, "row": rows, "tokens": torch.randint(0, 9, (n, 5), generator=generator)}
    y = (torch.as_tensor(rows["a"]) > 0).long()
    return inputs, raw, y


def test_inputs_of_three_kinds_train_predict_save_and_export(tmp_path):
    inputs, raw, y = three()
    split = Split(inputs.encode(raw), y)
    task = Task("three", inputs, Classes(("no", "yes")), split, split, split)
    assert task.inputs.spec.names == ("picture", "row", "tokens")
    graph = Graph.of(chain(Conv(4), Mean("h w"), Meet(8), Linear(2)), task.input)
    network = build(graph, 0, task.inputs, task.outputs)
    fitted = fit(network, task, Recipe(optimizer=AdamW(lr=1e-2), batch=16, epochs=25))
    assert fitted.scores["accuracy"] > 0.85
    part = {
        "picture": raw["picture"][:3],
        "row": {k: v[:3] for k, v in raw["row"].items()},
        "tokens": raw["tokens"][:3],
    }
    network.save(tmp_path / "net.safetensors")
    assert Network.load(tmp_path / "net.safetensors").predict(part).labels == network.predict(part).labels
    with pytest.raises(DataError, match="'picture', 'row', 'tokens'"):
        network.predict({"picture": raw["picture"]})
    for suffix in ("onnx", "pt2", "py"):
        assert network.export(tmp_path / f"net.{suffix}").difference < 1e-5
    text = (tmp_path / "net.py").read_text()
    assert re.search(r"COLUMNS = \{\n    .row.: \[", text) and "import nasmyth" not in text
    session = pytest.importorskip("onnxruntime").InferenceSession(str(tmp_path / "net.onnx"))
    fed = {name: x.numpy() for name, x in inputs.encode(part).items()}
    torch.testing.assert_close(torch.from_numpy(session.run(None, fed)[1]), network.predict(part).probabilities)
    takes = session.get_modelmeta().custom_metadata_map["takes"]
    assert all(said in takes for said in ("picture: uint8 (N, 6, 6, 1)", "row: float32 (N, 2)", "tokens: codes"))


@pytest.mark.parametrize("suffix", ["onnx", "pt2", "py"])
@pytest.mark.parametrize("first", [KIND, AGE])
def test_several_heads_are_not_exported(suffix, first, tmp_path):
    inputs = table().inputs
    heads = Heads((("first", first), ("other", KIND)))
    network = build(Graph.of(Linear(heads.size), (4,)), 0, inputs, heads)
    with pytest.raises(ExportError, match="several heads"):
        network.export(tmp_path / f"net.{suffix}")
    assert not list(tmp_path.iterdir())


class Plain(InputForm):
    """An input of someone's own that says what training needs, and no more."""

    shape = (4,)

    def encode(self, raw):
        return torch.as_tensor(raw).float()

    def module(self):
        return torch.nn.Identity()


@pytest.mark.parametrize(
    ("suffix", "says"), [("py", "Plain has no form as source"), ("onnx", r"Plain has no random\(n, seed\)")]
)
def test_what_an_input_does_not_say_is_asked_for_in_words(suffix, says, tmp_path):
    network = build(Graph.of(Linear(3), (4,)), 0, Plain(), KIND)
    with pytest.raises(ExportError, match=says):
        network.export(tmp_path / f"net.{suffix}")


def test_what_has_parts_is_no_part_of_others():
    with pytest.raises(DataError, match="GraphInput has several parts itself"):
        NamedInputs((("graph", GraphInput(3, 2, 4)),))


@pytest.mark.parametrize("suffix", ["onnx", "pt2", "py"])
def test_a_network_of_several_inputs_is_exported(suffix, tmp_path):
    graph = Graph.of(chain(Linear(8), Meet(8), Linear(2)), {"x": (7,), "row": (2,), "tokens": ((5,))})
    network = build(graph, 0, None, Classes(("no", "yes")))
    written = network.export(tmp_path / f"net.{suffix}")
    assert written.difference < 1e-5
    if suffix == "onnx":
        onnx = pytest.importorskip("onnx")
        model = onnx.load(str(tmp_path / "net.onnx"))
        assert [one.name for one in model.graph.input] == ["x", "row", "tokens"]
