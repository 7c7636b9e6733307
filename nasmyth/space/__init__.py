"""A graph with holes in it: decisions, genomes, and what can be done with them. Nothing here needs torch."""

from nasmyth.space.holes import Genome, choice, integer, maybe, real, subset
from nasmyth.space.space import Space

__all__ = ["Genome", "Space", "choice", "integer", "maybe", "real", "subset"]
