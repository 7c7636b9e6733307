"""ONNX files that anyone may have written: taken and equal to ONNX Runtime, or refused in plain words, whatever they
hold."""

import os
import random
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from nasmyth import Network, trace
from nasmyth.errors import NasmythError, TraceError
from nasmyth.measure import params
from nasmyth.tracing import opaque

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper  # noqa: E402
from test_trace_onnx import close, file, floats, rng, whole  # noqa: E402

from nasmyth.tracing import onnx_beside, onnx_table  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[2] / "benchmarks"), str(Path(__file__).parents[1] / "fuzz")]
from mutate_onnx import mutated  # noqa: E402
from onnx_files import FINE, PLAIN, outcome, shipped  # noqa: E402

# --- the law ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The files of the onnx package, without the largest."""
    files = shipped(tmp_path_factory.mktemp("node"))
    return [path for path in files if os.path.getsize(path) < 50_000 and "vgg" not in path and "alexnet" not in path]


def test_files_of_the_onnx_package_are_equal_or_refused_in_plain_words(package):
    chosen = random.Random(0).sample(package, 60)
    found = {path: outcome(path, 8) for path in chosen}
    assert {path: told for path, told in found.items() if told[0] not in FINE} == {}
    assert sum(told[0] == "equal" for told in found.values()) >= 5


def test_files_that_are_nearly_right_end_in_a_network_or_in_plain_words(package, tmp_path):
    generator = random.Random(1)
    path = tmp_path / "net.onnx"
    single = [one for one in package if "pytorch-converted" in one]
    for number in range(40):
        path.write_bytes(mutated(onnx.load(generator.choice(single)), generator))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                trace(path)
            except NasmythError as error:
                assert not PLAIN.search(str(error)), (number, str(error))


def test_the_same_changes_are_made_again(package):
    model = onnx.load(package[0])
    assert [mutated(model, random.Random(i)) for i in range(20)] == [
        mutated(model, random.Random(i)) for i in range(20)
    ]


# --- forms of other versions --------------------------------------------------------------------------------------------

X = (2, 3, 8, 8)
OLD = {
    "pads and a value": (9, "Pad", {"pads": [0, 0, 1, 0, 0, 0, 0, 2], "value": 1.5}, [], (2, 3, 9, 10)),
    "cut by pads": (9, "Pad", {"pads": [0, 0, -1, 0, 0, 0, 0, 2]}, [], (2, 3, 7, 10)),
    "edges": (9, "Pad", {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "mode": "edge"}, [], (2, 3, 10, 10)),
    "windows with holes": (19, "AveragePool", {"kernel_shape": [2, 2], "dilations": [2, 2]}, [], (2, 3, 6, 6)),
    "uneven windows": (
        19, "AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1], "ceil_mode": 1}, [],
        (2, 3, 4, 4)
    ),
    "counted padding": (
        19, "AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1,
            "count_include_pad": 1},
        [], (2, 3, 5, 5)
    ),
    "rounded up": (11, "MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, [], (2, 3, 4, 4)),
    "axes as a setting": (11, "ReduceMean", {"axes": [2, 3], "keepdims": 0}, [], (2, 3)),
    "no axes": (18, "ReduceSumSquare", {"keepdims": 1}, [floats(1)[:0].astype("int64")], None),
    "joined axes": (11, "Softmax", {"axis": 1}, [], X),
    "joined from the middle": (9, "LogSoftmax", {"axis": 2}, [], X),
    "limits as settings": (6, "Clip", {"min": -0.5, "max": 0.25}, [], X),
    "one limit": (13, "Clip", {}, [np.float32(-0.5)], X),
    "cut by settings": (9, "Slice", {"starts": [1, 2], "ends": [9, -1], "axes": [2, 3]}, [], (2, 3, 7, 5)),
    "backwards": (13, "Slice", {}, [whole(-1), whole(-100), whole(3), whole(-2)], (2, 3, 8, 4)),
    "enlarged": (9, "Upsample", {"mode": "nearest"}, [floats(1, 1, 2, 3)], (2, 3, 16, 24)),
    "enlarged smoothly": (13, "Resize", {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
        [floats(), floats(1, 1, 2, 3)], (2, 3, 16, 24)),
    "cubic": (13, "Resize", {"mode": "cubic"}, [floats(), floats(1, 1, 2, 2)], (2, 3, 16, 16)),
    "split": (11, "Split", {"axis": 2, "split": [3, 5]}, [], (2, 3, 3, 8)),
    "one axis more": (11, "Unsqueeze", {"axes": [2]}, [], (2, 3, 1, 8, 8)),
    "left out": (11, "Dropout", {"ratio": 0.5}, [], X),
    "groups": (18, "GroupNormalization", {"num_groups": 3}, [floats(1, 2, 3), floats(0.5, 0, 1)], X),
    "local response": (13, "LRN", {"size": 3, "alpha": 0.2, "beta": 0.7}, [], X),
    "scattered": (16, "ScatterND", {}, [np.array([[0, 1], [1, 2]]), rng(2, 8, 8)], None),
    "space to depth": (13, "SpaceToDepth", {"blocksize": 2}, [], (2, 12, 4, 4)),
    "norm of a part": (17, "LayerNormalization", {"axis": 2}, [rng(8, 8), rng(8, 8)], X),
    "product in old axes": (13, "Einsum", {"equation": "bchw->bhwc"}, [], (2, 8, 8, 3)),
}  # fmt: skip


MEETING = {"scattered": "ScatterND .* cannot be computed", "no axes": "depends on the others of its batch"}
"""Where examples meet."""


@pytest.mark.parametrize("name", OLD)
def test_forms_of_every_version_compute_what_onnx_runtime_does(name, tmp_path):
    version, kind, settings, given, output = OLD[name]
    names = ["x", *(f"g{i}" if array.size or kind == "ReduceSumSquare" else "" for i, array in enumerate(given))]
    weights = {f"g{i}": array for i, array in enumerate(given) if array.size or kind == "ReduceSumSquare"}
    outputs = ["m", "rest"] if kind == "Split" else ["m"]
    nodes = [
        helper.make_node("Exp" if kind != "ReduceSumSquare" else "Relu", ["x"], ["e"]),
        helper.make_node(kind, ["e", *names[1:]], outputs, **settings),
        helper.make_node("Neg", ["m"], ["y"]),
    ]
    path = file(tmp_path / "net.onnx", nodes, weights, X, output or (1, 1, 1, 1), version)
    if name in MEETING:
        with pytest.raises(TraceError, match=MEETING[name]):
            trace(path)
        return
    network, x = Network.of(path), torch.from_numpy(rng(*X))
    assert close(network, path, x) and network.graph.output == output[1:]
    assert not any(one.function.startswith("onnx.") for one in opaque(network.graph))


# --- weights that are computed ------------------------------------------------------------------------------------------


def constant(name, array):
    return helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(array, name))


def standardised():
    """A convolution that normalises its weights: seen as one batch with a channel for each filter."""
    return [
        helper.make_node("Reshape", ["w", "flat"], ["r"]), helper.make_node("ReduceMean", ["r"], ["mean"], axes=[2]),
        helper.make_node("Sub", ["r", "mean"], ["c"]), helper.make_node("Mul", ["c", "c"], ["q"]),
        helper.make_node("ReduceMean", ["q"], ["v"], axes=[2]), helper.make_node("Sqrt", ["v"], ["d"]),
        helper.make_node("Div", ["c", "d"], ["n"]), helper.make_node("Reshape", ["n", "back"], ["k"]),
        helper.make_node("Conv", ["x", "k"], ["y"]),
    ], {"w": rng(4, 3, 3, 3), "flat": whole(1, 4, -1), "back": whole(4, 3, 3, 3)}  # fmt: skip


COMPUTED = {
    "constant": ([constant("k", rng(4, 3, 3, 3)), helper.make_node("Conv", ["x", "k"], ["y"])], {}),
    "filled": (
        [helper.make_node("ConstantOfShape", ["s"], ["k"], value=onnx.numpy_helper.from_array(floats(0.25))),
         helper.make_node("Conv", ["x", "k"], ["y"])], {"s": whole(4, 3, 3, 3)},
    ),
    "standardised": standardised(),
    "quantised": (
        [helper.make_node("DequantizeLinear", ["q", "s"], ["k"]), helper.make_node("Conv", ["x", "k"], ["y"])],
        {"q": (10 * rng(4, 3, 3, 3)).astype("int8"), "s": np.float32(0.1)},
    ),
    "scattered": (
        [helper.make_node("ScatterND", ["w", "i", "u"], ["k"]), helper.make_node("Conv", ["x", "k"], ["y"])],
        {"w": rng(4, 3, 3, 3), "i": whole([[0, 1]])[0], "u": rng(1, 3, 3)},
    ),
    "of a sum": (
        [helper.make_node("Add", ["w", "v"], ["k"]), helper.make_node("Conv", ["x", "k"], ["y"])],
        {"w": rng(4, 3, 3, 3), "v": rng(4, 3, 1, 1)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPUTED)
def test_weights_may_be_computed_from_constants(name, tmp_path):
    nodes, weights = COMPUTED[name]
    path = file(tmp_path / "net.onnx", nodes, weights, ("batch", 3, 8, 8), ("batch", 4, 6, 6), 13)
    network = Network.of(path)
    assert close(network, path, torch.from_numpy(rng(2, 3, 8, 8)))
    assert params(network.graph) == 4 * 3 * 3 * 3 and len(network.graph.nodes) == 2


def test_a_weight_that_two_read_stays_one(tmp_path):
    """An embedding that is turned for the answer."""
    nodes = [
        helper.make_node("Gather", ["w", "x"], ["e"]), helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["e", "t"], ["y"]),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "tied", [helper.make_tensor_value_info("x", TensorProto.INT64, ("batch", 5))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 5, 11))],
        [onnx.numpy_helper.from_array(rng(11, 4), "w")],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), tmp_path / "net.onnx"
    )
    assert params(trace(tmp_path / "net.onnx")) == 44


# --- what is compared ---------------------------------------------------------------------------------------------------

RELU = [helper.make_node("Conv", ["x", "w"], ["a"], name="first"), helper.make_node("Elu", ["a"], ["y"], name="second")]


def test_an_answer_that_differs_is_refused_and_the_node_named(tmp_path, monkeypatch):
    path = file(tmp_path / "net.onnx", RELU, {"w": rng(4, 3, 3, 3)}, X, (2, 4, 6, 6))
    assert trace(path).output == (4, 6, 6)
    monkeypatch.setitem(onnx_table.OPERATORS, "Elu", lambda node, x: torch.relu(x))
    with pytest.raises(
        TraceError, match=r"'y' differs from ONNX Runtime's by 1, .*Elu 'second' is the first to differ"
    ):
        trace(path)


def test_what_onnx_runtime_cannot_run_is_read_with_a_warning(tmp_path):
    path = file(tmp_path / "net.onnx",
        [helper.make_node("Pad", ["x"], ["y"], paddings=[0, 0, 0, 0, 0, 0, 1, 1], value=2.0)],
                {}, X, (2, 3, 9, 9), version=1)  # fmt: skip
    with pytest.warns(
        UserWarning, match="without comparing its answers with those of ONNX Runtime, which could not run it"
    ):
        network = Network.of(path)
    assert float(network(torch.zeros(1, 3, 8, 8))[0, 0, 8, 8]) == 2.0


def test_a_crash_beside_does_not_reach_the_user(tmp_path, monkeypatch):
    path = file(tmp_path / "net.onnx", RELU, {"w": rng(4, 3, 3, 3)}, X, (2, 4, 6, 6))
    script = tmp_path / "onnx_child.py"
    monkeypatch.setattr(onnx_beside, "CHILD", script)
    script.write_text("import os; os.abort()")
    with pytest.raises(
        TraceError, match="not a valid ONNX file: the onnx package was asked to check it, and it crashed"
    ):
        trace(path)
    script.write_text(
        "import os, sys, json, pathlib\n"
        "told = {'step': 'run', 'check': '', 'types': {}, 'fold': {}}\n"
        "(pathlib.Path(sys.argv[1]) / 'told.json').write_text(json.dumps(told)); os.abort()"
    )
    with pytest.warns(UserWarning, match="could not run it: it crashed"):
        trace(path)
    script.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(onnx_beside, "WALL", 0.5)
    with pytest.raises(TraceError, match="it took too long"):
        trace(path)


def test_only_what_the_answer_needs_is_read(tmp_path):
    """Another output may need another input, or what cannot be part of a graph."""
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("NonZero", ["z"], ["n"])]
    path = file(tmp_path / "net.onnx", nodes, {}, X, X)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, (3,)))
    model.graph.output.append(helper.make_tensor_value_info("n", TensorProto.INT64, (1, None)))
    onnx.save(model, path)
    with pytest.warns(UserWarning, match=r"the file gives y \(float32\), n \(int64\); the graph ends with y"):
        graph = trace(path)
    assert graph == trace(path, output="y") == trace(path, output=0)
    with pytest.raises(TraceError, match="there is no output 'w'; the file gives"):
        trace(path, output="w")


# --- what is refused ----------------------------------------------------------------------------------------------------


def saved(path, kind, **changes):
    """A file whose input has a type."""
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)], "made",
        [helper.make_tensor_value_info("x", kind, (2, 3))], [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 3))],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


@pytest.mark.parametrize("kind", ["bfloat16", "string", "int4", "uint4", "float8e4m3fn", "float8e5m2", "complex64"])
def test_types_that_cannot_be_held_are_named(kind, tmp_path):
    with pytest.raises(TraceError, match=f"the input 'x' is of the type {kind}, which networks here cannot hold"):
        trace(saved(tmp_path / "net.onnx", getattr(TensorProto, kind.upper())))
    cast = helper.make_node("Cast", ["x"], ["a"], name="to it", to=getattr(TensorProto, kind.upper()))
    path = file(tmp_path / "net.onnx", [cast, helper.make_node("Cast", ["a"], ["y"], to=1)], {}, (2, 3), (2, 3), 21)
    with pytest.raises(TraceError, match=f"Cast 'to it' gives is of the type {kind}"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace(path)


def changed(path, change):
    model = onnx.load(file(path, RELU, {"w": rng(4, 3, 3, 3)}, X, (2, 4, 6, 6)))
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def outside(location):
    def change(model):
        one = model.graph.initializer[0]
        one.ClearField("raw_data")
        one.data_location = TensorProto.EXTERNAL
        entry = one.external_data.add()
        entry.key, entry.value = "location", location

    return change


def test_weights_outside_the_folder_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(rng(4, 3, 3, 3).tobytes())
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "net.onnx"
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "secret")
    for location in ("../secret", str(tmp_path / "secret"), "link", "a/../../secret"):
        with pytest.raises(TraceError, match="which is not in the folder of the file; it was not read"):
            trace(changed(path, outside(location)))
    with pytest.raises(TraceError, match="'none', which is not there; put it beside the file"):
        trace(changed(path, outside("none")))
    for location in ("x" * 500, "\0"):
        with pytest.raises(TraceError, match="which is no name of a file"):
            trace(changed(path, outside(location)))
    (tmp_path / "inside" / "beside").write_bytes(rng(4, 3, 3, 3).tobytes())
    assert close(Network.of(changed(path, outside("beside"))), path, torch.from_numpy(rng(*X)))
    (tmp_path / "inside" / "beside").write_bytes(b"short")
    with pytest.raises(TraceError, match="432 bytes, and 5 are kept in beside"):
        trace(path)


def test_nor_are_settings(tmp_path):
    """The numbers of a constant, even of one inside another node, or that nothing reads."""
    for nest in (False, True):

        def change(model, nest=nest):
            made = constant("c", floats(1.0))
            made.attribute[0].t.ClearField("raw_data")
            made.attribute[0].t.data_location = TensorProto.EXTERNAL
            entry = made.attribute[0].t.external_data.add()
            entry.key, entry.value = "location", "/etc/passwd"
            if nest:
                inner = helper.make_graph([made], "inner", [], [])
                made = helper.make_node("If", ["x"], ["c"], then_branch=inner, else_branch=inner)
            model.graph.node.append(made)

        with pytest.raises(TraceError, match="a setting of Constant .* is kept outside the file; it was not read"):
            trace(changed(tmp_path / "net.onnx", change))


BROKEN = {
    "cycle": (lambda m: m.graph.node[0].input.__setitem__(0, "y"), "Conv 'first' reads 'y', which nothing before it gives"),
    "missing": (lambda m: m.graph.initializer.pop(), "Conv 'first' reads 'w', which nothing before it gives"),
    "twice": (lambda m: m.graph.node[1].output.__setitem__(0, "a"), "'a' is given twice, the second time by Elu 'second'"),
    "no output": (lambda m: m.graph.output[0].__setattr__("name", "z"), "nothing in it gives its output 'z'"),
    "huge": (lambda m: m.graph.initializer[0].dims.__setitem__(0, 10**12), "108000000000000 bytes"),
    "negative": (lambda m: m.graph.initializer[0].dims.__setitem__(0, -4), "Negative dimension value .tensor name: w."),
    "no nodes": (lambda m: m.graph.ClearField("node"), "it holds no network"),
    "other weights": (lambda m: m.graph.initializer[0].dims.__setitem__(slice(None), [3, 4, 3, 3]),
        "Conv 'first' cannot be computed: it is given"),
    "custom": (lambda m: m.graph.node[1].__setattr__("domain", "mine"), "is not a valid ONNX file|operator of 'mine'"),
    "random": (lambda m: m.graph.node[1].__setattr__("op_type", "RandomNormalLike"),
        "RandomNormalLike 'second' draws random numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_malformed_files_are_told_what_is_wrong(name, tmp_path):
    change, message = BROKEN[name]
    with pytest.raises(TraceError, match=message) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace(changed(tmp_path / "net.onnx", change))
    assert not PLAIN.search(str(caught.value)), caught.value


def test_names_that_are_not_text_are_told(tmp_path):
    path = file(tmp_path / "net.onnx", RELU, {"w": rng(4, 3, 3, 3)}, X, (2, 4, 6, 6))
    whole_file = path.read_bytes()
    for name in (b"Elu", b"second", b"first"):
        path.write_bytes(whole_file.replace(name, b"\xff" * len(name)))
        with pytest.raises(TraceError, match="a name in it is not text"):
            trace(path)


def test_an_answer_may_be_one_number(tmp_path):
    nodes = [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)]
    path = file(tmp_path / "net.onnx", nodes, {"axes": whole(1, 2, 3)}, X, (2,))
    network = Network.of(path)
    assert network.graph.output == () and close(network, path, torch.from_numpy(rng(*X)))


def test_one_number_for_a_whole_batch_is_no_answer(tmp_path):
    """The scale of a quantisation, say: the largest of all inputs, of all examples."""
    nodes = [helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0)]
    path = tmp_path / "scale.onnx"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [3, 4]), ("y", []))]
    graph = helper.make_graph(nodes, "scale", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(TraceError, match="batch|examples"):
        Network.of(path)


def test_graphs_inside_of_nodes_and_own_functions_are_named(tmp_path):
    def nested(model):
        one = model.graph.node[1].attribute.add()
        one.name, one.type = "then_branch", onnx.AttributeProto.GRAPH
        one.g.name = "inner"

    with pytest.raises(TraceError, match="Elu 'second' holds graphs of its own"):
        trace(changed(tmp_path / "net.onnx", nested))

    def own(model):
        model.functions.add().CopyFrom(
            helper.make_function(
                "", "Elu", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 18)]
            )
        )

    with pytest.raises(TraceError, match="Elu 'second' is a function that the file defines itself"):
        trace(changed(tmp_path / "net.onnx", own))


BOMBS = {
    "filled": [helper.make_node("ConstantOfShape", ["n"], ["b"]), helper.make_node("Add", ["x", "b"], ["y"])],
    "expanded": [helper.make_node("Expand", ["w", "n"], ["b"]), helper.make_node("Add", ["x", "b"], ["y"])],
    "tiled": [helper.make_node("Tile", ["w", "n"], ["b"]), helper.make_node("Add", ["x", "b"], ["y"])],
    "of the input": [helper.make_node("Tile", ["x", "n"], ["b"]), helper.make_node("Relu", ["b"], ["y"])],
    "resized": [helper.make_node("Resize", ["x", "", "", "n"], ["y"], mode="nearest", nearest_mode="floor",
                                 coordinate_transformation_mode="asymmetric")],
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_few_bytes_do_not_take_all_memory(name, tmp_path):
    resource = pytest.importorskip("resource")
    sizes = whole(1, 1, 10**6, 10**6) if name in ("of the input", "resized") else whole(10**6, 10**6, 1, 1)
    sizes = whole(2, 3, 10**6, 10**6) if name == "resized" else sizes
    path = file(tmp_path / "net.onnx", BOMBS[name], {"n": sizes, "w": rng(1, 1, 1, 1)}, X, X)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TraceError) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace(path)
    assert not PLAIN.search(str(caught.value)) and re.search("MiB|numbers for one example", str(caught.value))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
