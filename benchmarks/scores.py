"""How training-free scores rank the cells of NAS-Bench-201, beside counting parameters and multiply-accumulates.

    python benchmarks/scores.py --data DIR --out scores.jsonl            # 1,000 cells; run the line again and it goes on
    python benchmarks/scores.py --data DIR --out scores.jsonl --figures

DIR holds nb201_cifar10.parquet and zc_nb201_cifar10.parquet (the cells without unreachable operations, and published scores)
and cifar10_4k.npz (the images). Cells are drawn at random among the 9,445; networks are those of the benchmark (16 channels,
5 cells a stage), their first weights Nasmyth's own. Truth is `valid_acc_200ep`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from worth_of.results import append, load

LABEL_FREE = (
    "macs", "params", "layers", "depth", "naswot", "synflow", "jacov", "expressivity", "progressivity", "trainability",
    "vkdnw", "swap", "swap_regularised", "zen", "l2_norm", "ntk_condition", "linear_regions",
)  # fmt: skip
WITH_LABELS = ("grad_norm", "snip", "plain", "fisher", "epe", "zico", "ntk_error")
SEED = 0


def cells(data: Path) -> list[str]:
    """The cells without unreachable operations, in a random order."""
    import pandas

    table = pandas.read_parquet(data / "zc_nb201_cifar10.parquet", columns=["arch_str", "has_all_proxies"])
    found = sorted(table.arch_str[table.has_all_proxies])
    random.Random(SEED).shuffle(found)
    return found


def on_one_thread(data: str) -> None:
    """Of a process that measures."""
    import torch

    import nasmyth
    from nasmyth.spaces import spaces

    torch.set_num_threads(1)
    STATE.update(task=nasmyth.read(f"{data}/cifar10_4k.npz"), named=spaces.get("nb201"), space=spaces.get("nb201")())


STATE: dict[str, Any] = {}


def measured(cell: str, names: tuple[str, ...], seed: int) -> dict[str, Any]:
    """All scores of a cell, and the seconds of each and of what they share."""
    from nasmyth.measure import Candidate, evaluate

    graph = STATE["space"].decode(STATE["named"].notation.genome(cell))
    candidate = Candidate(graph, task=STATE["task"], seed=seed)
    start, values, seconds, failed = time.perf_counter(), {}, {}, {}
    for name in names:
        told = evaluate(candidate, [name])
        values.update(told.values)
        seconds.update(told.seconds)
        if told.error is not None:
            failed[name] = str(told.error)
    return {"cell": cell, "seed": seed, "values": values, "seconds": seconds, "shared": candidate.seconds, "failed": failed,
            "all": time.perf_counter() - start}  # fmt: skip


def key(one: dict[str, Any]) -> tuple[str, int]:
    return one["cell"], one["seed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--scores", default=",".join((*LABEL_FREE, *WITH_LABELS)))
    parser.add_argument("--figures", action="store_true", help="print the tables of what is there")
    given = parser.parse_args()
    if not given.figures:
        names, known = tuple(given.scores.split(",")), {key(one) for one in load(given.out, key)}
        todo = [cell for cell in cells(given.data)[: given.cells] if (cell, SEED) not in known]
        context = get_context("spawn")
        with ProcessPoolExecutor(given.cores, context, on_one_thread, (str(given.data),)) as pool:
            for number, future in enumerate(as_completed([pool.submit(measured, c, names, SEED) for c in todo]), 1):
                one = future.result()
                append(given.out, one)
                print(f"{number} of {len(todo)}: {one['all']:.2f} s  {one['cell']}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
