"""What is open in a template and in a recipe: the holes, what is left of them, and the walk that decides them all.

A `Space` has one of these and adds constraints to it. Moves, narrowing, fixing and explaining misfits work on it, so that
none of them has to know what a space is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec

from nasmyth.errors import GenomeError, nearest
from nasmyth.graph.graph import Graph
from nasmyth.graph.inputs import Inputs
from nasmyth.kinds import shown
from nasmyth.space.fill import Pick, fill
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.reach import reach

_REMEMBERED = 16  # genomes

_packed = msgspec.msgpack.Encoder().encode


class Decisions:
    """The decisions that a template and a recipe leave open. Two genomes of the same decisions are one."""

    def __init__(self, template: Any, recipe: Any, inputs: Inputs) -> None:
        self.template, self.recipe, self.inputs = template, recipe, inputs
        found = reach(template, recipe)
        self.holes: dict[str, Hole] = found.holes
        self.steering = frozenset(found.steering)
        """The holes on whose decisions it depends which others there are. Without any, every genome decides all holes,
        and nothing has to be filled to know which come next."""
        self.fixed: Genome = {}
        """Decisions that are made for good."""
        self.domains: dict[str, list[Any]] = {}
        """The decisions left, for the holes where some are ruled out or one is fixed."""
        self._made: dict[bytes, tuple[Any, Any]] = {}  # genomes seen last and what they fill: decoded next, as a rule

    def left(self, domains: Mapping[str, list[Any]]) -> Decisions:
        """The same with only these decisions left for some holes."""
        other = copy.copy(self)
        other.domains = {**domains, **{key: [decision] for key, decision in self.fixed.items()}}
        return other

    def with_fixed(self, fixed: Genome) -> Decisions:
        """The same with some decisions made for good. They are not checked: see `fix.py`."""
        other = copy.copy(self)
        other.fixed, other._made = fixed, {}
        return other.left(self.domains)

    # --- one hole -------------------------------------------------------------------------------------------------

    def hole(self, key: str) -> Hole:
        """The hole of an address or name. Raises GenomeError, which names the nearest one."""
        if key not in self.holes:
            raise GenomeError(f"this space has no hole {shown(key)}{nearest(str(key)[:80], self.holes)}")
        return self.holes[key]

    def draw(self, key: str, hole: Hole, rng: Random) -> Any:
        """A decision drawn at random from those left."""
        return rng.choice(self.domains[key]) if key in self.domains else hole.sample(rng)

    def first(self, key: str, hole: Hole) -> Any:
        """The first of the decisions left."""
        return self.domains[key][0] if key in self.domains else hole.first()

    def alternatives(self, key: str, decision: Any) -> list[Any]:
        """The other decisions left (at most 64, evenly spread; of a grammar, those next to this one)."""
        hole = self.hole(key)
        if key in self.domains:
            return [other for other in self.domains[key] if other != decision]
        return list(hole.neighbours(decision))

    # --- making genomes -------------------------------------------------------------------------------------------

    def walk(self, pick: Pick) -> Genome:
        """The genome of what `pick(key, hole)` decides, hole by hole. What is fixed is not asked for."""
        fixed = self.fixed
        if fixed:
            return self._walk(lambda key, hole: fixed[key] if key in fixed else pick(key, hole))
        return self._walk(pick)

    def _walk(self, pick: Pick) -> Genome:
        if not self.steering:
            return {key: pick(key, hole) for key, hole in self.holes.items()}
        made, genome = self.fill(pick)
        self._remember(_token(genome), made)
        return genome

    def sample(self, rng: Random) -> Genome:
        """Every decision drawn at random from those left."""
        if not self.domains:
            return self.walk(lambda key, hole: hole.sample(rng))
        return self.walk(lambda key, hole: self.draw(key, hole, rng))

    def changed(self, genome: Genome, changes: Genome) -> Genome:
        """The genome with some decisions replaced; what becomes active takes the first of the decisions left."""
        return self._replaced(genome, changes, self.first)

    def redrawn(self, genome: Genome, changes: Genome, rng: Random) -> Genome:
        """The genome with some decisions replaced; what becomes active is drawn at random."""
        return self._replaced(genome, changes, lambda key, hole: self.draw(key, hole, rng))

    def _replaced(self, genome: Genome, changes: Genome, pick: Pick) -> Genome:
        merged = {**genome, **changes}
        return self.walk(lambda key, hole: hole.validate(merged[key], key) if key in merged else pick(key, hole))

    # --- reading genomes ------------------------------------------------------------------------------------------

    def filled(self, genome: Genome) -> tuple[Any, Any]:
        """The template and the recipe with these decisions made. Raises GenomeError for a genome of another space."""
        refuse_no_genome(genome)
        token = _token(genome)
        made = None if token is None else self._made.get(token)
        if made is None:
            pick = self._looked_up(genome)
            made, active = self.fill(pick, None if self.steering else self._walk(pick))
            _refuse_more(genome, active)
            self._remember(token, made)
        return made

    def validate(self, genome: Genome) -> Genome:
        """The genome in its canonical form and order. Raises GenomeError for a genome of another space."""
        refuse_no_genome(genome)
        active = self._walk(self._looked_up(genome))
        _refuse_more(genome, active)
        return active

    def graph(self, genome: Genome) -> Graph:
        """The graph that a genome stands for. Raises GenomeError, and ShapeError if shapes do not fit."""
        return Graph.of(self.filled(genome)[0], self.inputs)

    def fill(self, pick: Pick, made: Genome | None = None) -> tuple[tuple[Any, Any], Genome]:
        """Template and recipe with every hole as `pick(key, hole)` decides, and the genome of the decisions made. Those that
        were made before are not asked for."""
        template, genome = fill(self.template, pick, "", made)
        recipe = None if self.recipe is None else fill(self.recipe, pick, "recipe", genome)[0]
        return (template, recipe), genome

    def _looked_up(self, genome: Genome) -> Pick:
        """Answers from a genome, and refuses what this space does not have."""

        fixed = self.fixed

        def pick(key: str, hole: Hole) -> Any:
            if key not in genome:
                raise GenomeError(f"the genome has no decision for {key!r} ({hole!r})")
            decision = hole.validate(genome[key], key)
            if key in fixed and decision != fixed[key]:
                raise GenomeError(f"{key}: {shown(decision)}, but this space has fixed it to {shown(fixed[key])}")
            return decision

        return pick

    def _remember(self, token: bytes | None, made: tuple[Any, Any]) -> None:
        if token is not None:
            if len(self._made) >= _REMEMBERED:
                del self._made[next(iter(self._made))]  # the oldest: few are held at a time, so that most live shortly
            self._made[token] = made


def _refuse_more(genome: Genome, active: Genome) -> None:
    """Raises GenomeError for decisions that are not active."""
    if len(active) < len(genome):
        extra = next(key for key in genome if key not in active)
        raise GenomeError(f"the genome decides {shown(extra)}, which is not active here; keep active decisions only")


def refuse_no_genome(genome: Any) -> None:
    """Raises GenomeError for what is no dict."""
    if not isinstance(genome, dict):
        raise GenomeError(f"a genome is a dict from addresses to decisions, got {shown(genome)}")


def _token(genome: Genome) -> bytes | None:
    """A genome as bytes, its decisions in their order and with their types; None for what no hole decides."""
    try:
        return _packed(genome)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return None
