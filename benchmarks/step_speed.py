"""What makes a training step of a small network faster on one thread: bfloat16, torch.compile, both; and when it pays.

    python benchmarks/step_speed.py [--family residual] [--widths 16,18] [--side 28] [--batch 128] [--steps 60] [--rounds 3]

A hand-designed network for images (`nasmyth/spaces/image_families.py`) on random images, trained by `fit` with the domain's
recipe. Each measurement is a process of its own, and times are those of the processor, so that what else runs matters little.
Printed for each: the median step; its ratio to plain float32, the median over rounds; the seconds until the second step (of
this process; the C++ compiler takes 15 to 20 more), with nothing compiled before ("cold": an empty cache of its own) and with
the cache of the round before ("warm"); and after how many seconds of training compiling has paid for itself.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

VARIANTS = {
    "float32": ("32", False),
    "bf16": ("bf16", False),
    "compiled": ("32", True),
    "compiled bf16": ("bf16", True),
}
WARM = 8


def worker(variant: str, family: str, width: int, side: int, batch: int, steps: int) -> None:
    """One training; prints the median step and the seconds until the second step."""
    import torch

    torch.set_num_threads(1)
    from nasmyth.domains import domain_for
    from nasmyth.forms import Classes
    from nasmyth.forms.fitting import fit_image_input
    from nasmyth.network import build
    from nasmyth.spaces.image_families import FAMILIES
    from nasmyth.train import Split, Task, fit, initialise

    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (20 * batch, side, side, 1), dtype=torch.uint8, generator=generator)
    whole = Split(x, torch.randint(0, 10, (len(x),), generator=generator))
    few = whole.take(torch.arange(16))
    task = Task("random", fit_image_input(x), Classes(tuple("0123456789")), whole, few, few)
    domain = domain_for(task)
    graph = domain.space(task).decode(FAMILIES[family](width, task.input))
    network = initialise(build(graph, 0, task.inputs, task.outputs))
    precision, compiled = VARIANTS[variant]
    recipe = domain.recipe(task).replace(precision=precision, compile=compiled, batch=batch)
    fit(
        initialise(build(graph, 0, task.inputs, task.outputs)), task.few(2), recipe.replace(compile=False), epochs=1
    )  # imports
    stamps = [time.process_time()]

    def stop() -> bool:
        stamps.append(time.process_time())
        return len(stamps) > steps + WARM

    fit(network, task, recipe, epochs=1000, device="cpu", stop=stop)
    each = [b - a for a, b in itertools.pairwise(stamps)]
    told = {"step": statistics.median(each[WARM:]), "start": stamps[3] - stamps[0], "params": graph.costs.params}
    print(json.dumps(told))


def measured(variant: str, cache: str, args: argparse.Namespace, width: int) -> dict[str, float]:
    line = [
        sys.executable,
        "-W",
        "ignore",
        __file__,
        "--worker",
        variant,
        "--widths",
        str(width),
        "--side",
        str(args.side),
    ]
    line += ["--batch", str(args.batch), "--steps", str(args.steps), "--family", args.family]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache, "OMP_NUM_THREADS": "1"}
    out = subprocess.run(line, check=True, capture_output=True, text=True, env=environment).stdout
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


def compare(width: int, args: argparse.Namespace) -> None:
    """The table of one width."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = [
            {name: measured(name, f"{folder}/{name}", args, width) for name in VARIANTS} for _ in range(args.rounds)
        ]
    plain = statistics.median(one["float32"]["step"] for one in rounds)
    print(
        f"{args.family}, width {width}, {rounds[0]['float32']['params']:.0f} parameters, "
        f"{args.side}x{args.side}, batch {args.batch}"
    )
    for name in VARIANTS:
        step = statistics.median(one[name]["step"] for one in rounds)
        ratio = statistics.median(one["float32"]["step"] / one[name]["step"] for one in rounds)
        cold = rounds[0][name]["start"]
        warm = min((one[name]["start"] for one in rounds[1:]), default=cold)
        told = f"  {name:14} {1e3 * step:7.2f} ms/step, {ratio:.2f} times as fast, starts in {cold:.1f} s cold, {warm:.1f} warm"
        if step < plain and VARIANTS[name][1]:
            told += f"; pays after {cold / (1 - step / plain):.0f} s cold, {warm / (1 - step / plain):.0f} s warm"
        print(told, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", default="16,18")
    parser.add_argument("--family", default="residual")
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=list(VARIANTS))
    args = parser.parse_args()
    for width in map(int, args.widths.split(",")):
        if args.worker:
            worker(args.worker, args.family, width, args.side, args.batch, args.steps)
        else:
            compare(width, args)


if __name__ == "__main__":
    main()
