"""A space is a template and the shape of what flows into it: a graph with holes in it.

    space = Space(chain(Conv(choice(16, 32)), Mean("h w"), Linear(10)), input=(3, 32, 32))
    genome = space.sample(seed=1)        # {"[0].out": 32}
    graph = space.decode(genome)         # a Graph

Every method that makes a genome takes a `random.Random` or a seed, and makes the same genome from the same seed in every
process. A space with constraints (`space.narrow(params <= 1e6)`) makes only genomes that meet them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from nasmyth.errors import GenomeError, ShapeError, SpaceError, nearest
from nasmyth.graph.flat import checked_input, shape_of
from nasmyth.graph.graph import Graph
from nasmyth.graph.signature import Shape
from nasmyth.kinds import shown
from nasmyth.record import Value, content_key, from_json, to_json
from nasmyth.space import count
from nasmyth.space.fill import Pick, fill
from nasmyth.space.holes import Genome, Hole
from nasmyth.space.marks import OPEN, marked
from nasmyth.space.reach import holes

if TYPE_CHECKING:
    from nasmyth.space.narrow import Limit

_TRIES = 40  # attempts at a mutant or a child that meets the constraints, before a neighbour of the parent is taken


class Space:
    """A space of networks, and, with a `recipe` that has holes, of ways to train them.

    template: ops, blocks and combinators with holes. input: shape of one example, without the batch.
    recipe: a frozen value with holes, such as `Recipe(optimizer=SGD(lr=real(1e-4, 1e-1, log=True)))`; its holes have addresses that
        start with "recipe.".
    """

    def __init__(
        self, template: Any, input: Shape, recipe: Value | None = None, *, constraints: tuple[Limit, ...] = ()
    ) -> None:
        if not isinstance(template, Value):
            raise SpaceError(f"a space needs a template, such as chain(...), got {shown(template)}")
        self.template = template
        try:
            self.input: Shape = checked_input(input)
        except ShapeError as error:
            raise SpaceError(str(error)) from None
        if not self.input:
            raise SpaceError(f"input={input!r}: give the shape of one example without the batch, such as (3, 224, 224)")
        if recipe is not None and not isinstance(recipe, Value):
            raise SpaceError(f"a space's recipe is a frozen value, such as Recipe(epochs=...), got {shown(recipe)}")
        self.recipe = recipe
        self.constraints = tuple(constraints)
        self.holes: dict[str, Hole] = holes(recipe, "recipe", holes(template))
        self.allowed: dict[str, list[Any]] = {}
        """Decisions left by `narrow`, for the holes where some are ruled out."""
        self.within: Genome | None = None
        """A genome that meets the constraints, which `narrow` found."""
        self._made: dict[
            Any, tuple[Any, Any]
        ] = {}  # genomes just made with what they decode to: decoded next, as a rule

    # --- making genomes -------------------------------------------------------------------------------------------

    def sample(self, seed: int | str | Random = 0) -> Genome:
        """A random genome. Raises BudgetError if none that meets the constraints can be found."""
        rng = _generator(seed)
        if not self.constraints:
            return self._walk(lambda key, hole: hole.sample(rng))
        from nasmyth.space.narrow import sample

        return sample(self, rng)

    def mutate(self, genome: Genome, seed: int | Random = 0, changes: int = 1) -> Genome:
        """The genome with `changes` decisions made anew; decisions that become active are drawn at random."""
        rng = _generator(seed)
        _refuse_no_genome(genome)
        return self._meeting(lambda: self._mutant(genome, rng, changes), genome, rng, other=True)

    def crossover(self, a: Genome, b: Genome, seed: int | Random = 0) -> Genome:
        """A child that takes every decision from one parent or the other."""
        rng = _generator(seed)
        _refuse_no_genome(a)
        _refuse_no_genome(b)

        def pick(key: str, hole: Hole) -> Any:
            parents = [parent[key] for parent in (a, b) if key in parent]
            return hole.checked(hole.crossed(parents, rng), key) if parents else self._draw(key, hole, rng)

        return self._meeting(lambda: self._walk(pick), a, rng)

    def neighbours(self, genome: Genome) -> Iterator[Genome]:
        """Every genome that differs in one decision (a real moves a tenth of its range up and down)."""
        for key in genome:
            for decision in self.alternatives(key, genome[key]):
                neighbour = self.changed(genome, {key: decision})
                if self._meets(neighbour):
                    yield neighbour

    def enumerate(self) -> Iterator[Genome]:
        """Every genome, once. Raises SpaceError for a space with real numbers in it."""
        path: list[list[Any]] = []  # [hole, number of the decision] along the walk
        while True:
            step = itertools.count()

            def pick(key: str, hole: Hole, step: Iterator[int] = step) -> Any:
                at = next(step)
                if at == len(path):
                    path.append([hole, 0])
                return hole.nth(path[at][1])

            genome = self._walk(pick)
            if self._meets(genome):
                yield genome
            while path and path[-1][1] + 1 >= path[-1][0].count:
                path.pop()
            if not path:
                return
            path[-1][1] += 1

    def changed(self, genome: Genome, changes: Genome) -> Genome:
        """The genome with some decisions replaced; what becomes active takes its hole's first decision."""
        merged = {**genome, **changes}
        return self._walk(lambda key, hole: hole.checked(merged[key], key) if key in merged else self._first(key, hole))

    def alternatives(self, key: str, decision: Any) -> list[Any]:
        """The other decisions that a hole offers (at most 64, evenly spread; of a grammar, those next to this one)."""
        hole = self._hole(key)
        if key in self.allowed:
            return [other for other in self.allowed[key] if other != decision]
        return list(hole.near(decision))

    # --- reading genomes ------------------------------------------------------------------------------------------

    def decode(self, genome: Genome) -> Graph:
        """The graph that a genome stands for.

        Raises GenomeError for a genome of another space, and ShapeError, which names the decision, if shapes do not fit.
        """
        template = self._decoded(genome)[0]
        try:
            return Graph.of(template, self.input)
        except ShapeError as error:
            from nasmyth.space.misfit import explained

            raise explained(self, genome, error) from None

    def template_of(self, decisions: Genome) -> Any:
        """The template with these decisions made and all others left open, every part with marks of where it comes from:
        see `nasmyth.graph.origins`, which reads it. Raises GenomeError for decisions of another space, SpaceError for a
        hole whose options cannot stand side by side.
        """
        _refuse_no_genome(decisions)
        for key, decision in decisions.items():
            self._hole(key).checked(decision, key)
        return marked(self.template, lambda key, hole: hole.checked(decisions[key], key) if key in decisions else OPEN)

    def recipe_of(self, genome: Genome) -> Any:
        """The training recipe that a genome stands for; None if the space has none."""
        return self._decoded(genome)[1]

    def checked(self, genome: Genome) -> Genome:
        """The genome in its canonical form and order. Raises GenomeError for a genome of another space."""
        made: Genome = {}
        self._decoded(genome, made)
        return made

    def _decoded(self, genome: Genome, made: Genome | None = None) -> tuple[Any, Any]:
        _refuse_no_genome(genome)
        if made is None and (known := self._recall(genome)) is not None:
            return known

        def pick(key: str, hole: Hole) -> Any:
            if key not in genome:
                raise GenomeError(f"the genome has no decision for {key!r} ({hole!r})")
            return hole.checked(genome[key], key)

        (template, recipe), active = self._fill(pick)
        if len(active) < len(genome):
            extra = next(key for key in genome if key not in active)
            raise GenomeError(
                f"the genome decides {shown(extra)}, which is not active here; keep active decisions only"
            )
        if made is not None:
            made.update(active)
        return template, recipe

    def encode(self, genome: Genome) -> list[float]:
        """A vector of fixed length for predictors: options one-hot, numbers as (active, scaled to 0..1).

        Raises GenomeError for a genome of another space.
        """
        if not isinstance(genome, dict):
            raise GenomeError(f"a genome is a dict from addresses to decisions, got {shown(genome)}")
        known = {key: self._hole(key).checked(decision, key) for key, decision in genome.items()}
        return [x for key, hole in self.holes.items() for x in hole.encode(known.get(key))]

    @property
    def size(self) -> int | float:
        """How many genomes there are before constraints: exact, or infinite with a real number among the decisions."""
        return count.size((self.template, self.recipe))

    # --- the space as a value -------------------------------------------------------------------------------------

    def narrow(self, *constraints: Any) -> Space:
        """The space of the genomes that meet these constraints on graphs, such as `params <= 1e6`.

        Raises BudgetError if nothing meets them: it names the binding constraint, the smallest value seen and the
        nearest budget that something meets.
        """
        from nasmyth.space.narrow import narrow

        return narrow(self, constraints)

    @property
    def key(self) -> str:
        """20 hexadecimal digits of the template, the recipe and the input."""
        return content_key((self.template, self.recipe, self.input))

    def to_json(self) -> dict[str, Any]:
        """Plain data; constraints are kept by whoever set them, and are not part of it."""
        return {"template": to_json(self.template), "input": list(self.input), "recipe": to_json(self.recipe)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Space:
        """The space that `to_json` wrote; the ops and blocks it uses must have been imported."""
        input = shape_of(data, "a space")
        if "template" not in data:
            raise SpaceError(f"a space is read from its template, input and recipe, got {shown(list(data))}")
        return cls(from_json(data["template"]), input, from_json(data.get("recipe")))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.key == other.key and self.constraints == other.constraints

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        try:
            n = self.size
            size = f"{n:,}" if n < 1e6 else f"10^{math.log10(n):.1f}" if n != math.inf else "infinitely many"
        except SpaceError:
            size = "uncounted"
        under = f" under {', '.join(map(str, self.constraints))}" if self.constraints else ""
        return f"<Space of {size} networks on {self.input}, {len(self.holes)} decisions{under}>"

    # --- inside ---------------------------------------------------------------------------------------------------

    def _fill(self, pick: Pick) -> tuple[tuple[Any, Any], Genome]:
        template, genome = fill(self.template, pick)
        if self.recipe is None:
            return (template, None), genome
        # the recipe is walked second, with the names decided so far
        recipe, more = fill(self.recipe, lambda key, hole: genome[key] if key in genome else pick(key, hole), "recipe")
        return (template, recipe), {**genome, **more}

    def _walk(self, pick: Pick) -> Genome:
        made, genome = self._fill(pick)
        if len(self._made) > 4096:
            self._made.clear()
        self._made[_token(genome)] = made
        return genome

    def _recall(self, genome: Genome) -> tuple[Any, Any] | None:
        try:
            return self._made.get(_token(genome))
        except TypeError:  # a decision that no hole makes, such as a dict
            return None

    def _hole(self, key: str) -> Hole:
        if key not in self.holes:
            raise GenomeError(f"this space has no hole {shown(key)}{nearest(str(key)[:80], self.holes)}")
        return self.holes[key]

    def _draw(self, key: str, hole: Hole, rng: Random) -> Any:
        return rng.choice(self.allowed[key]) if key in self.allowed else hole.sample(rng)

    def _first(self, key: str, hole: Hole) -> Any:
        if key in self.allowed:
            return self.allowed[key][0]
        return hole.first()

    def _mutant(self, genome: Genome, rng: Random, changes: int) -> Genome:
        free = [key for key in genome if self._hole(key).free and len(self.allowed.get(key, "xx")) > 1]
        changed: Genome = {}
        for key in rng.sample(free, min(changes, len(free))):
            decision = self.holes[key].regrown(genome[key], rng) or genome[key]
            while decision == genome[key]:
                decision = self._draw(key, self.holes[key], rng)
            changed[key] = decision
        return self.redrawn(genome, changed, rng)

    def redrawn(self, genome: Genome, changes: Genome, rng: Random) -> Genome:
        """The genome with some decisions replaced; what becomes active is drawn at random."""
        merged = {**genome, **changes}
        return self._walk(
            lambda key, hole: hole.checked(merged[key], key) if key in merged else self._draw(key, hole, rng)
        )

    def _meets(self, genome: Genome) -> bool:
        if not self.constraints:
            return True
        from nasmyth.space.narrow import pressure

        return pressure(self, genome) <= 1

    def _meeting(self, make: Callable[[], Genome], parent: Genome, rng: Random, other: bool = False) -> Genome:
        """What `make` makes, made again until it meets the constraints (and is `other` than the parent)."""
        genome = make()
        if not self.constraints:
            return genome
        for _ in range(_TRIES):
            if self._meets(genome) and not (other and genome == parent):
                return genome
            genome = make()
        near = list(self.neighbours(parent))
        if near:
            return rng.choice(near)
        return dict(parent) if self._meets(parent) else self.sample(rng)


def _refuse_no_genome(genome: Any) -> None:
    if not isinstance(genome, dict):
        raise GenomeError(f"a genome is a dict from addresses to decisions, got {shown(genome)}")


def _generator(seed: Any) -> Random:
    """The generator that a seed stands for. Raises SpaceError for what is no seed."""
    if isinstance(seed, Random):
        return seed
    if isinstance(seed, (int, str)):
        return Random(seed)
    raise SpaceError(f"seed={shown(seed)}: a seed is a whole number or a text, or a random.Random")


def _token(genome: Genome) -> Any:
    """A hashable form of a genome, decisions in their order and with their types."""
    return tuple((k, tuple(v) if type(v) is list else v, type(v)) for k, v in genome.items())
