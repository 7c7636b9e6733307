"""The whole state of a training, so that it can go on as if it had never stopped: in another process, or after a change.

    fitted = fit(network, task, recipe, until=4)         # leaves after 4 of the recipe's epochs
    data = fitted.state.to_bytes()                       # safetensors and JSON
    fit(TrainingState.from_bytes(data), task)            # the other epochs; bit for bit what one call would have given

Everything is known by the names of parameters and buffers, so that what changes a network can carry all numbers over: see
`replace`, and `restarted`, which begins a new schedule with these weights and moments.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.contents import late
from nasmyth.errors import DataError
from nasmyth.train.average import copy_into, named_tensors
from nasmyth.train.moments import Moments
from nasmyth.train.recipe import Recipe
from nasmyth.train.steps import AnyStep, Supervised

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Progress:
    """How far a training is. All numbers, so that it can be written as JSON."""

    epochs: float
    """Epochs that are planned, in all."""
    per_epoch: int
    """Steps of an epoch."""
    steps: int = 0
    averaged: int = 0
    """Steps that the average has taken in."""
    rate: float = 0.0
    """The learning rate of the last step."""
    loss: float = 0.0
    """The sum of the training losses since the last evaluation, over `losses` steps."""
    losses: int = 0
    seconds: float = 0.0
    """Since the start of the training."""
    stepping: float = 0.0
    """Since its first step was over: importing and compiling are no progress."""
    spent: float = 0.0
    """The share of the time that was used, where time bounds the training."""
    best: Mapping[str, float] | None = None
    """The best scores in validation."""
    since_best: int = 0
    """Evaluations since then."""
    curve: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A training at a moment between two steps.

    network: what is trained; its weights are those of the state only while they are in it, so look at `weights`.
    moments: what the optimizer keeps, {parameter: {"exp_avg": tensor}}. average, best: like `weights`, or None.
    generators: states of the order of the examples, of the augmentations' noise, and of torch's own. own: what the step keeps.
    """

    network: nn.Module
    weights: Tensors
    progress: Progress
    recipe: Recipe
    moments: Moments = field(default_factory=dict)
    average: Tensors | None = None
    best: Tensors | None = None
    generators: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    step: AnyStep | str = field(default_factory=Supervised)
    """The step, or its name where a file could not hold it."""
    seed: int = 0
    task: str = ""
    """The fingerprint of the data; empty where any will do."""

    def __post_init__(self) -> None:
        for what in ("weights", "average", "best"):
            found = getattr(self, what)
            if found is not None:
                refuse_misfit(what, named_tensors(self.network), found)
        if strange := sorted(self.moments.keys() - dict(self.network.named_parameters()).keys()):
            raise DataError(f"moments of {strange[0]!r}, which is no parameter of the network")

    @property
    def epochs(self) -> float:
        """Epochs that are done."""
        return self.progress.steps / self.progress.per_epoch

    def replace(self, **changes: Any) -> TrainingState:
        """The state with some fields changed, such as `weights`, `moments` or `recipe`. Raises DataError if they do not fit."""
        return dataclasses.replace(self, **changes)

    def restarted(self, recipe: Recipe | None = None) -> TrainingState:
        """A new training that begins with these weights, moments, average and generators: nothing of it is done, and neither
        curve nor best weights nor the data are those of before. For a network that was changed, or for another schedule."""
        recipe = recipe or self.recipe
        fresh = Progress(float(recipe.epochs), self.progress.per_epoch, averaged=self.progress.averaged)
        generators = {name: _at_start(state) for name, state in self.generators.items()}
        return self.replace(recipe=recipe, progress=fresh, best=None, generators=generators, task="")

    def fresh_network(self) -> nn.Module:
        """A network of its own with the weights of this state."""
        network = copy.deepcopy(self.network)
        load_tensors(network, self.weights)
        return network

    def to_bytes(self) -> bytes:
        """The content of a file: safetensors, with everything but tensors as JSON in its metadata."""
        data: bytes = late("nasmyth.train.state_file:to_bytes")(self)
        return data

    @classmethod
    def from_bytes(cls, data: bytes, network: nn.Module | None = None) -> TrainingState:
        """The state that `to_bytes` wrote. network: one like that which was trained, where that is no `Network` of a graph.

        Raises ExportError for anything else.
        """
        state: TrainingState = late("nasmyth.train.state_file:from_bytes")(data, network)
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        return _revived, (self.to_bytes(), self.network, self.step)


def _revived(data: bytes, network: nn.Module, step: AnyStep | str) -> TrainingState:
    return TrainingState.from_bytes(data, network).replace(step=step)


def _at_start(state: Any) -> Any:
    """The order of the examples begins an epoch; other generators go on from where they are."""
    return {**state, "position": 0} if isinstance(state, Mapping) else state


def refuse_misfit(what: str, expected: Tensors, found: Tensors) -> None:
    """Raise DataError unless tensors have the names, shapes and kinds that a network's have."""
    problems = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    problems += [f"{name} is no part of the network" for name in sorted(found.keys() - expected.keys())]
    for name in expected.keys() & found.keys():
        here, there = expected[name], found[name]
        if here.shape != there.shape:
            problems.append(f"{name} has shape {tuple(there.shape)} where {tuple(here.shape)} is needed")
        elif here.is_floating_point() != there.is_floating_point():
            problems.append(f"{name} is {there.dtype} where {here.dtype} is needed")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise DataError(f"the {what} do not match the network: {'; '.join(problems[:3])}{more}")


def load_tensors(network: nn.Module, tensors: Tensors) -> None:
    """Copy weights and buffers into a network, by name."""
    own = named_tensors(network)
    copy_into(list(own.values()), [tensors[name] for name in own])


def copies(tensors: Tensors) -> dict[str, Tensor]:
    """Each with memory of its own."""
    return {name: torch.clone(tensor.detach()) for name, tensor in tensors.items()}
