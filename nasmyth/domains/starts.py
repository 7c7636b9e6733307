"""Where a search starts: networks that are known to do well on such data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasmyth.space import Genome

Family = Callable[[int], "Genome"]
"""From a width to a genome; wider is larger."""


@dataclass(frozen=True)
class Start:
    """A network to begin with: its name, and its genome in the space of the domain."""

    name: str
    genome: Genome
