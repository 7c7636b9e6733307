"""The table of an audit of scores: how well each ranks networks whose truth is known, and what speaks against it.

Rankings are of the networks with a truth; seconds, failures and luck of all that were scored. More is better on both sides: see
`oriented`. What a score could not tell is ranked last, and counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nasmyth.bench.ranking import DRAWS, Gain, agreement, finite_first, gain, kendall, top, top_precision, weights
from nasmyth.bench.scoring import Scored, oriented, promises_more
from nasmyth.intervals import Interval
from nasmyth.measure import Measure
from nasmyth.units import show

FEW = 10
"""Networks below which it is said that there are few."""


@dataclass(frozen=True)
class ScoreRow:
    """One score."""

    name: str
    unit: str
    promises: str
    """Which values promise a better network: "more" or "less"."""
    kendall: Interval
    spearman: Interval
    precision: float
    """Of the top tenth by the score, the share that is in the top tenth by the truth."""
    seconds: float
    """For a candidate, with what it needs by itself: the median."""
    by_init: float
    """Variance of ranks over first weights, as a share of that between candidates."""
    by_batch: float
    failed: Mapping[str, int]
    """{why: how many} of what had no finite value."""
    beats: Mapping[str, Gain]
    """{baseline: by how much its tau is above that of the baseline, in pairs}."""
    like: Mapping[str, float]
    """{baseline: Kendall's tau between the two scores}, over all that were scored."""
    values: tuple[float, ...]
    """Of every candidate, as they were measured; NaN where that failed."""

    @property
    def baseline(self) -> bool:
        """Whether it is one of those that others are compared with."""
        return not self.beats

    @property
    def margin(self) -> Interval | None:
        """By how much its tau is above that of the better baseline; None for a baseline."""
        return min((by.difference for by in self.beats.values()), default=None)


@dataclass(frozen=True)
class ScoreAudit:
    """How well scores rank the networks of a space by what training makes of them."""

    objective: str
    direction: str
    """Which way is better: "max" or "min"."""
    how: str
    """Where the truth comes from, in words."""
    rows: tuple[ScoreRow, ...]
    keys: tuple[str, ...]
    """Of all that were scored."""
    truths: Mapping[int, float]
    """{place among the candidates: truth}."""
    untrained: Mapping[str, int]
    """{why: how many} of trainings that failed; these networks have no truth, and are not ranked."""
    cut: int = 0
    """Trainings that time ended, before the epochs that were planned."""

    def __getitem__(self, name: str) -> ScoreRow:
        return {row.name: row for row in self.rows}[name]

    @property
    def warnings(self) -> list[str]:
        """What speaks against trusting a score, or the audit, a sentence each."""
        if self.flat:
            return self._of_the_truth()
        return [*self._of_the_truth(), *(said for row in self.rows for said in _doubts(row, len(self.keys)))]

    @property
    def flat(self) -> bool:
        """Whether all networks have the same truth, so that there is nothing to rank."""
        return len(set(self.truths.values())) == 1

    def _of_the_truth(self) -> list[str]:
        said = []
        if len(self.truths) < FEW:
            said.append(f"{len(self.truths)} networks have a truth: that is few, and every interval is wide")
        if self.flat:
            said.append(f"all networks have the same {self.objective}: there is nothing to rank; train them longer")
        if self.untrained:
            reasons = "; ".join(f"{count} with {why}" for why, count in self.untrained.items())
            said.append(f"{sum(self.untrained.values())} trainings failed, and are left out: {reasons}")
        if self.cut:
            said.append(
                f"time ended {self.cut} of {len(self.truths)} trainings: the truth is what equal time gives, which small "
                "networks use better; give more --seconds, or --epochs, for what equal training gives"
            )
        return said

    @property
    def headline(self) -> str:
        """What was done, in one line."""
        top_count = top(len(self.truths))
        return (
            f"{self.objective} of {len(self.truths)} networks, {self.how}; {len(self.keys)} scored; 95 % intervals; "
            f"top: of {top_count} by the score, how many are among the best {top_count}"
        )

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Heads and rows as text."""
        heads = [
            "score",
            "Kendall's tau",
            "Spearman",
            "top",
            "over baselines",
            "seconds",
            "by init",
            "by batch",
            "failed",
        ]
        return heads, [
            [
                row.name, _interval(row.kendall), _interval(row.spearman), "" if self.flat else f"{row.precision:.0%}",
                _interval(row.margin) if row.margin else "",
                show(row.seconds, "s") if math.isfinite(row.seconds) else "", _share(row.by_init), _share(row.by_batch),
                str(sum(row.failed.values()) or ""),
            ]
            for row in self.rows
        ]  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "objective": self.objective,
            "direction": self.direction,
            "how": self.how,
            "candidates": [{"key": key, "truth": self.truths.get(i)} for i, key in enumerate(self.keys)],
            "untrained": dict(self.untrained),
            "cut": self.cut,
            "scores": [_plain(row) for row in self.rows],
            "warnings": self.warnings,
        }

    def __str__(self) -> str:
        heads, rows = self.table()
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (heads, *rows)
        ]
        return "\n".join([self.headline, *(line.rstrip() for line in lines), *(f"- {said}" for said in self.warnings)])


def judged(
    measures: Sequence[Measure],
    told: Mapping[str, Scored],
    keys: Sequence[str],
    truths: Mapping[int, float],
    objective: str,
    direction: str,
    baselines: Sequence[str],
    *,
    how: str = "",
    failed: Mapping[str, int] | None = None,
    cut: int = 0,
    seed: int = 0,
) -> ScoreAudit:
    """The table of scores of candidates, some of which have a truth: {place: truth}."""
    places = sorted(truths)
    y = finite_first([truths[i] if direction == "max" else -truths[i] for i in places])
    x = {one.name: oriented(one, told[one.name].values) for one in measures}
    drawn = weights(len(places), DRAWS, seed)
    rows = []
    for one in measures:
        of, mine = told[one.name], x[one.name]
        found = agreement(mine[places], y, drawn)
        others = [name for name in baselines if one.name not in baselines]
        rows.append(
            ScoreRow(
                one.name, one.unit, "more" if promises_more(one) else "less", found.kendall, found.spearman,
                top_precision(mine[places], y), of.seconds, of.by_init, of.by_batch, Counter(of.failures.values()),
                {name: gain(mine[places], x[name][places], y, drawn) for name in others},
                {name: kendall(mine, x[name]) for name in others}, tuple(of.values),
            )
        )  # fmt: skip
    return ScoreAudit(objective, direction, how, tuple(rows), tuple(keys), dict(truths), dict(failed or {}), cut)


# --- in words -----------------------------------------------------------------------------------------------------------


def _doubts(row: ScoreRow, candidates: int) -> list[str]:
    said = []
    if row.failed:
        why = "; ".join(f"{count} of {reason}" for reason, count in row.failed.items())
        said.append(
            f"{row.name} has no value for {sum(row.failed.values())} of {candidates} candidates, ranked last: {why}"
        )
    if not math.isfinite(row.kendall.value):
        return [*said, f"{row.name} gives all networks the same value: it ranks nothing"]
    if row.kendall.high < 0:
        said.append(f"{row.name} ranks backwards: of its values {row.promises} is said to be better")
    beaten = [name for name, by in row.beats.items() if not by.sure]
    if beaten:
        by = "; ".join(f"{name} by {row.beats[name].difference} in Kendall's tau" for name in beaten)
        said.append(f"{row.name} does not surely rank better than counting does: {by}")
    return said


def _interval(found: Interval) -> str:
    return str(found) if math.isfinite(found.value) else ""


def _share(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else ""


def _plain(row: ScoreRow) -> dict[str, Any]:
    return {
        "name": row.name, "unit": row.unit, "promises": row.promises, "baseline": row.baseline,
        "kendall": row.kendall._asdict(), "spearman": row.spearman._asdict(), "precision": row.precision,
        "seconds": row.seconds, "by_init": row.by_init, "by_batch": row.by_batch, "failed": dict(row.failed),
        "beats": {name: {**by.difference._asdict(), "chance": by.chance} for name, by in row.beats.items()},
        "like": dict(row.like), "values": list(row.values),
    }  # fmt: skip
