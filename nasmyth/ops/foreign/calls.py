"""What an opaque op may call. A file may come from anyone, and it names a function: so that function has to be an operator
that takes numbers, texts and tensors, and gives tensors, and does nothing else.

PyTorch registers nearly five thousand operators. Some write files (`aten.save`), read them (`aten.from_file`), print, talk
to other machines, look into memory, or change what they are given. Which of them may be called is decided by what they
declare, not by a list of names: an operator that is added to PyTorch tomorrow is judged by the same sentence.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch

from nasmyth.errors import SpaceError
from nasmyth.kinds import shown

_TAKES = {"Tensor", "int", "SymInt", "bool", "float", "number", "str", "Device", "Generator"}
_GIVES = {"Tensor", "int", "bool", "float"}
_WRAPPED = re.compile(r"(?:Optional|List)\[(.*)\]")

_OWN = frozenset(
    ["prim", "profiler", "c10d", "_c10d_functional", "_c10d_functional_autograd", "symm_mem", "static_runtime",
     "inductor", "inductor_prims", "rngprims", "debugprims", "debug_mode_ops", "mkldnn", "mkldnn_prepacked", "mkl",
     "onednn", "quantized", "_quantized", "sparse", "quantization", "rpc", "_native", "_dtensor", "_test", "export",
     "streams", "higher_order"]
)  # fmt: skip
"""Where PyTorch keeps operators for its own use: they trust their arguments, or reach beyond tensors."""

_REACHING = re.compile(r"from_file|storage|sparse|nested|data_ptr|^_test|^_cuda|^_use_|^_debug|^_dim_arange|pin_memory")
"""Names in `aten` of what takes or gives tensors only, and yet reads files or memory as it is told."""


@lru_cache(maxsize=10_000)
def may_be_called(target: str) -> bool:
    """Whether an opaque op may name this: an operator "namespace.name.overload" that only computes."""
    parts = target.split(".")
    if len(parts) != 3 or not all(part.isidentifier() for part in parts):
        return False
    namespace, name, overload = parts
    if namespace in _OWN or (namespace == "aten" and _REACHING.search(name)):
        return False
    found = getattr(getattr(getattr(torch.ops, namespace, None), name, None), overload, None)
    if not isinstance(found, torch._ops.OpOverload) or str(found) != target:
        return False
    return _only_computes(found._schema, texts=namespace == "aten" or target == "nasmyth.onnx.default")


def _only_computes(schema: Any, texts: bool) -> bool:
    """texts: whether it may take some. In an operator of another package they could be the name of a file."""
    takes = {_plain(argument.type) for argument in schema.arguments}
    gives = {_plain(result.type) for result in schema.returns}
    allowed = _TAKES if texts else _TAKES - {"str"}
    return not schema.is_mutable and takes <= allowed and "Tensor" in gives and gives <= _GIVES


def _plain(kind: Any) -> str:
    text = str(kind)
    while match := _WRAPPED.fullmatch(text):
        text = match[1]
    return text


def check(call: Any) -> None:
    """Raise SpaceError for an opaque op that calls what it must not, or says what no opaque op says."""
    for target in [call.target, *_called_inside(call.settings)]:
        if not may_be_called(target):
            raise SpaceError(
                f"Opaque({shown(target)}): is no operator of PyTorch that is known here and only computes; write it as "
                "'aten.roll.default', and import the package that brings it if it is not PyTorch's own"
            )
    for name, _, dtype, _ in call.weights:
        _named(dtype, torch.dtype, call.target)
        if not name.isidentifier():
            raise SpaceError(f"Opaque({call.target!r}): {shown(name)} is no name of a weight")
    for text in call.constants:
        table_parts(text)
    for _, value in call.settings:
        _check_setting(value, call)


def _called_inside(value: Any) -> Iterator[str]:
    """The targets of calls among arguments."""
    if isinstance(value, tuple):
        if value and isinstance(value[0], str) and value[0].startswith("call "):
            yield value[0][5:]
        for part in value:
            yield from _called_inside(part)


def _check_setting(value: Any, call: Any) -> None:
    if isinstance(value, tuple):
        if value and isinstance(value[0], str) and value[0].startswith("call "):
            if not all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value[1:]):
                raise SpaceError(f"Opaque({call.target!r}): {shown(value)} is no call with arguments by name")
            value = tuple([argument for _, argument in value[1:]])
        for part in value:
            _check_setting(part, call)
    elif isinstance(value, str):
        kind, _, rest = value.partition(" ")
        if not _understood(kind, rest, call):
            raise SpaceError(
                f"Opaque({call.target!r}): {shown(value)} is no argument (see the top of ops/foreign/opaque.py)"
            )


def _understood(kind: str, rest: str, call: Any) -> bool:
    if kind in ("input", "constant"):
        most = len(call.takes if kind == "input" else call.constants)
        return re.fullmatch("[0-9]{1,6}", rest) is not None and int(rest) < most
    if kind == "weight":
        return rest in [name for name, *_ in call.weights]
    if kind == "batch":
        return re.fullmatch("-?[0-9]{1,12}", rest) is not None
    if kind == "float":
        return rest in ("inf", "-inf", "nan")
    if kind in ("dtype", "format", "layout"):
        wanted = {"dtype": torch.dtype, "format": torch.memory_format, "layout": torch.layout}[kind]
        return isinstance(getattr(torch, rest, None), wanted)
    return kind == "text" or (kind in ("real", "device") and not rest)


def _named(name: str, kind: type, target: str) -> Any:
    found = getattr(torch, name, None)
    if not isinstance(found, kind):
        raise SpaceError(f"Opaque({target!r}): torch has no {kind.__name__} {shown(name)}")
    return found


def table_parts(text: str) -> tuple[torch.dtype, list[int], bytes]:
    """Type, shape and bytes of a constant "type 3x4 data". Raises SpaceError where they do not go together."""
    parts = text.split(" ")
    try:
        dtype, sizes, data = parts
        kind = _named(dtype, torch.dtype, "a constant")
        shape = [int(n) for n in sizes.split("x") if n]
        raw = base64.b64decode(data, validate=True)
        if math.prod(shape) * kind.itemsize == len(raw) and all(n >= 0 for n in shape):
            return kind, shape, raw
    except ValueError as error:
        if isinstance(error, SpaceError):
            raise
    raise SpaceError(f"Opaque(): {shown(text)} is no constant, which is a type, a shape and as many bytes in base 64")
