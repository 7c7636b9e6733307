"""What measures need, and how each kind of need is made: once for a candidate, when the first measure asks for it.

    graph, recipe, seed, task, split     given with the candidate
    model         the network that is measured, where there is one already; else the graph. For what is timed
    network       built from the graph, with first weights; untrained
    batch         prepared inputs, as the network takes them (a tuple of several): the same examples of the training split for every candidate
    labels        the targets of these examples
    gradients     {parameter: the gradient of the loss of each of the first examples, N ...}, of the untrained network
    device        what times networks: the functions of `nasmyth.measure.timing`, on this machine
    training      the training: a `Trained`, its network and what `fit` told
    trained       the network alone, with its best weights

They are listed in the order of their price. What a measure needs, and what that needs in turn, says where in a funnel it
belongs: whoever evaluates asks the cheap ones first (`evaluate`). Another kind (the shared weights of a space, the file of
a predictor, a table) is a function of those that it takes:

    @need(takes=("graph",), price=0.001)
    def vector(graph): ...

It is then an argument of whichever measure needs it, `@measure(unit="", needs=("vector", "task"))`. A package offers one by
an entry point of the group `nasmyth.needs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nasmyth.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nasmyth.train import Fitted

GIVEN, MADE, PASSES, TIMED, TRAINED = 0.0, 0.01, 0.1, 1.0, 100.0
"""Prices, about the seconds that it takes: nothing, to put together, some passes, on a device, to train."""
EXAMPLES, DIFFERENTIATED = 128, 32
"""Of a batch, at most; and the first of these whose gradients are told."""


@dataclass(frozen=True)
class Need:
    """A kind of need. `make` is called with the needs that it takes, in their order; None for what is given.

    price: its place in the order of price, about the seconds that it takes. tells: figures of the candidate on the
    validation split that making it leaves, by the names of measures: they are not measured again.
    """

    name: str
    make: Callable[..., Any] | None
    takes: tuple[str, ...] = ()
    price: float = GIVEN
    tells: Callable[[Any], Mapping[str, float]] | None = None

    @property
    def __wrapped__(self) -> Callable[..., Any] | None:
        return self.make

    @property
    def about(self) -> str:
        """What it is, for `nasmyth list needs`."""
        return "Given with the candidate." if self.make is None else self.make.__doc__ or ""


def _adopted(name: str, found: Any) -> Need:
    """What another package offers."""
    if isinstance(found, Need):
        return found
    raise TypeError(f"it must lead to a function under @need, and leads to {found!r}")


needs: Registry[Need] = Registry("needs", _adopted)


def need(
    name: str | None = None,
    *,
    takes: Iterable[str] = (),
    price: float,
    tells: Callable[[Any], Mapping[str, float]] | None = None,
) -> Callable[[Callable[..., Any]], Need]:
    """Register a function of other needs as a kind of need (see the top of this file). Raises UnknownNameError."""

    def define(make: Callable[..., Any]) -> Need:
        made = Need(name or make.__name__, make, known(takes), price, tells)
        return needs.add(made.name, made)

    return define


def known(names: Iterable[str]) -> tuple[str, ...]:
    """These names of needs. Raises UnknownNameError, which suggests the nearest, for what is none."""
    found = tuple(names)
    for name in found:
        if name not in needs:
            needs.get(name)  # which says so
    return found


def closure(names: Iterable[str]) -> frozenset[str]:
    """These needs, and all that they take."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs.get(name).takes)
    return frozenset(found)


for _name in ("graph", "recipe", "seed", "task", "split", "effort", "accelerator"):
    needs.add(_name, Need(_name, None))


# --- what Nasmyth makes ---------------------------------------------------------------------------------------------------


@need(takes=("graph",), price=GIVEN)
def model(graph: Any) -> Any:
    """The graph; the network itself stands here where there is one."""
    return graph


@need(takes=("graph", "seed", "accelerator"), price=MADE)
def network(graph: Any, seed: int, accelerator: str) -> Any:
    """A network with its first weights, in evaluation mode. A measure leaves it as it was."""
    from nasmyth.network import build
    from nasmyth.train import initialise

    return initialise(build(graph, seed), seed).to(_torch_device(accelerator)).eval()


@need(takes=("task", "seed", "accelerator"), price=MADE)
def batch(task: Any, seed: int, accelerator: str) -> Any:
    """Prepared inputs of examples drawn from the training split."""
    stored, _ = task.train.batch(_rows(task, seed))
    return _moved(task.inputs.module()(stored), accelerator)


@need(takes=("task", "seed", "accelerator"), price=MADE)
def labels(task: Any, seed: int, accelerator: str) -> Any:
    """The targets of the examples of `batch`."""
    return _moved(task.train.batch(_rows(task, seed))[1], accelerator)


@need(takes=("network", "batch", "labels", "task"), price=PASSES)
def gradients(network: nn.Module, batch: Tensor, labels: Tensor, task: Any) -> dict[str, Tensor]:
    """Of the loss of each example, as in training: normalised by the batch. Weights and statistics stay as they were."""
    import torch

    weights = {name: weight.detach().requires_grad_() for name, weight in network.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    rows = min(DIFFERENTIATED, len(labels))
    mode = network.training
    try:
        given = batch if isinstance(batch, tuple) else (batch,)
        pred = torch.func.functional_call(network.train(), {**weights, **buffers}, given)
        each = [
            torch.autograd.grad(
                task.loss(pred[i : i + 1], labels[i : i + 1]),
                list(weights.values()),
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
            for i in range(rows)
        ]
    finally:
        network.train(mode)
    return {name: torch.stack([found[i] for found in each]) for i, name in enumerate(weights)}


@need(price=TIMED)
def device() -> Any:
    """What times networks on the devices of this machine."""
    from nasmyth.measure import timing

    return timing


class Trained(NamedTuple):
    """A training that was done: the network with its best weights, and what `fit` told of it."""

    network: Any
    fitted: Fitted


@need(takes=("graph", "recipe", "seed", "task", "effort"), price=TRAINED, tells=lambda done: done.fitted.scores)
def training(graph: Any, recipe: Any, seed: int, task: Any, effort: Any) -> Trained:
    """Trains a network from new weights, or from those of its parent, as much as the candidate says."""
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    network = initialise(build(graph, seed, task.inputs, task.outputs), seed)
    if effort.parent is not None:
        inherit(network, effort.parent())
    epochs = effort.planned(recipe)
    fitted = fit(network, task, recipe, epochs=epochs, seconds=effort.seconds, seed=seed, device=effort.device)
    return Trained(network, fitted)


@need(takes=("training",), price=TRAINED)
def trained(training: Trained) -> Any:
    """The trained network."""
    return training.network


def inherit(network: nn.Module, parent: nn.Module) -> None:
    """Take over the parent's weights and statistics wherever name and shape are the same."""
    mine = network.state_dict()
    theirs = parent.state_dict()
    same = {name: value for name, value in theirs.items() if name in mine and value.shape == mine[name].shape}
    network.load_state_dict({**mine, **same})


def _rows(task: Any, seed: int) -> Tensor:
    import torch

    order = torch.randperm(len(task.train), generator=torch.Generator().manual_seed(seed))
    return order[:EXAMPLES]


def _moved(value: Any, accelerator: str) -> Any:
    """A tensor, or a dict or tuple of tensors, where the network is."""
    if isinstance(value, dict):
        return {name: _moved(part, accelerator) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_moved(part, accelerator) for part in value)
    return value.to(_torch_device(accelerator))


def _torch_device(accelerator: str) -> Any:
    import torch

    if accelerator == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(accelerator.partition("*")[0])
