"""Exported source files, run in a process that cannot import nasmyth, and has torch only."""

import ast
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from nets import CLASSES, PHOTO, TABLE, classifier, pictures, rows, sampled, stir, tiny
from torch import nn

from nasmyth.errors import ExportError
from nasmyth.export import readers
from nasmyth.export.source import source
from nasmyth.export.verify import ready
from nasmyth.forms import Classes, Column, ImageInput, TableInput
from nasmyth.graph import Graph, chain, op
from nasmyth.network import Network, build
from nasmyth.ops import Columns, Flatten, Linear

ALONE = """
import importlib, json, sys

class Torch:
    "Refuses everything but torch, what torch needs, and the standard library."
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("nasmyth", "numpy", "pandas", "onnx", "onnxruntime", "safetensors"):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Torch())
import warnings; warnings.simplefilter("ignore")  # torch warns that it has no NumPy here
import torch
warnings.simplefilter("error")
raw = json.load(open("raw.json"))
for name in sys.argv[1:]:
    answer = importlib.import_module(name).predict(raw[name])
    labels, table = answer if isinstance(answer, tuple) else (None, answer)
    print(json.dumps([labels, table.tolist()]))
assert not any(name.partition(".")[0] == "nasmyth" for name in sys.modules)
"""


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def imported(text):
    """The packages that a source file imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    return found


def test_ten_networks_a_domain_agree_where_only_torch_is(tmp_path):
    wanted, raw = {}, {}
    for domain in ("images", "tables"):
        for i, network in enumerate(sampled(domain, 10)):
            name = f"{domain}{i}"
            if i == 0:  # each export starts a process, and all files are run in another one below
                written = network.export(tmp_path / f"{name}.py")
                assert [f.name for f in written.files] == [f"{name}.py", f"{name}.safetensors"]
                assert written.difference <= 1e-5
                assert written.path.read_text() == source(ready(network), name)
            text = source(ready(network), name)
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
            network.save(tmp_path / f"{name}.safetensors")
            assert imported(text) - {"torch"} <= sys.stdlib_module_names, text
            x = pictures(4) if domain == "images" else rows(4)
            wanted[name] = network.predict(x)
            raw[name] = x.tolist() if domain == "images" else x
    (tmp_path / "raw.json").write_text(json.dumps(raw).replace("NaN", "null"))
    command = [sys.executable, "-c", ALONE, *wanted]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line, (name, expected) in zip(done.stdout.splitlines(), wanted.items(), strict=True):
        labels, table = json.loads(line)
        reference = expected.values if labels is None else expected.probabilities
        assert (torch.tensor(table) - reference).abs().max() <= 1e-5 * max(1, reference.abs().max()), name
        assert labels == (None if expected.labels is None else list(expected.labels))


def test_it_describes_itself(tmp_path):
    network = stir(build(tiny(tied=True), 0, PHOTO, CLASSES))
    network.export(tmp_path / "net.py")
    done = subprocess.run([sys.executable, "net.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    weights = sum(p.numel() for p in network.parameters())
    assert f"net: {weights:,} parameters" in done.stdout and "images of 12 x 12 pixels" in done.stdout
    assert "(tied): Group(" in done.stdout


def test_one_line_a_layer(tmp_path):
    network = stir(build(tiny(tied=True), 0, PHOTO, CLASSES))
    network.export(tmp_path / "net.py")
    text = (tmp_path / "net.py").read_text()
    assert text.count("self.again.tied[0] = Conv(c=6, out=6)") == 1
    assert text.count("x = self.again.tied[0](x)") == 2
    assert "x = self.stages[1].join(x, a)" in text and "# (N, 6, 12, 12)" in text
    assert text.count("class Conv(") == 1 and "@op" not in text and "noqa" not in text
    net = load(tmp_path / "net.py").load()
    assert list(net.state_dict()) == list(network.state_dict())
    assert max(map(len, text[text.index("class Net(") :].splitlines())) <= 120


def test_weights_beside_it_are_what_save_writes(tmp_path):
    network = classifier()
    network.export(tmp_path / "net.py")
    network.save(tmp_path / "saved.safetensors")
    assert (tmp_path / "net.safetensors").read_bytes() == (tmp_path / "saved.safetensors").read_bytes()
    assert Network.load(tmp_path / "net.safetensors").graph == network.graph
    assert sorted(os.listdir(tmp_path)) == ["net.py", "net.safetensors", "saved.safetensors"]


def test_reader_of_weights_is_that_of_safetensors(tmp_path):
    from safetensors.torch import load_file, save_file

    kinds = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    tensors = {str(k): torch.randint(0, 2, (2, 3)).to(k) for k in kinds}
    tensors |= {"empty": torch.empty(0, 3), "scalar": torch.tensor(3)}
    save_file(tensors, tmp_path / "x", {"a": "b"})
    found, wanted = readers.read_safetensors(tmp_path / "x"), load_file(tmp_path / "x")
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[k], wanted[k]) and found[k].dtype == wanted[k].dtype for k in wanted)


GRAY, COLOUR = ImageInput(4, 5, 1, (0.3,), (0.2,)), ImageInput(4, 5, 3, (0.3,) * 3, (0.2,) * 3)


@pytest.mark.parametrize("inputs", [GRAY, COLOUR, COLOUR.replace(high=1.0), GRAY.replace(low=-1.0, high=2.0)], ids=repr)
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["uint8", "bool", "float32", "float64", "int64", "list"])
def test_images_are_read_as_the_network_reads_them(inputs, channels, kind):
    rng = np.random.default_rng(0)
    shape = (3, 4, 5) if channels is None else (3, 4, 5, channels)
    raw = rng.integers(0, 2, shape) if inputs.high < 255 or kind == "bool" else rng.integers(0, 256, shape)
    if channels == 2 and inputs is COLOUR:
        return  # two channels are gray with alpha; all agree that gray becomes colour, so nothing is left to test
    raw = raw.tolist() if kind == "list" else raw.astype(kind)
    size = {"height": 4, "width": 5, "channels": inputs.channels, "low": inputs.low, "high": inputs.high}
    assert torch.equal(readers.read_images(raw, **size), inputs.encode(raw))


def test_images_that_are_none_are_refused():
    size = {"height": 4, "width": 5, "channels": 1, "low": 0.0, "high": 255.0}
    for raw in (np.zeros((2, 5, 4)), np.zeros((4, 5)), np.full((2, 4, 5), -3.0), np.full((2, 4, 5), np.nan)):
        with pytest.raises(ValueError, match=r"give N,4,5 or N,4,5,C|beyond 0 to 255, or not finite"):
            readers.read_images(raw, **size)


def frames():
    import pandas

    raw = rows(9)
    frame = pandas.DataFrame({**raw, "when": pandas.to_datetime(raw["when"])})
    yield raw
    yield frame
    yield frame.astype({"color": "category"})
    yield {**{k: np.array(v, dtype=object) for k, v in raw.items()}, "when": frame["when"].to_numpy()}
    yield {**raw, "label": ["", "?", "nan", "3", 4, 5.0, None, "1e3", float("inf")]}


@pytest.mark.parametrize("raw", list(frames()), ids=range(5))
def test_tables_are_read_as_the_network_reads_them(raw):
    columns = [{"name": c.name} | ({"vocabulary": c.vocabulary} if c.vocabulary else {}) for c in TABLE.columns]
    found = readers.read_rows(raw, columns, readers.find_dated_column, readers.plain_number)
    assert torch.equal(found.nan_to_num(-1), TABLE.encode(raw).nan_to_num(-1)) and found.dtype == torch.float32


def test_tables_that_lack_something_are_refused():
    with pytest.raises(ValueError, match="no column 'b' among"):
        readers.read_rows({"a": [1]}, [{"name": "a"}, {"name": "b"}], readers.find_column, readers.plain_number)
    with pytest.raises(ValueError, match="'b' has 2 rows, the first has 1"):
        readers.read_rows(
            {"a": [1], "b": [1, 2]}, [{"name": "a"}, {"name": "b"}], readers.find_column, readers.plain_number
        )


def test_names_may_hold_anything(tmp_path):
    nasty = ('"""', "\\", "\n", "ü", "'", "{}", "%s", "\ud800".encode("utf-8", "replace").decode())
    table = TableInput((Column(nasty[0]), Column("c", "category", vocabulary=nasty)))
    graph = Graph.of(chain(Columns(table.cardinalities, d=2), Flatten(), Linear(len(nasty))), table.shape)
    network = stir(build(graph, 0, table, Classes(nasty)))
    network.export(tmp_path / "net.py")
    raw = {nasty[0]: list(range(8)), "c": list(nasty)}
    assert tuple(load(tmp_path / "net.py").predict(raw)[0]) == network.predict(raw).labels


def test_without_inputs_and_outputs(tmp_path):
    network = stir(build(tiny()))
    network.export(tmp_path / "not a name.py")
    text = (tmp_path / "not a name.py").read_text()
    assert "import predict" not in text
    x = torch.randn(3, 1, 12, 12)
    assert torch.allclose(load(tmp_path / "not a name.py").predict(x.tolist()), network(x), atol=1e-6)


def make(shift):
    @op("b ... -> b ...", name="Shifted")
    class Shift(nn.Module):
        def forward(self, x):
            return x + shift

    return Shift()


def test_a_layer_whose_source_does_not_stand_alone_is_named(tmp_path):
    network = build(Graph.of(chain(make(3.0)), (3,)))
    with pytest.raises(ExportError, match="Shift needs 'shift'"):
        network.export(tmp_path / "net.py")
    namespace = {"nn": nn, "op": op, "__name__": "nowhere"}
    exec("@op('b ... -> b ...')\nclass Typed(nn.Module):\n    def forward(self, x):\n        return x", namespace)
    with pytest.raises(ExportError, match="the source of Typed cannot be found"):
        build(Graph.of(chain(namespace["Typed"]()), (3,))).export(tmp_path / "net.py")
    assert os.listdir(tmp_path) == []
