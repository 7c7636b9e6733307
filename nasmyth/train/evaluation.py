"""Scores and predictions of a network, without gradients, in batches of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nasmyth.errors import DataError
from nasmyth.forms import stored
from nasmyth.forms.form import AnswerForm, InputForm
from nasmyth.network.layers import refuse_standardised
from nasmyth.network.network import Network
from nasmyth.network.pipeline import device_of, evaluating, run
from nasmyth.train.task import SPLITS, Task

NUMBERS_IN_A_BATCH = 2**19
"""An evaluation batch holds about so many input numbers: 2 MiB in float32, and some tens of MiB of activations."""


def evaluate(
    network: nn.Module, task: Task, split: str = "valid", batch: int | None = None, also: Iterable[str] = ()
) -> dict[str, float]:
    """The scores of a network on a split, on the device where the network is. The network's mode is left as it was.

    also: the names of scores beside the usual ones and the task's objective, such as "auroc" or "recall:malignant".
    Raises DataError if the network's answers do not have the size of the task's.
    """
    if split not in SPLITS:
        raise DataError(f"split {split!r}: use one of {', '.join(map(repr, SPLITS))}")
    if isinstance(network, Network):
        refuse_standardised(network.graph, task.inputs)
    device = device_of(network)
    data, prepare = getattr(task, split), task.inputs.module().to(device)
    meter = task.meter(also)
    with _scoring(network):
        for rows in _batches(len(data), batch or batch_size(task.inputs, task.outputs)):
            x, y = data.section(rows)
            pred = run(network, prepare(stored.moved(x, device)))
            task.outputs.check_output(pred, task.name)
            meter.update(pred, stored.moved(y, device))
    return dict(meter.compute())


def predict_logits(network: nn.Module, inputs: InputForm, x: Any, batch: int | None = None) -> Any:
    """The last layer's outputs, N C, for stored examples x; float32, on the CPU."""
    device = device_of(network)
    prepare = inputs.module().to(device)
    parts = []
    with _scoring(network):
        for rows in _batches(stored.count(x), batch or batch_size(inputs)):
            pred = run(network, prepare(stored.moved(stored.section(x, rows), device)))
            parts.append(stored.mapped(pred, lambda one: one.float().cpu()))
    if not parts:
        raise DataError("no examples to predict: the first axis has length 0")
    return stored.cat(parts)


def batch_size(inputs: InputForm, outputs: AnswerForm | None = None) -> int:
    """How many examples an evaluation takes at once: 16 to 4096; fewer where each has many positions to answer."""
    most = max(16, min(4096, NUMBERS_IN_A_BATCH // inputs.numbers))
    answers = 1 if outputs is None or len(outputs.shape) < 2 else math.prod(outputs.shape)
    return most if answers == 1 else max(1, min(most, NUMBERS_IN_A_BATCH // answers))


def check_size(pred: Any, task: Task) -> None:
    """Raise DataError unless the network's output has the size that the task's answer needs."""
    task.outputs.check_output(pred, task.name)


@contextmanager
def _scoring(network: nn.Module) -> Iterator[None]:
    """Inside: evaluation mode and no gradients. After: each part in the mode it had."""
    with evaluating(network), torch.inference_mode():
        yield


def _batches(count: int, size: int) -> Iterator[slice]:
    return (slice(i, min(i + size, count)) for i in range(0, count, size))
