"""What the rules of a grammar can derive: which shapes come out, and at what least cost.

A *state* is a symbol and the shape that flows into it, or a *rest*: what remains of a production from a symbol on, and the
shapes that it reads. For every state and every depth there is a table of the shapes that can come out, each with the least
costs at which it can. Only states to which the start symbol leads are looked at, and no deeper than it leads there.

What does not depend on depth, which is how steps follow each other, is found once for each state. With depth tables soon
stay as they are, since more of it makes nothing cheaper: a table is made anew only if one that it is made from differs from
that of one level less, and is the same object otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nasmyth.errors import SpaceError
from nasmyth.graph.signature import Shape
from nasmyth.space.rules import Production
from nasmyth.space.steps import Bounds, Cost, Front, State, Steps

MOST = 1_000_000
"""Tables that differ: one for each state, and each depth that changes it."""

Table = dict[Shape, Front]
_NOTHING: Table = {}  # what can be derived with no depth left


class Way(NamedTuple):
    """How a production goes on: what the steps before the next symbol cost, the rest from that on, or what comes out."""

    spent: Cost
    rest: Rest | None
    ends: Table


class Tables:
    """The tables of a state by depth. `since`: for each depth, the one since which nothing that they are made from changed."""

    __slots__ = ("levels", "since")

    def __init__(self) -> None:
        self.levels = [_NOTHING]
        self.since = [0]

    def add(self, table: Table | None) -> None:
        """One level more; None for one that is made from what the last is made from."""
        last, depth = self.levels[-1], len(self.levels)
        self.since.append(self.since[-1] if table is None else depth)
        same = table is None or (table == last and list(table) == list(last))
        self.levels.append(last if table is None or same else table)

    def changed(self, depth: int) -> bool:
        """Whether the table of a depth differs from that of one level less."""
        return self.levels[depth] is not self.levels[depth - 1]


class Start(Tables):
    """A symbol and the shape that flows into it, with how each of its productions that fit goes on."""

    __slots__ = ("ways",)

    def __init__(self, ways: list[tuple[Production, Way]]) -> None:
        super().__init__()
        self.ways = ways


class Rest(Tables):
    """What remains of a production from a symbol on: which symbol, what it takes, and how it goes on after each shape."""

    __slots__ = ("copies", "live", "one", "place", "read", "rule", "state", "taken", "ways")

    def __init__(self, one: Production, place: int, state: State, rule: str, taken: Shape) -> None:
        super().__init__()
        self.one, self.place, self.state, self.rule, self.taken = one, place, state, rule, taken
        self.copies = one.steps[place].copies
        self.ways: dict[Shape, Way | None] = {}
        self.read = _NOTHING
        self.live: list[tuple[Shape, Way]] = []
        """Of the shapes in the table that was last read, those after which it goes on."""


class LeastCosts(Steps):
    """Shapes and least costs of all that a grammar's symbols can become."""

    def __init__(self, rules: dict[str, tuple[Production, ...]], bounds: Bounds, shaped: bool) -> None:
        super().__init__(rules, bounds, shaped)
        self._starts: dict[tuple[str, Shape], Start] = {}
        self._rests: dict[tuple[Production, int, State], Rest] = {}
        self._made = 0

    def least(self, symbol: str, shape: Shape, depth: int) -> Table:
        """For each shape that can come out of a symbol, the least costs at which it can."""
        return self.start(symbol, shape, depth).levels[depth]

    def alternatives(self, symbol: str, shape: Shape, depth: int) -> list[tuple[Production, Table]]:
        """Every production that can be derived, with what it takes at least."""
        every = [(one, self._after(way, depth)) for one, way in self.start(symbol, shape, depth).ways] if depth else []
        return [(one, table) for one, table in every if table]

    def tails(self, one: Production, i: int, state: State, depth: int) -> list[tuple[Shape, Table]]:
        """What the symbol at step i may give, each with what all after it takes at least."""
        rest = self.rest(one, i, state, depth)
        table = self.least(rest.rule, rest.taken, depth - 1)
        return [(shape, self._after(way, depth)) for shape in table if (way := rest.ways[shape]) is not None]

    def _after(self, way: Way, depth: int) -> Table:
        """What comes of a way, with what all of its steps take."""
        table = way.ends if way.rest is None else way.rest.levels[depth]
        return self._sums([((way.spent,), table)]) if way.spent else table

    # --- states ---------------------------------------------------------------------------------------------------

    def start(self, symbol: str, shape: Shape, depth: int) -> Start:
        """A symbol that takes a shape, with tables up to a depth."""
        start = self._starts.get((symbol, shape))
        if start is None:
            ways = [(one, self._way(one, 0, (shape,))) for one in self.rules[symbol]]
            start = self._starts[symbol, shape] = Start([(one, way) for one, way in ways if way is not None])
        for level in range(len(start.levels), depth + 1):
            rests = [self._deepened(way.rest, level) for _, way in start.ways if way.rest is not None]
            if level == 1 or any(rest.changed(level) for rest in rests):
                self._count()
                start.add(self._sums(
                    ((way.spent,), way.ends if way.rest is None else way.rest.levels[level]) for _, way in start.ways
                ))  # fmt: skip
            else:
                start.add(None)
        return start

    def rest(self, one: Production, i: int, state: State, depth: int) -> Rest:
        """What remains of a production from the symbol at step i on, with tables up to a depth."""
        rest = self._rests.get((one, i, state))
        if rest is None:
            rule, taken, _ = self.leaf(one, i, state)
            rest = self._rests[one, i, state] = Rest(one, i, state, rule, taken)
        return self._deepened(rest, depth)

    def _deepened(self, rest: Rest, depth: int) -> Rest:
        for level in range(len(rest.levels), depth + 1):
            table = self.least(rest.rule, rest.taken, level - 1)
            anew = table is not rest.read
            if anew:
                self._read(rest, table)
            for _, (_, after, _) in rest.live:
                if after is not None and self._deepened(after, level).changed(level):
                    anew = True
            if anew:
                self._count()
            rest.add(self._sums(self._terms(rest, table, level)) if anew else None)
        return rest

    def _read(self, rest: Rest, table: Table) -> None:
        """Find how it goes on after each of the shapes in a table."""
        one, i, state, ways = rest.one, rest.place, rest.state, rest.ways
        new = dict.fromkeys([shape for shape in table if shape not in ways])
        ways.update(new)
        for shape in self.useful(one, i, state, new):
            ways[shape] = self._way(one, i + 1, self.after(one, i, state, shape))
        rest.read, rest.live = table, [(shape, way) for shape in table if (way := ways[shape]) is not None]

    def _way(self, one: Production, i: int, state: State) -> Way | None:
        ran = self.run(one, i, state)
        if ran is None:
            return None
        i, state, spent = ran
        if i < len(one.steps):
            return Way(spent, self.rest(one, i, state, 0), {})
        return Way(spent, None, {state[0]: (0,)}) if self.passes(one.symbol, state[0]) else None

    # --- tables ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _terms(rest: Rest, table: Table, depth: int) -> Iterable[tuple[Front, Table]]:
        for shape, (spent, after, ends) in rest.live:
            yield (
                tuple([spent + rest.copies * cost for cost in table[shape]]),
                ends if after is None else after.levels[depth],
            )

    def _sums(self, terms: Iterable[tuple[Front, Table]]) -> Table:
        """The least costs of each shape: those in any of the tables with any of the costs that come before."""
        most = self.most
        if self.single:
            best: dict[Shape, Cost] = {}
            for (before,), table in terms:
                for out, (cost,) in table.items():
                    cost += before
                    if cost <= most and cost < best.get(out, cost + 1):
                        best[out] = cost
            return {out: (cost,) for out, cost in best.items()}
        gathered: dict[Shape, list[Cost]] = {}
        for fronts, table in terms:
            for out, front in table.items():
                fitting = [total for a in front for b in fronts if self.fits(total := a + b, most)]
                if fitting:
                    gathered.setdefault(out, []).extend(fitting)
        return {out: self._least_among(costs) for out, costs in gathered.items()}

    def _count(self) -> None:
        self._made += 1
        if self._made > MOST:
            raise SpaceError(
                f"grammar(): more than {MOST:,} combinations of symbols and shapes can be derived; give lengths=, "
                "which says what shapes may come out, or less depth"
            )
