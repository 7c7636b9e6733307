"""Which byte comes next: what a design finds, beside an LSTM and a small GPT of at most its size, trained for as long.

    python benchmarks/next_byte.py shared/data/tinyshakespeare.txt --spend 600 [--params 200000] [--only design,lstm,gpt]

All have the data, the split and the recipe of the domain; the LSTM is one layer of the largest width that fits, the GPT a
transformer with learned positions (`nasmyth.spaces.texts.FAMILIES`), each trained once for all of the time, on this process's
cores. Printed: bits per byte on the test part (the mean cross-entropy in bits; the text is ASCII), parameters, seconds.
"""

from __future__ import annotations

import argparse
import math
import time

import nasmyth
from nasmyth.domains import domain_for
from nasmyth.measure import params
from nasmyth.spaces.texts import FAMILIES, WIDTHS
from nasmyth.train import evaluate, fit, initialise

KINDS = {"lstm": "lstm", "gpt": "attention"}


def largest(task, kind, limit):
    """The graph of the widest network of a family within the limit."""
    space = domain_for(task).space(task)
    graphs = (space.decode(space.validate(FAMILIES[kind](width))) for width in reversed(WIDTHS))
    return next(graph for graph in graphs if params(graph) <= limit)


def trained(task, kind, limit, seconds):
    """One training for all of the time."""
    graph = largest(task, kind, limit)
    network = initialise(nasmyth.build(graph, 0, task.inputs, task.outputs), 0)
    fit(network, task, task.recipe, epochs=math.inf, seconds=seconds, seed=0)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--spend", type=float, default=600.0, help="seconds of each")
    parser.add_argument("--params", type=int, default=200_000)
    parser.add_argument("--only", default="design,lstm,gpt")
    parser.add_argument("--workers", type=int, default=None, help="processes of the design")
    args = parser.parse_args()
    task = nasmyth.read(args.text)
    for name in args.only.split(","):
        start = time.perf_counter()
        if name == "design":
            found = nasmyth.design(
                task, maximize="accuracy", under=[params <= args.params], spend=args.spend, seed=0, workers=args.workers
            )
            network = found.best
            print(found, flush=True)
        else:
            network = trained(task, KINDS[name], args.params, args.spend)
        seconds = time.perf_counter() - start
        loss = evaluate(network, task, "test")["loss"]
        size = sum(p.numel() for p in network.parameters())
        print(
            f"{name:<8} {loss / math.log(2):.3f} bits per byte   {size:,} parameters   {seconds:.0f} s   {network.graph.key}",
            flush=True,
        )


if __name__ == "__main__":
    main()
