"""From raw input to an answer: preprocessing, network and the meaning of its output in one module.

`Pipeline` is what is exported. It takes *stored* input (see inputs.py) and gives what `outputs` promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.inputs import ImageInput
from nasmyth.forms.raw import as_images, tensor_of
from nasmyth.forms.scale import hold

if TYPE_CHECKING:
    from nasmyth.network.network import Network


@dataclass(frozen=True)
class Prediction:
    """What a network says about N examples: labels and probabilities (N C), or values (N k), in the order given.

    `names` are the classes, or the names of the values; labels have the type that they had in the data.
    """

    names: tuple[str, ...]
    labels: tuple[Any, ...] | None = None
    probabilities: Tensor | None = None
    values: Tensor | None = None

    def __len__(self) -> int:
        table = self.values if self.probabilities is None else self.probabilities
        assert table is not None
        return len(table)

    def __repr__(self) -> str:
        if self.labels is None:
            return f"<Prediction of {', '.join(self.names) or 'values'} for {len(self)} examples>"
        shown = ", ".join(map(str, self.labels[:8])) + (", ..." if len(self) > 8 else "")
        return f"<Prediction for {len(self)} examples: {shown}>"


class Pipeline(nn.Module):
    """Stored input -> prepared input -> network -> answer. Shares the network's weights."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        device = device_of(network)
        self.prepare = nn.Identity() if network.inputs is None else network.inputs.module().to(device)
        self.network = network
        self.answer = nn.Identity() if network.outputs is None else network.outputs.module().to(device)

    def forward(self, stored: Tensor) -> Any:
        """(labels N, probabilities N C) of a classifier, values N k otherwise."""
        return self.answer(self.network(self.prepare(stored)))


def encode(network: Network, raw: Any) -> Tensor:
    """Raw input in stored form; without `inputs`, raw input is prepared input: numbers of the graph's input shape."""
    if network.inputs is not None:
        stored: Tensor = network.inputs.encode(raw)
        return stored
    prepared, taken = tensor_of(raw), f"this network takes (N, {str(network.graph.input)[1:]}"
    if tuple(prepared.shape[1:]) != tuple(network.graph.input) or prepared.ndim == 0:
        raise DataError(f"input of shape {tuple(prepared.shape)}: {taken}, the batch first")
    if prepared.is_complex():
        raise DataError(f"input of complex numbers: {taken} of real ones")
    if bool(prepared.isnan().any()):
        raise DataError("input that holds NaN: fill what is missing, as in training")
    return prepared.float()


def judged(network: Network, raw: Any) -> Tensor:
    """`encode`, held to what the network was trained on: another scale is refused, or said (see `scale.py`)."""
    images = as_images(raw) if isinstance(network.inputs, ImageInput) else None
    stored = encode(network, raw if images is None else images)
    if network.inputs is not None:
        hold(network.inputs, images, stored)
    return stored


def predict(network: Network, raw: Any, batch: int = 256) -> Prediction:
    """The network's answers, on the device where it is, in batches; the answers are on the CPU."""
    stored, device = judged(network, raw), device_of(network)
    if type(batch) is not int or batch < 1:
        raise DataError(f"batch={batch!r}: give a whole number above 0, such as 256")
    if len(stored) == 0:
        raise DataError("nothing to predict: the input has no examples")
    pipeline = network.pipeline()
    with evaluating(pipeline), torch.inference_mode():
        answers = [pipeline(part.to(device)) for part in stored.split(batch)]
    names = () if network.outputs is None else tuple(network.outputs.names)
    if isinstance(answers[0], Tensor):
        return Prediction(names, values=torch.cat([a.float().cpu() for a in answers]))
    known = names if network.outputs is None else network.outputs.labels
    labels = tuple(known[i] for a in answers for i in a[0].tolist())
    return Prediction(names, labels, torch.cat([a[1].float().cpu() for a in answers]))


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
