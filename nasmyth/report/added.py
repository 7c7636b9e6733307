"""What another architecture, another recipe and more time added to the plain network: see `nasmyth.funnel.added`."""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot
from statistics import NormalDist
from typing import NamedTuple

from nasmyth.report import facts
from nasmyth.report.facts import Summary, number

KINDS = {
    "architecture": "the search, another architecture",
    "recipe": "the search, another recipe",
    "time": "more training",
}
WIDTH = 20
"""Letters of the longest bar on a terminal."""


class Bar(NamedTuple):
    """What was added by what, as it is said; share: its length, of the longest; loss: whether it took something away."""

    what: str
    gain: str
    interval: str
    chance: str
    share: float
    loss: bool

    @property
    def letters(self) -> str:
        """The bar on a terminal."""
        return ("-" if self.loss else "█") * round(WIDTH * self.share)


def bars(summary: Summary) -> list[Bar]:
    """In the order of `KINDS`; those that had a part. Empty where the plain network was not tried."""
    steps = [one for one in (summary.get("chosen") or {}).get("added") or () if _told(one)]
    if not steps:
        return []
    goal, (unit, _) = facts.goals(summary)[0][0], facts.about(facts.goals(summary)[0][0])
    sums = {
        kind: (sum(one["gain"] for one in of_kind), hypot(*(one["error"] for one in of_kind)))
        for kind in KINDS
        if (of_kind := [one for one in steps if one["what"] == kind])
    }
    longest = max(abs(gain) for gain, _ in sums.values()) or 1.0

    def said(amount: float) -> str:
        sign = "+" if amount >= 0 else "-"
        return f"{sign}{abs(amount) * 100:.2f}" if unit == "1" else f"{sign}{facts.shown(goal, abs(amount))}"

    found = []
    for kind, (gain, error) in sums.items():
        half = NormalDist().inv_cdf(0.975) * error
        chance = NormalDist().cdf(gain / error) if error else float(gain > 0)
        points = " points" if unit == "1" else ""
        found.append(
            Bar(KINDS[kind], said(gain) + points, f"{said(gain - half)} to {said(gain + half)}", f"{chance:.0%}",
                abs(gain) / longest, gain < 0)
        )  # fmt: skip
    return found


def _told(step: object) -> bool:
    return (
        isinstance(step, Mapping)
        and step.get("what") in KINDS
        and number(step.get("gain"))
        and number(step.get("error"))
    )
