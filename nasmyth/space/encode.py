"""A genome as numbers: every decision in its place, whether it is active or not.

    encoder = OneHot.fit(space)
    encoder.encode(genome)       # what `space.encode(genome)` gives; also of whatever has a genome, such as a trial
    encoder.names                # "mixer=1", "width", "width is active", ...

A choice is one-hot over its options, a subset has a 1 for each option in it, and a number is two: 1 where it is active, and
itself scaled to 0..1. What is not active is zeros throughout. Two genomes have the same numbers only if they are equal.
Encodings of graphs, which do not depend on how the space is written, are in `nasmyth.graph`.
"""

from __future__ import annotations

from typing import Any, Self

from nasmyth.errors import GenomeError
from nasmyth.graph.inputs import inputs_of
from nasmyth.record import Value
from nasmyth.space.hole import Hole
from nasmyth.space.holes import Choice, Integer, Real, Subset
from nasmyth.space.space import Space


class OneHot(Value):
    """The encoding of a space's genomes. Made by `OneHot.fit(space)`."""

    template: Any
    input: Any
    recipe: Any = None

    @classmethod
    def fit(cls, space: Space) -> Self:
        """There is nothing to learn from samples: the space knows its decisions."""
        return cls(space.template, space.inputs.to_json(), space.recipe)

    @property
    def space(self) -> Space:
        """The space, made again from the template."""
        made: Space | None = self.__dict__.get("_space")
        if made is None:
            made = self.__dict__["_space"] = Space(
                self.template, inputs_of({"input": self.input}, "an encoding"), self.recipe
            )
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """What each number is."""
        return tuple(text for key, hole in self.space.holes.items() for text in _names(key, hole))

    def encode(self, candidate: Any) -> list[float]:
        """The numbers of a genome. Raises GenomeError for one of another space."""
        genome = getattr(candidate, "genome", candidate)
        if not isinstance(genome, dict):
            raise GenomeError(f"{candidate!r:.80} has no genome; a graph is encoded by the encoders in nasmyth.graph")
        return self.space.encode(self.space.validate(genome))


def _names(key: str, hole: Hole) -> list[str]:
    if isinstance(hole, Choice):
        return [f"{key}={option!r}" if hole.scalar else f"{key}={i}" for i, option in enumerate(hole.options)]
    if isinstance(hole, (Integer, Real)):
        return [f"{key} is active", key]
    if isinstance(hole, Subset):
        return [f"{key} has {i}" for i in range(len(hole.options))]
    return [f"{key} {i}" for i in range(len(hole.encode(None)))]
