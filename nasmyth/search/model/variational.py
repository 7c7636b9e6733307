"""A variational autoencoder over categorical decisions in NumPy, with its gradients written out.

    network = fitted(owner, x, known, weights, Variational())       # trained on N rows with weights
    probabilities = network.decoded(z)                                   # N C from N Z standard normal numbers

The encoder x -> tanh -> (mean, log variance) of z and the decoder z -> tanh -> a softmax for each decision have one hidden
layer each. The loss is the negative evidence lower bound, weighted by row: sum_n w_n [cross entropy of the active decisions
+ beta KL(N(mean, variance) || N(0, 1))] (Kingma and Welling 2014, "Auto-encoding variational Bayes", equation 10).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nasmyth.record import Value
from nasmyth.search.model.adam import minimised


class Variational(Value):
    """Of a variational autoencoder and its training. beta: the weight of the divergence."""

    latent: int = 4
    hidden: int = 32
    beta: float = 0.1
    steps: int = 150
    rate: float = 0.03
    seed: int = 0


class Autoencoder(NamedTuple):
    """The hole of each column, and the parameters: C H, H, H 2Z, 2Z of the encoder; Z H, H, H C, C of the decoder."""

    owner: Any
    parameters: tuple[Any, ...]

    def decoded(self, z: Any) -> Any:
        """The probability of each level, N C: those of one decision add up to 1."""
        *_, first, shift, last, bias = self.parameters
        return softmax(np.tanh(z @ first + shift) @ last + bias, self.owner)


def fitted(owner: Any, x: Any, known: Any, weights: Any, settings: Variational) -> Autoencoder:
    """Trained with Adam on all rows at once; z is drawn anew at each step. x: N C, known: N H, weights: N, with sum 1."""
    rng = np.random.default_rng(settings.seed)

    def slopes(at: Any) -> Any:
        noise = rng.standard_normal((len(x), settings.latent))
        return loss(at, owner, x, known, weights, noise, settings.beta)[1]

    at = minimised(begun(x.shape[1], settings, rng), slopes, settings.steps, settings.rate)
    return Autoencoder(owner, tuple(at))


def begun(columns: int, settings: Variational, rng: Any) -> list[Any]:
    """Parameters before training."""
    latent, hidden = settings.latent, settings.hidden
    sizes = ((columns, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, columns))
    parameters: list[Any] = []
    for size in sizes:
        parameters += [rng.standard_normal(size) / np.sqrt(size[0]), np.zeros(size[1])]
    return parameters


def loss(
    parameters: Any, owner: Any, x: Any, known: Any, weights: Any, noise: Any, beta: float
) -> tuple[float, tuple[Any, ...]]:
    """The weighted loss (see the top of this file) under this noise, N Z, and its gradient by each parameter."""
    inner, inner_shift, outer, outer_shift, first, shift, last, bias = parameters
    seen = np.tanh(x @ inner + inner_shift)
    mean, logarithm = np.split(seen @ outer + outer_shift, 2, axis=1)
    deviation = np.exp(logarithm / 2)
    z = mean + deviation * noise
    hidden = np.tanh(z @ first + shift)
    made = softmax(hidden @ last + bias, owner)
    entropy = -(x * np.log(made + 1e-30)).sum(1)
    divergence = 0.5 * (mean**2 + deviation**2 - logarithm - 1).sum(1)
    value = float(weights @ (entropy + beta * divergence))

    w = weights[:, None]
    by_logits = w * (made * known[:, owner] - x)
    by_hidden = by_logits @ last.T * (1 - hidden**2)
    by_z = by_hidden @ first.T
    by_mean = by_z + beta * w * mean
    by_logarithm = by_z * noise * deviation / 2 + beta * w * (deviation**2 - 1) / 2
    by_both = np.hstack((by_mean, by_logarithm))
    by_seen = by_both @ outer.T * (1 - seen**2)
    slopes = (x.T @ by_seen, by_seen.sum(0), seen.T @ by_both, by_both.sum(0))
    return value, (*slopes, z.T @ by_hidden, by_hidden.sum(0), hidden.T @ by_logits, by_logits.sum(0))


def softmax(logits: Any, owner: Any) -> Any:
    """Over the columns of each decision."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    sums = np.add.reduceat(powers, starts, axis=1)
    return powers / np.maximum(sums[:, owner], 1e-300)
