"""Which byte comes next: what a design finds, beside an LSTM and a small GPT of at most its size, trained for as long.

    python benchmarks/next_byte.py shared/data/tinyshakespeare.txt --spend 600 [--params 200000] [--only design,lstm,gpt]

All have the data, the split and the recipe of the domain. The LSTM is an embedding, a layer, a norm and an answer; the GPT has
learned positions and four layers; both are as wide as fits, and trained once for all of the time, on `--threads` threads.
Printed: bits per byte on the test part (the mean cross-entropy in bits; the text is ASCII), parameters, seconds.
"""

from __future__ import annotations

import argparse
import math
import time

import torch

import nasmyth
from nasmyth import chain, ops, repeat
from nasmyth.blocks import mlp, transformer
from nasmyth.measure import params
from nasmyth.train import evaluate, fit, initialise

WIDTHS = range(512, 0, -4)


def lstm(width):
    return (ops.LSTM(width),)


def gpt(width):
    return ops.LearnedPosition(), repeat(transformer(mixer=ops.Attention(4, causal=True), feedforward=mlp(4)), 4)


def largest(task, body, limit):
    """The graph of the widest network with such a body within the limit."""
    codes, classes = task.inputs.size, task.outputs.size
    for width in WIDTHS:
        network = chain(ops.Embedding(codes, width), *body(width), ops.LayerNorm(), ops.Linear(classes))
        graph = nasmyth.Graph.of(network, input=task.input)
        if params(graph) <= limit:
            return graph
    raise SystemExit(f"nothing has at most {limit:,} parameters")


def trained(task, body, limit, seconds):
    """One training for all of the time."""
    network = initialise(nasmyth.build(largest(task, body, limit), 0, task.inputs, task.outputs), 0)
    fit(network, task, task.recipe, epochs=math.inf, seconds=seconds, seed=0)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--spend", type=float, default=600.0, help="seconds of each")
    parser.add_argument("--params", type=int, default=200_000)
    parser.add_argument("--only", default="design,lstm,gpt")
    parser.add_argument("--workers", type=int, default=None, help="processes of the design")
    parser.add_argument("--threads", type=int, default=1, help="of the trainings beside it")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
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
            network = trained(task, {"lstm": lstm, "gpt": gpt}[name], args.params, args.spend)
        seconds = time.perf_counter() - start
        loss = evaluate(network, task, "test")["loss"]
        size = sum(p.numel() for p in network.parameters())
        print(
            f"{name:<8} {loss / math.log(2):.3f} bits per byte   {size:,} parameters   {seconds:.0f} s   {network.graph.key}",
            flush=True,
        )


if __name__ == "__main__":
    main()
