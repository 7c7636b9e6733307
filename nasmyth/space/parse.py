"""From a network back to the genome that makes it: what is known can be a search's first candidate.

A template with holes is compared with one without, part by part, trying the options of each hole. A grammar is parsed: rows of
parts are matched with the alternatives of each symbol, the shallowest derivation first (a chart parser, on trees: Cocke,
Younger, Kasami). How it is written does not matter as far as chains in chains, identities and the order of a sum go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from nasmyth.errors import GenomeError, ShapeError
from nasmyth.graph.chain import Chain, Parallel, Repeat
from nasmyth.graph.combine import Parts, is_unsettled, parts_of
from nasmyth.graph.graph import Graph
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import Op
from nasmyth.kinds import shown
from nasmyth.record import Value, below, is_open
from nasmyth.space.arithmetic import Expression
from nasmyth.space.decisions import Decisions
from nasmyth.space.derivation_counts import Tree
from nasmyth.space.grammar import Grammar
from nasmyth.space.hole import Genome, Hole, Symbol
from nasmyth.space.holes import Choice, Subset
from nasmyth.space.language import Language, written
from nasmyth.space.reach import settled, values

Row = tuple[Any, ...]


def genome_of(decisions: Decisions, network: Any) -> Genome:
    """See `Space.genome_of`."""
    if not isinstance(network, Value) or is_open(network):
        raise GenomeError(f"{shown(network)} is no template without holes, such as chain(Conv(16), Mean('h w'))")
    wanted = Graph.of(network, decisions.inputs).key
    for found in genomes_of(decisions.template, network):
        genome = decisions.walk(lambda key, hole, found=found: found.get(key, decisions.first(key, hole)))  # type: ignore[misc]
        try:
            if decisions.graph(decisions.validate(genome)).key == wanted:
                return genome
        except (GenomeError, ShapeError):  # it does not fit within the bounds of a grammar
            continue
    raise GenomeError(
        f"no genome of this space makes {shown(network, 200)}: it is not among its networks, or is written otherwise"
    )


def genomes_of(template: Any, network: Any, address: str = "", genome: Genome | None = None) -> Iterator[Genome]:
    """Every genome with which a template is filled to a network, which has no holes; decided before: `genome`."""
    genome = genome or {}
    if not is_open(template):
        if row(template) == row(network):
            yield genome
    elif isinstance(template, Hole):
        yield from _of_hole(template, network, template.name or address, genome)
    elif isinstance(template, Expression):
        yield from (after for value, after in values(template, genome) if value == network)
    elif is_unsettled(template):
        for numbers, made, names in settled(template, genome):
            decided = {**genome, **names}
            for (name, number), value in zip(parts_of(template), numbers, strict=True):
                if isinstance(number, Hole) and number.name is None:
                    decided[below(address, name)] = value
            yield from genomes_of(made, network, address, decided)
    elif isinstance(template, tuple) or isinstance(network, type(template)):
        ours, theirs = parts_of(template), _in_rows(parts_of(template), parts_of(network))
        if len(ours) == len(theirs):
            pairs = [(part, other, below(address, name)) for (name, part), (_, other) in zip(ours, theirs, strict=True)]
            yield from _of_all(pairs, genome)
    elif isinstance(template, Repeat) and isinstance(network, Chain):  # copies that were filled one by one
        ours = parts_of(template)
        if len(ours) == len(network.items):
            pairs = [
                (part, other, below(address, name)) for (name, part), other in zip(ours, network.items, strict=True)
            ]
            yield from _of_all(pairs, genome)


def _in_rows(ours: Parts, theirs: Parts) -> Parts:
    """The parts of a network, with those in one where the template has one hole for a whole row of them."""
    at = next((i for i, (_, part) in enumerate(ours) if isinstance(part, Hole) and part.plural), None)
    if at is None:
        return theirs
    end = at + len(theirs) - len(ours) + 1
    return (*theirs[:at], (None, tuple([part for _, part in theirs[at:end]])), *theirs[end:])


def _of_all(pairs: Sequence[tuple[Any, Any, str]], genome: Genome) -> Iterator[Genome]:
    if not pairs:
        yield genome
        return
    (part, other, at), *rest = pairs
    for found in genomes_of(part, other, at, genome):
        yield from _of_all(rest, found)


def _of_hole(hole: Hole, network: Any, key: str, genome: Genome) -> Iterator[Genome]:
    if key in genome:
        decisions = [genome[key]]
    elif isinstance(hole, Grammar):
        tree = derivation(hole.language, network)
        decisions = [] if tree is None else [written(tree)]
    elif isinstance(hole, Choice) and not hole.scalar:
        decisions = list(range(len(hole.options)))
    elif isinstance(hole, Subset):
        decisions = [hole.nth(i) for i in range(int(hole.count))]
    else:
        try:
            decisions = [hole.validate(network, key)]
        except GenomeError:
            return
    for decision in decisions:
        decided = {**genome, key: decision}
        if not hole.inner():
            if isinstance(hole, Grammar) or decision == network:
                yield decided
            continue
        open_parts: list[tuple[Any, str]] = []
        made = hole.result(decision, lambda part, at, into=open_parts: into.append((part, at)) or part, key)  # type: ignore[misc]
        others = network if isinstance(made, tuple) and isinstance(network, tuple) else (network,)
        if len(open_parts) == len(others):
            yield from _of_all(
                [(part, other, at) for (part, at), other in zip(open_parts, others, strict=True)], decided
            )


# --- grammars ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=10_000)
def row(term: Any) -> Row:
    """The parts through which everything passes one after the other, without chains in chains and without identities."""
    if isinstance(term, Identity):
        return ()
    if isinstance(term, Chain):
        return tuple([part for item in term.items for part in row(item)])
    if isinstance(term, Repeat) and type(term.count) is int and not term.tied:
        return row(term.body) * term.count
    if isinstance(term, Parallel) and isinstance(term.branches, tuple):
        return (_Branches(tuple(map(row, term.branches)), term.join),)
    return (term,)


class _Branches(Value, abstract=True):
    """Rows side by side, and what joins them."""

    rows: tuple[Any, ...]
    join: Any


def derivation(language: Language, network: Any) -> Tree | None:
    """The shallowest derivation of a network from the start symbol; None if there is none within the bounds."""
    parser = _Parser(language)
    for depth in range(1, language.depth + 1):
        tree = parser.derive(language.start, row(network), depth)
        if tree is not None:
            return tree
    return None


class _Parser:
    """Derivations of rows of parts, each sought once."""

    def __init__(self, language: Language) -> None:
        self.rules = {
            name: [(one, row(one.template)) for one in every] for name, every in language.rules.items()
        }  # fmt: skip
        self.known: dict[tuple[str, Row, int], Tree | None] = {}
        self.least: dict[tuple[str, Row], int] = {}  # depths that are not enough

    def derive(self, symbol: str, parts: Row, depth: int) -> Tree | None:
        """A derivation of a row within a depth."""
        if depth < 1 or self.least.get((symbol, parts), 0) >= depth:
            return None
        key = (symbol, parts, depth)
        if key not in self.known:
            self.known[key] = next(self._derivations(symbol, parts, depth), None)
            if self.known[key] is None:
                self.least[symbol, parts] = depth
        return self.known[key]

    def _derivations(self, symbol: str, parts: Row, depth: int) -> Iterator[Tree]:
        for one, pattern in self.rules[symbol]:
            idle = len(pattern) > 1 and any(isinstance(part, Symbol) and part.rule == symbol for part in pattern)
            for leaves, _ in self._match(pattern, parts, depth, {}):
                same = [tree for tree, rule in zip(leaves, one.leaves, strict=True) if rule == symbol]
                if not (
                    idle and self.known.get((symbol, parts, depth - 1)) in same
                ):  # nothing but identities around it
                    yield (one.number, *leaves)

    def _match(
        self, pattern: Row, parts: Row, depth: int, named: dict[str, Row]
    ) -> Iterator[tuple[Row, dict[str, Row]]]:
        """What the symbols of a pattern become where it is laid on a row, leaf by leaf; named ones become one thing."""
        if not pattern:
            if not parts:
                yield (), named
            return
        first, rest = pattern[0], pattern[1:]
        if isinstance(first, Symbol):
            least = sum(not isinstance(part, Symbol) for part in rest)  # each of them takes a part
            for n in range(len(parts) - least, -1, -1) if rest else (len(parts),):
                yield from self._leaf(first, rest, parts, n, depth, named)
        elif parts and isinstance(first, _Branches):
            if isinstance(parts[0], _Branches) and first.join is parts[0].join:
                for leaves, met in self._side_by_side(first, parts[0], depth, named):
                    for more, after in self._match(rest, parts[1:], depth, met):
                        yield (*leaves, *more), after
        elif parts and first is parts[0]:
            yield from self._match(rest, parts[1:], depth, named)

    def _leaf(
        self, symbol: Symbol, rest: Row, parts: Row, n: int, depth: int, named: dict[str, Row]
    ) -> Iterator[tuple[Row, dict[str, Row]]]:
        taken = parts[:n]
        known = None if symbol.name is None else named.get(symbol.name)
        if known is not None:
            if known == taken:
                yield from self._match(rest, parts[n:], depth, named)
            return
        tree = self.derive(symbol.rule, taken, depth - 1)
        if tree is not None:
            met = named if symbol.name is None else {**named, symbol.name: taken}
            for more, after in self._match(rest, parts[n:], depth, met):
                yield (tree, *more), after

    def _side_by_side(
        self, pattern: Any, branches: Any, depth: int, named: dict[str, Row], i: int = 0, left: Row | None = None
    ) -> Iterator[tuple[Row, dict[str, Row]]]:
        """Branch by branch, in any order where the join does not mind."""
        left = branches.rows if left is None else left
        if i == len(pattern.rows):
            if not left:
                yield (), named
            return
        free = isinstance(pattern.join, Op) and pattern.join.commutative
        for k in range(len(left)) if free else range(min(1, len(left))):
            if left[k] in left[:k]:
                continue
            for leaves, met in self._match(pattern.rows[i], left[k], depth, named):
                others = (*left[:k], *left[k + 1 :])
                for more, after in self._side_by_side(pattern, branches, depth, met, i + 1, others):
                    yield (*leaves, *more), after
