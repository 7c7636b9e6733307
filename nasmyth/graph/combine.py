"""What a combinator is: a frozen value that holds templates and wires them.

    class Twice(Combine):
        body: Value

        def parts(self):
            return ((0, self.body), (1, self.body))

        def with_parts(self, parts):
            return chain(*parts)

        def wire(self, go, inputs):
            return go(self.body, (go(self.body, inputs, 0),), 1)

Three methods, and whatever there is to know of a template goes through them. `parts` and `with_parts` are how holes are found,
filled, counted and listed: what a combinator holds, each with what it is called in an address, and the same with other things
in their places. `wire` says how the parts are connected, to whatever *reads* it: flattening into a graph, adding up costs,
hashing, following shapes through a grammar, running the network. So a combinator in a file of yours works wherever one here
does. Those here are in `chain.py`, `cell.py` and `stack.py`.

Without `parts` and `with_parts` of its own, a combinator's parts are its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from nasmyth.errors import SpaceError
from nasmyth.graph.signature import Shape
from nasmyth.record import Value

Handle = Any
"""What flows through a wiring: a node's number for one reader, a shape or a tensor for another."""
Name = str | int | None
"""What a part is called in an address; None for what stands in the very place of the whole."""
Parts = tuple[tuple[Name, Any], ...]
Put = Callable[[Any, tuple[Handle, ...], Name], Handle]
"""Puts a part on what flows, under a name; returns its output."""


class Reader(Protocol):
    """What a combinator wires with."""

    def __call__(self, part: Any, inputs: tuple[Handle, ...], name: Name, /) -> Handle:
        """Put `part`, which sits at `name` in this combinator, on `inputs`; returns its output.

        What is put twice under one name is one thing with one set of weights.
        """

    def shape(self, handle: Handle, /) -> Shape: ...


class Composite(Value, abstract=True):
    """A value that says itself what its parts are: combinators, and what they are made of."""

    @property
    def unsettled(self) -> bool:
        """Whether its parts are numbers, open ones, that decide what parts it has: a count of copies.

        `with_parts` then gives a value with parts of its own. The larger the numbers the more parts: none goes away.
        """
        return False

    def parts(self) -> Parts:
        """All that may hold holes, in the order of the walk, with its name in addresses."""
        return tuple(zip(self.fields, self.field_values, strict=True))

    def with_parts(self, parts: Sequence[Any]) -> Any:
        """The same with these in the places of its parts."""
        return type(self).of(tuple(parts))


class Combine(Composite, abstract=True):
    """A value that wires templates."""

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        """Wire the parts on `inputs` and return the output."""
        raise NotImplementedError


Step = tuple[Any, tuple[int, ...], Name]
"""A part, the handles that it reads, and its name."""


class Layout(NamedTuple):
    """A wiring as a list: what is put on what, in order. Handles are numbers: the inputs first, then a step each."""

    steps: Sequence[Step]
    output: int
    whole: bool
    """Whether the output depends on all steps and all inputs, and no two steps have one name, so that costs just add up."""


class Listed(Combine, abstract=True):
    """A combinator that can list its wiring before anything flows: one that asks for no shapes."""

    def lay(self, inputs: int) -> Layout:
        """The wiring on so many inputs."""
        raise NotImplementedError

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        layout, handles = self.lay(len(inputs)), [*inputs]
        for part, read, name in layout.steps:
            handles.append(go(part, tuple([handles[i] for i in read]), name))
        return handles[layout.output]


def parts_of(value: Any) -> Parts:
    """The parts of anything that may hold holes: of ops and blocks their fields, of a tuple its items."""
    if isinstance(value, tuple):
        return tuple(enumerate(value))
    known: Parts | None = value.__dict__.get("_parts")  # asked for with every candidate
    if known is None:
        composite = isinstance(value, Composite)
        known = value.parts() if composite else tuple(zip(value.fields, value.field_values, strict=True))
        value.__dict__["_parts"] = known
    return known


def with_parts(value: Any, parts: Sequence[Any]) -> Any:
    """Anything with other parts, in the order in which `parts_of` gives them."""
    if isinstance(value, Composite):
        return value.with_parts(parts)
    return tuple(parts) if isinstance(value, tuple) else type(value).of(tuple(parts))


def is_unsettled(value: Any) -> bool:
    return isinstance(value, Composite) and value.unsettled


# --- for those who write a combinator with a row of parts ---------------------------------------------------------


def row(items: Any, name: Callable[[int], Name] = int) -> Parts:
    """The parts in a tuple, each by its name. A hole that stands for all of them (`subset`) is one part, in the place of the
    whole."""
    return tuple([(name(i), item) for i, item in enumerate(items)]) if isinstance(items, tuple) else ((None, items),)


def split_row(items: Any, parts: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """What `row` gave of `items`, filled, and the parts after it."""
    if isinstance(items, tuple):
        return tuple(parts[: len(items)]), parts[len(items) :]
    return parts[0], parts[1:]


def refuse_no_template(items: Sequence[Any], who: str) -> None:
    """Raise SpaceError for a part that is no frozen value; who: the function that was given it."""
    for item in items:
        if isinstance(item, type):
            raise SpaceError(f"{who}({item.__name__}): write {item.__name__}(), a value, not the class")
        if not isinstance(item, Value):
            raise SpaceError(f"{who}(): {item!r} is not an op, a block, a combinator or a hole")


def one_name_each(who: str, parts: Any, names: tuple[Any, ...]) -> None:
    """Raise SpaceError where some parts have names and others none."""
    if names and isinstance(parts, tuple) and len(names) != len(parts):
        raise SpaceError(f"{who}(): {len(names)} names for {len(parts)} parts; name each of them, or none")
