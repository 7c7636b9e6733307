"""What of genomes the columns of an encoding hold.

class Mine(Encode):
    def over(self, space): ...        # something with owner, numeric, and row(genome, graph) -> D numbers
"""

from __future__ import annotations

from typing import Any, Protocol

from nasmyth.graph import Graph
from nasmyth.record import Value
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space


class Columns(Protocol):
    """Numbers of genomes of a space.

    owner: of each column, the number of its weight. numeric: of each weight, whether its columns hold numbers and not options.
    """

    owner: Any
    numeric: Any

    def row(self, genome: Genome, graph: Graph) -> Any:
        """Of a genome, and the network that it stands for: D numbers."""


class Encode(Value, abstract=True):
    """What of genomes the columns hold."""

    def over(self, space: Space) -> Columns:
        """The columns for genomes of a space."""
        raise NotImplementedError
