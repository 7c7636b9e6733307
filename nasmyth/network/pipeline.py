"""From raw input to an answer: preprocessing, network and the meaning of its output in one module.

`Pipeline` is what is exported. It takes *stored* input (see inputs.py) and gives what `outputs` promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms import stored as forms
from nasmyth.forms.form import IGNORED
from nasmyth.forms.raw import tensor_of

if TYPE_CHECKING:
    from nasmyth.graph.inputs import Entry
    from nasmyth.network.layers import Layers


@dataclass(frozen=True)
class Prediction:
    """What a network says about N examples: labels and probabilities (N C), or values (N k), in the order given.

    `names` are the classes, or the names of the values; labels have the type that they had in the data. Where each position
    of an example is answered, there are lists of labels, and N ... C and N ... k. Of several heads it is the answer of the
    first, and `heads` holds that of each by name.
    """

    names: tuple[str, ...]
    labels: tuple[Any, ...] | None = None
    probabilities: Tensor | None = None
    values: Tensor | None = None
    heads: dict[str, Prediction] = field(default_factory=dict)

    def __len__(self) -> int:
        table = self.values if self.probabilities is None else self.probabilities
        assert table is not None
        return len(table)

    def __repr__(self) -> str:
        if self.labels is None:
            return f"<Prediction of {', '.join(self.names) or 'values'} for {len(self)} examples>"
        shown = ", ".join(map(_short, self.labels[:8])) + (", ..." if len(self) > 8 else "")
        return f"<Prediction for {len(self)} examples: {shown}>"


def _short(label: Any) -> str:
    """A label, or the first of those of an example's positions."""
    if not isinstance(label, list):
        return str(label)
    return f"[{', '.join(map(_short, label[:8]))}{', ...' if len(label) > 8 else ''}]"


class Pipeline(nn.Module):
    """Stored input -> prepared input -> network -> answer. Shares the network's weights."""

    def __init__(self, network: Layers) -> None:
        super().__init__()
        device = device_of(network)
        self.prepare = nn.Identity() if network.inputs is None else network.inputs.module().to(device)
        self.network = network
        self.answer = nn.Identity() if network.outputs is None else network.outputs.module().to(device)

        self.names = names_of(network)

    def forward(self, stored: Any, *more: Any) -> Any:
        """(labels N, probabilities N C) of a classifier, values N k otherwise. Several inputs come one after the other."""
        given = dict(zip(self.names, (stored, *more), strict=True)) if self.names else stored
        return self.answer(run(self.network, self.prepare(given)))


def names_of(network: Layers) -> tuple[str, ...]:
    """What the parts of stored input are called, where it has several."""
    if network.inputs is not None:
        return tuple(getattr(network.inputs, "parts", ()))
    return () if network.graph.inputs.plain else network.graph.inputs.names


def run(network: nn.Module, x: Any) -> Any:
    """The network's output for prepared input: a tensor, or several."""
    if isinstance(x, dict):
        x = tuple(x.values())
    return network(*x) if isinstance(x, tuple) else network(x)


def encode(network: Layers, raw: Any) -> Any:
    """Raw input in stored form; without `inputs`, raw input is prepared input: numbers of the graph's input shape.

    Several inputs are a dict by name.
    """
    if network.inputs is not None:
        return network.inputs.encode(raw)
    entries = network.graph.inputs
    if entries.plain:
        return _prepared(raw, entries[0])
    if not isinstance(raw, dict) or set(raw) != set(entries.names):
        raise DataError(
            f"this network takes {', '.join(map(repr, entries.names))}: give a dict with one array for each"
        )
    found = {entry.name: _prepared(raw[entry.name], entry) for entry in entries}
    if len({len(x) for x in found.values()}) > 1:
        raise DataError("inputs of different numbers of examples: the batch comes first, and is the same for all")
    return found


_TYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}


def _prepared(raw: Any, entry: Entry) -> Tensor:
    prepared, taken = tensor_of(raw), f"this network takes (N, {str(entry.shape)[1:]}"
    if tuple(prepared.shape[1:]) != tuple(entry.shape) or prepared.ndim == 0:
        raise DataError(f"input of shape {tuple(prepared.shape)}: {taken}, the batch first")
    if prepared.is_complex():
        raise DataError(f"input of complex numbers: {taken} of real ones")
    if bool(prepared.isnan().any()):
        raise DataError("input that holds NaN: fill what is missing, as in training")
    return prepared.to(_TYPES[entry.dtype])


def predict(network: Layers, raw: Any, batch: int = 256) -> Prediction:
    """The network's answers, on the device where it is, in batches; the answers are on the CPU."""
    stored = encode(network, raw) if network.inputs is None else network.inputs.held(raw)
    device, count = device_of(network), forms.count(stored)
    if type(batch) is not int or batch < 1:
        raise DataError(f"batch={batch!r}: give a whole number above 0, such as 256")
    if count == 0:
        raise DataError("nothing to predict: the input has no examples")
    pipeline = Pipeline(network)
    with evaluating(pipeline), torch.inference_mode():
        parts = (forms.section(stored, slice(i, i + batch)) for i in range(0, count, batch))
        answers = [pipeline(*tuple(x for _, x in forms.parts(forms.moved(part, device)))) for part in parts]
    heads = getattr(network.outputs, "heads", ())
    if not heads:
        return _prediction(network.outputs, answers)
    told = {name: _prediction(one, [answer[i] for answer in answers]) for i, (name, one) in enumerate(heads)}
    return replace(next(iter(told.values())), heads=told)


def _prediction(outputs: Any, answers: list[Any]) -> Prediction:
    """What batches of answers say, with labels instead of indices."""
    names = () if outputs is None else tuple(outputs.names)
    if isinstance(answers[0], Tensor):
        return Prediction(names, values=torch.cat([a.float().cpu() for a in answers]))
    known = names if outputs is None else outputs.labels
    labels = tuple(_labels(index, known) for a in answers for index in a[0].tolist())
    return Prediction(names, labels, torch.cat([a[1].float().cpu() for a in answers]))


def _labels(indices: Any, known: tuple[Any, ...]) -> Any:
    """The class of an index, or those of the positions of an example; a string is filled up with what is none."""
    if isinstance(indices, list):
        return [_labels(i, known) for i in indices if i != IGNORED]
    return known[indices]


def device_of(network: nn.Module) -> torch.device:
    """Where the weights are; the CPU if there are none."""
    first = next(chain(network.parameters(), network.buffers()), None)
    return torch.device("cpu") if first is None else first.device


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Inside, every module is in evaluation mode; afterwards in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
