"""What is work of its own, and what counts as out while a wrapper asks for more in several rounds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from nasmyth.errors import GenomeError, ShapeError, SpaceError
from nasmyth.search.strategy import Pending, Proposal, Stage, hashable
from nasmyth.space.hole import Genome
from nasmyth.space.space import Space


def architecture(space: Space, genome: Genome) -> Hashable:
    """Equal for genomes of one graph and recipe, however they are written. One that does not decode is alone."""
    try:
        return (space.decode(genome).key, space.recipe_of(genome))
    except (GenomeError, ShapeError, SpaceError):
        return hashable(genome)


def work(space: Space, genome: Genome, stage: Stage, parent: int | None) -> Hashable:
    """Equal for proposals that would be the same piece of work, as a study tells them apart."""
    return (architecture(space, genome), stage.name, parent)


def also_out(pending: Sequence[Pending], asked: Iterable[Proposal], last: int) -> tuple[Pending, ...]:
    """What is out once these were asked for, too, with numbers after `last` and those of all others."""
    last = max((last, *(one.number for one in pending)))
    return (*pending, *(Pending(last + i, one.genome, one.stage, one.parent) for i, one in enumerate(asked, 1)))
