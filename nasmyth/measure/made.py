"""What Nasmyth itself makes for measures: networks, batches, gradients, trainings (`needs.py` says what each is)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nasmyth.measure.needs import need

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nasmyth.train import Fitted

GIVEN, BUILT, PASSES, TIMED, TRAINED = 0.0, 0.01, 0.1, 1.0, 100.0
"""Prices, about the seconds that it takes: nothing, to put together, some passes, on a device, to train."""
EXAMPLES, DIFFERENTIATED = 128, 32
"""Of a batch, at most; and the first of these whose gradients are told."""


@need(takes=("graph",), price=GIVEN)
def model(graph: Any) -> Any:
    """The graph; the network itself stands here where there is one."""
    return graph


@need(takes=("graph", "seed", "accelerator"), price=BUILT)
def network(graph: Any, seed: int, accelerator: str) -> Any:
    """A network with its first weights, in evaluation mode. A measure leaves it as it was."""
    from nasmyth.network import build
    from nasmyth.train import initialise

    return initialise(build(graph, seed), seed).to(_torch_device(accelerator)).eval()


@need(takes=("task", "seed", "accelerator"), price=BUILT)
def batch(task: Any, seed: int, accelerator: str) -> Any:
    """Prepared inputs of examples drawn from the training split."""
    stored, _ = task.train.batch(_rows(task, seed))
    return _moved(task.inputs.module()(stored), accelerator)


@need(takes=("task", "seed", "accelerator"), price=BUILT)
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
        answers = max(1, len(pred) // len(labels))  # of each example: those of a network of members come one by one
        each = [
            torch.autograd.grad(
                task.loss(pred[i * answers : (i + 1) * answers], labels[i : i + 1]),
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
    """Trains a network as much as the candidate says: from new weights, from those of another, or on with a training."""
    from nasmyth.network import build
    from nasmyth.train import TrainingState, fit, initialise

    start = None if effort.start is None else effort.start()
    until, more = effort.planned(recipe), {"device": effort.device, "pause": effort.pausing, **_checkpoints()}
    epochs = until / effort.share
    if isinstance(start, TrainingState) and start.network.graph == graph:
        if type(recipe.optimizer) is not type(start.recipe.optimizer):
            start = start.replace(moments={})  # another optimizer keeps others, and begins with none
        seconds = None if effort.seconds is None else start.progress.seconds + effort.seconds
        fitted = fit(start, task, recipe, epochs=epochs, until=until, seconds=seconds, **more)
        return Trained(fitted.network, fitted)
    network = initialise(build(graph, seed, task.inputs, task.outputs), seed)
    if start is not None:
        inherit(network, start.fresh_network() if isinstance(start, TrainingState) else start)
    bound = {"epochs": epochs, "until": until} if effort.pausing else {"epochs": until}
    fitted = fit(network, task, recipe, **bound, seconds=effort.seconds, seed=seed, **more)
    return Trained(network, fitted)


def _checkpoints() -> dict[str, Any]:
    """What hands the state of a training to whoever keeps checkpoints, and how often."""
    from nasmyth.progress import checkpoint

    keep = checkpoint.keeper()
    return {} if keep is None else {"checkpoint": lambda state: keep(state.to_bytes()), "every": checkpoint.EVERY}


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
