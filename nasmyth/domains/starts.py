"""Where a search starts: networks that are known to do well on such data, each with the recipe that suits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasmyth.space import Genome
    from nasmyth.train.recipe import Recipe


@dataclass(frozen=True)
class Start:
    """A network to begin with: its name, its genome in the space of the domain, and its recipe; None is the domain's own."""

    name: str
    genome: Genome
    recipe: Recipe | None = None
