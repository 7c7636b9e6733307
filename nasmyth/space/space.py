"""A space is a template and the shape of what flows into it: a graph with holes in it.

    space = Space(chain(Conv(choice(16, 32)), Mean("h w"), Linear(10)), input=(3, 32, 32))
    genome = space.sample(seed=1)        # {"[0].out": 32}
    graph = space.decode(genome)         # a Graph

Every method that makes a genome takes a `random.Random` or a seed, and makes the same genome from the same seed in every
process. `space.narrow(params <= 1e6)` makes only genomes that meet the constraint, `space.fix({"[0].out": 32})` only those
that decide so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from random import Random
from typing import Any

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.graph import Graph
from nasmyth.graph.inputs import Inputs, checked_inputs, inputs_of
from nasmyth.graph.signature import Shape
from nasmyth.kinds import shown
from nasmyth.record import Value, content_key, from_json, to_json
from nasmyth.space import count, feasible, moves
from nasmyth.space.decisions import Decisions, refuse_no_genome
from nasmyth.space.fill import Pick
from nasmyth.space.fix import fix, remaining
from nasmyth.space.hole import Genome, Hole
from nasmyth.space.marks import OPEN, marked
from nasmyth.space.misfit import diagnose
from nasmyth.space.narrow import Narrowed, narrow
from nasmyth.space.parse import genome_of


class Space:
    """A space of networks, and, with a `recipe` that has holes, of ways to train them.

    template: ops, blocks and combinators with holes. input: shape of one example, without the batch; or several by name,
        `{"x": (2708, 1433), "edges": Spec((2, 10556), "int")}`, as `Graph.of` takes them.
    recipe: a frozen value with holes, such as `Recipe(optimizer=SGD(lr=real(1e-4, 1e-1, log=True)))`; its holes have
        addresses that start with "recipe.".
    fixed: decisions made for good (see `fix`). narrowed: what constraints make of it (see `narrow`).
    """

    def __init__(
        self,
        template: Any,
        input: Any,
        recipe: Value | None = None,
        *,
        fixed: Mapping[str, Any] | None = None,
        narrowed: Narrowed = Narrowed(),  # noqa: B008  never changed
    ) -> None:
        if not isinstance(template, Value):
            raise SpaceError(f"a space needs a template, such as chain(...), got {shown(template)}")
        self.template = template
        try:
            self.inputs: Inputs = checked_inputs(input)
        except ShapeError as error:
            raise SpaceError(str(error)) from None
        self.input: Shape = self.inputs.shape
        if not self.input:
            raise SpaceError(f"input={input!r}: give the shape of one example without the batch, such as (3, 224, 224)")
        if recipe is not None and not isinstance(recipe, Value):
            raise SpaceError(f"a space's recipe is a frozen value, such as Recipe(epochs=...), got {shown(recipe)}")
        self.recipe = recipe
        self.narrowed = narrowed
        decisions = Decisions(template, recipe, self.inputs)
        self.decisions = (fix(decisions, fixed) if fixed else decisions).left(narrowed.domains)

    # --- what is open -----------------------------------------------------------------------------------------------

    @property
    def holes(self) -> dict[str, Hole]:
        """Every hole that some genome of the template could reach, by its address or name."""
        return self.decisions.holes

    @property
    def fixed(self) -> Genome:
        """Decisions made for good."""
        return self.decisions.fixed

    @property
    def domains(self) -> dict[str, list[Any]]:
        """The decisions left, for the holes where some are ruled out or one is fixed."""
        return self.decisions.domains

    @property
    def constraints(self) -> tuple[feasible.Limit, ...]:
        """What every genome made here meets."""
        return self.narrowed.constraints

    @cached_property
    def size(self) -> int | float:
        """How many genomes there are before constraints: exact, or infinite with a real number among the decisions."""
        return count.size(
            remaining(self.template, self.recipe, self.fixed)[0] if self.fixed else (self.template, self.recipe)
        )

    # --- making genomes -------------------------------------------------------------------------------------------

    def sample(self, seed: int | str | Random = 0) -> Genome:
        """A random genome. Raises BudgetError if none that meets the constraints can be found."""
        rng = _generator(seed)
        if not self.constraints:
            return self.decisions.sample(rng)
        found = feasible.sample(self.decisions, self.constraints, rng, self.narrowed.feasible)
        if found is not None:
            return found
        sought = narrow(self.decisions, self.constraints)  # the constraints were given without `narrow`
        return feasible.sample(self.decisions, self.constraints, rng, sought.feasible) or dict(sought.feasible or {})

    def mutate(self, genome: Genome, seed: int | Random = 0, changes: int = 1) -> Genome:
        """The genome with `changes` decisions made anew; decisions that become active are drawn at random."""
        rng = _generator(seed)
        refuse_no_genome(genome)
        return self._varied(lambda: moves.mutant(self.decisions, genome, rng, changes), genome, rng, other_than=genome)

    def crossover(self, a: Genome, b: Genome, seed: int | Random = 0) -> Genome:
        """A child that takes every decision from one parent or the other."""
        rng = _generator(seed)
        return self._varied(lambda: moves.child(self.decisions, a, b, rng), a, rng)

    def _varied(
        self, make: Callable[[], Genome], parent: Genome, rng: Random, other_than: Genome | None = None
    ) -> Genome:
        """What `make` makes, within the constraints; or else a neighbour of the parent, itself, or a sample."""
        if not self.constraints:
            return make()

        def near() -> Iterator[Genome]:
            return moves.neighbours(self.decisions, parent)

        found = feasible.varied(make, self.meets, near, rng, other_than)
        if found is not None:
            return found
        return dict(parent) if self.meets(parent) else self.sample(rng)

    def neighbours(self, genome: Genome) -> Iterator[Genome]:
        """Every genome that differs in one decision (a real moves a tenth of its range up and down)."""
        return filter(self.meets, moves.neighbours(self.decisions, genome))

    def enumerate(self) -> Iterator[Genome]:
        """Every genome, once. Raises SpaceError for a space with real numbers in it."""
        return filter(self.meets, moves.every(self.decisions))

    def walk(self, pick: Pick) -> Genome:
        """The genome of what `pick(key, hole)` decides, hole by hole, whether it meets the constraints or not."""
        return self.decisions.walk(pick)

    def meets(self, genome: Genome) -> bool:
        """Whether a genome meets the constraints."""
        return not self.constraints or feasible.violation_ratio(self.decisions, self.constraints, genome) <= 1

    def changed(self, genome: Genome, changes: Genome) -> Genome:
        """The genome with some decisions replaced; what becomes active takes the first of its hole's decisions."""
        return self.decisions.changed(genome, changes)

    def alternatives(self, key: str, decision: Any) -> list[Any]:
        """The other decisions that a hole offers (at most 64, evenly spread; of a grammar, those next to this one)."""
        return self.decisions.alternatives(key, decision)

    def genome_of(self, network: Any) -> Genome:
        """The genome that makes a network, which is given as a template without holes: a known one to start a search from.

        In a grammar it may be written in any way (chains within chains, identities, the order of a sum); elsewhere as the
        template is filled. What the network does not tell, such as a recipe, takes its hole's first decision.
        Raises GenomeError if no genome makes it.
        """
        return genome_of(self.decisions, network)

    # --- reading genomes ------------------------------------------------------------------------------------------

    def decode(self, genome: Genome) -> Graph:
        """The graph that a genome stands for.

        Raises GenomeError for a genome of another space, and ShapeError, which names the decision, if shapes do not fit.
        """
        try:
            return self.decisions.graph(genome)
        except ShapeError as error:
            raise diagnose(self.decisions, genome, error) from None

    def filled(self, genome: Genome) -> tuple[Any, Any]:
        """The template and the recipe with all decisions of a genome made. Raises GenomeError."""
        return self.decisions.filled(genome)

    def template_of(self, partial: Genome) -> Any:
        """The template with these decisions made and all others left open, every part with marks of where it comes from:
        see `nasmyth.graph.origins`, which reads it. Raises GenomeError for decisions of another space, SpaceError for a
        hole whose options cannot stand side by side.
        """
        made = fix(self.decisions, partial).fixed
        return marked(self.template, lambda key, hole: made.get(key, OPEN))

    def recipe_of(self, genome: Genome) -> Any:
        """The training recipe that a genome stands for; None if the space has none."""
        return self.decisions.filled(genome)[1]

    def validate(self, genome: Genome) -> Genome:
        """The genome in its canonical form and order. Raises GenomeError for a genome of another space."""
        return self.decisions.validate(genome)

    def encode(self, genome: Genome) -> list[float]:
        """A vector of fixed length for predictors: options one-hot, numbers as (active, scaled to 0..1).

        Spaces that differ in what is fixed or ruled out encode alike. Raises GenomeError for a genome of another space.
        """
        refuse_no_genome(genome)
        known = {key: self.decisions.hole(key).validate(decision, key) for key, decision in genome.items()}
        return [x for key, hole in self.holes.items() for x in hole.encode(known.get(key))]

    # --- smaller spaces -------------------------------------------------------------------------------------------

    def narrow(self, *constraints: Any) -> Space:
        """The space of the genomes that meet these constraints on graphs, such as `params <= 1e6`.

        Raises BudgetError if nothing meets them: it names the binding constraint, the smallest value seen and the
        nearest budget that something meets.
        """
        narrowed = narrow(self.decisions, (*self.constraints, *constraints))
        return Space(self.template, self.inputs, self.recipe, fixed=self.fixed, narrowed=narrowed)

    def fix(self, partial: Mapping[str, Any]) -> Space:
        """The space of the genomes that decide so: {"stem.out": 32, "mixer": 1}, by addresses or names of holes.

        Its genomes are genomes of this space, and are encoded alike. Raises GenomeError for a hole or a decision that is
        not there, with the nearest one, or that no genome can have together with the others; and BudgetError if this
        space is narrowed, and nothing that meets its constraints decides so.
        """
        fixed = fix(self.decisions, partial).fixed
        smaller = Space(self.template, self.inputs, self.recipe, fixed=fixed)
        return smaller.narrow(*self.constraints) if self.constraints else smaller

    # --- the space as a value -------------------------------------------------------------------------------------

    @cached_property
    def key(self) -> str:
        """20 hexadecimal digits of the template, the recipe, the input and what is fixed."""
        return content_key((self.template, self.recipe, *self._entering(), *self._fixed()))

    def _entering(self) -> tuple[Any, ...]:
        return (self.input,) if self.inputs.plain else (tuple(map(tuple, self.inputs)),)

    def _fixed(self) -> tuple[Any, ...]:
        return (tuple((key, decision) for key, decision in sorted(self.fixed.items())),) if self.fixed else ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; constraints are kept by whoever set them, and are not part of it."""
        said = {"template": to_json(self.template), "input": self.inputs.to_json(), "recipe": to_json(self.recipe)}
        return {**said, "fixed": self.fixed} if self.fixed else said

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Space:
        """The space that `to_json` wrote; the ops and blocks it uses must have been imported."""
        input = inputs_of(data, "a space")
        if "template" not in data:
            raise SpaceError(f"a space is read from its template, input and recipe, got {shown(list(data))}")
        return cls(from_json(data["template"]), input, from_json(data.get("recipe")), fixed=data.get("fixed"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.key == other.key and self.constraints == other.constraints

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        try:
            n = self.size
            size = f"{n:,}" if n < 1e6 else f"10^{math.log10(n):.1f}" if n != math.inf else "countless"
        except SpaceError:
            size = "uncounted"
        fixed = f" ({len(self.fixed)} of them fixed)" if self.fixed else ""
        under = f" under {', '.join(map(str, self.constraints))}" if self.constraints else ""
        return f"<Space of {size} networks on {self.inputs}, {len(self.holes)} decisions{fixed}{under}>"


def _generator(seed: Any) -> Random:
    """The generator that a seed stands for. Raises SpaceError for what is no seed."""
    if isinstance(seed, Random):
        return seed
    if isinstance(seed, (int, str)):
        return Random(seed)
    raise SpaceError(f"seed={shown(seed)}: a seed is a whole number or a text, or a random.Random")
