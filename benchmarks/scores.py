"""How training-free scores rank networks of published tables, beside counting parameters and multiply-accumulates.

    python benchmarks/scores.py --data DIR --out scores.jsonl              # 1,000 cells; run the line again and it goes on
    python benchmarks/scores.py --data DIR --out scores.jsonl --figures [--column test_acc_200ep]
    python benchmarks/scores.py --data DIR --out nb101.jsonl --table nb101     # or darts, nas_bench_graph
    python benchmarks/scores.py --data DIR --out scores.jsonl --speed

nb201             NAS-Bench-201, CIFAR-10, `valid_acc_200ep`: 1,000 at random of the 9,445 cells without unreachable operations
nb101             the 292 classes of cells of a sample of NAS-Bench-101; built with 32 channels for 128, so that scores are fast
darts             300 of a sample of NAS-Bench-301, whose accuracies a surrogate told; built with 8 cells of 16 channels
nas_bench_graph   300 at random of NAS-Bench-Graph, Cora

DIR holds the tables and the data that ACROSS names. First weights are Nasmyth's own, images those of cifar10_4k.npz.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from worth_of.results import append, load

import nasmyth
from nasmyth.bench import Table
from nasmyth.spaces import spaces

AZ_NAS = ("expressivity", "progressivity", "trainability", "macs")
VKDNW = ("vkdnw", "jacov", "expressivity", "trainability", "macs")
MORE_IS_LESS = ("ntk_condition", "ntk_error")
"""All other scores promise more the larger they are, parameters and multiply-accumulates too."""
FITTED = (
    "params", "jacov", "trainability", "progressivity", "expressivity", "swap", "synflow", "naswot", "l2_norm", "ntk_condition",
)  # fmt: skip
LABELS, DRAWS = (16, 78), 20
COUNTED = ("params", "macs")
PUBLISHED = {"naswot": "nwot", "epe": "epe_nas"}

LABEL_FREE = (
    "macs", "params", "layers", "depth", "naswot", "synflow", "jacov", "expressivity", "progressivity", "trainability",
    "vkdnw", "swap", "swap_regularised", "zen", "l2_norm", "ntk_condition", "linear_regions",
)  # fmt: skip
WITH_LABELS = ("grad_norm", "snip", "plain", "fisher", "epe", "zico", "ntk_error")
SHORT = (
    "params",
    "macs",
    "layers",
    "jacov",
    "trainability",
    "naswot",
    "swap",
    "synflow",
    "expressivity",
    "progressivity",
    "ntk_condition",
)
REDUCED = tuple(f"reduced@{score},{how}" for score in ("jacov", "trainability") for how in ("copies=1", "side=16"))
SHARPEST, THREE = ("params", "jacov", "trainability", "progressivity"), ("params", "jacov", "trainability")
OTHERS = (
    ("best on nb201 alone", SHARPEST),
    ("three of these", THREE),
    *(
        (f"three, {how}", ("params", f"reduced@jacov,{how}", f"reduced@trainability,{how}"))
        for how in ("copies=1", "side=16")
    ),
)
ANALYTIC = ("layers", "depth", "effective_depth", "effective_width", "entropy", "effectiveness")
SEED = 0


class Ranked(NamedTuple):
    """Networks of a published table: its file and column, the data that scores see, how large the networks are built."""

    file: str
    column: str
    data: str
    scores: tuple[str, ...]
    published: str
    settings: dict[str, int]


ACROSS = {
    "nb201": Ranked(
        "nb201_cifar10.parquet",
        "valid_acc_200ep",
        "cifar10_4k.npz",
        (*LABEL_FREE, *WITH_LABELS, *REDUCED),
        "zc_nb201_cifar10.parquet",
        {},
    ),
    "nb101": Ranked("nb101_subset.parquet", "val_acc", "cifar10_4k.npz", SHORT, "nb101_subset.parquet", {"width": 32}),
    "darts": Ranked(
        "nb301_subset.parquet",
        "val_acc_surrogate",
        "cifar10_4k.npz",
        SHORT,
        "nb301_subset.parquet",
        {"width": 16, "layers": 8},
    ),
    "nas_bench_graph": Ranked(
        "nasbench_graph_cora.parquet", "valid", "cora.npz", (*SHORT, *ANALYTIC), "nasbench_graph_cora.parquet", {}
    ),
}


def cells(name: str, data: Path) -> list[str]:
    """The networks of a table by their text, in a random order; of NAS-Bench-201 those without unreachable operations."""
    table = Table.read(name, data / ACROSS[name].published, partial=True)
    used = table.columns.get("has_all_proxies")
    found = sorted(text for text, row in table.index.items() if used is None or used[row])
    random.Random(SEED).shuffle(found)
    return found


def on_one_thread(name: str, data: Path) -> None:
    """Of a process that measures."""
    import torch

    torch.set_num_threads(1)
    named, ranked = spaces.get(name), ACROSS[name]
    task = nasmyth.read(data / ranked.data)
    STATE.update(task=task, named=named, space=named(**ranked.settings))


STATE: dict[str, Any] = {}


def measured(text: str, names: list[str], seed: int) -> dict[str, Any]:
    """Scores of a network, and the seconds of each and of what they share."""
    from nasmyth.measure import Candidate, evaluate

    graph = STATE["space"].decode(STATE["named"].notation.genome(text))
    candidate = Candidate(graph, task=STATE["task"], seed=seed)
    start, values, seconds, failed = time.perf_counter(), {}, {}, {}
    for name in names:
        told = evaluate(candidate, [name])
        values.update(told.values)
        seconds.update(told.seconds)
        if told.error is not None:
            failed[name] = str(told.error)
    return {"cell": text, "seed": seed, "values": values, "seconds": seconds, "shared": candidate.seconds, "failed": failed,
            "all": time.perf_counter() - start}  # fmt: skip


def key(one: dict[str, Any]) -> tuple[str, int]:
    return one["cell"], one["seed"]


def gone_on(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """What is known of a network when more was measured of it. What scores share was made for the first of them."""
    if old is None:
        return new
    return {part: {**new[part], **known} if isinstance(known, dict) else known for part, known in old.items()}


def missing(names: tuple[str, ...], old: dict[str, Any] | None) -> list[str]:
    return [name for name in names if old is None or not (name in old["values"] or name in old["failed"])]


# --- figures --------------------------------------------------------------------------------------------------------


def figures(name: str, data: Path, records: list[dict[str, Any]], which: str | None = None) -> None:
    """The tables: ranks by the column of the table that is asked for, its own unless said."""
    import numpy

    from nasmyth.bench.ranking import agreement, finite_first, kendall, spearman, weights
    from nasmyth.measure.scores.aggregate import DEFAULT, aggregated

    ranked = ACROSS[name]
    which = which or ranked.column
    cells = [one["cell"] for one in records]
    truth = column(Table.read(name, data / ranked.file, partial=True), which, cells)
    published = Table.read(name, data / ranked.published, partial=True)
    asked = [*LABEL_FREE, *ANALYTIC, *WITH_LABELS, *REDUCED]
    columns = {n: numpy.array([number(one["values"].get(n)) for one in records]) for n in dict.fromkeys(asked)}
    columns = {n: values for n, values in columns.items() if numpy.isfinite(values).any()}
    ways = {name: "min" if name in MORE_IS_LESS else "max" for name in columns}
    drawn = weights(len(cells))

    def line(name: str, values: Any, more: str = "") -> None:
        tau, rho = agreement(finite_first(values), truth, drawn)
        spans = f"{tau.value:.3f} [{tau.low:.3f}, {tau.high:.3f}]   {rho.value:.3f} [{rho.low:.3f}, {rho.high:.3f}]"
        print(f"{name:<28} {spans}  {more}".rstrip())

    print(f"{name}: {len(cells)} networks; Kendall's tau and Spearman's rho with {which} [95 %, bootstrap];")
    print(
        "tau of the published values on the same networks, and rho between both; ms of its own, without what it shares"
    )
    sets = {"without labels": (*LABEL_FREE, *ANALYTIC), "with the labels of a batch": WITH_LABELS, "smaller": REDUCED}
    for title, names in sets.items():
        print(f"\n{title}")
        for score in (one for one in dict.fromkeys(names) if one in columns):
            theirs, more = PUBLISHED.get(score, score), ""
            own = 1000 * sum(one["seconds"].get(score, 0.0) for one in records) / len(records)
            if theirs in published.columns and score not in COUNTED:
                known = finite_first(column(published, theirs, cells))
                more = f"{kendall(known, truth):.3f}  {spearman(known, finite_first(columns[score])):.3f}"
            values = -columns[score] if ways[score] == "min" else columns[score]
            line(score, values, f"{more:<14}{own:5.0f} ms")
    print("\nsums of log ranks, without labels")
    for title, names in (("AZ-NAS", AZ_NAS), ("VKDNW-agg", VKDNW), ("ours", tuple(DEFAULT)), *OTHERS):
        if set(names) <= set(columns):
            line(title, aggregated({name: columns[name] for name in names}, ways), " + ".join(names))
    if set(FITTED) <= set(columns):
        with_labels(columns, ways, truth, cells)
    shared = {
        name: 1000 * sum(one["shared"].get(name, 0.0) for one in records) / len(records)
        for name in records[0]["shared"]
    }
    print("\nms of what is shared: " + ", ".join(f"{name} {ms:.0f}" for name, ms in shared.items()))
    failed = Counter(f"{score}: {why}" for one in records for score, why in one["failed"].items())
    for why, count in failed.items():
        print(f"{count} without {why.splitlines()[0]}")


def number(value: Any) -> float:
    """NaN for what has no value, or none that JSON holds."""
    return float("nan" if value is None else value)


def column(table: Table, which: str, texts: list[str]) -> Any:
    """The values of a column for these networks."""
    import numpy

    values = table.check(which)
    return numpy.array([values[table.index[text]] for text in texts])


def with_labels(columns: Any, ways: Any, truth: Any, cells: list[str]) -> None:
    """Fitted to the accuracies of some cells, told of the others."""
    import numpy

    from nasmyth.bench.ranking import kendall, spearman
    from nasmyth.measure.scores.aggregate import DEFAULT, aggregated
    from nasmyth.measure.scores.fitted import fitted

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

    on_one_thread("nb201", data)
    graphs = [STATE["space"].decode(STATE["named"].notation.genome(cell)) for cell in cells("nb201", data)[:15]]

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
    parser.add_argument("--table", choices=ACROSS, default="nb201")
    parser.add_argument("--cells", type=int, help="how many networks: 1,000 of nb201, 300 of others")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--scores", help="with commas between; those of the table unless said")
    parser.add_argument("--column", help="what is ranked by, where not the column of the table: test_acc_200ep")
    parser.add_argument("--figures", action="store_true", help="print the tables of what is there")
    parser.add_argument("--speed", action="store_true", help="time them, on a quiet core")
    given = parser.parse_args()
    if given.speed:
        speed(given.data)
        return
    known = {key(one): one for one in load(given.out, key)}
    if not given.figures:
        names = tuple(given.scores.split(",")) if given.scores else ACROSS[given.table].scores
        drawn = cells(given.table, given.data)[: given.cells or (1000 if given.table == "nb201" else 300)]
        todo = {cell: missing(names, known.get((cell, SEED))) for cell in drawn}
        todo = {cell: asked for cell, asked in todo.items() if asked}
        context = get_context("spawn")
        with ProcessPoolExecutor(given.cores, context, on_one_thread, (given.table, given.data)) as pool:
            running = [pool.submit(measured, cell, asked, SEED) for cell, asked in todo.items()]
            for count, future in enumerate(as_completed(running), 1):
                one = future.result()
                known[key(one)] = gone_on(known.get(key(one)), one)
                append(given.out, known[key(one)])
                print(f"{count} of {len(todo)}: {one['all']:.2f} s  {one['cell']}", file=sys.stderr, flush=True)
    figures(given.table, given.data, sorted(known.values(), key=key), given.column)


if __name__ == "__main__":
    main()
