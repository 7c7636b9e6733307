"""Which decisions mattered: functional analysis of variance over a random forest (Hutter, Hoos and Leyton-Brown 2014,
ICML).

A forest predicts results from decisions. The share of a decision is the variance of its marginal prediction (the result
as a function of that decision alone, averaged over all others) over the variance of the whole prediction, a mean over
trees; what is left is what decisions do together. A decision that a candidate did not have to take has a value of its own.

We depart from the paper in how decisions are weighed: as they occurred in the trials, each by itself, and not evenly, so
that what was hardly tried counts little. And the forest is asked first whether it predicts trials that its trees have not
seen: where it does not, there is nothing to tell.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmyth.report import facts
from nasmyth.report.facts import Summary, number

FEWEST, MOST = 20, 300
"""Trials that it takes, and that are used at most (evenly taken)."""
TREES, LEAST_LEAF, BINS = 16, 2, 16
MIN_EXPLAINED = 0.1
"""The share of variance among unseen trials that the forest must explain."""
ABSENT = "(not there)"

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DecisionImportance:
    """(decision, share of the variance, choice that does best, choice that does worst), most important first."""

    rows: list[tuple[str, float, str, str]]
    explained: float
    """The share of the variance of unseen results that the forest explains (R²)."""
    trials: int
    stage: str
    """The training whose results are compared; "" for results that were told as they are."""


@dataclass(frozen=True)
class Tree:
    """Leaves as boxes: codes from low (L d) to below high (L d), and the mean result there (L)."""

    low: Codes
    high: Codes
    mean: Floats

    def __call__(self, codes: Codes) -> Floats:
        """Predictions for rows of codes, N d."""
        inside = ((codes[:, None] >= self.low) & (codes[:, None] < self.high)).all(2)
        return np.asarray(self.mean[inside.argmax(1)])

    def shares(self, weights: Sequence[Floats]) -> tuple[list[Floats], list[float]]:
        """Marginal predictions by decision, and the share of the variance of each; none if the tree is one leaf."""
        ends = [np.concatenate([[0.0], weight.cumsum()]) for weight in weights]
        mass = np.stack([end[self.high[:, j]] - end[self.low[:, j]] for j, end in enumerate(ends)], 1)
        whole = mass.prod(1)
        mean = float(whole @ self.mean)
        total = float(whole @ (self.mean - mean) ** 2)
        curves, shares = [], []
        for j, weight in enumerate(weights):
            there = np.arange(len(weight))[:, None]
            holds = (there >= self.low[:, j]) & (there < self.high[:, j])
            curves.append(holds @ (whole / mass[:, j] * self.mean))
            shares.append(float(weight @ (curves[-1] - mean) ** 2) / total if total > 0 else 0.0)
        return curves, shares


def importance(summary: Summary, seed: int = 0) -> DecisionImportance | None:
    """None where there are too few trials, or where decisions do not tell results."""
    stage, pairs = comparable(summary)
    pairs = pairs[:: max(1, -(-len(pairs) // MOST))]
    names, codes, values = encoded([genome for genome, _ in pairs])
    if len(pairs) < FEWEST or not names:
        return None
    y = _held([result for _, result in pairs])
    forest, explained = fit_forest(codes, y, random.Random(seed))
    if explained < MIN_EXPLAINED:
        return None
    weights = [np.bincount(codes[:, j], minlength=len(values[j])) / len(y) for j in range(len(names))]
    told = [tree.shares(weights) for tree in forest]
    sign = 1 if facts.goals(summary)[0][1] == "max" else -1
    rows = []
    for j, name in enumerate(names):
        curve = sign * np.mean([curves[j] for curves, _ in told], axis=0)
        share = float(np.mean([shares[j] for _, shares in told]))
        rows.append((name, share, values[j][int(curve.argmax())], values[j][int(curve.argmin())]))
    return DecisionImportance(sorted(rows, key=lambda row: -row[1]), explained, len(y), stage)


def comparable(summary: Summary) -> tuple[str, list[tuple[Mapping[str, Any], float]]]:
    """The stage that most trials have a result of, and (genome, result) of each; a stage "" is what was told at the end."""
    goal = facts.goals(summary)[0][0]
    found: dict[str, list[tuple[Mapping[str, Any], float]]] = {}
    for one in summary.get("trials") or ():
        genome = one.get("genome")
        if not genome or one.get("error"):
            continue
        staged = {label: stage.get("measures") or {} for label, stage in (one.get("stages") or {}).items()}
        for label, measures in staged.items() or {"": one["measures"]}.items():
            if number(measures.get(goal)):
                found.setdefault(label.partition("@")[0], []).append((genome, float(measures[goal])))
    return max(found.items(), key=lambda item: len(item[1]), default=("", []))


def encoded(genomes: Sequence[Mapping[str, Any]]) -> tuple[list[str], Codes, list[list[str]]]:
    """Names of the decisions that differ, the code of each choice (N d), and what each code stands for.

    Codes are in the order of numbers, or of text; many numbers are put into BINS. What is different nearly every time, and
    no number, is left out: it tells one trial, and nothing of others.
    """
    names, columns, values = [], [], []
    for name in dict.fromkeys(name for genome in genomes for name in genome):
        made = _column([genome.get(name) for genome in genomes])
        if made is not None:
            names.append(name)
            columns.append(made[0])
            values.append(made[1])
    return names, np.array(columns, dtype=np.int64).T.reshape(len(genomes), len(names)), values


def _column(choices: Sequence[Any]) -> tuple[list[int], list[str]] | None:
    there = [choice for choice in choices if choice is not None]
    if all(map(number, there)):
        ordered = sorted(set(there))
        step = -(-len(ordered) // BINS)
        place = {choice: i // step for i, choice in enumerate(ordered)}
        groups = [ordered[i : i + step] for i in range(0, len(ordered), step)]
        texts = [f"{g[0]:.4g}" if len(g) == 1 else f"{g[0]:.4g} to {g[-1]:.4g}" for g in groups]
        codes = [len(texts) if choice is None else place[choice] for choice in choices]
    else:
        told = [None if choice is None else str(choice) for choice in choices]
        texts = sorted({text for text in told if text is not None})
        if 2 * len(texts) > len(there):
            return None
        codes = [len(texts) if text is None else texts.index(text) for text in told]
    texts = [*texts, ABSENT] if len(there) < len(choices) else texts
    return (codes, texts) if len(texts) > 1 else None


def _held(results: Sequence[float]) -> Floats:
    """Results as numbers; what is far out (Tukey 1977: three times the spread of the middle half) is held at that."""
    y = np.array(results)
    low, high = np.quantile(y, [0.25, 0.75])
    return np.asarray(np.clip(y, low - 3 * (high - low), high + 3 * (high - low)))


def fit_forest(codes: Codes, y: Floats, rng: random.Random) -> tuple[list[Tree], float]:
    """A random forest, and the share of the variance that it explains of trials that the trees asked had not seen."""
    n = len(y)
    if float(y.var()) == 0:
        return [], 0.0
    forest, sums, counts = [], np.zeros(n), np.zeros(n)
    for _ in range(TREES):
        rows = np.array(rng.choices(range(n), k=n))
        tree = _tree(codes, y, rows, rng)
        unseen = np.setdiff1d(np.arange(n), rows)
        sums[unseen] += tree(codes[unseen])
        counts[unseen] += 1
        forest.append(tree)
    asked = counts > 0
    errors = y[asked] - sums[asked] / counts[asked]
    return forest, 1 - float((errors**2).mean() / y[asked].var())


def _tree(codes: Codes, y: Floats, rows: Codes, rng: random.Random) -> Tree:
    width = codes.shape[1]
    tried = max(1, -(-5 * width // 6))
    leaves: list[tuple[Codes, Codes, float]] = []
    waiting = [(rows, np.zeros(width, np.int64), codes.max(0) + 1)]
    while waiting:
        held, low, high = waiting.pop()
        cut = _best_cut(codes[held], y[held], rng.sample(range(width), tried)) if len(held) >= 2 * LEAST_LEAF else None
        if cut is None:
            leaves.append((low, high, float(y[held].mean())))
            continue
        j, at = cut
        left = codes[held, j] < at
        below, above = high.copy(), low.copy()
        below[j] = above[j] = at
        waiting += [(held[left], low, below), (held[~left], above, high)]
    return Tree(
        np.array([a for a, _, _ in leaves]), np.array([b for _, b, _ in leaves]), np.array([m for *_, m in leaves])
    )


def _best_cut(codes: Codes, y: Floats, tried: Sequence[int]) -> tuple[int, int] | None:
    """(decision, first code of the upper part) that lowers the squared error most; None if nothing does."""
    best, most = None, 1e-12 * float((y**2).sum())
    n, total = len(y), float(y.sum())
    for j in tried:
        counts = np.bincount(codes[:, j]).cumsum()[:-1]
        sums = np.bincount(codes[:, j], weights=y).cumsum()[:-1]
        fits = (counts >= LEAST_LEAF) & (n - counts >= LEAST_LEAF)
        if not fits.any():
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            gains = np.where(fits, sums**2 / counts + (total - sums) ** 2 / (n - counts) - total**2 / n, -np.inf)
        at = int(gains.argmax())
        if gains[at] > most:
            best, most = (j, at + 1), float(gains[at])
    return best


def sentence(mattered: DecisionImportance, most: int = 3) -> str:
    """ "Decisions that mattered: width 41 %, depth 12 %"; those below a twentieth are left out."""
    told = [f"{name} {100 * share:.0f} %" for name, share, _, _ in mattered.rows[:most] if share >= 0.05]
    return f"Decisions that mattered: {', '.join(told)}" if told else ""
