"""Small tasks and networks for the tests of training."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nasmyth.forms.fitting import fit_image_input, fit_table_input
from nasmyth.forms.outputs import fit_classes, fit_values
from nasmyth.train import Split, Task, initialise, random_split, stratified_split


def digits() -> Task:
    """Scikit-learn's 8x8 digits: 1078 to train on, 360 to validate, 359 to test."""
    from sklearn.datasets import load_digits

    data = load_digits()
    outputs = fit_classes(data.target)
    y = outputs.encode(data.target)
    parts = stratified_split(y, (0.6, 0.2, 0.2))
    inputs = fit_image_input(data.images[parts[0].numpy()])
    whole = Split(inputs.encode(data.images), y)
    return Task("digits", inputs, outputs, *(whole.take(p) for p in parts))


def line(count: int = 240) -> Task:
    """A table whose target is a linear function of two numbers, in large units."""
    rng = np.random.default_rng(0)
    table = {"a": rng.normal(5, 2, count), "b": rng.normal(-1, 0.1, count)}
    target = 1e5 + 2e4 * table["a"] - 3e5 * table["b"]
    train, valid, test = random_split(count, (0.6, 0.2, 0.2))
    inputs = fit_table_input({name: column[train.numpy()] for name, column in table.items()})
    outputs = fit_values(target[train.numpy()], ["price"])
    whole = Split(inputs.encode(table), outputs.encode(target))
    return Task("line", inputs, outputs, whole.take(train), whole.take(valid), whole.take(test))


def convnet(width: int = 16, dropout: float = 0.0) -> nn.Module:
    """Three convolutions for 8x8 images, 10 classes."""

    def block(c: int, out: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(c, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]

    body = [*block(1, width), *block(width, width, 2), *block(width, width)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, 10)]
    return initialise(nn.Sequential(*body, *head))


def mlp(inputs: int = 2, outputs: int = 1, hidden: int = 16) -> nn.Module:
    return initialise(nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs)))


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: t.clone() for name, t in network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def timeless(curve):
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in curve]


def equal_trees(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if hasattr(one, "items"):
        return one.keys() == other.keys() and all(equal_trees(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal_trees, one, other))
    return one == other


def equal_states(one, other):
    parts = ("weights", "moments", "average", "best", "generators", "own")
    return [part for part in parts if not equal_trees(getattr(one, part), getattr(other, part))]
