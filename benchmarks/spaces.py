"""Ten thousand random networks of every bundled space, built and run forward at small size: none may fail.

    python benchmarks/spaces.py [--samples 10000] [--only NAME ...] [--seconds 600] [--seed 0]

Each space says with which arguments its networks are small (`small=`). A network counts as failed if it does not decode,
does not build, does not run forward on two examples, gives another shape than its graph says, or has other parameters than
are counted; or if it gives a number that is not finite. The last is told apart for EvoNorm, whose layers are random
formulas: some overflow, in the paper as well, and are rejected by a test of their stability before they are trained.
Spaces over tables, whose ops have no modules, are decoded and given a key only. A network that was drawn before is not
run again.

Printed for every space: how many of its samples failed, with the first reason, how many of the networks were different, and
samples a second. `--seconds` bounds each space; what was reached is printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from random import Random

import torch

from nasmyth.measure import params
from nasmyth.space import Space
from nasmyth.spaces import spaces
from nasmyth.testing import Wired, can_be_built

OVERFLOW = "gives numbers that are not finite"
MAY_OVERFLOW = {"evonorm"}


def failure(space: Space, genome: dict, seen: set[str]) -> str | None:
    """Why a sample fails, or None."""
    try:
        graph = space.decode(genome)
        if graph.key in seen:
            return None
        seen.add(graph.key)
        if not can_be_built(graph):
            return None
        counted = int(params(graph))
        network = Wired(graph).eval()
        with torch.no_grad():
            output = network(torch.randn(2, *graph.input))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if tuple(output.shape) != (2, *graph.output):
        return f"gives {tuple(output.shape)[1:]}, not {graph.output}"
    if not output.isfinite().all():
        return OVERFLOW
    built = sum(p.numel() for p in network.parameters())
    return None if built == counted else f"{built} parameters built, {counted} counted"


def run(name: str, samples: int, seconds: float, seed: int) -> int:
    """The number of failures among the samples of a space; printed with what was seen."""
    named = spaces.get(name)
    space = named(**named.small or {})
    rng, seen, failed, begun, done = Random(seed), set(), [], time.perf_counter(), 0
    overflowed = 0
    torch.manual_seed(seed)
    while done < samples and time.perf_counter() - begun < seconds:
        genome = space.sample(rng)
        why = failure(space, genome, seen)
        done += 1
        if why == OVERFLOW and name in MAY_OVERFLOW:
            overflowed += 1
        elif why is not None:
            failed.append((genome, why))
    took = time.perf_counter() - begun
    print(
        f"{name:<18} {len(failed):>6} of {done:>6} failed; {len(seen):>6} different; {done / took:7.1f}/s", flush=True
    )
    if overflowed:
        print(f"    {overflowed} run and overflow: formulas that a test of stability would reject")
    if failed:
        print(f"    first: {failed[0][1]}\n    {failed[0][0]}")
    return len(failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--only", nargs="*", help="names of spaces")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = options.only or [name for name, _ in spaces]
    return 1 if sum(run(name, options.samples, options.seconds, options.seed) for name in names) else 0


if __name__ == "__main__":
    sys.exit(main())
