"""What a network takes and gives, in words, for those who hold nothing but an exported file.

raw      what `predict` takes, here and in the exported source
stored   what the other exports take: uint8 pixels, rows of numbers and codes (see `inputs.py`)
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from nasmyth.forms.inputs import Column, ImageInput, TableInput
from nasmyth.forms.scale import pixels_seen
from nasmyth.forms.several import NamedInputs

if TYPE_CHECKING:
    from nasmyth.network.layers import Layers

COLUMNS = 20
"""So many columns are described one by one."""


def takes_raw(network: Layers) -> str:
    """What `predict` takes: dtype, layout and range of images, the columns of a table."""
    return f"prepared input: {_prepared(network)}" if network.inputs is None else raw_words(network.inputs)


def takes_stored(network: Layers) -> str:
    """What a pipeline takes as a tensor: dtype, layout and range."""
    return f"{_prepared(network)}, prepared as for training" if network.inputs is None else stored_words(network.inputs)


def _prepared(network: Layers) -> str:
    entries = network.graph.inputs
    if entries.plain:
        return f"float32 (N, {_lengths(network.graph.input)})"
    told = [f"{e.name}: {_TYPES[e.dtype]} (N, {_lengths(e.shape)})" for e in entries]
    return f"{', '.join(told)}"


_TYPES = {"float": "float32", "int": "int64", "bool": "bool"}


@singledispatch
def raw_words(inputs: Any) -> str:
    """What a kind of input is read from."""
    return str(getattr(inputs, "takes", type(inputs).__name__))


@singledispatch
def stored_words(inputs: Any) -> str:
    """What a kind of input is stored as."""
    return str(getattr(inputs, "takes", type(inputs).__name__))


@raw_words.register
def _(inputs: NamedInputs) -> str:
    return "a dict: " + "; ".join(f"{name}: {raw_words(form)}" for name, form in inputs.inputs)


@stored_words.register
def _(inputs: NamedInputs) -> str:
    return "; ".join(f"{name}: {stored_words(form)}" for name, form in inputs.inputs)


@raw_words.register
def _(inputs: ImageInput) -> str:
    return (
        f"images of {inputs.height} x {inputs.width} pixels, {_channels(inputs)}, N H W or N H W C: uint8 from 0 (black) "
        f"to 255 (white), or other numbers from {inputs.low:g} to {inputs.high:g}{_trained(inputs)}"
    )


@raw_words.register
def _(inputs: TableInput) -> str:
    return f"a dict of columns, or a DataFrame, with {_columns(inputs)}"


@stored_words.register
def _(inputs: ImageInput) -> str:
    scaled = "" if (inputs.low, inputs.high) == (0, 255) else f", which stand for {inputs.low:g} to {inputs.high:g}"
    return (
        f"uint8 (N, {inputs.height}, {inputs.width}, {inputs.channels}), N H W C, {_channels(inputs)}: pixels from 0 "
        f"(black) to 255 (white){scaled}{_trained(inputs)}. They are normalised inside"
    )


@stored_words.register
def _(inputs: TableInput) -> str:
    return f"float32 (N, {len(inputs.columns)}), rows of {_columns(inputs)}; a category as its place, from 1, and 0 if missing"


def gives(network: Layers) -> str:
    """What comes out."""
    outputs = network.outputs
    if outputs is None:
        return f"the last layer's output: float32 (N, {_lengths(network.graph.output)})"
    each = "".join(f" x {length}" for length in outputs.shape[:-1])
    if outputs.kind == "classification":
        return (
            f"labels (int64, N{each}) and probabilities (float32, N{each} x {outputs.size}) of {outputs.size} classes"
        )
    shape = _lengths(outputs.shape)
    return f"values of {', '.join(outputs.names)} in the units of the training targets: float32 (N, {shape})"


def of_column(column: Column) -> str:
    """One column: its kind, and what training saw."""
    if column.kind == "category":
        known = ", ".join(map(repr, column.vocabulary[:COLUMNS])) + (
            ", ..." if len(column.vocabulary) > COLUMNS else ""
        )
        return f"text, one of {known}; all else counts as missing"
    seen = f", {column.seen[0]:g} to {column.seen[1]:g} in training" if column.seen else ""
    return f"a number in the units of the training data{seen}; NaN if missing"


def _trained(inputs: ImageInput) -> str:
    return f"; it was trained on {pixels_seen(inputs)}" if inputs.seen else ""


def _channels(inputs: ImageInput) -> str:
    return {1: "gray", 3: "red, green, blue"}.get(inputs.channels, f"{inputs.channels} channels")


def _columns(inputs: TableInput) -> str:
    told = [f"{column.name!r} ({of_column(column)})" for column in inputs.columns[:COLUMNS]]
    more = len(inputs.columns) - COLUMNS
    return f"{len(inputs.columns)} columns: {', '.join(told)}" + (f" and {more} more" if more > 0 else "")


def _lengths(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
