"""Makes `nasmyth/domains/portfolio.json`, the networks that searches start with: those that were best together on many tasks.

    python benchmarks/portfolio.py --data DIR --results portfolio.jsonl [--cores 2] > benchmarks/portfolio.txt

Each kind of hand-designed network that a domain knows is trained for the same time on each task, at the sizes of SHARES, by the
domain's recipe; then the best of them by the recipes of RECIPES. How good each is expected to be is told by validation (scores
and losses together, as in a design); no test split is looked at. A portfolio is chosen greedily: beside the plain network,
what lowers the mean of the best so far most (geometric, over tasks, of the error as a ratio to the least), as long as that is
by more than ENOUGH; then the best of all other kinds and sizes, since data and time may be unlike all of these.
Trainings that are in the file of results are not done again.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from worth_of.results import append, load
from worth_of.tasks import source_of

from nasmyth.domains.starts import FILE, Entry

SHARES = {"vision": (1.0, 0.4), "tabular": (1.0,)}
"""Of the largest that fits."""
PLAIN = "plain"
"""The entry of the plain network, which every search tries first."""
MOST, ENOUGH, MISSING = 7, 0.003, 2.0
"""Entries of a portfolio, how much an entry has to gain, and the ratio that what does not fit counts with."""
TRIED = 2
"""Of the best, the recipes are tried."""
RECIPES: dict[str, tuple[dict[str, int], ...]] = {
    "vision": ({"recipe.optimizer": 1}, {"recipe.optimizer:0.lr": 2}),
    "tabular": ({"recipe.optimizer.lr": 1}, {"recipe.optimizer.lr": 3}, {"recipe.batch": 2}),
}
"""Numbers of options of the domains' recipe spaces (`train/recipe_space.py`)."""


class Problem(NamedTuple):
    """A task, a budget, and the seconds of each training. limit: so many training examples, so that each is seen as often in
    that time as all are in the minutes that a design takes."""

    data: str
    under: str
    seconds: float
    target: str | None = None
    limit: int | None = None

    @property
    def tight(self) -> bool:
        return self.under.startswith("macs")

    @property
    def name(self) -> str:
        return f"{Path(self.data).stem}{f'[:{self.limit}]' if self.limit else ''} {self.under}"


FASHION, CIFAR = "fashion_mnist.npz", "cifar10_4k.npz"
ADULT, HOUSES, AIR = (
    ("adult.parquet", "income"),
    ("california_housing.parquet", "median_house_value"),
    ("beijing_pm25.parquet", "pm2.5"),
)
PROBLEMS = {
    "vision": (
        Problem(FASHION, "params<=100k", 40, limit=3000),
        Problem(CIFAR, "params<=50k", 40, limit=1500),
        Problem(FASHION, "params<=50k", 60, limit=12_000),
        Problem(FASHION, "macs<=500k", 40, limit=3000),
        Problem(CIFAR, "macs<=500k", 40, limit=1500),
        Problem("digits", "macs<=20k", 12),
    ),
    "tabular": tuple(
        Problem(data, f"params<={most}", seconds, target, limit)
        for data, target in (ADULT, HOUSES, AIR)
        for most, seconds, limit in (("30k", 12, None), ("5k", 12, None), ("20k", 6, 2000))
    ),
}


# --- one training ---------------------------------------------------------------------------------------------------


def on_one_thread() -> None:
    """Of a process that trains."""
    import torch

    torch.set_num_threads(1)


@functools.cache
def read(problem: Problem, folder: str) -> Any:
    from nasmyth.domains import read as read_data

    return read_data(source_of(problem, Path(folder)), problem.target, limit=problem.limit, on_bad="skip")


def trained(problem: Problem, folder: str, domain: str, entry: Entry, seconds: float) -> dict[str, Any]:
    """The scores in validation; `missing` where nothing of the kind fits, or it diverged."""
    from nasmyth.domains import domains
    from nasmyth.errors import CandidateError
    from nasmyth.funnel.joint import joined, options, space_of
    from nasmyth.measure import constraints
    from nasmyth.network import build
    from nasmyth.train import fit, initialise

    task, known, limits = read(problem, folder), domains.get(domain), constraints([problem.under])
    plain = known.baseline(task, limits)
    kind = known.problem(task, plain)
    told = {"domain": domain, "problem": problem.name, "kind": kind, "entry": entry._asdict(), "metric": task.objective}
    genome = plain if entry.kind == PLAIN else known.sized(task, limits, plain)(entry.kind, entry.share)
    if genome is None:
        return {**told, "missing": "nothing of it fits"}
    space = space_of(task, known)
    genome = joined(space, genome, options(space, entry.recipe))
    recipe = space.recipe_of(genome)
    network = initialise(build(space.decode(genome), 0, task.inputs, task.outputs), 0)
    try:
        fitted = fit(network, task, recipe.replace(epochs=4 * recipe.epochs), seconds=seconds)
    except CandidateError as error:
        return {**told, "missing": str(error)}
    return {**told, "scores": fitted.scores, "epochs": fitted.epochs, "examples": len(task.valid)}


# --- all of them ----------------------------------------------------------------------------------------------------


class Trainings:
    """Results by problem and entry, in a file that grows by a line with each."""

    def __init__(self, path: Path, folder: str, domain: str, cores: int, scale: float) -> None:
        self.path, self.folder, self.domain, self.cores, self.scale = path, folder, domain, cores, scale
        self.known = {key(one): one for one in load(path, key) if one["domain"] == domain}

    def run(self, problems: Iterable[Problem], entries: Sequence[Entry]) -> None:
        """Those that are not known yet, some at once; coarse ones only where budgets are tight."""
        wanted = [(p, e) for p in problems for e in entries if p.tight or not e.kind.startswith("coarse")]
        todo = [(p, e) for p, e in wanted if (p.name, e.name) not in self.known]
        start = time.time()
        with ProcessPoolExecutor(self.cores, mp_context=get_context("spawn"), initializer=on_one_thread) as pool:
            futures = [pool.submit(trained, p, self.folder, self.domain, e, self.scale * p.seconds) for p, e in todo]
            for number, future in enumerate(as_completed(futures), 1):
                one = future.result()
                self.known[key(one)] = one
                append(self.path, one)
                print(f"{number} of {len(todo)}, {time.time() - start:.0f} s: {said(one)}", file=sys.stderr, flush=True)

    def errors(self, kind: str) -> dict[str, dict[str, float]]:
        """{problem: {entry: expected error as a ratio to the least}} of the problems of a kind."""
        from nasmyth.funnel.estimate import expected_of
        from nasmyth.measure import find

        of_problem: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for one in self.known.values():
            if one["kind"] == kind and "scores" in one:
                of_problem[one["problem"]].append(one)
        found = {}
        for problem, ones in of_problem.items():
            goal = find(ones[0]["metric"])
            values, losses = ([one["scores"][name] for one in ones] for name in (goal.name, "loss"))
            bad = [one.badness for one in expected_of(goal, values, losses, ones[0]["examples"])]
            found[problem] = {word(one["entry"]): b / min(bad) for one, b in zip(ones, bad, strict=True)}
        return found

    @property
    def entries(self) -> dict[str, Entry]:
        """All that were trained, by name."""
        return {word(one["entry"]): Entry(**one["entry"]) for one in self.known.values()}

    def kinds(self) -> list[str]:
        """Kinds of problems, in their order."""
        return list(dict.fromkeys(one["kind"] for one in self.known.values()))


def key(one: dict[str, Any]) -> tuple[str, str]:
    """What tells one training of a domain from another."""
    return one["problem"], word(one["entry"])


def word(entry: dict[str, Any]) -> str:
    return Entry(**entry).name


def said(one: dict[str, Any]) -> str:
    scores = one.get("scores")
    figures = one.get("missing") or ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    return f"{one['problem']}, {word(one['entry'])}: {figures}"


# --- the choice -----------------------------------------------------------------------------------------------------


def chosen(errors: dict[str, dict[str, float]], most: int = MOST) -> list[tuple[str, float]]:
    """Entries, each with the mean of the least error of those so far and of the plain network, as a ratio to the best."""
    found: list[tuple[str, float]] = []
    best = {p: told.get(PLAIN, MISSING) for p, told in errors.items()}
    left = {name for told in errors.values() for name in told if network(name) != PLAIN}
    while left and len(found) < most:
        gains = {name: geometric(min(best[p], told.get(name, MISSING)) for p, told in errors.items()) for name in left}
        name = min(left, key=lambda one: (gains[one], mean(errors, one), one))
        if gains[name] > (1 - ENOUGH) * geometric(best.values()):
            others = [one for one in left if network(one) not in {network(known) for known, _ in found}]
            if not others:
                break
            name = min(others, key=lambda one: (mean(errors, one), one))
        found.append((name, gains[name]))
        left.remove(name)
        best = {p: min(best[p], told.get(name, MISSING)) for p, told in errors.items()}
    return found


def network(name: str) -> str:
    """The kind and share of an entry, without its recipe."""
    return ", ".join(word for word in name.split(", ") if not word.startswith("recipe."))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the folder of the files")
    parser.add_argument("--domain", choices=list(PROBLEMS), action="append")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="times the seconds of each training")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "nasmyth" / "domains" / FILE)
    given = parser.parse_args()
    from nasmyth.domains import domains

    kept = json.loads(given.out.read_text()) if given.out.exists() else {"starts": {}}
    kept["made"] = "python benchmarks/portfolio.py --data DIR --results FILE"
    for domain in given.domain or PROBLEMS:
        trainings = Trainings(given.results, given.data, domain, given.cores, given.scale)
        names = domains.get(domain).kinds
        entries = [Entry(PLAIN), *(Entry(kind, share) for kind in names for share in SHARES[domain])]
        trainings.run(PROBLEMS[domain], entries)
        best = {name for kind in trainings.kinds() for name, _ in chosen(trainings.errors(kind), TRIED)}
        known = trainings.entries
        varied = [known[name]._replace(recipe=recipe) for name in sorted(best) for recipe in RECIPES[domain]]
        trainings.run(PROBLEMS[domain], varied)
        known = trainings.entries
        for kind in trainings.kinds():
            errors = trainings.errors(kind)
            found = chosen(errors)
            print(page(domain, kind, errors, found))
            starts = [known[name]._asdict() for name, _ in found]
            kept["starts"].setdefault(domain, {})[kind] = starts
    given.out.write_text(json.dumps(kept, indent=1) + "\n")


def page(domain: str, kind: str, errors: dict[str, dict[str, float]], found: list[tuple[str, float]]) -> str:
    """The errors of all, as ratios to the best, and what was chosen."""
    names = sorted({name for ratios in errors.values() for name in ratios}, key=lambda name: mean(errors, name))
    wide = max(map(len, names))
    lines = [
        f"{domain}, {kind}: expected error in validation as a ratio to the least",
        " " * wide + "  mean   " + "   ".join(errors),
    ]
    for name in names:
        ratios = "".join(
            f"{ratios[name]:>{len(p) + 3}.3f}" if name in ratios else f"{'-':>{len(p) + 3}}"
            for p, ratios in errors.items()
        )
        lines.append(f"{name:<{wide}}  {mean(errors, name):.3f}{ratios}")
    lines += [
        "portfolio, and the mean of the best of it so far:",
        *(f"  {name:<{wide}}  {gain:.3f}" for name, gain in found),
        "",
    ]
    return "\n".join(lines)


def mean(errors: dict[str, dict[str, float]], name: str) -> float:
    """The geometric mean over problems."""
    return geometric(told.get(name, MISSING) for told in errors.values())


def geometric(ratios: Iterable[float]) -> float:
    found = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(found) / len(found))


if __name__ == "__main__":
    main()
