"""How training-free scores rank the cells of NAS-Bench-201, beside counting parameters and multiply-accumulates.

    python benchmarks/scores.py --data DIR --out scores.jsonl            # 1,000 cells; run the line again and it goes on
    python benchmarks/scores.py --data DIR --out scores.jsonl --figures
    python benchmarks/scores.py --data DIR --out scores.jsonl --speed

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

AZ_NAS = ("expressivity", "progressivity", "trainability", "macs")
VKDNW = ("vkdnw", "jacov", "expressivity", "trainability", "macs")
MORE_IS_LESS = ("ntk_condition", "ntk_error")
"""All other scores promise more the larger they are, parameters and multiply-accumulates too."""
FITTED = ("params", "jacov", "trainability", "swap", "synflow", "naswot", "l2_norm", "ntk_condition", "expressivity")
LABELS, DRAWS = (16, 78), 20
PUBLISHED = {"naswot": "nwot", "epe": "epe_nas"}

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


# --- figures --------------------------------------------------------------------------------------------------------


def figures(data: Path, records: list[dict[str, Any]]) -> None:
    """The tables."""
    import numpy
    import pandas

    from nasmyth.bench.ranking import agreement, finite_first, kendall, spearman, weights
    from nasmyth.measure.scores.aggregate import DEFAULT, aggregated

    cells = [one["cell"] for one in records]
    truth = (
        pandas.read_parquet(data / "nb201_cifar10.parquet").set_index("arch_str").valid_acc_200ep.loc[cells].to_numpy()
    )
    known = pandas.read_parquet(data / "zc_nb201_cifar10.parquet").set_index("arch_str").loc[cells]
    columns = {n: numpy.array([one["values"].get(n, numpy.nan) for one in records]) for n in records[0]["values"]}
    ways = {name: "min" if name in MORE_IS_LESS else "max" for name in columns}
    drawn = weights(len(cells))

    def line(name: str, values: Any, more: str = "") -> None:
        tau, rho = agreement(finite_first(values), truth, drawn)
        spans = f"{tau.value:.3f} [{tau.low:.3f}, {tau.high:.3f}]   {rho.value:.3f} [{rho.low:.3f}, {rho.high:.3f}]"
        print(f"{name:<28} {spans}  {more}".rstrip())

    print(
        f"{len(cells)} cells: Kendall's tau and Spearman's rho with valid_acc_200ep [95 %, bootstrap]; tau of the published"
    )
    print("values on the same cells, and rho between both; ms of its own, without what it shares")
    for title, names in (("without labels", LABEL_FREE), ("with the labels of a batch", WITH_LABELS)):
        print(f"\n{title}")
        for name in (one for one in names if one in columns):
            theirs, more = PUBLISHED.get(name, name), ""
            own = 1000 * sum(one["seconds"].get(name, 0.0) for one in records) / len(records)
            if theirs in known and name != "params":
                there = finite_first(known[theirs])
                more = f"{kendall(there, truth):.3f}  {spearman(there, finite_first(columns[name])):.3f}"
            line(name, -columns[name] if ways[name] == "min" else columns[name], f"{more:<14}{own:5.0f} ms")
    print("\nsums of log ranks, without labels")
    for title, names in (("AZ-NAS", AZ_NAS), ("VKDNW-agg", VKDNW), ("ours", tuple(DEFAULT))):
        line(title, aggregated({name: columns[name] for name in names}, ways), " + ".join(names))
    with_labels(columns, ways, truth, cells)
    shared = {
        name: 1000 * sum(one["shared"].get(name, 0.0) for one in records) / len(records)
        for name in records[0]["shared"]
    }
    print("\nms of what is shared: " + ", ".join(f"{name} {ms:.0f}" for name, ms in shared.items()))


def with_labels(columns: Any, ways: Any, truth: Any, cells: list[str]) -> None:
    """Fitted to the accuracies of some cells, told of the others."""
    import numpy

    from nasmyth.bench.ranking import kendall, spearman
    from nasmyth.measure.scores.aggregate import DEFAULT, aggregated
    from nasmyth.measure.scores.fitted import fitted
    from nasmyth.spaces import spaces

    named = spaces.get("nb201")
    space = named()
    encodings = [space.encode(named.notation.genome(cell)) for cell in cells]
    before = aggregated({name: columns[name] for name in DEFAULT}, ways)
    print(f"\nfitted to labels, told of the other cells: mean ± sd of {DRAWS} draws; beside it the sum without labels")
    for count in LABELS:
        found = []
        for draw in range(DRAWS):
            order = numpy.random.default_rng(draw).permutation(len(cells))
            labels = numpy.full(len(cells), numpy.nan)
            labels[order[:count]] = truth[order[:count]]
            told = fitted({name: columns[name] for name in FITTED}, labels, encodings, ways, before)
            rest = order[count:]
            found.append(
                (
                    kendall(told[rest], truth[rest]),
                    spearman(told[rest], truth[rest]),
                    kendall(before[rest], truth[rest]),
                )
            )
        (tau, rho, alone), (tau_sd, rho_sd, _) = numpy.mean(found, 0), numpy.std(found, 0, ddof=1)
        print(f"{count} labels   tau {tau:.3f} ± {tau_sd:.3f}   rho {rho:.3f} ± {rho_sd:.3f}   without {alone:.3f}")


def speed(data: Path) -> None:
    """Seconds of all label-free scores together, of NASWOT beside a forward pass, and of SynFlow with building."""
    import statistics

    import torch

    from nasmyth.measure import Candidate, evaluate
    from nasmyth.measure.scores import passes
    from nasmyth.measure.scores.aggregate import DEFAULT

    on_one_thread(str(data))
    graphs = [STATE["space"].decode(STATE["named"].notation.genome(cell)) for cell in cells(data)[:15]]

    def took(work: Any) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def ours(graph: Any, names: Any) -> Any:
        candidate = Candidate(graph, task=STATE["task"])
        return lambda: evaluate(candidate, names)

    print(f"\n{len(graphs)} cells, one thread, median (least to most)")
    sets = {
        "all label-free scores": LABEL_FREE,
        "ours": tuple(DEFAULT),
        "synflow in float64, building included": ("synflow",),
    }
    for title, names in sets.items():
        found = sorted(1000 * took(ours(graph, names)) for graph in graphs)
        print(f"{title:<44} {statistics.median(found):.0f} ms ({found[0]:.0f} to {found[-1]:.0f})")
    passes.EXAMPLES = 64
    ratios = []
    for graph in graphs:
        candidate = Candidate(graph, task=STATE["task"])
        network, batch = candidate["network"], candidate["batch"][:64]
        with torch.no_grad():
            forward = min(took(lambda n=network, x=batch: n(x)) for _ in range(3))
        ratios.append(min(took(naswot_of(candidate)) for _ in range(3)) / forward)
    spans = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{'naswot, batch 64, over one forward pass':<44} {spans}")


def naswot_of(candidate: Any) -> Any:
    """NASWOT of a network that is built, its forward pass included."""
    from nasmyth.measure import Candidate, evaluate

    def work() -> None:
        made = {name: candidate[name] for name in ("network", "batch")}
        evaluate(Candidate(candidate.graph, task=candidate.task, made=made), ["naswot"]).require()

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--scores", default=",".join((*LABEL_FREE, *WITH_LABELS)))
    parser.add_argument("--figures", action="store_true", help="print the tables of what is there")
    parser.add_argument("--speed", action="store_true", help="time them, on a quiet core")
    given = parser.parse_args()
    if given.speed:
        speed(given.data)
        return
    if not given.figures:
        names, known = tuple(given.scores.split(",")), {key(one) for one in load(given.out, key)}
        todo = [cell for cell in cells(given.data)[: given.cells] if (cell, SEED) not in known]
        context = get_context("spawn")
        with ProcessPoolExecutor(given.cores, context, on_one_thread, (str(given.data),)) as pool:
            for number, future in enumerate(as_completed([pool.submit(measured, c, names, SEED) for c in todo]), 1):
                one = future.result()
                append(given.out, one)
                print(f"{number} of {len(todo)}: {one['all']:.2f} s  {one['cell']}", file=sys.stderr, flush=True)
    figures(given.data, sorted(load(given.out, key), key=key))


if __name__ == "__main__":
    main()
