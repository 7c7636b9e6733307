"""Attacks on classifiers of images: the nearest pictures that they get wrong, within `eps` of every pixel.

Pixels are raw, on a scale from 0 to 1, and stay there: an eps of 8/255 is 8 of the 256 levels, whatever the network's own
normalisation. Where images use a part of the levels only (the digits of scikit-learn use 0 to 16), 0 and 1 are the darkest
and the brightest pixel of the training images. The attacker knows the network (white box) and raises its cross-entropy:

    fgsm     one step of eps along the sign of the gradient (Goodfellow et al. 2015, arXiv:1412.6572)
    pgd      `steps` smaller ones from a random start, kept within eps (Madry et al. 2018, arXiv:1706.06083)
    noise    `steps` random signs of eps, and no gradient: what an attack has to beat

Networks are attacked in evaluation mode. The random numbers follow from a seed, so that a figure can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.inputs import ImageInput
from nasmyth.network.pipeline import device_of, evaluating
from nasmyth.train.evaluation import batch_size
from nasmyth.train.task import Task

KINDS = ("fgsm", "pgd", "noise")
EXAMPLES = 1000
"""Attacked at most, spread evenly over the split: an attack costs as much as tens of evaluations."""
STRIDE = 2.5
"""Steps of PGD together are so many times eps long, so that every corner can be reached (Madry et al.)."""


class Attack(NamedTuple):
    """What is done to each image."""

    kind: str = "pgd"
    eps: float = 8 / 255
    steps: int = 10
    restarts: int = 1
    seed: int = 0


class Victim(nn.Module):
    """A network behind its preprocessing: pixels of 0 to 1, N H W C, to logits, N C. Raises DataError (see `images_of`)."""

    def __init__(self, what: str, network: nn.Module, task: Task) -> None:
        super().__init__()
        self.network, self.device = network, device_of(network)
        self.prepare = images_of(what, task).module().to(self.device)
        self.dark, self.bright = (float(level) for level in task.train.x.aminmax())

    def pixels(self, stored: Tensor) -> Tensor:
        """Stored images on the scale from 0 to 1."""
        span = max(1.0, self.bright - self.dark)
        return ((stored.to(self.device).float() - self.dark) / span).clamp(0.0, 1.0)

    def forward(self, pixels: Tensor) -> Tensor:
        span = max(1.0, self.bright - self.dark)
        logits: Tensor = self.network(self.prepare(self.dark + pixels * span)).float()
        return logits

    def losses(self, pixels: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of each example."""
        return F.cross_entropy(self(pixels), y, reduction="none")

    def gradient(self, pixels: Tensor, y: Tensor) -> Tensor:
        """Of the cross-entropy, by every pixel."""
        with torch.enable_grad():
            x = pixels.detach().requires_grad_()
            (found,) = torch.autograd.grad(self.losses(x, y).sum(), x)
        return found


def images_of(what: str, task: Task) -> ImageInput:
    """The task's input. Raises DataError unless it classifies images."""
    if task.kind != "classification" or not isinstance(task.inputs, ImageInput):
        raise DataError(
            f"{what} is for classifiers of images, and {task.name} is a {task.kind} of inputs {task.input}; leave it out"
        )
    return task.inputs


def survivors(network: nn.Module, task: Task, attack: Attack, split: str = "valid", examples: int = EXAMPLES) -> Tensor:
    """Whether each of (at most) so many examples is answered rightly both before and after the attack: booleans, N."""
    victim, data = Victim(attack.kind, network, task), getattr(task, split)
    rows = evenly(len(data), examples)
    found = []
    with attacked(network):
        for part in rows.split(batch_size(task.inputs)):
            x, y = victim.pixels(data.x[part]), data.y[part].to(victim.device)
            with torch.no_grad():
                right = victim(x).argmax(1) == y
                moved = perturbed(victim, x, y, attack)
                found.append((right & (victim(moved).argmax(1) == y)).cpu())
    return torch.cat(found)


def evenly(count: int, most: int) -> Tensor:
    """The numbers of at most so many of `count` examples, evenly spread."""
    return torch.arange(count)[:: -(-count // most)]


def perturbed(victim: Victim, x: Tensor, y: Tensor, attack: Attack) -> Tensor:
    """Images as the attack leaves them: the worst of its restarts for each, by cross-entropy."""
    if attack.kind not in KINDS:
        raise DataError(f"there is no attack {attack.kind!r}; there are {', '.join(KINDS)}")
    generator = torch.Generator(x.device).manual_seed(attack.seed)
    if attack.kind == "fgsm":
        return _within(x + attack.eps * victim.gradient(x, y).sign(), x, attack.eps)
    tries = attack.steps if attack.kind == "noise" else attack.restarts
    worst, most = x, torch.full((len(x),), -torch.inf, device=x.device)
    for _ in range(tries):
        noise = 2 * torch.rand(x.shape, generator=generator, device=x.device) - 1
        moved = _descended(victim, x, y, attack, noise) if attack.kind == "pgd" else x + attack.eps * noise.sign()
        moved = _within(moved, x, attack.eps)
        losses = victim.losses(moved, y)
        higher = losses > most
        worst = torch.where(higher.view(-1, 1, 1, 1), moved, worst)
        most = torch.where(higher, losses, most)
    return worst


def _descended(victim: Victim, x: Tensor, y: Tensor, attack: Attack, noise: Tensor) -> Tensor:
    moved = _within(x + attack.eps * noise, x, attack.eps)
    for _ in range(attack.steps):
        step = STRIDE * attack.eps / attack.steps * victim.gradient(moved, y).sign()
        moved = _within(moved + step, x, attack.eps)
    return moved


def _within(moved: Tensor, x: Tensor, eps: float) -> Tensor:
    """Back within eps of every pixel of x, and within 0 to 1."""
    return torch.minimum(torch.maximum(moved, x - eps), x + eps).clamp(0.0, 1.0).detach()


@contextmanager
def attacked(network: nn.Module) -> Iterator[None]:
    """Inside: evaluation mode, and no gradients gathered in the weights. After: as it was."""
    wanted = [(weight, weight.requires_grad) for weight in network.parameters()]
    for weight, _ in wanted:
        weight.requires_grad_(False)
    try:
        with evaluating(network):
            yield
    finally:
        for weight, grad in wanted:
            weight.requires_grad_(grad)
