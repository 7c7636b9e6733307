"""Steps that users would write: none copies the loop, and none changes what the default does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import resuming
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys import convnet, same, weights

from nasmyth.errors import DataError
from nasmyth.graph import mac_count
from nasmyth.measure import macs
from nasmyth.train import SGD, Cosine, Recipe, Supervised, evaluate, fit

QUICK = Recipe(batch=64, epochs=2)


def test_the_default_step_is_what_it_says(digits):
    def written_out(run, batch):
        return run.update(run.loss(run.predict(batch.x), batch))

    nets = [convnet(dropout=0.1) for _ in range(3)]
    for net, step in zip(nets, (None, Supervised(), written_out), strict=True):
        fit(net, digits, QUICK, step=step, device="cpu")
    assert same(weights(nets[0]), weights(nets[1])) and same(weights(nets[0]), weights(nets[2]))


# --- distillation ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Distil:
    """Soft answers of a teacher beside the hard ones (Hinton et al., 2015, arXiv:1503.02531)."""

    teacher: nn.Module
    share: float = 0.9
    heat: float = 4.0

    def __call__(self, run: Any, batch: Any) -> Tensor:
        pred = run.predict(batch.x)
        with torch.no_grad():
            soft = (self.teacher(batch.x) / self.heat).softmax(1)
        ours = (pred / self.heat).log_softmax(1)
        distance = F.kl_div(ours, soft, reduction="batchmean") * self.heat**2
        return run.update((1 - self.share) * run.loss(pred, batch) + self.share * distance)


def test_a_student_follows_its_teacher(digits):
    teacher = convnet(16)
    fit(teacher, digits, QUICK.replace(epochs=6), device="cpu")
    before = weights(teacher.eval())
    taught, alone = convnet(4), convnet(4)
    fit(taught, digits, QUICK.replace(epochs=4), step=Distil(teacher), device="cpu")
    fit(alone, digits, QUICK.replace(epochs=4), device="cpu")
    x = digits.inputs.module()(digits.valid.x)
    with torch.no_grad():
        theirs = teacher(x).log_softmax(1)
        apart = [
            float(F.kl_div(net.eval()(x).log_softmax(1), theirs, log_target=True, reduction="batchmean"))
            for net in (taught, alone)
        ]
    assert apart[0] < apart[1] and same(before, weights(teacher))


# --- two levels -----------------------------------------------------------------------------------------------------


class Mixed(nn.Module):
    """A choice between two branches, relaxed: only the first can learn; alpha weighs them."""

    def __init__(self) -> None:
        super().__init__()
        self.good, self.alpha = convnet(8), nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        share = self.alpha.softmax(0)
        return share[0] * self.good(x) + share[1] * torch.zeros(len(x), 10)


@dataclass(frozen=True, eq=False)
class FirstOrder:
    """DARTS, first order (Liu et al., 2019, arXiv:1806.09055): architecture on one half of the data, weights on the other."""

    valid: Any
    rate: float = 0.05

    def start(self, run: Any) -> dict[str, Any]:
        alphas = [run.network.alpha]
        return {"architecture": torch.optim.Adam(alphas, lr=self.rate), "valid": run.stream(self.valid)}

    def parameters(self, network: nn.Module) -> Any:
        return [(name, p) for name, p in network.named_parameters() if name != "alpha"]

    def __call__(self, run: Any, batch: Any) -> Tensor:
        other = run.own["valid"].next()
        run.update(run.loss(run.predict(other.x), other), run.own["architecture"])
        return run.update(run.loss(run.predict(batch.x), batch))


def test_two_levels_have_an_optimizer_and_a_split_each(digits):
    net = Mixed()
    fitted = fit(net, digits, QUICK.replace(epochs=4), step=FirstOrder(digits.valid), device="cpu")
    assert float(net.alpha.detach().softmax(0)[0]) > 0.6, "the branch that learns has won"
    state = fitted.state
    assert "alpha" not in state.moments and set(state.own["architecture"]["moments"]) == {"alpha"}
    frozen = Mixed()
    frozen.alpha.requires_grad_(False)
    fit(frozen, digits, QUICK.replace(epochs=4), device="cpu")
    assert torch.equal(frozen.alpha, torch.zeros(2))


# --- several networks a step ----------------------------------------------------------------------------------------


class Slim(nn.Module):
    """A hidden layer of which the first units can be used alone."""

    def __init__(self) -> None:
        super().__init__()
        self.width = 64
        self.hidden, self.head = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.linear(x.flatten(1), self.hidden.weight[: self.width], self.hidden.bias[: self.width]))
        return F.linear(x, self.head.weight[:, : self.width], self.head.bias)


@dataclass(frozen=True)
class Sandwich:
    """The widest, the narrowest and one between, summed (Yu & Huang, 2019, arXiv:1903.05134)."""

    widths: tuple[int, ...] = (8, 16, 32, 64)

    def __call__(self, run: Any, batch: Any) -> Tensor:
        between = int(torch.randint(1, len(self.widths) - 1, (), generator=run.generator))

        def losses() -> Any:
            for place in (-1, between, 0):
                run.network.width = self.widths[place]
                yield run.loss(run.predict(batch.x), batch) / 3
            run.network.width = self.widths[-1]

        return run.update(losses())


def test_several_subnetworks_are_summed_before_a_step(digits):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sandwich, usual = Slim(), Slim()
    recipe = Recipe(SGD(lr=0.05), batch=64, epochs=6)
    fit(sandwich, digits, recipe, step=Sandwich(), device="cpu")
    fit(usual, digits, recipe, device="cpu")
    narrow = []
    for net in (sandwich, usual):
        net.width = 8
        narrow.append(evaluate(net, digits)["accuracy"])
    assert narrow[0] > narrow[1] + 0.2, narrow


def test_gradients_of_several_losses_add_up(digits):
    """The oracle: one loss that is their sum, in double precision to see it."""

    def apart(run, batch):
        return run.update(run.loss(run.predict(batch.x), batch) * share for share in (0.25, 0.75))

    nets = [convnet(4).eval() for _ in range(2)]
    recipe = Recipe(SGD(lr=0.01, momentum=0.0), Cosine(0.0), batch=64, epochs=1)
    losses = [fit(net, digits, recipe, step=step, device="cpu") for net, step in zip(nets, (apart, None), strict=True)]
    assert losses[0].curve[0]["train_loss"] == pytest.approx(losses[1].curve[0]["train_loss"], rel=1e-2)
    for name, tensor in weights(nets[0]).items():
        if "running" not in name and "num" not in name:  # norms see each batch twice
            torch.testing.assert_close(tensor, weights(nets[1])[name], rtol=1e-2, atol=1e-3)


# --- a penalty from the graph ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slimming:
    """L1 on the scales of norms (Liu et al., 2017, arXiv:1708.06519), each by the MACs of what the graph has behind it."""

    strength: float

    def __call__(self, run: Any, batch: Any) -> Tensor:
        graph, penalty = run.network.graph, 0.0
        for node in graph.nodes[1:]:
            layer = run.network.get_submodule(node.address)
            if isinstance(layer, nn.BatchNorm2d):
                made = graph.nodes[node.inputs[0]]
                cost = mac_count(made.op, tuple(graph.nodes[i].shape for i in made.inputs), made.shape) / macs(graph)
                penalty = penalty + cost * layer.weight.abs().mean()
        return run.update(run.loss(run.predict(batch.x), batch) + self.strength * penalty)


def test_a_penalty_is_computed_from_the_graph(digits):
    nets = [resuming.graph_network() for _ in range(2)]
    for net, strength in zip(nets, (0.0, 2.0), strict=True):
        fit(net, digits, Recipe(SGD(lr=0.1), batch=64, epochs=3), step=Slimming(strength), device="cpu")
    free, penalised = (float(net.norm.weight.detach().abs().mean()) for net in nets)
    assert penalised < 0.5 * free


# --- what a step may not do -----------------------------------------------------------------------------------------


def test_mistakes_are_told(digits):
    with pytest.raises(ValueError, match="no losses"):
        fit(convnet(4), digits, QUICK, step=lambda run, batch: run.update([]), device="cpu")

    class Keeps:
        def start(self, run):
            return {"count": 3}

        def __call__(self, run, batch):
            return run.update(run.loss(run.predict(batch.x), batch))

    with pytest.raises(DataError, match=r"keeps a int, which has no state_dict"):
        fit(convnet(4), digits, QUICK, step=Keeps(), device="cpu")
