"""Weights files from strangers: what is in them is never run, and asks for no more memory than the file has."""

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from nets import CLASSES, PHOTO, classifier, stir, tiny
from safetensors.torch import save
from torch import nn

from nasmyth.errors import ExportError, NasmythError, SpaceError
from nasmyth.export import alone
from nasmyth.export.literals import identifier, literal, prose
from nasmyth.export.source import source
from nasmyth.forms import Classes, Column, TableInput
from nasmyth.graph import Graph, chain, op
from nasmyth.network import Network, build
from nasmyth.network.save import header
from nasmyth.ops import Columns, Flatten, Linear, Opaque
from nasmyth.ops.foreign.calls import may_be_called

ROOT = Path(__file__).parent.parent.parent
EVIL = "3\n        open('ran', 'w')  #"


def file_of(graph, tensors=None, **more):
    """The bytes of a file that says this, whether it is true or not."""
    document = {"format": 1, "graph": graph, "key": "0" * 20, "inputs": None, "outputs": None, "history": [], **more}
    return save(tensors or {}, {"nasmyth": json.dumps(document)})


def changed(network, change):
    """The file of a network with its description changed, and a key that fits where there can be one."""
    data = network.to_bytes()
    found = header(data)
    document = json.loads(found["__metadata__"]["nasmyth"])
    change(document)
    try:
        document["key"] = Graph.from_json(document["graph"]).key
    except NasmythError:
        pass
    found["__metadata__"]["nasmyth"] = json.dumps(document)
    text = json.dumps(found).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + struct.unpack("<Q", data[:8])[0] :]


def rolled(**more):
    data = {
        "$": "Opaque",
        "target": "aten.roll.default",
        "settings": [["self", "input 0"], ["shifts", [1]], ["dims", [1]]],
        "takes": [[[4], 0, 1, ""]],
        "gives": [[4], 0, 1],
        **more,
    }
    return {"input": [4], "nodes": [[data, [0], "a"]]}


def test_an_honest_one_is_read():
    graph = Graph.from_json(rolled())
    assert Network.from_bytes(build(graph).to_bytes()).graph == graph


@pytest.mark.parametrize(
    "graph",
    [
        rolled(gives=[[EVIL], 0, 1]), rolled(gives=[[4, EVIL], 0, 1]), rolled(gives=[EVIL, 0, 1]),
        rolled(gives=[[4], EVIL, 1]), rolled(takes=[[[EVIL], 0, 1, ""]]), rolled(macs=EVIL), rolled(pick=EVIL),
        rolled(weights=[[EVIL, [2], "float32", True]]), rolled(weights=[["w", [EVIL], "float32", True]]),
        rolled(weights=[["w", [2], "load", True]]), rolled(constants=["float32 9999999x9999999 "]),
        rolled(constants=["hub 1 AAAA"]), rolled(constants=["float32 -1x-1 AAAA"]),
        rolled(settings=[["self", "weight forward"]]),
        rolled(settings=[["self", "input 1"]]), rolled(settings=[["self", "dtype load"]]),
        rolled(settings=[["self", "input 0", 3]]),
        rolled(settings=[["self", ["call aten.save.default", ["item", 1], ["filename", "text x"]]]]),
        rolled(settings=[["self", ["call aten.roll.default", 3]]]), rolled(target="aten.save.default"),
        {"input": [EVIL], "nodes": []}, {"input": [4], "nodes": [[{"$": "Linear", "out": EVIL}, [0], "a"]]},
        {"input": [4], "nodes": [[{"$": "Reshape", "shape": [EVIL]}, [0], "a"]]},
    ],
    ids=lambda graph: json.dumps(graph)[20:],
)  # fmt: skip
def test_text_where_a_number_belongs_is_refused_before_anything_is_written(graph, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.safetensors").write_bytes(file_of(graph))
    with pytest.raises(NasmythError):
        Graph.from_json(graph)
    with pytest.raises(ExportError):
        Network.load("evil.safetensors").export("out.py")
    assert os.listdir(tmp_path) == ["evil.safetensors"]


NASTY = (
    '"""', "'''", "\\", "\\'''\nopen('ran', 'w')", '"""\nopen("ran", "w")\n"""', "\r\nopen('ran', 'w')#",
    "{open('ran','w')}",
    "\x00", "\u2028open('ran', 'w')", "$(touch ran)", "' + str(open('ran', 'w')) + '",
)  # fmt: skip


@pytest.mark.parametrize("outputs", ["classes", "values"])
def test_names_are_never_code(outputs, tmp_path, monkeypatch):
    """Classes, columns, vocabularies, addresses, values and the name of the file itself, each as code."""
    from nasmyth.forms import Values

    monkeypatch.chdir(tmp_path)
    table = TableInput((*map(Column, NASTY), Column("c", "category", vocabulary=NASTY)))
    parts = {name: Flatten() for name in NASTY}
    graph = Graph.of(chain(embed=Columns(table.cardinalities, d=2), **parts, head=Linear(len(NASTY))), table.shape)
    numbers = tuple(float(i + 1) for i in range(len(NASTY)))
    means = Classes(NASTY) if outputs == "classes" else Values(NASTY, numbers, numbers)
    network = Network.from_bytes(stir(build(graph, 0, table, means)).to_bytes())
    written = network.export("x'''; open('ran', 'w'); #.py")
    assert written.difference <= 1e-5
    assert sorted(os.listdir(tmp_path)) == ["x'''; open('ran', 'w'); #.py", "x'''; open('ran', 'w'); #.safetensors"]
    compile(written.path.read_text(encoding="utf-8"), "x", "exec")


def test_numbers_that_have_no_digits_are_written_as_calls():
    column = Column("x", fill=float("nan"), center=float("inf"))
    graph = Graph.of(chain(Columns((0,), d=2), Flatten(), Linear(4)), (1,))
    text = source(build(graph, 0, TableInput((column,)), CLASSES), "net")
    assert 'float("nan")' in text and "fill=[nan]" not in text


# --- literals -----------------------------------------------------------------------------------------------------


class Sly(str):
    def __repr__(self):
        return "open('ran', 'w')"


class Number(int):
    def __repr__(self):
        return "open('ran', 'w')"


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -5, 1.5, -0.0, float("-inf"), "x", *NASTY, (), (1,), (1, ("a", None)), [], [1, [2]], {"a": [1.5, "b"]}],
    ids=repr,
)  # fmt: skip
def test_a_literal_says_the_value_and_nothing_else(value):
    assert eval(literal(value), {"__builtins__": {"float": float}}) == value


@pytest.mark.parametrize(
    "value", [Sly("x"), Number(3), (Sly("x"),), {Sly("x"): 1}, Linear(3), torch.ones(1), 2**70, 1j, b"x", {1}]
)
def test_what_is_no_literal_is_refused(value):
    with pytest.raises(ExportError, match="cannot be written"):
        literal(value)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "class", "a\nb", "ä", "1a", "a()", Sly("x"), 3])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ExportError, match="is no name"):
        identifier(name)


@pytest.mark.parametrize("text", NASTY)
def test_prose_ends_no_docstring(text):
    assert eval(f'"""{prose(text)}"""') == prose(text) and "\n" not in prose(text)


# --- the check in a process of its own --------------------------------------------------------------------------------


def answered(tmp_path, text, seconds=None):
    (tmp_path / "net.py").write_text(text)
    return alone.answers(tmp_path / "net.py", [torch.arange(6).reshape(2, 3), {"a": [1.5, None, "é"]}], seconds)


def test_data_goes_in_and_comes_out(tmp_path):
    text = (
        "import os, torch\ndef predict(x):\n"
        "    return (['a', 'ü'], x.half()) if hasattr(x, 'half') else torch.tensor([os.getpid()])\n"
    )
    (labels, halves), pid = answered(tmp_path, text)
    assert labels == ["a", "ü"] and torch.equal(halves, torch.arange(6).reshape(2, 3).half())
    assert pid.item() != os.getpid()


@pytest.mark.parametrize(
    "text, said",
    [
        ("import nasmyth", "should import torch only"), ("1/0", "ZeroDivisionError"),
        ("import os; os._exit(7)", "status 7"), ("import os; os.kill(os.getpid(), 9)", "status -9"),
        ("def predict(x):\n    return object()", "not JSON serializable"),
    ],
)  # fmt: skip
def test_a_file_that_fails_is_said_in_words(text, said, tmp_path):
    with pytest.raises(RuntimeError, match=said):
        answered(tmp_path, text)


def test_a_file_that_hangs_is_stopped_with_all_that_it_started(tmp_path):
    text = (
        f"import subprocess, time\nsubprocess.Popen(['sh', '-c', 'sleep 30; touch {tmp_path}/ran'])\n"
        f"open('{tmp_path}/began', 'w')\ntime.sleep(60)\n"
    )
    with pytest.raises(RuntimeError, match="did not answer within"):
        answered(tmp_path, text, 8.0)
    left = subprocess.run(["pgrep", "-f", f"touch {tmp_path}/ran"], capture_output=True, check=False)
    assert not left.stdout


def test_the_check_of_an_export_is_not_run_here(tmp_path, monkeypatch):
    monkeypatch.setattr(alone, "SECONDS", 0.01)
    with pytest.raises(ExportError, match="not written: the source file fails: it did not answer within 0.01 s"):
        classifier().export(tmp_path / "net.py")
    assert os.listdir(tmp_path) == []


# --- what an opaque op may call ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "aten.save.default", "aten.from_file.default", "aten.from_file.out", "aten.warn.default", "aten._print.default",
        "aten.set_.source_Storage", "aten.resize_.default", "aten.add_.Tensor", "aten.add.out", "prim.Print.default",
        "aten._sparse_coo_tensor_unsafe.default", "c10d.send.default", "profiler._record_function_enter.default",
        "aten.roll", "roll", "aten.roll.default.__call__", "aten.__class__.default", "aten.roll.__class__", "aten.roll.op",
        "load_library.x.y", "load_library", "__dict__.x.y", "_C.x.y", "hub.load.default", "os.system.x", "aten..default",
        "aten.roll.default\n", "higher_order.cond.default", "import_module.x.y", "aten.item.default", "",
    ],
)  # fmt: skip
def test_what_does_more_than_compute_is_not_called(target):
    assert not may_be_called(target)
    with pytest.raises(SpaceError, match="only computes"):
        Opaque(target, (), (((4,), 0, 1, ""),), ((4,), 0, 1))


@pytest.mark.parametrize(
    "target",
    ["aten.roll.default", "aten.gelu.default", "aten.arange.default", "aten.topk.default", "nasmyth.onnx.default"],
)
def test_what_computes_is(target):
    assert may_be_called(target)


def test_no_operator_that_takes_a_file_name_is_left():
    """Over all that PyTorch registers: none that may be called writes, prints or reads a file by its declaration."""
    called = []
    for schema in torch._C._jit_get_all_schemas():
        target = f"{schema.name.replace('::', '.')}.{schema.overload_name or 'default'}"
        if may_be_called(target):
            called.append(target)
            texts = [a.name for a in schema.arguments if "str" in str(a.type)]
            assert not any("file" in name or "path" in name for name in texts), target
            assert schema.returns and not schema.is_mutable, target
    assert 1000 < len(called) and {"aten.roll.default", "aten.conv2d.default"} <= set(called)


def test_an_extension_that_takes_texts_is_not_called():
    library = torch.library.Library("nasmyth_test_reads", "DEF")
    library.define("read(str filename) -> Tensor")
    library.define("twice(Tensor x) -> Tensor")
    assert not may_be_called("nasmyth_test_reads.read.default") and may_be_called("nasmyth_test_reads.twice.default")


def test_an_onnx_operator_names_no_file(tmp_path):
    onnx = pytest.importorskip("onnx")
    import base64

    secret = tmp_path / "secret"
    secret.write_bytes(bytes(16))
    tensor = onnx.TensorProto(data_type=1, dims=[4], data_location=1)
    tensor.external_data.add(key="location", value=str(secret))
    node = onnx.helper.make_node("Constant", [], ["y"], value=tensor)
    text = base64.b64encode(node.SerializeToString()).decode()
    with pytest.raises(NasmythError, match="names a file"):
        torch.ops.nasmyth.onnx([torch.ones(1)], "Constant", text, 18, [4])


# --- memory -----------------------------------------------------------------------------------------------------------

SMALL = """
import resource, sys
from pathlib import Path
import torch
from nasmyth.errors import NasmythError
from nasmyth.network import Network
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        Network.load(name)
        print("loaded")
    except NasmythError as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used)
"""


def with_key(graph):
    return file_of(graph, key=Graph.from_json(graph).key)


def test_a_small_file_takes_little_memory(tmp_path):
    """Weights, tables and constants that a few words ask for; with a key that is wrong, and with one that is right."""
    linear = {"input": [40_000], "nodes": [[{"$": "Linear", "out": 40_000}, [0], "a"]]}
    files = {
        "wrong": (file_of(linear), "was '0+' when it was saved"), "right": (with_key(linear), "a.weight is missing"),
        "many": (with_key({"input": [4000],
            "nodes": [[{"$": "Linear", "out": 4000}, [i], f"a{i}"] for i in range(300)]}), "missing"),
    }  # fmt: skip
    for name, (data, _) in files.items():
        assert len(data) < 40_000
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", SMALL, *files], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *said, grown = done.stdout.splitlines()
    for line, (_, message) in zip(said, files.values(), strict=True):
        assert re.search(message, line), line
    assert int(grown) < 200_000  # kilobytes


def test_tables_beside_the_weights_are_bounded():
    @op("b d -> b d")
    class Tabled(nn.Module):
        def __init__(self, d: int, rows: int = 2) -> None:
            super().__init__()
            self.register_buffer("table", torch.ones(rows, d), persistent=False)

        def forward(self, x):
            return x * self.table[0]

    @op("b d -> b d")
    class Looking(nn.Module):
        def __init__(self, d: int, rows: int = 2) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(int(torch.ones(rows).sum()), d))

    for kind in (Tabled, Looking):
        small = build(Graph.of(chain(kind()), (4,)))
        assert Network.from_bytes(small.to_bytes()).graph == small.graph
    huge = {"input": [4000], "nodes": [[{"$": "Tabled", "rows": 10**6}, [0], "a"]]}
    with pytest.raises(ExportError, match="tables of 16,000,000,000 bytes"):
        Network.from_bytes(with_key(huge))


# --- the rest of the description --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(inputs={"$": "Reshape", "shape": [1, 12, 12]}),
        lambda d: d.update(outputs={"$": "Linear", "out": 4}),
        lambda d: d.update(inputs={"$": "Classes", "names": ["a"]}), lambda d: d.update(inputs=[1]),
        lambda d: d.update(inputs="x"),
        lambda d: d["inputs"].update(height="12"), lambda d: d["inputs"].update(height=12.0),
        lambda d: d["inputs"].update(mean=["a"]),
        lambda d: d["outputs"].update(names=[1, 2, 3, 4]), lambda d: d["outputs"].update(names="abcd"),
        lambda d: d.update(history=[[[]] * 3, json.loads("[" * 500 + "]" * 500)]), lambda d: d.update(graph=[]),
        lambda d: d["graph"].update(input="x"), lambda d: d["graph"]["nodes"].append(None),
    ],
)  # fmt: skip
def test_descriptions_that_no_network_has(change):
    with pytest.raises(ExportError):
        Network.from_bytes(changed(build(tiny(), 0, PHOTO, CLASSES), change))


@pytest.mark.parametrize("data", [None, "x", 3, [], Path("x")])
def test_only_bytes_are_read(data):
    with pytest.raises(ExportError, match="read from bytes"):
        Network.from_bytes(data)


def test_a_network_that_cannot_be_run_is_not_exported(tmp_path):
    graph = rolled(settings=[["self", "input 0"], ["shifts", [1]], ["dims", [5]]])
    with pytest.raises(ExportError, match="cannot be run: IndexError"):
        Network.from_bytes(build(Graph.from_json(graph)).to_bytes()).export(tmp_path / "x.py")
    assert os.listdir(tmp_path) == []
