"""ONNX files as graphs: what was exported comes back, unknown operators are kept or refused, and mistakes are told."""

import logging
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from trace_toys import FAMILIES, stir

from nasmyth import Graph, Network, build, chain, ops, repeat, residual, trace
from nasmyth.errors import TraceError
from nasmyth.measure import macs, params
from nasmyth.tracing import opaque

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper  # noqa: E402


def exported(module, x, path, optimize=True):
    """A file as PyTorch's exporter writes it, for batches of any size."""
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # the exporter warns of its own internals
        warnings.simplefilter("ignore")
        batch = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(
            module.eval(), (x,), path, dynamo=True, dynamic_shapes=batch, verbose=False, optimize=optimize
        )
    return path


def answers(path, x):
    """ONNX Runtime's."""
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])


def close(network, path, x):
    with torch.no_grad():
        ours, theirs = network(x), answers(path, x)
    return ours.shape == theirs.shape and float((ours - theirs).abs().max()) <= 1e-5 * max(
        1.0, float(theirs.abs().max())
    )


# --- there and back -------------------------------------------------------------------------------------------------------


def sample():
    """A network of ours without batch norms, which the exporter would merge."""
    block = chain(
        ops.Conv(8, bias=True), ops.Activation("relu"), ops.DepthwiseConv(5, bias=True), ops.Activation("hardswish")
    )
    template = chain(
        stem=ops.Conv(8, 4, stride=4, bias=True), body=repeat(residual(block), 2), pool=ops.MaxPool(), mean=ops.Mean("h w"),
        hidden=ops.Linear(12), gelu=ops.Activation("gelu"), head=ops.Linear(5),
    )  # fmt: skip
    return Graph.of(template, (3, 16, 16))


def test_a_network_of_ours_comes_back_with_its_key(tmp_path):
    graph = sample()
    network = build(graph).eval()
    network.export(tmp_path / "net.onnx")
    again = Network.of(tmp_path / "net.onnx")
    assert (params(again.graph), macs(again.graph)) == (params(graph), macs(graph))
    assert again.graph.key == graph.key and opaque(again.graph) == []
    assert close(again, tmp_path / "net.onnx", torch.randn(3, 3, 16, 16))


def test_batch_norms_are_merged_by_the_exporter_unless_it_is_told_not_to(tmp_path):
    make, x = FAMILIES["resnet"]
    module = stir(make())
    graph = trace(module, x)
    whole = Network.of(exported(module, x, tmp_path / "whole.onnx", optimize=False))
    assert (whole.graph.key, params(whole.graph), macs(whole.graph)) == (graph.key, params(graph), macs(graph))
    assert whole.state_dict().keys() == module.state_dict().keys()
    merged = Network.of(exported(module, x, tmp_path / "merged.onnx"))
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    assert params(merged.graph) == params(graph) - sum(m.num_features for m in norms) and macs(merged.graph) == macs(
        graph
    )
    for name, network in (("whole", whole), ("merged", merged)):
        assert close(network, tmp_path / f"{name}.onnx", x)


@pytest.mark.parametrize("name", ["vit", "lstm"])
def test_families_have_the_same_counts(name, tmp_path):
    make, x = FAMILIES[name]
    module = stir(make())
    graph = trace(module, x)
    network = Network.of(exported(module, x, tmp_path / "net.onnx"))
    assert (params(network.graph), macs(network.graph)) == (params(graph), macs(graph))
    assert close(network, tmp_path / "net.onnx", x)


# --- files written by hand
# --------------------------------------------------------------------------------------------------


def file(path, nodes, weights=(), input=("batch", 3, 8, 8), output=("batch", None), version=18, domains=()):
    """A file of these nodes from x to y."""
    weights = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in dict(weights).items()]
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, input)
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, output)
    graph = helper.make_graph(nodes, "made", [taken], [given], weights)
    versions = [helper.make_opsetid("", version), *(helper.make_opsetid(d, 1) for d in domains)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=9)
    onnx.save(model, path)
    return path


def rng(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def floats(*values):
    return np.array(values, dtype="float32")


def whole(*values):
    return np.array(values, dtype="int64")


FILES = {
    "uneven padding": (
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[0, 0, 1, 1], strides=[2, 2])], {"w": rng(4, 3, 3, 3)}, (4, 4, 4)
    ),
    "same padding": ([helper.make_node("Conv", ["x", "w", "b"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2],
        kernel_shape=[4, 4])],
                     {"w": rng(4, 3, 4, 4), "b": rng(4)}, (4, 4, 4)),
    "average without padding": (
        [helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])], {},
        (3, 4, 4)
    ),
    "general product": (
        [helper.make_node("Flatten", ["x"], ["f"]),
            helper.make_node("Gemm", ["f", "w", "b"], ["y"], alpha=0.5, beta=2.0, transB=1)],
        {"w": rng(5, 192), "b": rng(5)}, (5,),
    ),
    "product and sum": (
        [helper.make_node("Reshape", ["x", "s"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["m"]),
         helper.make_node("Add", ["b", "m"], ["y"])],
        {"s": whole(0, -1), "w": rng(192, 5), "b": rng(5)}, (5,),
    ),
    "resize": (
        [helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear", coordinate_transformation_mode="half_pixel")],
        {"s": floats(1, 1, 2, 2)}, (3, 16, 16),
    ),
    "nearest": (
        [helper.make_node("Resize", ["x", "", "", "n"], ["y"], mode="nearest", nearest_mode="floor",
                          coordinate_transformation_mode="asymmetric")],
        {"n": whole(1, 3, 16, 16)}, (3, 16, 16),
    ),
    "shapes that are computed": (
        [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "zero"], ["b"]),
         helper.make_node("Concat", ["b", "rest"], ["t"], axis=0), helper.make_node("Reshape", ["x", "t"], ["r"]),
         helper.make_node("Transpose", ["r"], ["u"], perm=[0, 2, 1]), helper.make_node("Softmax", ["u"], ["y"], axis=-1)],
        {"zero": whole(0), "rest": whole(3, 64)}, (64, 3),
    ),
    "numbers": (
        [helper.make_node("Mul", ["x", "two"], ["a"]), helper.make_node("Sub", ["two", "a"], ["b"]),
         helper.make_node("Clip", ["b", "low", "high"], ["c"]), helper.make_node("Div", ["c", "two"], ["y"])],
        {"two": floats(2.0), "low": np.float32(0), "high": np.float32(6)}, (3, 8, 8),
    ),
    "parts": (
        [helper.make_node("Split", ["x", "n"], ["a", "b"], axis=1),
            helper.make_node("Slice", ["b", "from", "to", "axes"], ["c"]),
         helper.make_node("Pad", ["c", "pads"], ["d"]), helper.make_node("Concat", ["a", "d"], ["y"], axis=1)],
        {"n": whole(1, 2), "from": whole(1), "to": whole(2**62), "axes": whole(2),
            "pads": whole(0, 0, 1, 0, 0, 0, 0, 0)}, (3, 8, 8),
    ),
    "norms": (
        [helper.make_node("InstanceNormalization", ["x", "w", "v"], ["a"]),
            helper.make_node("LayerNormalization", ["a", "p", "q"], ["y"])],
        {"w": rng(3), "v": rng(3), "p": rng(8), "q": rng(8)}, (3, 8, 8),
    ),
    "means": (
        [helper.make_node("ReduceMean", ["x", "axes"], ["a"], keepdims=0), helper.make_node("HardSigmoid", ["a"], ["y"])],
        {"axes": whole(2, 3)}, (3,),
    ),
    "transposed": (
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1], group=1)],
        {"w": rng(3, 4, 4, 4)}, (4, 16, 16)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_operators_compute_what_onnx_runtime_does(name, tmp_path):
    nodes, weights, shape = FILES[name]
    if name == "nearest":  # sizes hold the batch, so it is fixed
        path = file(tmp_path / "net.onnx", nodes, weights, (1, 3, 8, 8), (1, *shape))
        network, x = Network.of(path), torch.from_numpy(rng(1, 3, 8, 8))
    else:
        path = file(tmp_path / "net.onnx", nodes, weights, output=("batch", *shape))
        network, x = Network.of(path), torch.from_numpy(rng(3, 3, 8, 8))
    assert close(network, path, x) and network.graph.output == shape
    assert not any(one.function.startswith("onnx.") for one in opaque(network.graph))


def test_what_is_learned_is_counted(tmp_path):
    for name, number, products in (
        ("product and sum", 192 * 5 + 5, 192 * 5),
        ("norms", 22, 0),
        ("transposed", 192, 192 * 64),
    ):
        nodes, weights, shape = FILES[name]
        graph = trace(file(tmp_path / "net.onnx", nodes, weights, output=("batch", *shape)))
        assert (params(graph), macs(graph)) == (number, products)


def unknown(path, output=("batch", 3, 8, 8), domain=""):
    """A file with a standard operator that PyTorch has not, or with one that nobody knows."""
    kind = "Strange" if domain else "Shrink"
    settings = {} if domain else {"bias": 0.1, "lambd": 0.5}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node(kind, ["a"], ["b"], name="middle", domain=domain, **settings),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    return file(path, nodes, {"w": rng(3, 3, 3, 3)}, output=output, domains=[domain] if domain else ())


def test_an_unknown_operator_is_kept_and_can_be_run(tmp_path):
    path = unknown(tmp_path / "net.onnx")
    network = Network.of(path)
    (one,) = opaque(network.graph)
    assert one.function == "onnx.Shrink" and one.address == "middle" and one.shape == (3, 8, 8)
    assert "onnx.Shrink" in str(network.graph) and close(network, path, torch.from_numpy(rng(3, 3, 8, 8)))
    assert (
        Graph.from_json(network.graph.to_json()).key == network.graph.key == trace(unknown(tmp_path / "again.onnx")).key
    )


def test_or_refused(tmp_path):
    with pytest.raises(TraceError, match="no op says exactly onnx.Shrink at middle"):
        trace(unknown(tmp_path / "net.onnx"), unknown="refuse")


def test_an_operator_that_nobody_knows(tmp_path):
    with pytest.raises(TraceError, match="Strange 'middle' is an operator of 'mine', which is not known here"):
        trace(unknown(tmp_path / "net.onnx", domain="mine"))


def test_wrong_files(tmp_path):
    with pytest.raises(TraceError, match=r"none.onnx': no such file"):
        trace(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(TraceError, match="not an ONNX file"):
        trace(tmp_path / "text.onnx")
    path = file(
        tmp_path / "open.onnx", [helper.make_node("Relu", ["x"], ["y"])], input=("batch", 3, "h", "w"), output=None
    )
    with pytest.raises(TraceError, match="an example is needed"):
        trace(path)
    assert trace(path, torch.zeros(1, 3, 5, 6)).output == (3, 5, 6)
    nodes = [helper.make_node("NonZero", ["x"], ["n"]), helper.make_node("Cast", ["n"], ["y"], to=TensorProto.FLOAT)]
    with pytest.raises(TraceError, match="NonZero"):
        trace(file(tmp_path / "sizes.onnx", nodes, output=None))


def test_two_inputs_are_refused(tmp_path):
    taken = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", 3)) for name in "ab"]
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 3))
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["y"])], "made", taken, [given])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "two.onnx"
    )
    with pytest.raises(
        TraceError, match=r"the file takes 2 inputs, a \(float32\), b \(float32\); a graph has one input"
    ):
        trace(tmp_path / "two.onnx")


def test_the_console_takes_files(tmp_path):
    testing = pytest.importorskip("typer.testing")
    from nasmyth.cli import app

    nodes, weights, shape = FILES["product and sum"]
    path = str(file(tmp_path / "net.onnx", nodes, weights, output=("batch", *shape)))
    shown = testing.CliRunner().invoke(app, ["show", path, "--graph"])
    assert shown.exit_code == 0 and "Linear(5)" in shown.output and "3x8x8" in shown.output
    measured = testing.CliRunner().invoke(app, ["measure", path, "--by", "params,macs", "--json"])
    assert measured.exit_code == 0 and '"params":965' in measured.output.replace(" ", "").replace(".0", "")
