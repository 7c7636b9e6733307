"""Optimizers as frozen values: what a recipe says of how weights follow gradients.

One of your own is a class with a field `lr` and a method `build`; its other settings are fields, and may be holes:

    class RMSProp(Optimizer):
        lr: float = 0.01
        momentum: float = 0.9

        def build(self, groups):
            return torch.optim.RMSprop(groups, lr=self.lr, momentum=self.momentum)

`lr` is the peak rate: the schedule multiplies it before every step. What the torch optimizer keeps for each parameter is
part of the state of a training by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nasmyth.errors import DataError
from nasmyth.record import Value
from nasmyth.train.ranges import within

if TYPE_CHECKING:
    import torch
    from torch import nn

Groups = list[dict[str, Any]]


class Optimizer(Value, abstract=True):
    """lr: peak learning rate. weight_decay: not applied to biases, norms and other parameters of one axis."""

    lr: float = 0.1
    weight_decay: float = 0.0

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        """The optimizer of these groups, each a dict of params and the weight_decay that they have."""
        raise NotImplementedError(f"{type(self).__name__} has no build(groups), which returns a torch.optim.Optimizer")

    def over(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of those of the parameters that are trained. Raises DataError if there is none."""
        trained = [p for p in parameters if p.requires_grad]
        if not trained:
            raise DataError("the network has no weights to train")
        matrices, others = [p for p in trained if p.ndim > 1], [p for p in trained if p.ndim <= 1]
        parts = ((matrices, self.weight_decay), (others, 0.0))
        return self.build([{"params": part, "weight_decay": decay} for part, decay in parts if part])

    def check(self) -> None:
        within(self, "lr", above=0.0)
        within(self, "weight_decay")


class SGD(Optimizer):
    """Stochastic gradient descent with Nesterov momentum (Sutskever et al., 2013, as in PyTorch)."""

    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4

    def check(self) -> None:
        super().check()
        within(self, "momentum", below=1.0)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        import torch

        nesterov = self.momentum > 0
        return torch.optim.SGD(groups, lr=self.lr, momentum=self.momentum, nesterov=nesterov, fused=fused(groups))


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019)."""

    lr: float = 1e-3
    weight_decay: float = 5e-4
    beta1: float = 0.9
    beta2: float = 0.999

    def check(self) -> None:
        super().check()
        within(self, "beta1", below=1.0)
        within(self, "beta2", below=1.0)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        import torch

        return torch.optim.AdamW(groups, lr=self.lr, betas=(self.beta1, self.beta2), fused=fused(groups))


class Muon(Optimizer):
    """Orthogonal momentum for convolutions, whose weights keep their norm, and SGD for the rest (Jordan et al. 2024; muon.py).

    lr is of both: the share of its norm by which a convolution's weight moves, and the rate of SGD. momentum: of the
    convolutions; others: that of the rest.
    """

    lr: float = 0.1
    momentum: float = 0.6
    weight_decay: float = 5e-4
    others: float = 0.9

    def check(self) -> None:
        super().check()
        within(self, "momentum", below=1.0)
        within(self, "others", below=1.0)

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        from nasmyth.train.muon import MuonOptimizer, is_matrix

        matrices = [p for group in groups for p in group["params"] if is_matrix(p)]
        rest = [{**group, "params": [p for p in group["params"] if not is_matrix(p)]} for group in groups]
        parts = [{**group, "momentum": self.others} for group in rest if group["params"]]
        if matrices:
            parts.append({"params": matrices, "momentum": self.momentum, "orthogonal": True})
        return MuonOptimizer(parts, self.lr)


def fused(groups: Groups) -> bool:
    """Whether one kernel can step all parameters: on CPUs and CUDA, for floats."""
    return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for group in groups for p in group["params"])
