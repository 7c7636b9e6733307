"""What the packages onnx and ONNX Runtime are asked about a file: a script, run in a process of its own (`onnx_beside`).

Both are written in C and a file may come from anyone, so here they may crash, hang or want all memory without harm. What is
asked is in `asked.json` in the folder given; what is found goes beside it, step by step: `told.json` and arrays.

    python onnx_child.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(folder: Path) -> None:
    asked = json.loads((folder / "asked.json").read_text())
    limit(asked["memory"], asked["seconds"])
    told: dict[str, Any] = {}
    for name, step in (("check", check), ("types", types), ("fold", fold), ("run", run)):
        told["step"] = name
        write(folder, told)
        try:
            told[name] = step(folder, asked)
        except Exception as error:
            told["why"] = "memory" if isinstance(error, MemoryError) else str(error)[:2000]
            told["at"] = getattr(error, "at", None)
            break
    else:
        told["step"] = "end"
    write(folder, told)


def write(folder: Path, told: dict[str, Any]) -> None:
    (folder / "told.new").write_text(json.dumps(told))
    os.replace(folder / "told.new", folder / "told.json")


def limit(memory: int, seconds: int) -> None:
    """Bytes of address space and seconds of processor time, where the system can be asked."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):
            continue


def check(folder: Path, asked: dict[str, Any]) -> str:
    """Which rule of ONNX the file breaks, if any."""
    import onnx

    try:
        onnx.checker.check_model(asked["path"])
    except onnx.checker.ValidationError as error:
        return str(error)[:2000] or "it breaks a rule of ONNX"
    return ""


def types(folder: Path, asked: dict[str, Any]) -> dict[str, list[Any]]:
    """Type and shape of each value, as far as they follow from the input's."""
    import onnx

    model = onnx.load(asked["path"], load_external_data=False)
    (taken,) = [one for one in model.graph.input if one.name == asked["input"]]
    taken.type.tensor_type.ClearField("shape")
    for length in asked["shape"]:
        axis = taken.type.tensor_type.shape.dim.add()
        if isinstance(length, int):
            axis.dim_value = length
        else:
            axis.dim_param = length
    del model.graph.value_info[:]  # these were for inputs of any size
    for one in model.graph.output:
        one.type.tensor_type.ClearField("shape")
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:
        return {}
    found = {}
    for one in (*model.graph.value_info, *model.graph.output):
        kind = one.type.tensor_type
        if one.type.HasField("tensor_type") and kind.HasField("shape"):
            dims = [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in kind.shape.dim]
            found[one.name] = [kind.elem_type, dims]
    return found


def fold(folder: Path, asked: dict[str, Any]) -> dict[str, str]:
    """The values of `fold`, which depend on constants alone; their types."""
    if not asked["fold"]:
        return {}
    import onnx

    model = onnx.load(asked["path"])
    nodes = [model.graph.node[i] for i in asked["nodes"]]
    read = {name for node in nodes for name in node.input}
    tensors = [one for one in model.graph.initializer if one.name in read]
    found: dict[str, str] = {}
    total = 0
    try:
        values = by_runtime(model, nodes, tensors, asked["fold"])
    except MemoryError:
        raise
    except Exception:
        values = by_reference(model, nodes, tensors, set(asked["fold"]))
    for name, value in values:
        array = np.asarray(value)
        total += array.nbytes
        if total > asked["most"]:
            raise MemoryError
        if array.dtype.name in asked["plain"]:
            np.save(folder / f"fold{len(found)}.npy", array)
        found[name] = str(array.dtype)
    return found


def by_runtime(model: Any, nodes: list[Any], tensors: list[Any], wanted: list[str]) -> list[tuple[str, Any]]:
    """By ONNX Runtime, which knows old versions, too."""
    import onnx

    outputs = [onnx.ValueInfoProto(name=name) for name in wanted]
    graph = onnx.helper.make_graph(nodes, "constants", [], outputs, tensors)
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return list(zip(wanted, session(part.SerializeToString(), plainly=True).run(wanted, {}), strict=True))


def by_reference(model: Any, nodes: list[Any], tensors: list[Any], wanted: set[str]) -> Any:
    """By the onnx package, node by node."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    versions = {one.domain: one.version for one in model.opset_import}
    values: dict[str, Any] = {one.name: onnx.numpy_helper.to_array(one) for one in tensors}
    for i, node in enumerate(nodes):
        fed = {name: values[name] for name in node.input if name}
        try:
            with np.errstate(all="ignore"):
                given = ReferenceEvaluator(node, opsets=versions).run(None, fed)
        except Exception as error:
            error.at = i  # type: ignore[attr-defined]
            raise
        found = list(zip([name for name in node.output if name], given, strict=False))
        values.update(found)
        yield from ((name, array) for name, array in found if name in wanted)


def session(source: Any, plainly: bool = False) -> Any:
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.disable_prepacking", "1")
    if plainly:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What ONNX Runtime answers for the first of the examples that it takes and answers with finite numbers."""
    runtime = session(source(asked))
    others = {one.name: zeros(one) for one in runtime.get_inputs() if one.name != asked["input"]}
    found: dict[str, Any] = {}
    why = ""
    for number in range(asked["examples"]):
        x = np.load(folder / f"example{number}.npy")
        try:
            answers = runtime.run(asked["outputs"], {**others, asked["input"]: x})
        except Exception as error:
            why = str(error)
            continue
        if not found or np.isfinite(answers[0]).all():
            for place, answer in enumerate(answers):
                np.save(folder / f"answer{place}.npy", np.asarray(answer))
            found = {"example": number, "finite": bool(np.isfinite(answers[0]).all())}
            if found["finite"]:
                return found
    if not found:
        raise RuntimeError(why)
    return found


def zeros(one: Any) -> Any:
    """For an input that the output does not depend on, and ONNX Runtime wants nevertheless."""
    kind = one.type.removeprefix("tensor(").removesuffix(")")
    shape = [n if isinstance(n, int) and n > 0 else 1 for n in one.shape]
    return np.zeros(shape, {"float": "float32", "double": "float64"}.get(kind, kind))


def source(asked: dict[str, Any]) -> Any:
    """The file, or where values inside it are asked for, the file with these as outputs."""
    if len(asked["outputs"]) == 1:
        return asked["path"]
    import onnx

    model = onnx.load(asked["path"])
    given = {one.name for one in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in asked["outputs"] if name not in given)
    return model.SerializeToString()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
