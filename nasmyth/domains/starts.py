"""Where a search starts: networks, and ways to train them, that are known to do well on such data.

Which, and in which order, was measured: `portfolio.json` beside this file has a list for each domain and kind of problem, and
`benchmarks/portfolio.py` makes it again. What stands there is a kind of network, and what share of the largest that fits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nasmyth.space import Genome

Family = Callable[[int], "Genome"]
"""From a width to a genome; wider is larger."""
Sized = Callable[[str, float], "Genome | None"]
"""From a kind of network, and a share of the largest that fits, to a genome; None where nothing of the kind fits."""
FILE = "portfolio.json"


@dataclass(frozen=True)
class Start:
    """A network to begin with: its name, its genome in the space of the domain, and how it is trained: by which options of the
    domain's recipe space, {address: number of the option}, where these are not the first ones."""

    name: str
    genome: Genome
    recipe: Mapping[str, int] = field(default_factory=dict)


class Entry(NamedTuple):
    """One of a portfolio. recipe: as that of a `Start`."""

    kind: str
    share: float = 1.0
    recipe: Mapping[str, int] = {}

    @property
    def name(self) -> str:
        """What a start that is made of it is called: "residual, 0.5"."""
        told = [self.kind] if self.share == 1 else [self.kind, f"{self.share:g}"]
        return ", ".join([*told, *(f"{hole}={number}" for hole, number in self.recipe.items())])


@cache
def portfolio(domain: str, problem: str) -> tuple[Entry, ...]:
    """What a domain's searches start with on such a problem ("few", "many" ...), best first; nothing where none is known."""
    told = json.loads(files(__package__).joinpath(FILE).read_text("utf-8"))
    return tuple(Entry(**entry) for entry in told["starts"].get(domain, {}).get(problem, []))
