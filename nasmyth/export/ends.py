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
from nasmyth.network.pipeline import names_of

if TYPE_CHECKING:
    from nasmyth.network.network import Network


def classifies(network: Network) -> bool:
    return network.outputs is not None and network.outputs.kind == "classification"


def construct_ends(network: Network, paste: Paste) -> tuple[str, str]:
    """The lines that construct preprocessing and answer."""
    inputs, outputs = network.inputs, network.outputs
    prepare, answer = (None if end is None else paste.add(type(end.module())) for end in (inputs, outputs))
    lines = []
    if prepare is None:
        lines.append("")
    elif isinstance(inputs, TableInput):
        knots, heights = _curves(inputs)
        fill = [c.fill for c in inputs.columns if c.kind == "number"]
        settings = {"fill": fill, "knots": knots, "heights": heights}
        lines.append(
            "\n".join([f"PREPARE = {prepare}(", *(f"    {n}={literal(v)}," for n, v in settings.items()), ")"])
        )
    elif isinstance(inputs, ImageInput):
        lines.append(f"PREPARE = {prepare}(mean={literal(list(inputs.mean))}, std={literal(list(inputs.std))})")
    elif not hasattr(inputs, "settings"):
        raise ExportError(
            f"not written: {type(inputs).__name__} has no form as source; an .onnx or .pt2 file takes it in stored form"
        )
    else:
        lines.append(f"PREPARE = {prepare}({', '.join(f'{n}={literal(v)}' for n, v in inputs.settings.items())})")
    if answer is None:
        lines.append("")
    elif classifies(network):
        lines.append(f"ANSWER = {answer}()")
    else:
        lines.append(f"ANSWER = {answer}(mean={literal(list(outputs.mean))}, std={literal(list(outputs.std))})")
    return lines[0], lines[1]


def _curves(inputs: TableInput) -> list[list[list[float]]]:
    """Knots and heights of the numbers, all as long as the longest, as `PrepareTable` takes them."""
    curves = [c.curve for c in inputs.columns if c.kind == "number"]
    longest = max((len(knots) for knots, _ in curves), default=2)
    return [[[*c[i], *[c[i][-1]] * (longest - len(c[i]))] for c in curves] for i in (0, 1)]


def constants(network: Network) -> Iterator[str]:
    if isinstance(network.inputs, TableInput):
        yield "COLUMNS = ["
        for column in network.inputs.columns:
            more: dict[str, Any] = {"vocabulary": list(column.vocabulary)} if column.kind == "category" else {}
            more |= {"notation": column.notation} if column.notation else {}
            yield f"    {literal({'name': column.name, **more})},"
        yield "]"
    if classifies(network):
        yield f"CLASSES = {literal(list(network.outputs.labels))}"


def raw_reader(network: Network, paste: Paste) -> str:
    """The function `stored`: raw input to the tensor that PREPARE takes."""
    inputs = network.inputs
    head = "def stored(raw):\n"
    if isinstance(inputs, ImageInput):
        reader = paste.add(readers.read_images)
        settings = ", ".join(
            f"{n}={literal(getattr(inputs, n))}" for n in ("height", "width", "channels", "low", "high", "seen")
        )
        return f'{head}    """Raw images as uint8 N H W C."""\n    return {reader}(raw, {settings})'
    if isinstance(inputs, TableInput):
        reader = paste.add(readers.read_rows)
        dated = any(re.fullmatch(r".+\.(days|month|weekday|hour)", column.name) for column in inputs.columns)
        find = paste.add(readers.find_dated_column if dated else readers.find_column)
        written = any(column.notation for column in inputs.columns)
        number = paste.add(readers.written_number if written else readers.plain_number)
        return f'{head}    """A raw table as float32 N F."""\n    return {reader}(raw, COLUMNS, {find}, {number})'
    tensor, names = f"{paste.need('torch')}.as_tensor", names_of(network)
    if names:
        return f'{head}    """Inputs by name."""\n    return {{name: {tensor}(raw[name]) for name in {literal(list(names))}}}'
    if inputs is not None:
        return f'{head}    """What PREPARE takes."""\n    return {tensor}(raw)'
    return f'{head}    """Prepared input as float32."""\n    return {tensor}(raw).float()'
