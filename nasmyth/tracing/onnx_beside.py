"""A file that is read beside ONNX Runtime: what both answer to an example has to be equal.

The packages onnx and ONNX Runtime look at the file in a process of its own (`onnx_child`), with limits of memory and time.
Where ONNX Runtime cannot run the file, or is not installed, it is read without the comparison, and a warning says so.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nasmyth.errors import TraceError, warn
from nasmyth.tracing.onnx_constants import Plan
from nasmyth.tracing.onnx_file import File, title

TOLERANCE = 1e-4
"""How far answers may be apart, relative to the largest; a hundred times as much in half precision."""
COMPUTED = 640 << 20
"""Bytes that a file may make out of its constants, beyond what is in it."""
TYPES = (
    "float32",
    "float64",
    "float16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
)
CHILD = Path(__file__).with_name("onnx_child.py")
MEMORY, SECONDS, WALL = 2 << 30, 10, 90
"""Bytes, seconds of processor time, and seconds for the process, for a small file; larger ones are given more."""


class RuntimeAnswers(NamedTuple):
    """What the other process found."""

    types: dict[str, tuple[int, list[Any]]]
    arrays: dict[str, np.ndarray]
    """What was computed from constants."""
    example: int | None
    """Which example ONNX Runtime answered, if any."""
    answers: list[np.ndarray]
    why: str
    """Why there is no answer."""


class Beside(NamedTuple):
    """A file, and what to ask about it."""

    file: File
    plan: Plan
    fixed: int | None
    """The size of the batch, where the file says one."""
    inner: Sequence[int]
    """The shape of one example."""

    def ask(self, examples: list[Tensor], inside: Sequence[str] = ()) -> RuntimeAnswers:
        """Checks the file, computes its constants and runs it. inside: values to see besides the answer. Raises
        TraceError."""
        try:
            return _ask(self, examples, list(inside))
        except OSError as error:
            raise TraceError(
                f"{self.file.path} could not be looked at: a folder for that is needed in {tempfile.gettempdir()}, "
                f"and there "
                f"{error.strerror or 'is none'}"
            ) from error


def _ask(beside: Beside, examples: list[Tensor], inside: list[str]) -> RuntimeAnswers:
    file, plan = beside.file, beside.plan
    outputs = [file.output.name, *inside]
    asked = {
        "path": str(file.path.absolute()), "input": file.input.name, "outputs": outputs, "examples": len(examples),
        "shape": ["batch" if beside.fixed is None else beside.fixed, *beside.inner],
        "nodes": plan.before, "fold": plan.wanted, "most": COMPUTED, "plain": TYPES,
        "memory": MEMORY + 6 * file.size, "seconds": SECONDS + file.size // 1_000_000,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="nasmyth-onnx-") as name:
        folder = Path(name)
        for number, x in enumerate(examples):
            np.save(folder / f"example{number}.npy", x.numpy())
        (folder / "asked.json").write_text(json.dumps(asked))
        ended = _run(folder, WALL + file.size // 1_000_000)
        found = folder / "told.json"
        told: dict[str, Any] = json.loads(found.read_text()) if found.exists() else {"step": "check"}
        step, why = told["step"], told.get("why", ended)
        if step != "end" and told.get("check"):  # ONNX Runtime is more patient than the rules are
            raise TraceError(f"{file.path} is not a valid ONNX file: {told['check'].strip().splitlines()[0]}")
        if step not in ("run", "end"):
            raise _refusal(file, plan, step, why, told.get("at"))
        arrays = {}
        for number, (value, dtype) in enumerate(told["fold"].items()):
            if dtype not in TYPES:
                raise TraceError(f"the value {value!r} is of the type {dtype}, which networks here cannot hold")
            arrays[value] = np.load(folder / f"fold{number}.npy", allow_pickle=False)
        ran = told.get("run") or {}
        answers = [np.load(folder / f"answer{i}.npy", allow_pickle=False) for i in range(len(outputs) if ran else 0)]
    types = {name: (kind, dims) for name, (kind, dims) in told["types"].items()}
    return RuntimeAnswers(types, arrays, ran.get("example"), answers, why)


def _run(folder: Path, seconds: float) -> str:
    """Runs the other process; how it ended."""
    command = [sys.executable, "-P", str(CHILD), str(folder)]
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return "it took too long"
    return "it took too long" if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL) else "it crashed"


def _refusal(file: File, plan: Plan, step: str, why: str, at: int | None) -> TraceError:
    if step == "fold":
        node = file.nodes[file.numbers.index(plan.before[at])] if at is not None else None
        what = (
            f"{title(node)}, which depends on constants alone,"
            if node is not None
            else "what depends on constants alone"
        )
        if why == "memory":
            return TraceError(f"{what} gives more than {COMPUTED >> 20} MiB; keep such weights in the file")
        return TraceError(f"{what} cannot be computed: the file is malformed, or needs a newer onnx package")
    if why == "memory":
        return TraceError(f"{file.path} needs more memory than a file of its size may take: it is malformed")
    if why.startswith("it "):
        return TraceError(f"{file.path} is not a valid ONNX file: the onnx package was asked to check it, and {why}")
    return TraceError(
        f"{file.path} is not a valid ONNX file: {(why.strip() or 'it cannot be checked').splitlines()[0]}"
    )


@torch.no_grad()
def compare(module: Any) -> None:
    """Raises TraceError where a module and ONNX Runtime differ; warns if there is nothing to compare with."""
    file, told, x = module.beside.file, module.told, module.example
    (ours,) = module(x).values()
    _apart(module, x, ours)
    if told.example is None:
        missing = "No module named 'onnxruntime'" in told.why
        reason = "is not installed" if missing else f"could not run it: {_short(told.why)}"
        warn(f"{file.path} was read without comparing its answers with those of ONNX Runtime, which {reason}")
        return
    theirs = told.answers[0]
    gap = difference(ours.numpy(), theirs)
    if gap > 0:
        raise TraceError(
            f"the output {file.output.name!r} differs from ONNX Runtime's by {gap:.3g}, where the largest answer is "
            f"{_largest(theirs):.3g}{_first(module)}: the file means something else than what was read"
        )


def _apart(module: Any, x: Tensor, together: Tensor) -> None:
    """Raises TraceError if the answer to an example depends on the others of its batch, or on its place among them."""
    other = x[:1] if len(x) > 1 else torch.cat((x, x.roll(1, -1)))
    (found,) = module(other).values()
    if not found.ndim or not together.ndim or difference(found[:1].numpy(), together[:1].numpy()) > 0:
        raise TraceError(
            "the answer to one example depends on the others of its batch; in a graph examples do not meet"
        )


def _first(module: Any) -> str:
    """Which node is the first that differs."""
    names = [name for operator in module.runs for name in sorted(operator.read)][:1000]
    told = module.beside.ask([module.example], names)
    theirs = dict(zip(names, told.answers[1:], strict=False))
    for operator, found in module.steps(module.example):
        for name, ours in found.items():
            if name in theirs and difference(np.asarray(ours), theirs[name]) > 0:
                return f"; {operator.title} is the first to differ"
    return ""


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, 0 where it is within what rounding explains, infinite for other shapes."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return float("inf")
    if not theirs.size:
        return 0.0
    half = "float16" in (str(ours.dtype), str(theirs.dtype))
    ours, theirs = ours.astype("float64"), theirs.astype("float64")
    finite = np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True) or not np.isfinite(ours[finite]).all():
        return float("inf")
    gap = float(np.abs(ours[finite] - theirs[finite]).max(initial=0.0))
    return gap if gap > (100 if half else 1) * TOLERANCE * max(_largest(theirs), 1e-2) else 0.0


def _largest(values: np.ndarray) -> float:
    values = values.astype("float64")
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _short(text: str) -> str:
    """ONNX Runtime's reason without its codes and source files."""
    line = (text.strip().splitlines() or ["it gave no reason"])[0]
    line = re.sub(r"^.*\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : |Load model from \S+ failed:|/\S+ \S+ ", "", line)
    return line[:200]
