"""The laws of the networks of a space, built and run."""

from __future__ import annotations

from random import Random

import torch

from nasmyth.export.verify import prepared
from nasmyth.space.space import Space
from nasmyth.testing.laws import law
from nasmyth.testing.wired import Wired


def check_networks(space: Space, samples: int = 10, seed: int = 0) -> None:
    """Random networks of a space, built and run forward: shapes and parameters as the graph says, finite numbers.

    Only for spaces whose ops can be built. Raises AssertionError, which names the genome.
    """
    rng = Random(seed)
    for _ in range(samples):
        genome = space.sample(rng)
        graph = space.decode(genome)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            network = Wired(graph).eval()
            output = network(*prepared(graph, 2))
        law(tuple(output.shape) == (2, *graph.output), space, f"{genome} gives {tuple(output.shape)[1:]}")
        built = sum(parameter.numel() for parameter in network.parameters())
        counted = graph.costs.params
        ruled = bool(graph.costs.unknown) or built == counted
        law(ruled, space, f"{genome} has {built} parameters, {counted} by rule")
        law(bool(output.isfinite().all()), space, f"{genome} gives numbers that are not finite")
