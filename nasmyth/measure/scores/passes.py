"""One forward pass of an untrained network, and the backward passes behind it: made once, shared by all scores.

    forward     the values of all nodes, what the gates were given and what layers with weights took and gave
    noise       the same of noise in the place of the examples
    backward    the gradients of the loss by the weights and by what these layers gave
    jacobian    the gradient of the sum of all outputs by the input, for each example

They see the first EXAMPLES of the batch. Batch norms normalise by the batch, as in the first step of a training; all else
is as in evaluation, so that no score depends on dropped numbers. The network, its statistics and its modes stay as they
were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from nasmyth.errors import CandidateError
from nasmyth.measure.made import PASSES
from nasmyth.measure.needs import need
from nasmyth.network.layers import modules_of
from nasmyth.ops import Activation
from nasmyth.train.init import CONVOLUTIONS

EXAMPLES = 32
"""The first of the batch: enough for a rank among thousands, and a third of a second for a network of 10 MMACs."""

GATES: tuple[type[nn.Module], ...] = (
    Activation.module,  # type: ignore[attr-defined]
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish,
    nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.Softplus,
)  # fmt: skip
"""Modules that bend what they are given; the sign of it says on which side of the bend an example lies."""
WEIGHTED: tuple[type[nn.Module], ...] = (
    *CONVOLUTIONS,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
)
"""Modules that multiply by a matrix."""


class Call(NamedTuple):
    """One use of a module: what it took and what it gave."""

    name: str
    module: nn.Module
    x: Tensor
    y: Tensor


@dataclass
class Forward:
    """What one pass left. `values` are those of the graph's nodes in their order, `output` is the last of them.

    weights: the parameters that it was made with, by name, which can be differentiated. rows: how many examples there
    are; of a single one with many places, such as a graph of nodes, the places.
    """

    network: Any
    inputs: tuple[Tensor, ...]
    values: list[Tensor]
    weights: dict[str, Tensor]
    gates: list[Call]
    layers: list[Call]

    @property
    def output(self) -> Tensor:
        return self.values[-1]

    @property
    def graph(self) -> Any:
        return self.network.graph

    @cached_property
    def places(self) -> int:
        """Of the only example, where the answer has a place for each."""
        single = len(self.inputs[0]) == 1 and self.output.ndim > 2
        return self.output.shape[1] if single else 0

    @property
    def rows(self) -> int:
        return self.places or len(self.inputs[0])

    def by_row(self, value: Tensor) -> Tensor:
        """A value as a matrix: a row for each example. What has more rows, such as the members of a network, is cut up among
        them."""
        if self.places and value.ndim > 2 and value.shape[1] == self.places:
            value = value.flatten(0, 1)
        return value.reshape(self.rows, -1) if value.numel() % self.rows == 0 else value.flatten(1)

    @cached_property
    def sources(self) -> list[Tensor]:
        """What can be differentiated of what enters: the inputs, or what embeddings make of codes."""
        given = [x for x in self.inputs if x.requires_grad]
        if given:
            return given
        codes = {i for i, x in enumerate(self.inputs) if not x.is_floating_point()}
        return [
            v for node, v in zip(self.graph.nodes, self.values, strict=True) if set(node.inputs) & codes and v.grad_fn
        ]


def examples_of(batch: Any) -> tuple[Tensor, ...]:
    """The first examples of each input."""
    return tuple(x[:EXAMPLES] for x in (batch if isinstance(batch, tuple) else (batch,)))


@need(takes=("network", "batch"), price=PASSES)
def forward(network: Any, batch: Any) -> Forward:
    """One forward pass on the first examples of the batch, with all that it computed."""
    return run(network, examples_of(batch))


@need(takes=("network", "batch", "seed"), price=PASSES)
def noise(network: Any, batch: Any, seed: int) -> Forward:
    """One forward pass on numbers drawn from the standard normal distribution; whole numbers, such as tokens, stay. It is
    only looked at: nothing of it can be differentiated."""
    entries = examples_of(batch)
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(x.shape, generator=generator) if x.is_floating_point() else x for x in entries]
    # laid out in memory as the examples are, which is faster by half for images
    return run(network, tuple(torch.empty_like(x).copy_(one) for x, one in zip(entries, drawn, strict=True)), False)


def run(network: Any, entries: tuple[Tensor, ...], differentiable: bool = True) -> Forward:
    """A forward pass, by which weights and inputs can be differentiated unless said otherwise."""
    inputs = tuple(x.detach().clone().requires_grad_() if x.is_floating_point() else x for x in entries)
    weights = {name: weight.detach().requires_grad_() for name, weight in network.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    nodes: list[Tensor] = []
    gates: list[Call] = []
    layers: list[Call] = []

    def of_a_node(module: nn.Module, given: Any, value: Tensor) -> None:
        nodes.append(value)

    def into(calls: list[Call], name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(module: nn.Module, given: Any, value: Tensor) -> None:
            if value.ndim == given[0].ndim:  # what cuts patches gives a sequence, and is not looked into
                calls.append(Call(name, module, given[0], value))

        return keep

    # fused attention has no second derivative, which GraSP takes
    with normalising(network), torch.set_grad_enabled(differentiable), sdpa_kernel(SDPBackend.MATH):
        hooks = [module.register_forward_hook(of_a_node) for module in dict.fromkeys(modules_of(network))]
        for name, module in network.named_modules():
            if isinstance(module, GATES + WEIGHTED):
                hooks.append(module.register_forward_hook(into(gates if isinstance(module, GATES) else layers, name)))
        try:
            torch.func.functional_call(network, {**weights, **buffers}, inputs)
        finally:
            for hook in hooks:
                hook.remove()
    return Forward(network, inputs, [*inputs, *nodes], weights, gates, layers)


@contextmanager
def normalising(network: nn.Module) -> Iterator[None]:
    """Inside, batch norms normalise by the batch and everything else is as in evaluation; after, as it was."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        for module, _ in modes:
            module.training = isinstance(module, nn.modules.batchnorm._BatchNorm)
        yield
    finally:
        for module, training in modes:
            module.training = training


@dataclass
class Backward:
    """The gradients of the loss: by each weight (zeros where it has none), and by what each of `forward.layers` gave."""

    weights: dict[str, Tensor]
    layers: list[Tensor]


@need(takes=("forward", "labels", "task"), price=PASSES)
def backward(forward: Forward, labels: Any, task: Any) -> Backward:
    """The gradients of the mean loss of the examples of `forward`."""
    loss = task.loss(forward.output, first(labels, len(forward.inputs[0])))
    outputs = [call.y for call in forward.layers]
    found = differentiated(loss, [*forward.weights.values(), *outputs])
    weights = dict(zip(forward.weights, found, strict=False))
    return Backward(weights, list(found[len(weights) :]))


@need(takes=("forward",), price=PASSES)
def jacobian(forward: Forward) -> Tensor:
    """The gradient of the sum of the outputs by the input: a row for each example."""
    found = differentiated(forward.output.sum(), forward.sources)
    return torch.cat([forward.by_row(one) for one in found], 1)


def differentiated(scalar: Tensor, by: list[Tensor], **more: Any) -> tuple[Tensor, ...]:
    """Gradients, with the pass kept for those who come after. Raises CandidateError where nothing leads back."""
    if not by:
        raise CandidateError("nothing that enters this network can be differentiated")
    if scalar.grad_fn is None:
        raise CandidateError("the output does not depend on any weight or input in a way that can be differentiated")
    return torch.autograd.grad(scalar, by, retain_graph=True, allow_unused=True, materialize_grads=True, **more)


def first(labels: Any, count: int) -> Any:
    """The targets of the first examples."""
    return {name: one[:count] for name, one in labels.items()} if isinstance(labels, dict) else labels[:count]


def refuse_one(forward: Forward, what: str) -> None:
    """Raise CandidateError where there is a single example, of a score that compares examples."""
    if forward.rows < 2:
        raise CandidateError(f"{what} compares examples, and the batch has {forward.rows}: give a task of two or more")


def gates_of(forward: Forward, what: str) -> list[Tensor]:
    """What each gate was given, a row for each example. Raises CandidateError where the network has none."""
    if not forward.gates:
        raise CandidateError(
            f"{what} looks at the signs of what activations are given, and this network has no activation; put one in, or "
            "leave this score out"
        )
    return [forward.by_row(call.x) for call in forward.gates]
