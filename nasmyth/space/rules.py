"""The rules of a grammar made ready: every alternative without holes, as the steps in which its parts are wired.

    {"block": [chain(symbol("block"), symbol("block")), residual(symbol("block")), Conv(16)]}

has three productions. The first has two leaves, symbols that are still to be derived; a step for each says on which earlier
output it works. Steps are what `derive.py` follows to know shapes and costs without building a template.

A hole in an alternative counts as so many alternatives: `Conv(choice(8, 16))` is two, each with half of its weight.
Symbols of one `name` in one alternative derive alike, each with weights of its own: the heads of an attention.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.combine import Combine, Name, parts_of, with_parts
from nasmyth.graph.joins import Identity, Zero
from nasmyth.record import Value, is_open
from nasmyth.space.fill import fill
from nasmyth.space.hole import Hole, Symbol

_MOST = 1000  # alternatives that the holes of one may stand for

Rules = tuple[tuple[str, tuple[tuple[Any, float], ...]], ...]
"""For each symbol its name, and its alternatives with their weights."""


class Step(NamedTuple):
    """A part on the outputs of earlier steps (0 is the input, i the output of step i - 1).

    `part` is an op, a block or a Symbol to derive; or None for a symbol that derives like one before: then the inputs are
    that one's output, that one's input and its own input.
    """

    part: Any
    inputs: tuple[int, ...]
    copies: int = 1


class Production(NamedTuple):
    """One alternative of a symbol."""

    symbol: str
    number: int
    template: Any
    weight: float
    steps: tuple[Step, ...]
    leaves: tuple[str, ...]
    """The symbols to derive, in the order of the steps."""
    reads: tuple[tuple[int, ...], ...]
    """For each step, where its inputs are among the outputs that are still needed."""
    keeps: tuple[tuple[int, ...], ...]
    """For each step, which of those are needed after it (-1: its own output)."""

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def filled(self, leaves: list[Any]) -> Any:
        """The template with these templates in the place of its leaves."""
        if not leaves:
            return self.template
        found = iter(leaves)
        named = {step.part.name: next(found) for step in self.steps if isinstance(step.part, Symbol)}
        return _with_symbols(self.template, lambda symbol: named[symbol.name])


def _with_symbols(part: Any, put: Callable[[Symbol], Any]) -> Any:
    """A template with something else in the place of each symbol, in the order of the walk."""
    if isinstance(part, Symbol):
        return put(part)
    return with_parts(part, [_with_symbols(p, put) for _, p in parts_of(part)]) if is_open(part) else part


def _all_named(template: Any) -> Any:
    """A template in which every symbol has a name: those that had none are numbered, so that they derive each on its own."""
    number = itertools.count()
    return _with_symbols(template, lambda one: one if one.name is not None else one.replace(name=f"#{next(number)}"))


def productions(rules: Rules, start: str) -> dict[str, tuple[Production, ...]]:
    """The productions of every symbol. Raises SpaceError for rules that are no grammar, which names the symbol."""
    known = dict(rules)
    if len(known) < len(rules):
        raise SpaceError("grammar(): two rules have one name")
    if start not in known:
        raise SpaceError(f"grammar(): no rule derives the start {start!r}{nearest(start, known)}")
    made = {name: tuple(_alternatives(name, listed, known)) for name, listed in rules}
    _all_reached(made, start)
    _all_end(made)
    return made


def _alternatives(name: str, listed: Any, known: dict[str, Any]) -> Iterator[Production]:
    if not listed:
        raise SpaceError(f"grammar(): the rule {name!r} has no alternative; give it one, or leave it out")
    index = 0
    for template, weight in listed:
        if not isinstance(template, Value):
            raise SpaceError(f"grammar(): {template!r} in the rule {name!r} is no template, such as chain(...)")
        if not (isinstance(weight, (int, float)) and math.isfinite(weight) and weight > 0):
            raise SpaceError(
                f"grammar(): the alternative {template!r} of {name!r} has the weight {weight!r}, which must be above 0; "
                "leave out what must not be derived"
            )
        every = list(_without_holes(template, name))
        for one in every:
            yield _production(name, index, one, weight / len(every), known)
            index += 1


def _without_holes(template: Any, name: str) -> Iterator[Any]:
    """Every way to fill the holes of an alternative; its symbols stay."""
    path: list[list[Any]] = []
    for _ in range(_MOST):
        step = iter(range(_MOST))

        def pick(key: str, hole: Hole, step: Iterator[int] = step) -> Any:
            if hole.name is not None or hole.count == math.inf:
                what = f"the name {hole.name!r}" if hole.name is not None else "no end of values"
                raise SpaceError(
                    f"grammar(): {hole!r} in the rule {name!r} has {what}; in a grammar every derivation decides anew, so "
                    "use holes without names and with options that can be counted"
                )
            at = next(step)
            if at == len(path):
                path.append([hole, 0])
            return hole.nth(path[at][1])

        yield fill(template, pick)[0]
        while path and path[-1][1] + 1 >= path[-1][0].count:
            path.pop()
        if not path:
            return
        path[-1][1] += 1
    raise SpaceError(
        f"grammar(): the holes of one alternative of {name!r} have more than {_MOST} values; split them up"
    )


def _production(name: str, index: int, template: Any, weight: float, known: dict[str, Any]) -> Production:
    if _holds_zero(template):
        raise SpaceError(
            f"grammar(): Zero() in the rule {name!r}: what it leaves out of a sum would change shapes afterwards; "
            f"give the sum "
            "fewer branches in another alternative"
        )
    template = _all_named(template)
    recorder = _Recorder(name, known)
    last = recorder.put(template, (0,))
    steps = recorder.counted()
    if last != len(steps):  # an input passed on
        steps = (*steps, Step(Identity(), (last,)))
    needed = [(len(steps),)]
    for step, number in zip(reversed(steps), range(len(steps), 0, -1), strict=True):
        needed.append(tuple(sorted({*needed[-1], *step.inputs} - {number})))
    needed.reverse()  # needed[i]: what step i and those after it read
    reads = tuple(tuple(needed[i].index(k) for k in step.inputs) for i, step in enumerate(steps))
    keeps = tuple(
        tuple(-1 if k == i + 1 else needed[i].index(k) for k in needed[i + 1]) for i in range(len(steps))
    )  # fmt: skip
    leaves = tuple(step.part.rule for step in steps if isinstance(step.part, Symbol))
    return Production(name, index, template, weight, steps, leaves, reads, keeps)


def _holds_zero(part: Any) -> bool:
    if isinstance(part, tuple):
        return any(map(_holds_zero, part))
    return isinstance(part, Zero) or (isinstance(part, Value) and any(map(_holds_zero, part.field_values)))


class _Recorder:
    """Reads a wiring into steps. What uses its weights twice is one step, and holds no symbol."""

    def __init__(self, name: str, known: dict[str, Any]) -> None:
        self.name, self.known = name, known
        self.steps: list[Step] = []
        self.named: dict[str | None, int] = {}

    def put(self, part: Any, inputs: tuple[int, ...]) -> int:
        if isinstance(part, Symbol):
            return self.symbol(part, inputs)
        if isinstance(part, Combine):
            before, inside = len(self.steps), _Inside(self)
            try:
                return int(part.wire(inside, inputs))
            except _Shared:
                del self.steps[before:]
        if is_open(part):
            raise SpaceError(
                f"grammar(): {part!r:.120} in the rule {self.name!r} has a symbol inside; symbols may stand in chain, "
                "parallel, residual and repeat (without tied=True), or whatever wires each of its parts once"
            )
        self.steps.append(Step(part, inputs))
        return len(self.steps)

    def symbol(self, part: Symbol, inputs: tuple[int, ...]) -> int:
        if part.rule not in self.known:
            raise SpaceError(
                f"grammar(): the rule {self.name!r} uses {part.rule!r}, which has no rule{nearest(part.rule, self.known)}"
            )
        first = self.named.setdefault(part.name, len(self.steps) + 1)
        before = self.steps[first - 1] if first <= len(self.steps) else None
        if before is None:
            self.steps.append(Step(part, inputs))
        elif before.part is part:
            self.steps.append(Step(None, (first, before.inputs[0], inputs[0])))
        else:
            raise SpaceError(f"grammar(): {before.part!r} and {part!r} in the rule {self.name!r} have one name")
        return len(self.steps)

    def counted(self) -> tuple[Step, ...]:
        """The steps, each symbol with how many derive like it."""
        copies = [
            sum(1 for s in self.steps if s.part is None and s.inputs[0] == i) for i, _ in enumerate(self.steps, 1)
        ]
        return tuple(step._replace(copies=1 + more) for step, more in zip(self.steps, copies, strict=True))


class _Shared(Exception):
    """A wiring puts two things under one name."""


class _Inside:
    """Reads what one combinator wires."""

    def __init__(self, recorder: _Recorder) -> None:
        self.recorder = recorder
        self.names: set[Name] = set()

    def shape(self, handle: int) -> tuple[int, ...]:
        return ()  # only asked by what is applied again, which holds no symbol

    def __call__(self, part: Any, inputs: tuple[int, ...], name: Name) -> int:
        if name in self.names:
            raise _Shared
        self.names.add(name)
        return self.recorder.put(part, inputs)


# --- what is wrong with rules -----------------------------------------------------------------------------------------


def _all_reached(made: dict[str, tuple[Production, ...]], start: str) -> None:
    reached, rest = {start}, [start]
    while rest:
        for leaf in {leaf for one in made[rest.pop()] for leaf in one.leaves} - reached:
            reached.add(leaf)
            rest.append(leaf)
    lost = [name for name in made if name not in reached]
    if lost:
        raise SpaceError(
            f"grammar(): nothing that {start!r} derives uses {' or '.join(map(repr, lost))}; leave it out, or use it"
        )


def _all_end(made: dict[str, tuple[Production, ...]]) -> None:
    ends: set[str] = set()
    while True:
        more = {name for name, every in made.items() if any(ends.issuperset(one.leaves) for one in every)} - ends
        if not more:
            break
        ends |= more
    endless = [name for name in made if name not in ends]
    if endless:
        way = [endless[0]]
        while len(set(way)) == len(way):  # follow a symbol that does not end until one comes again
            way.append(next(leaf for one in made[way[-1]] for leaf in one.leaves if leaf not in ends))
        cycle = " -> ".join(way[way.index(way[-1]) :])
        raise SpaceError(
            f"grammar(): {endless[0]!r} never ends: whatever is chosen goes round {cycle}; give one of these an "
            f"alternative "
            "without symbols"
        )
