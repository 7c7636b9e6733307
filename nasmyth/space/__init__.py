"""A graph with holes in it: decisions, genomes, and what can be done with them. Nothing here needs torch."""

from nasmyth.space.encode import OneHot
from nasmyth.space.grammar import grammar, symbol
from nasmyth.space.hole import Genome
from nasmyth.space.holes import choice, integer, maybe, real, subset
from nasmyth.space.space import Space

__all__ = ["Genome", "OneHot", "Space", "choice", "grammar", "integer", "maybe", "real", "subset", "symbol"]
