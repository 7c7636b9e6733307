"""How many genomes a template has, exactly, without listing them.

Independent decisions multiply and options add. Names are what makes it interesting: a hole that was decided elsewhere
adds nothing when it is met again. The count therefore walks the template carrying *states*: which names are decided (and
as what, where that changes what follows), and how many genomes lead there. A part whose names stand nowhere else, such as
a searched cell that a network repeats, is counted once, and is in the states as if it were one name.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import is_unsettled, parts_of
from nasmyth.record import Value, is_open
from nasmyth.space.hole import Hole
from nasmyth.space.parts import MOST, fully_named
from nasmyth.space.reach import settled

State = frozenset[tuple[Any, Any]]


def size(template: Any) -> float | int:
    """The number of genomes: an exact integer, or infinity when a real number is among the decisions."""
    states = _Tally(template)(template, Counter({frozenset(): 1}))
    return sum(states.values())


def _telling(template: Any) -> frozenset[str]:
    """Names that tell how often something repeats: what was decided matters wherever they stand again."""
    found: set[str] = set()

    def visit(part: Any, counts: bool) -> None:
        if not is_open(part):
            return
        if isinstance(part, Hole) and part.name and counts:
            found.add(part.name)
        if is_unsettled(part):
            visit(tuple(inner for _, inner in part.parts()), True)
        for inner in part if isinstance(part, tuple) else part.field_values:
            visit(inner, counts)

    visit(template, False)
    return frozenset(found)


def _names(template: Any, but: Any = None) -> set[str]:
    """The names of all holes in a template, leaving out those inside one part of it."""
    found: set[str] = set()
    seen: set[Any] = set()
    rest = [template]
    while rest:
        part = rest.pop()
        if isinstance(part, tuple):
            rest += part
        elif isinstance(part, Value) and part is not but and is_open(part) and part not in seen:
            seen.add(part)
            rest += part.field_values
            if isinstance(part, Hole) and part.name is not None:
                found.add(part.name)
    return found


class _Tally:
    def __init__(self, template: Any) -> None:
        self.template = template
        self.telling = _telling(template)
        self.closed: dict[Any, bool] = {}
        self.nameless: dict[Any, bool] = {}
        self.known: dict[Any, Any] = {}
        self.steps = 0

    def __call__(self, part: Any, states: Counter[State]) -> Counter[State]:
        if not is_open(part):
            return states
        if isinstance(part, tuple):
            for item in part:
                before, states = len(states), self(item, states)
                if len(states) > before:
                    self._refuse_endless(states)
            return states
        if self._nameless(part):  # what it adds does not depend on what was decided before
            if part not in self.known:
                self.known[part] = sum(self._open(part, Counter({frozenset(): 1})).values())
            return Counter({state: n * self.known[part] for state, n in states.items()})
        return self._closed(part, states) if self._is_closed(part) else self._open(part, states)

    def _closed(self, part: Any, states: Counter[State]) -> Counter[State]:
        """Past a part whose names stand nowhere else: all of them were decided with it, or none."""
        met = Counter({state: n for state, n in states.items() if (part, None) in state})
        rest = states - met
        if rest and part not in self.known:
            self.known[part] = sum(self._open(part, Counter({frozenset(): 1})).values())
        return met + Counter({state | {(part, None)}: n * self.known[part] for state, n in rest.items()})

    def _is_closed(self, part: Any) -> bool:
        if part not in self.closed:
            inside = _names(part) if fully_named(part) else set()
            tells = isinstance(part, Hole) and inside & self.telling  # outside, it matters what it was decided as
            self.closed[part] = len(inside) > 1 and not tells and not inside & _names(self.template, but=part)
        return self.closed[part]

    def _open(self, part: Any, states: Counter[State]) -> Counter[State]:
        if isinstance(part, Hole):
            return self._hole(part, states)
        if is_unsettled(part):
            return self._settle(part, states)
        return self(tuple(inner for _, inner in parts_of(part)), states)

    def _hole(self, hole: Hole, states: Counter[State]) -> Counter[State]:
        if hole.name is None:
            return self._decide(hole, states)
        met = Counter({state: n for state, n in states.items() if any(name == hole.name for name, _ in state)})
        rest = states - met  # what was decided elsewhere, with all that is inside it, adds nothing
        return met + self._decide(hole, rest) if rest else met

    def _decide(self, hole: Hole, states: Counter[State]) -> Counter[State]:
        if hole.name not in self.telling and not any(map(is_open, hole.inner())):
            return self._marked(states, hole, None, _whole(hole.count))
        after: Counter[State] = Counter()
        for decision in map(hole.nth, range(int(hole.count))):
            after.update(self._inside(hole, decision, self._marked(states, hole, decision)))
            self._refuse_endless(after)
        return after

    def _marked(self, states: Counter[State], hole: Hole, decision: Any, times: Any = 1) -> Counter[State]:
        """The states once a hole is decided, in so many ways. Holes without a name are met once and leave no mark."""
        mark = (hole.name, decision if hole.name in self.telling else None)
        return Counter({state if hole.name is None else state | {mark}: n * times for state, n in states.items()})

    def _inside(self, hole: Hole, decision: Any, states: Counter[State]) -> Counter[State]:
        """The states past what stands in the hole's place once it is decided."""
        taken: list[Any] = []
        hole.result(decision, lambda part, address: taken.append(part), "")
        return self(tuple(taken), states)

    def _settle(self, part: Any, states: Counter[State]) -> Counter[State]:
        """The states past a part whose numbers decide what parts it has, such as a count of copies."""
        after: Counter[State] = Counter()
        for state, n in states.items():
            decided = dict(state)
            for _, made, names in settled(part, decided):
                after.update(self(made, Counter({state | (names.items() - decided.items()): n})))
                self._refuse_endless(after)
        return after

    def _refuse_endless(self, states: Counter[State]) -> None:
        self.steps += len(states)
        if self.steps > MOST * 10:
            raise SpaceError("this space cannot be counted: too many decisions tell how often something repeats")

    def _nameless(self, part: Any) -> bool:
        if isinstance(part, tuple):
            return all(map(self._nameless, part))
        if not isinstance(part, Value):
            return True
        if part not in self.nameless:
            named = isinstance(part, Hole) and part.name is not None
            self.nameless[part] = not named and all(map(self._nameless, part.field_values))
        return self.nameless[part]


def _whole(count: float) -> Any:
    return count if count == math.inf else int(count)
