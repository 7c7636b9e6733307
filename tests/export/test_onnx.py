"""ONNX files against the network, in a process that has neither torch nor nasmyth.

Each export takes seconds: one network a domain here, ten with NASMYTH_TEST_EXPORTS=10.
"""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from nets import CLASSES, TABLE, classifier, pictures, rows, sampled, stir, tiny
from torch import nn

from nasmyth.errors import ExportError
from nasmyth.export.onnx import feed, plain
from nasmyth.forms.raw import text_of
from nasmyth.graph import Graph, chain, op
from nasmyth.network import build
from nasmyth.ops import Columns, Flatten, Linear
from nasmyth.record import from_json

COUNT = int(os.environ.get("NASMYTH_TEST_EXPORTS", "1"))

ALONE = """
import json, sys
import numpy as np
import onnxruntime

for name in sys.argv[1:]:
    session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
    given = np.load(f"{name}.npz")
    fed = {i.name: given[f"in:{i.name}"].astype(object) if i.type == "tensor(string)" else given[f"in:{i.name}"]
           for i in session.get_inputs()}
    answers = dict(zip([o.name for o in session.get_outputs()], session.run(None, fed)))
    for key, value in answers.items():
        wanted = given[f"out:{key}"]
        assert value.shape == wanted.shape and value.dtype == wanted.dtype, (name, key, value.dtype)
        scale = max(1.0, np.abs(wanted).max())
        assert np.abs(value.astype(float) - wanted).max() <= 1e-5 * scale, (name, key)
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["names"]) == list(given["names"]), told
assert not {"torch", "nasmyth", "onnx"} & set(sys.modules)
print("agreed", len(sys.argv) - 1)
"""


def told_apart(network, raw, path):
    """What the process without torch needs to compare: inputs as a user would give them, and the network's answers."""
    fed = by_hand(raw) if isinstance(raw, dict) else {"image": raw.numpy()}
    answer = network.predict(raw)
    if answer.labels is None:
        given = {"values": answer.values.numpy()}
    else:
        given = {"label": answer.probabilities.argmax(1).numpy(), "probabilities": answer.probabilities.numpy()}
    arrays = {**{f"in:{k}": v for k, v in fed.items()}, **{f"out:{k}": v for k, v in given.items()}}
    np.savez(path, names=np.array(answer.names), **arrays)


def by_hand(raw):
    """Columns as they are written for ONNX: numbers float32 (N, 1), NaN where missing; categories as text."""
    months = [int(date[5:7]) for date in raw["when"]]
    numbers = {"label": raw["label"], "when.month": months, "warped": raw["warped"]}
    columns = {k: np.array([np.nan if v is None else v for v in c], np.float32)[:, None] for k, c in numbers.items()}
    return {**columns, "color": np.array([text_of(v) or "" for v in raw["color"]])[:, None]}


def test_exports_agree_where_only_onnxruntime_is(tmp_path):
    names = []
    for domain in ("images", "tables"):
        found = [n for n in sampled(domain, 4 * COUNT) if len(n.graph.nodes) <= 35][:COUNT]
        assert len(found) == COUNT
        for i, network in enumerate(found):
            path = tmp_path / f"{domain}{i}.onnx"
            written = network.export(path)
            assert written.path == path and written.difference <= 1e-5
            raw = pictures(6, seed=7) if domain == "images" else rows(6, seed=7)
            told_apart(network, raw, path.with_suffix(".npz"))
            names.append(path.stem)
    command = [sys.executable, "-W", "error", "-c", ALONE, *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == f"agreed {2 * COUNT}\n", done.stderr
    model = onnx.load(tmp_path / "images0.onnx")
    assert b"site-packages" not in model.SerializeToString() and b"nasmyth/" not in model.SerializeToString()
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_columns_may_have_any_name(tmp_path):
    """Names that the graph uses inside, and one of the outputs."""
    names = ["label", "probabilities", "linear", "stored", "val_0", "x", "c"]
    columns = [c.replace(name=n) for n, c in zip(names[:6], [TABLE.columns[0]] * 6, strict=True)]
    table = TABLE.replace(columns=(*columns, TABLE.columns[-1].replace(name="c", vocabulary=("", "a"))))
    graph = Graph.of(chain(Columns(table.cardinalities, d=3), Flatten(), Linear(4)), table.shape)
    network = stir(build(graph, 0, table, CLASSES))
    written = network.export(tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    assert [i.name for i in model.graph.input] == names
    assert [o.name for o in model.graph.output] == ["label_", "probabilities_"]
    assert "label_" in written.usage
    assert str(written).startswith(f"{tmp_path / 'net.onnx'}: agrees with the network to ")
    told = {p.key: p.value for p in model.metadata_props}
    assert json.loads(told["names"]) == list(CLASSES.names) and told["graph"] == network.graph.key
    assert from_json(json.loads(told["outputs"])) is CLASSES and from_json(json.loads(told["inputs"])) is table
    raw = {name: [1.0, None] for name in names[:6]} | {"c": [None, ""]}
    assert feed(network, raw)["c"].tolist() == [["?"], [""]]  # the empty text is a category here


def test_an_export_that_disagrees_is_not_written(tmp_path):
    """A layer that only looks like its trace: it counts its calls."""
    network = classifier()
    (tmp_path / "net.onnx").write_text("what was there before")

    class Drifting(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    network.head[0] = nn.Sequential(Drifting(), network.head[0])
    with pytest.raises(
        ExportError, match=r"not written: the ONNX file differs from the network by \S+ on random input"
    ):
        network.export(tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").read_text() == "what was there before"
    assert os.listdir(tmp_path) == ["net.onnx"]


@op("b ... -> b ...")
class DependsOnData(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_what_cannot_be_traced_is_said(tmp_path):
    network = build(Graph.of(chain(DependsOnData()), (3,)))
    for suffix in ("onnx", "pt2"):
        with pytest.raises(ExportError, match="torch.export cannot trace this network: "):
            network.export(tmp_path / f"net.{suffix}")
    assert os.listdir(tmp_path) == []


def test_answers_that_are_not_numbers_are_refused(tmp_path):
    network = classifier()
    with torch.no_grad():
        network.head[1].bias[0] = float("nan")
    for suffix in ("onnx", "py", "pt2"):
        with pytest.raises(ExportError, match="not finite numbers"):
            network.export(tmp_path / f"net.{suffix}")


def test_unknown_suffix(tmp_path):
    with pytest.raises(ExportError, match=r"cannot export to 'net.onx': use one of .onnx, .py.*did you mean '.onnx'"):
        classifier().export(tmp_path / "net.onx")


def test_what_is_measured_is_the_network(tmp_path):
    """The quick form without preprocessing gives what the network gives, at any batch, and leaves its mode alone."""
    import onnxruntime

    network = stir(build(tiny())).eval()
    session = onnxruntime.InferenceSession(plain(network, 1), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        x = torch.randn(batch, 1, 12, 12)
        (answer,) = session.run(None, {"x": x.numpy()})
        assert np.abs(answer - network(x).detach().numpy()).max() < 1e-5
    assert not any(m.training for m in network.modules())
