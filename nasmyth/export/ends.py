"""The two ends of exported source: what turns raw input into what the network takes, and its output into an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nasmyth.errors import ExportError
from nasmyth.export import readers
from nasmyth.export.literals import literal
from nasmyth.export.paste import Paste
from nasmyth.forms.inputs import ImageInput, TableInput
from nasmyth.forms.several import NamedInputs
from nasmyth.network.pipeline import names_of

if TYPE_CHECKING:
    from nasmyth.network.network import Network


def classifies(network: Network) -> bool:
    return network.outputs is not None and network.outputs.kind == "classification"


def construct_ends(network: Network, paste: Paste) -> tuple[str, str]:
    """The lines that construct preprocessing and answer."""
    inputs, outputs = network.inputs, network.outputs
    prepare = "" if inputs is None else f"PREPARE = {_preparation(inputs, paste)}"
    if outputs is None:
        return prepare, ""
    answer = paste.add(type(outputs.module()))
    scale = [f"{name}={literal(list(getattr(outputs, name)))}" for name in ("mean", "std") if hasattr(outputs, name)]
    return prepare, f"ANSWER = {answer}({', '.join(scale)})"


def _preparation(inputs: Any, paste: Paste) -> str:
    """The expression that constructs what prepares stored input."""
    if not (isinstance(inputs, (NamedInputs, ImageInput, TableInput)) or hasattr(inputs, "settings")):
        raise ExportError(
            f"not written: {type(inputs).__name__} has no form as source; an .onnx or .pt2 file takes it in stored form"
        )
    name = paste.add(type(inputs.module()))
    if isinstance(inputs, NamedInputs):
        each = [f"    {literal(part)}: {_preparation(form, paste)}," for part, form in inputs.inputs]
        return "\n".join([f"{name}({{", *(line.replace("\n", "\n    ") for line in each), "})"])
    if isinstance(inputs, TableInput):
        knots, heights = _curves(inputs)
        fill = [c.fill for c in inputs.columns if c.kind == "number"]
        settings = {"fill": fill, "knots": knots, "heights": heights}
        settings |= {"missing": inputs.told_missing} if inputs.told_missing else {}
        return "\n".join([f"{name}(", *(f"    {n}={literal(v)}," for n, v in settings.items()), ")"])
    if isinstance(inputs, ImageInput):
        return f"{name}(mean={literal(list(inputs.mean))}, std={literal(list(inputs.std))})"
    return f"{name}({', '.join(f'{n}={literal(v)}' for n, v in inputs.settings.items())})"


def _curves(inputs: TableInput) -> list[list[list[float]]]:
    """Knots and heights of the numbers, all as long as the longest, as `PrepareTable` takes them."""
    curves = [c.curve for c in inputs.columns if c.kind == "number"]
    longest = max((len(knots) for knots, _ in curves), default=2)
    return [[[*c[i], *[c[i][-1]] * (longest - len(c[i]))] for c in curves] for i in (0, 1)]


def constants(network: Network) -> Iterator[str]:
    """The columns of tables, and the classes."""
    inputs = network.inputs
    if isinstance(inputs, TableInput):
        yield "\n".join(["COLUMNS = [", *_columns(inputs, "    "), "]"])
    tables = [(name, form) for name, form in getattr(inputs, "inputs", ()) if isinstance(form, TableInput)]
    if tables:
        lines = [
            line for name, form in tables for line in (f"    {literal(name)}: [", *_columns(form, " " * 8), "    ],")
        ]
        yield "\n".join(["COLUMNS = {", *lines, "}"])
    if classifies(network):
        yield f"CLASSES = {literal(list(network.outputs.labels))}"


def _columns(inputs: TableInput, margin: str) -> Iterator[str]:
    for column in inputs.columns:
        more: dict[str, Any] = {"vocabulary": list(column.vocabulary)} if column.kind == "category" else {}
        more |= {"notation": column.notation} if column.notation else {}
        yield f"{margin}{literal({'name': column.name, **more})},"


def raw_reader(network: Network, paste: Paste) -> str:
    """The function `stored`: raw input to what PREPARE takes."""
    inputs, names = network.inputs, names_of(network)
    tensor = f"{paste.need('torch')}.as_tensor"
    if isinstance(inputs, NamedInputs):
        said = "Inputs by name, each as it is stored."
        each = [
            _read(form, f"raw[{literal(name)}]", f"COLUMNS[{literal(name)}]", paste) for name, form in inputs.inputs
        ]
        lines = [f"        {literal(name)}: {read}," for (name, _), read in zip(inputs.inputs, each, strict=True)]
        given = "\n".join(["{", *lines, "    }"])
    elif names:
        said, given = "Inputs by name.", f"{{name: {tensor}(raw[name]) for name in {literal(list(names))}}}"
    elif inputs is not None:
        said = {ImageInput: "Raw images as uint8 N H W C.", TableInput: "A raw table as float32 N F."}.get(
            type(inputs), "What PREPARE takes."
        )
        given = _read(inputs, "raw", "COLUMNS", paste)
    else:
        said, given = "Prepared input as float32.", f"{tensor}(raw).float()"
    return f'def stored(raw):\n    """{said}"""\n    return {given}'


def _read(inputs: Any, raw: str, columns: str, paste: Paste) -> str:
    """The expression that reads one raw input."""
    if isinstance(inputs, ImageInput):
        fields = ("height", "width", "channels", "low", "high", "seen")
        settings = ", ".join(f"{n}={literal(getattr(inputs, n))}" for n in fields)
        return f"{paste.add(readers.read_images)}({raw}, {settings})"
    if isinstance(inputs, TableInput):
        reader = paste.add(readers.read_rows)
        dated = any(re.fullmatch(r".+\.(days|month|weekday|hour)", column.name) for column in inputs.columns)
        find = paste.add(readers.find_dated_column if dated else readers.find_column)
        written = any(column.notation for column in inputs.columns)
        number = paste.add(readers.written_number if written else readers.plain_number)
        return f"{reader}({raw}, {columns}, {find}, {number})"
    return f"{paste.need('torch')}.as_tensor({raw})"
