"""ONNX files that are nearly right: one to four changes of a model, each of a kind that a broken or hostile file may
have."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto

NUMBERS = (-(2**63), -(2**31), -7, -2, -1, 0, 1, 2, 3, 5, 17, 1009, 2**16, 2**31, 10**12, 2**62, 2**63 - 1)
FLOATS = (0.0, -1.0, 1e-40, 1e38, float("inf"), float("nan"))
TEXTS = ("", "x", "x" * 500, "../../etc/passwd", "\u00e9\u2603", "a.b.c", "/", "SAME_UPPER", "linear", "'); import os")
KINDS = (
    "Relu", "Conv", "Gemm", "MatMul", "Reshape", "Expand", "Tile", "Resize", "Upsample", "Pad", "ConstantOfShape",
    "Range", "Gather",
    "ScatterND", "Slice", "Split", "Concat", "Transpose", "Squeeze", "Unsqueeze", "ReduceMean", "Softmax",
    "BatchNormalization",
    "LSTM", "GRU", "If", "Loop", "Scan", "Cast", "NonZero", "TopK", "OneHot", "Einsum", "MaxPool", "AveragePool",
    "ConvTranspose",
    "LayerNormalization", "Attention", "RandomNormal", "SequenceConstruct", "Optional", "Dropout", "Where", "Identity",
    "Nothing",
)  # fmt: skip


def mutated(model: onnx.ModelProto, rng: random.Random) -> bytes:
    """A changed copy of a model, as the bytes of a file. The same generator gives the same bytes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for _ in range(rng.choice((1, 1, 2, 4))):
        change = rng.choice(CHANGES)
        try:
            change(copy, rng)
        except Exception:  # there is nothing of this kind to change, or an earlier change is in the way
            continue
    data = copy.SerializeToString(deterministic=True)
    return broken(data, rng) if rng.random() < 0.15 else data


def broken(data: bytes, rng: random.Random) -> bytes:
    """The same with bytes changed, cut off, or put twice."""
    found = bytearray(data)
    if not found:
        return data
    place = rng.randrange(len(found))
    how = rng.randrange(4)
    if how == 0:
        for _ in range(rng.choice((1, 2, 8))):
            found[rng.randrange(len(found))] = rng.randrange(256)
    elif how == 1:
        del found[place:]
    elif how == 2:
        del found[place : place + rng.choice((1, 4, 64))]
    else:
        found[place:place] = found[: rng.choice((1, 16, 256))]
    return bytes(found)


# --- changes ------------------------------------------------------------------------------------------------------------


def _node(model: Any, rng: random.Random) -> Any:
    return rng.choice(model.graph.node)


def _name(model: Any, rng: random.Random) -> str:
    """A name that the file has, mostly."""
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    return rng.choice([*names, *(one.name for one in model.graph.input), rng.choice(TEXTS)])


def drop_node(model: Any, rng: random.Random) -> None:
    del model.graph.node[rng.randrange(len(model.graph.node))]


def repeat_node(model: Any, rng: random.Random) -> None:
    model.graph.node.add().CopyFrom(_node(model, rng))


def swap_nodes(model: Any, rng: random.Random) -> None:
    first, second = _node(model, rng), _node(model, rng)
    kept = onnx.NodeProto()
    kept.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(kept)


def change_kind(model: Any, rng: random.Random) -> None:
    _node(model, rng).op_type = rng.choice(KINDS)


def change_domain(model: Any, rng: random.Random) -> None:
    _node(model, rng).domain = rng.choice(("ai.onnx", "ai.onnx.ml", "com.microsoft", "mine", *TEXTS))


def rename_node(model: Any, rng: random.Random) -> None:
    _node(model, rng).name = rng.choice(TEXTS)


def rewire(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    node.input[rng.randrange(len(node.input))] = _name(model, rng)


def rename_output(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    node.output[rng.randrange(len(node.output))] = _name(model, rng)


def drop_input(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    del node.input[rng.randrange(len(node.input))]


def more_inputs(model: Any, rng: random.Random) -> None:
    _node(model, rng).input.extend([_name(model, rng)])


def drop_output(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    del node.output[rng.randrange(len(node.output))]


def drop_setting(model: Any, rng: random.Random) -> None:
    node = rng.choice([node for node in model.graph.node if node.attribute])
    del node.attribute[rng.randrange(len(node.attribute))]


def change_setting(model: Any, rng: random.Random) -> None:
    node = rng.choice([node for node in model.graph.node if node.attribute])
    _set(rng.choice(node.attribute), rng)


def add_setting(model: Any, rng: random.Random) -> None:
    one = _node(model, rng).attribute.add()
    one.name = rng.choice(
        (
            "axis",
            "axes",
            "pads",
            "strides",
            "dilations",
            "kernel_shape",
            "group",
            "value",
            "mode",
            "auto_pad",
            "to",
            "perm",
        )
    )
    one.type = rng.choice((AttributeProto.INT, AttributeProto.INTS, AttributeProto.FLOAT, AttributeProto.STRING))
    _set(one, rng)


def _set(one: Any, rng: random.Random) -> None:
    if rng.random() < 0.1:
        one.type = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))
    if one.type == AttributeProto.INT:
        one.i = rng.choice(NUMBERS)
    elif one.type == AttributeProto.INTS:
        if one.ints and rng.random() < 0.7:
            one.ints[rng.randrange(len(one.ints))] = rng.choice(NUMBERS)
        elif one.ints and rng.random() < 0.5:
            del one.ints[-1]
        else:
            one.ints.extend([rng.choice(NUMBERS)])
    elif one.type == AttributeProto.FLOAT:
        one.f = rng.choice(FLOATS)
    elif one.type == AttributeProto.STRING:
        one.s = rng.choice((b"\xff\xfe", rng.choice(TEXTS).encode()))
    elif one.type == AttributeProto.TENSOR:
        _change_tensor(one.t, rng)
    else:
        one.ClearField("type")


def change_tensor(model: Any, rng: random.Random) -> None:
    _change_tensor(rng.choice(model.graph.initializer), rng)


def _change_tensor(one: Any, rng: random.Random) -> None:
    how = rng.randrange(7)
    if how == 0:
        one.dims[rng.randrange(len(one.dims))] = rng.choice(NUMBERS)
    elif how == 1:
        one.data_type = rng.randrange(28)
    elif how == 2:
        one.raw_data = one.raw_data[: rng.randrange(len(one.raw_data))]
    elif how == 3:
        one.data_location = TensorProto.EXTERNAL
        for key, value in (("location", rng.choice(TEXTS)), ("offset", str(rng.choice(NUMBERS))), ("length", "12")):
            entry = one.external_data.add()
            entry.key, entry.value = key, value
    elif how == 4:
        one.name = rng.choice(TEXTS)
    elif how == 5:
        one.dims.extend([rng.choice(NUMBERS)])
    else:  # the numbers themselves: shapes, axes and sizes are among them
        array = onnx.numpy_helper.to_array(one).copy()
        array.flat[rng.randrange(array.size)] = rng.choice(NUMBERS[1:15] if array.dtype.kind == "i" else FLOATS)
        one.CopyFrom(onnx.numpy_helper.from_array(array, one.name))


def drop_tensor(model: Any, rng: random.Random) -> None:
    del model.graph.initializer[rng.randrange(len(model.graph.initializer))]


def change_type(model: Any, rng: random.Random) -> None:
    one = rng.choice([*model.graph.input, *model.graph.output])
    how = rng.randrange(4)
    if how == 0:
        one.type.tensor_type.elem_type = rng.randrange(28)
    elif how == 1:
        one.type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
    elif how == 2:
        one.type.tensor_type.ClearField("shape")
    else:
        one.ClearField("type")


def change_shape(model: Any, rng: random.Random) -> None:
    one = rng.choice([*model.graph.input, *model.graph.output])
    dims = one.type.tensor_type.shape.dim
    how = rng.randrange(4)
    if how == 0:
        rng.choice(dims).dim_value = rng.choice(NUMBERS)
    elif how == 1:
        rng.choice(dims).dim_param = rng.choice(TEXTS)
    elif how == 2:
        del dims[rng.randrange(len(dims))]
    else:
        dims.add().dim_value = rng.choice(NUMBERS[4:12])


def change_ends(model: Any, rng: random.Random) -> None:
    """Inputs and outputs of the file: one less, one more, another name."""
    graph = model.graph
    ends = rng.choice((graph.input, graph.output))
    how = rng.randrange(3)
    if how == 0:
        del ends[rng.randrange(len(ends))]
    elif how == 1:
        ends.add().CopyFrom(rng.choice([*graph.input, *graph.output, *graph.value_info]))
    else:
        rng.choice(ends).name = _name(model, rng)


def change_version(model: Any, rng: random.Random) -> None:
    if rng.random() < 0.2:
        del model.opset_import[:]
    else:
        rng.choice(model.opset_import).version = rng.choice((*range(1, 26), *NUMBERS))
    if rng.random() < 0.2:
        model.ir_version = rng.choice(NUMBERS)


def nest(model: Any, rng: random.Random) -> None:
    """A graph inside of a node."""
    whole = onnx.GraphProto.FromString(model.graph.SerializeToString())  # a graph cannot be copied into itself
    one = _node(model, rng).attribute.add()
    one.name, one.type = rng.choice(("then_branch", "body", "else_branch")), AttributeProto.GRAPH
    one.g.CopyFrom(whole)


def own_function(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    function = model.functions.add()
    function.name, function.domain = node.op_type, node.domain
    function.node.add().CopyFrom(node)
    function.input.extend(node.input)
    function.output.extend(node.output)


def bomb(model: Any, rng: random.Random) -> None:
    """A few bytes that stand for many numbers, in front of what a node reads."""
    node = rng.choice([node for node in model.graph.node if node.input])
    sizes = onnx.numpy_helper.from_array(np.array([rng.choice(NUMBERS[10:])] * rng.choice((1, 2, 4))), "bomb_size")
    model.graph.initializer.add().CopyFrom(sizes)
    kind = rng.choice(("ConstantOfShape", "Expand", "Tile", "Resize", "Pad"))
    place = rng.randrange(len(node.input))
    given = {"ConstantOfShape": ["bomb_size"], "Resize": [node.input[place], "", "", "bomb_size"]}
    made = onnx.helper.make_node(kind, given.get(kind, [node.input[place], "bomb_size"]), ["bomb"])
    node.input[place] = "bomb"
    nodes = [made, *model.graph.node]
    at = nodes.index(node)
    nodes[:] = [*nodes[1:at], made, *nodes[at:]]
    kept = [onnx.NodeProto.FromString(one.SerializeToString()) for one in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)


CHANGES: tuple[Callable[[Any, random.Random], None], ...] = (
    drop_node, repeat_node, swap_nodes, change_kind, change_domain, rename_node, rewire, rename_output, drop_input,
    more_inputs,
    drop_output, drop_setting, change_setting, change_setting, change_setting, add_setting, change_tensor,
    change_tensor, change_tensor,
    drop_tensor, change_type, change_shape, change_shape, change_ends, change_version, nest, own_function, bomb,
)  # fmt: skip
