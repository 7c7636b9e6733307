"""Holding an export to the network: the same random raw input to both, and the largest difference between the answers."""

from __future__ import annotations

import copy
import random
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nasmyth.errors import ExportError, NasmythError
from nasmyth.forms.inputs import ImageInput, TableInput
from nasmyth.forms.several import NamedInputs
from nasmyth.graph import Graph
from nasmyth.graph.inputs import Entry
from nasmyth.ops import Embedding, Opaque

if TYPE_CHECKING:
    from nasmyth.network.network import Network
    from nasmyth.network.pipeline import Prediction

TOLERANCE = 1e-5
"""The largest difference allowed, relative to the largest answer where that is above 1."""


def ready(network: Network) -> Network:
    """A copy in the state in which it is exported: on the CPU, float32, evaluation mode."""
    return copy.deepcopy(network).to("cpu", torch.float32).eval()


def exportable(network: Network) -> Network:
    """`ready`. Raises ExportError for what has no exported form."""
    if getattr(network.outputs, "heads", ()):
        raise ExportError(
            "a network with several heads is not exported with its answers: save it (.safetensors), or export "
            "Network(graph, inputs) without them"
        )
    return ready(network)


def examples(network: Network, n: int, seed: int = 0) -> Any:
    """Random raw input for a network: images as uint8 N H W C in the range of training, tables as a dict of columns with
    missing and unknown values among them; floats, or codes, if it has no `inputs`."""
    if network.inputs is not None:
        return random_raw(network.inputs, n, seed)
    entries, made = network.graph.inputs, prepared(network.graph, n, seed)
    return made[0] if entries.plain else dict(zip(entries.names, made, strict=True))


def prepared(graph: Graph, n: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Random input of a graph: floats, or codes of which it knows all."""
    generator, codes = torch.Generator().manual_seed(seed), _codes(graph)
    return tuple(_random(entry, n, 0 if i else codes, generator) for i, entry in enumerate(graph.inputs))


def _random(entry: Entry, n: int, codes: int, generator: torch.Generator) -> Tensor:
    if codes or entry.dtype != "float":
        numbers = torch.randint(codes or 2, (n, *entry.shape), generator=generator)
        return numbers.float() if entry.dtype == "float" else numbers
    return torch.randn(n, *entry.shape, generator=generator)


@singledispatch
def random_raw(inputs: Any, n: int, seed: int) -> Any:
    """Random raw input of a kind."""
    if not hasattr(inputs, "random"):
        raise ExportError(
            f"an export is compared with the network on random input, and {type(inputs).__name__} has no random(n, seed), "
            "which gives some raw input: define it, or save the network (.safetensors)"
        )
    return inputs.random(n, seed)


@random_raw.register
def _(inputs: NamedInputs, n: int, seed: int) -> dict[str, Any]:
    return {name: random_raw(form, n, seed) for name, form in inputs.inputs}


@random_raw.register
def _(inputs: ImageInput, n: int, seed: int) -> Tensor:
    shape = (n, inputs.height, inputs.width, inputs.channels)
    least, most = inputs.seen or (0, 255)
    return torch.randint(least, most + 1, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@random_raw.register
def _(inputs: TableInput, n: int, seed: int) -> dict[str, list[Any]]:
    rng = random.Random(seed)
    return {column.name: [_cell(column, rng) for _ in range(n)] for column in inputs.columns}


def _codes(graph: Any) -> int:
    """How many codes a graph knows whose input is codes, such as words; 0 if it takes real numbers."""
    known = []
    for node in graph.nodes:
        op: Any = node.op
        for place, number in enumerate(node.inputs):
            if number == 0 and isinstance(node.op, Embedding):
                known.append(int(op.codes))
            elif number == 0 and isinstance(node.op, Opaque) and "int" in op.takes[place][3]:
                known.append(2)
    return min(known, default=0)


def _cell(column: Any, rng: random.Random) -> Any:
    if column.kind == "category":
        return rng.choice((*column.vocabulary, "no such category", None))
    number = rng.gauss(column.center, 2 * column.scale)
    if column.seen:  # what lies beyond is another scale, which is not what is compared
        number = min(max(number, column.seen[0]), column.seen[1])
    return rng.choice((number,) * 9 + (None,))


def difference(expected: Prediction, answer: Any) -> float:
    """The largest difference of an export's answer, (labels, probabilities) or values as tensors, from the network's.

    Values are compared relative to the largest one where that is above 1. Infinite where shapes differ, or a label does
    whose probability is not tied.
    """
    if expected.probabilities is None:
        assert expected.values is not None
        return _distance(expected.values, answer)
    labels, probabilities = answer
    far = _distance(expected.probabilities, probabilities)
    flat = expected.probabilities.flatten(0, -2)
    best, labels = flat.max(1).values, labels.flatten()
    if labels.shape != best.shape:
        return float("inf")
    rows = torch.nonzero(labels >= 0).flatten()  # places that say nothing are told by their probabilities alone
    tied = best[rows] - flat[rows, labels[rows]] <= 2 * TOLERANCE
    return far if bool(tied.all()) else float("inf")


def _distance(expected: Tensor, got: Tensor) -> float:
    if expected.shape != got.shape or not bool(got.isfinite().all()):
        return float("inf")
    scale = max(1.0, float(expected.abs().max()))
    return float((expected.double() - got.double()).abs().max()) / scale


def expect(network: Network, raw: Any) -> Prediction:
    """The network's own answer. Raises ExportError if it has none, or one that is not finite: nothing can agree with it."""
    try:
        expected = network.predict(raw)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, NasmythError):
            raise
        raise ExportError(f"the network cannot be run: {type(error).__name__}: {error}") from error
    table = expected.values if expected.probabilities is None else expected.probabilities
    assert table is not None
    if not bool(table.isfinite().all()):
        raise ExportError("the network's own answers to random input are not finite numbers: train it again first")
    return expected


def agree(what: str, differences: list[float]) -> float:
    """The largest of them. Raises ExportError if it is above the tolerance."""
    largest = max(differences)
    if not largest <= TOLERANCE:
        raise ExportError(
            f"not written: the {what} differs from the network by {largest:.3g} on random input, "
            f"where {TOLERANCE:g} is allowed"
        )
    return largest
