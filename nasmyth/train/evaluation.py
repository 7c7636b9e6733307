"""Scores and predictions of a network, without gradients, in batches of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.inputs import ImageInput, TableInput
from nasmyth.network.pipeline import device_of, evaluating
from nasmyth.train.task import SPLITS, Task

NUMBERS_IN_A_BATCH = 2**19
"""An evaluation batch holds about so many input numbers: 2 MiB in float32, and some tens of MiB of activations."""


def evaluate(network: nn.Module, task: Task, split: str = "valid", batch: int | None = None) -> dict[str, float]:
    """The scores of a network on a split, on the device where the network is. The network's mode is left as it was.

    Raises DataError if the network's answers do not have the size of the task's.
    """
    if split not in SPLITS:
        raise DataError(f"split {split!r}: use one of {', '.join(map(repr, SPLITS))}")
    device = device_of(network)
    data, prepare = getattr(task, split), task.inputs.module().to(device)
    meter = task.meter()
    with _scoring(network):
        for rows in _batches(len(data), batch or batch_size(task.inputs)):
            pred = network(prepare(data.x[rows].to(device)))
            check_size(pred, task)
            meter.update(pred, data.y[rows].to(device))
    return meter.compute()


def predict_logits(network: nn.Module, inputs: ImageInput | TableInput, x: Tensor, batch: int | None = None) -> Tensor:
    """The last layer's outputs, N C, for stored examples x; float32, on the CPU."""
    device = device_of(network)
    prepare = inputs.module().to(device)
    with _scoring(network):
        parts = [network(prepare(x[r].to(device))).float().cpu() for r in _batches(len(x), batch or batch_size(inputs))]
    if not parts:
        raise DataError("no examples to predict: the first axis has length 0")
    return torch.cat(parts)


def batch_size(inputs: ImageInput | TableInput) -> int:
    """How many examples an evaluation takes at once: 16 to 4096."""
    return max(16, min(4096, NUMBERS_IN_A_BATCH // math.prod(inputs.shape)))


def check_size(pred: Tensor, task: Task) -> None:
    """Raise DataError unless there is one answer for each class or target."""
    if pred.ndim != 2 or pred.shape[1] != task.outputs.size:
        raise DataError(
            f"the network answers with shape {tuple(pred.shape)}, and {task.name} needs (N, {task.outputs.size}): "
            f"end the network with Linear({task.outputs.size})"
        )


@contextmanager
def _scoring(network: nn.Module) -> Iterator[None]:
    """Inside: evaluation mode and no gradients. After: each part in the mode it had."""
    with evaluating(network), torch.inference_mode():
        yield


def _batches(count: int, size: int) -> Iterator[slice]:
    return (slice(i, min(i + size, count)) for i in range(0, count, size))
