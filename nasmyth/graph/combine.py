"""How ops are wired together: `chain`, `residual`, `parallel`, `repeat`, `cell`.

    chain(stem=Conv(16), body=repeat(residual(BatchNorm(), Conv(16)), 3), head=Mean("h w"))

A combinator is a frozen value like an op, and holds templates: ops, blocks, other combinators, or holes. Each says once
how it wires its parts (`wire`); flattening into a graph and adding up costs are two readers of that one description.

Wiring is where zeros disappear: a branch that is `Zero()` is left out of a sum, and in a cell everything that no
non-zero path joins to both input and output is left out, so that what can not matter is neither built nor counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.op import Op, mac_count, ops, param_count
from nasmyth.graph.signature import Shape, parse
from nasmyth.kinds import shown
from nasmyth.record import Value, below, is_open

Handle = Any
"""What flows through a wiring: a node's number for one reader, a shape for another."""


class Reader(Protocol):
    """What a combinator wires with."""

    def __call__(self, part: Any, inputs: tuple[Handle, ...], name: str | int, /) -> Handle:
        """Put `part`, which sits at `name` in this combinator, on `inputs`; returns its output."""

    def shape(self, handle: Handle, /) -> Shape: ...


class Input(Op):
    """Where data enters a graph."""

    signature = "b ..."
    length: tuple[int, ...]
    name: str = "x"
    dtype: str = "float"

    def _infer(self, *shapes: Shape) -> Shape:
        return tuple(self.length)


class Identity(Op):
    """Passes its input on. Never built: the canonical form of a graph has none, unless it is all there is."""

    signature = "b ... -> b ..."


class Zero(Op):
    """The absence of a connection: contributes nothing to a sum."""

    signature = "b ... -> b ..."


class Add(Op):
    """The sum of any number of equal shapes."""

    signature = "b ..., * -> b ..."
    commutative = True


class Multiply(Op):
    """The elementwise product (Hadamard product). A factor may lack the last axes, and is repeated along them: a number for
    each channel (c) of an image (c h w) gates it."""

    signature = "b ..., *"
    commutative = True

    @staticmethod
    def sentence_for(shapes: Sequence[Shape]) -> str:
        """The signature for these shapes: "b x0 x1 x2, b x0 -> b x0 x1 x2"."""
        sides = [" ".join(["b", *(f"x{i}" for i in range(len(shape)))]) for shape in shapes]
        return f"{', '.join(sides)} -> {max(sides, key=len)}"

    def solve(self, *shapes: Shape) -> dict[str, Any]:
        return parse(self.sentence_for(shapes)).solve(shapes, {}, self)

    def _infer(self, *shapes: Shape) -> Shape:
        self.solve(*shapes)
        return max(shapes, key=len)


class Concat(Op):
    """Joins along the first axis after the batch ("c" of images) or along the last ("d" of sequences and vectors)."""

    signature = "b ..., *"
    axis: Any = "c"

    def check(self) -> None:
        if not isinstance(self.axis, Value) and self.axis not in ("c", "d"):
            raise SpaceError(f"Concat(axis={self.axis!r}): axis is 'c', the first after the batch, or 'd', the last")

    def solve(self, *shapes: Shape) -> dict[str, Any]:
        """Only the field: the inputs' axes need not agree, so they have no one length."""
        return {"axis": self.axis}

    def _infer(self, *shapes: Shape) -> Shape:
        at = 0 if self.axis == "c" else -1
        rest = {(*s[:at], *s[at + 1 :]) if at == 0 else s[:-1] for s in shapes}
        if len(rest) > 1:
            raise ShapeError(
                f"{self!r}: shapes may differ only in axis {self.axis}, got {' and '.join(map(str, shapes))}"
            )
        total = sum(s[at] for s in shapes)
        return (total, *shapes[0][1:]) if at == 0 else (*shapes[0][:-1], total)


for _op in (Input, Identity, Zero, Add, Multiply, Concat):
    ops.add(_op.__name__, _op)
    param_count.register(_op, lambda op, inputs, output: 0)
    mac_count.register(_op, lambda op, inputs, output: 0)


class Combine(Value, abstract=True):
    """A value that wires templates."""

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        """Wire the parts on `inputs` and return the output."""
        raise NotImplementedError


class Chain(Combine):
    """One part after another. Made by `chain`."""

    items: tuple[Value, ...]
    names: tuple[str | None, ...] = ()

    def check(self) -> None:
        _one_name_each("chain", self.items, self.names)

    def part(self, i: int) -> str | int:
        """What the i-th part is called in an address."""
        name = self.names[i] if self.names else None
        return i if name is None else name

    def refill(self, fill: Callable[[Any, str], Any], address: str) -> Chain:
        return Chain.of((fill_sequence(self.items, fill, address, self.part), self.names))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        for i, item in enumerate(self.items):
            inputs = (go(item, inputs, self.part(i)),)
        return inputs[0]


class Parallel(Combine):
    """Several parts on the same input, joined by an op of many inputs. Made by `parallel` and `residual`."""

    branches: tuple[Value, ...]
    join: Value = Add()
    names: tuple[str, ...] = ()

    def check(self) -> None:
        _one_name_each("parallel", self.branches, self.names)

    def part(self, i: int) -> str | int:
        return self.names[i] if self.names else i

    def refill(self, fill: Callable[[Any, str], Any], address: str) -> Parallel:
        branches = fill_sequence(self.branches, fill, address, self.part)
        return Parallel.of((branches, fill(self.join, below(address, "join")), self.names))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        summed = isinstance(self.join, Add)
        live = [(i, b) for i, b in enumerate(self.branches) if not (summed and is_zero(b))]
        if not live:
            return go(Zero(), inputs, "join")
        return _joined(go, self.join, tuple(go(branch, inputs, self.part(i)) for i, branch in live), "join")


MOST_COPIES = 10_000
MOST_STATES = 1_000  # of a cell, where each may read all before it


class Repeat(Combine):
    """`count` independent copies one after another, or one body applied `count` times (`tied`). Made by `repeat`.

    A body that is applied again must keep its input's shape, since one set of weights fits one shape.
    """

    body: Value
    count: Any
    tied: Any = False

    def check(self) -> None:
        if not isinstance(self.count, Value):
            self.checked(self.count)
        if type(self.tied) is not bool:
            raise SpaceError(
                f"repeat(..., tied={self.tied!r}): tied is True or False; choose between two repeats instead"
            )

    @staticmethod
    def checked(count: Any) -> int:
        """A number of times, or SpaceError."""
        if type(count) is not int or count < 0:
            raise SpaceError(f"repeat(..., {shown(count)}): the count must be a whole number of at least 0")
        if count > MOST_COPIES:
            raise SpaceError(f"repeat(..., {shown(count)}): at most {MOST_COPIES:,} copies are made of anything")
        return count

    def refill(self, fill: Callable[[Any, str], Any], address: str) -> Combine:
        """Copies are filled one by one, so that each makes its own decisions."""
        count = self.checked(fill(self.count, below(address, "count")))
        if self.tied and count:
            return Repeat(fill(self.body, below(address, "tied")), count, True)
        return Chain.of((tuple(fill(self.body, below(address, i)) for i in range(count)), ()))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        for i in range(self.count):
            output = go(self.body, inputs, "tied" if self.tied else i)
            if self.tied and self.count > 1 and go.shape(output) != go.shape(inputs[0]):
                raise ShapeError(
                    f"repeat(..., tied=True): {self.body!r} makes {go.shape(output)} of {go.shape(inputs[0])}, and what is "
                    "applied again must keep its shape; leave out tied=True for copies with weights of their own"
                )
            inputs = (output,)
        return inputs[0]


class Edge(Value):
    """A connection in a cell: from state `source` through `body`."""

    source: Any
    body: Value


class Vertex(Value):
    """A state in a cell: what arrives over its edges, joined by `join` (or as in all the cell), then put through `body`."""

    edges: tuple[Edge, ...]
    body: Value = Identity()
    join: Value | None = None

    @property
    def names(self) -> tuple[str | int, ...]:
        """What each edge is called: by its source, and a second one from there by its number as well."""
        known: tuple[str | int, ...] | None = self.__dict__.get("_names")
        if known is None:
            sources = [getattr(edge, "source", None) for edge in self.edges] if isinstance(self.edges, tuple) else []
            known = self.__dict__["_names"] = tuple(
                i if type(source) is not int else f"from{source}_{i}" if source in sources[:i] else f"from{source}"
                for i, source in enumerate(sources)
            )
        return known


Steps = tuple[tuple[int, Any, tuple[tuple[int, Any, str], ...]], ...]
"""For each live state of a cell its number, its body, and the source, body and address of each edge that arrives."""


class Cell(Combine):
    """A small directed acyclic graph whose edges carry templates. Made by `cell`.

    States are numbered: the inputs first, then one for each vertex. `output` is "last", "all", "loose" (every state that
    nothing reads) or a tuple of state numbers; several outputs are joined by `out`.
    """

    vertices: tuple[Vertex, ...]
    inputs: int = 1
    join: Value = Add()
    output: Any = "last"
    out: Value = Concat()

    def check(self) -> None:
        if is_open(self.vertices) or is_open(self.inputs):
            return  # checked once it is filled
        if not 0 < self.inputs <= MOST_STATES or len(self.vertices) > MOST_STATES:
            raise SpaceError(
                f"cell(): 1 to {MOST_STATES:,} inputs and as many steps at most, got {shown(self.inputs)} inputs"
            )
        for j, vertex in enumerate(self.vertices, self.inputs):
            self._check_vertex(j, vertex)
        end = self.inputs + len(self.vertices)
        listed = isinstance(self.output, tuple) and all(type(j) is int and 0 <= j < end for j in self.output)
        if not (listed or is_open(self.output) or self.output in ("last", "all", "loose")):
            raise SpaceError(
                f"cell(output={shown(self.output)}): 'last', 'all', 'loose' or numbers of states below {end}"
            )

    @staticmethod
    def _check_vertex(j: int, vertex: Any) -> None:
        if not isinstance(vertex, Vertex) or not all(isinstance(edge, Edge) for edge in vertex.edges):
            raise SpaceError(f"cell(): state {j} is {shown(vertex)}, and should be a vertex with its edges")
        for edge in vertex.edges:
            if type(edge.source) is not int or not 0 <= edge.source < j:
                raise SpaceError(
                    f"cell(): an edge into state {j} comes from {shown(edge.source)}, and only 0 to {j - 1} are before it"
                )

    def refill(self, fill: Callable[[Any, str], Any], address: str) -> Cell:
        vertices = []
        for j, vertex in enumerate(self.vertices, self.inputs):
            at = below(address, f"n{j}")
            if not isinstance(vertex, Vertex):  # a choice among vertices
                vertices.append(fill(vertex, at))
                continue
            edges = fill_sequence(vertex.edges, fill, at, vertex.names.__getitem__)
            join = vertex.join if vertex.join is None else fill(vertex.join, below(at, "join"))
            vertices.append(Vertex.of((edges, fill(vertex.body, below(at, "op")), join)))
        return Cell.of((tuple(vertices), self.inputs, fill(self.join, below(address, "join")),
                        fill(self.output, below(address, "output")), fill(self.out, below(address, "out"))))  # fmt: skip

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        if len(inputs) != self.inputs:
            raise ShapeError(f"this cell takes {self.inputs} inputs, got {len(inputs)}")
        steps, ends = self.live
        states: dict[int, Handle] = dict(enumerate(inputs))
        for j, body, edges in steps:
            arriving = tuple([_through(go, edge, states[source], name) for source, edge, name in edges])
            join = self.vertices[j - self.inputs].join
            joined = _joined(go, self.join if join is None else join, arriving, f"n{j}.join")
            states[j] = _through(go, body, joined, f"n{j}.op")
        if not ends:
            return go(Zero(), inputs[:1], "out")
        return _joined(go, self.out, tuple([states[j] for j in ends]), "out")

    @property
    def live(self) -> tuple[Steps, tuple[int, ...]]:
        """What lies on a non-zero path from an input to an output, in order, and the states that leave the cell."""
        known: tuple[Steps, tuple[int, ...]] | None = self.__dict__.get("_live")
        if known is None:
            known = self.__dict__["_live"] = self._find_live()
        return known

    def _find_live(self) -> tuple[Steps, tuple[int, ...]]:
        vertices = dict(enumerate(self.vertices, self.inputs))
        carrying = {
            j: [
                (e.source, e.body, f"n{j}.{name}")
                for e, name in zip(v.edges, v.names, strict=True)
                if not is_zero(e.body)
            ]
            for j, v in vertices.items()
        }
        reached = set(range(self.inputs))
        for j, vertex in vertices.items():
            carrying[j] = [edge for edge in carrying[j] if edge[0] in reached]
            if carrying[j] and not is_zero(vertex.body):
                reached.add(j)
        ends = tuple(j for j in self._outputs() if j in reached)
        wanted = set(ends)
        for j in reversed(vertices):
            if j in wanted:
                wanted |= {source for source, _, _ in carrying[j]}
        steps = tuple((j, vertex.body, tuple(carrying[j])) for j, vertex in vertices.items() if j in wanted)
        return steps, ends

    def _outputs(self) -> tuple[int, ...]:
        first, end = self.inputs, self.inputs + len(self.vertices)
        if self.output == "last":
            return (end - 1,)
        if self.output == "all":
            return tuple(range(first, end))
        if self.output == "loose":
            read = {e.source for vertex in self.vertices for e in vertex.edges if not is_zero(e.body)}
            return tuple(j for j in range(first, end) if j not in read)
        return tuple(self.output)


def _through(go: Reader, part: Any, handle: Handle, name: str | int) -> Handle:
    """What comes out of a part; an identity lets everything pass."""
    return handle if isinstance(part, Identity) else go(part, (handle,), name)


def _joined(go: Reader, join: Any, arriving: tuple[Handle, ...], name: str) -> Handle:
    """What arrives as one; a single one needs no joining."""
    return arriving[0] if len(arriving) == 1 else go(join, arriving, name)


def is_zero(term: Any) -> bool:
    """Whether a term without holes contributes nothing: `Zero()`, or something that ends in it."""
    if isinstance(term, Zero):
        return True
    if isinstance(term, Chain):
        return bool(term.items) and is_zero(term.items[-1])
    if isinstance(term, Repeat):
        return term.count > 0 and is_zero(term.body)
    if isinstance(term, Cell):
        return not term.live[1]
    return isinstance(term, Parallel) and isinstance(term.join, Add) and all(map(is_zero, term.branches))


def _one_name_each(who: str, parts: Any, names: tuple[Any, ...]) -> None:
    if names and isinstance(parts, tuple) and len(names) != len(parts):
        raise SpaceError(f"{who}(): {len(names)} names for {len(parts)} parts; name each of them, or none")


def fill_sequence(
    items: Any, fill: Callable[[Any, str], Any], address: str, part: Callable[[int], str | int]
) -> tuple[Any, ...]:
    """Fill a tuple of templates item by item, or a hole that stands for the whole tuple (`subset`)."""
    if isinstance(items, tuple):
        return tuple([fill(x, below(address, part(i))) if is_open(x) else x for i, x in enumerate(items)])
    filled: tuple[Any, ...] = fill(items, address)
    return filled


# --- what users write ---------------------------------------------------------------------------------------------


def chain(*items: Any, **named: Any) -> Any:
    """One template after another; keywords give their part a name in addresses."""
    _refuse_classes((*items, *named.values()), "chain")
    names = (*(None for _ in items), *named) if named else ()
    return Chain((*items, *named.values()), names)


def residual(*items: Any) -> Any:
    """x + items(x). The items together must keep the shape (He et al. 2016, arXiv:1512.03385)."""
    _refuse_classes(items, "residual")
    body = items[0] if len(items) == 1 else Chain(items)
    return Parallel((Identity(), body), Add(), ("skip", "body"))


def parallel(*branches: Any, join: Any = Add(), **named: Any) -> Any:  # noqa: B008  Add() is a frozen value
    """Several templates on one input, joined by `join` (Add(), Concat(), Multiply())."""
    _refuse_classes((*branches, *named.values()), "parallel")
    if named and branches:
        raise SpaceError("parallel(): name all branches or none")
    if len(branches) == 1 and getattr(branches[0], "plural", False):
        return Parallel(branches[0], join)  # one hole that stands for all branches: parallel(subset(2, ...))
    return Parallel(branches or tuple(named.values()), join, tuple(named))


def repeat(body: Any, count: Any, tied: bool = False) -> Any:
    """`count` copies of `body`, each with its own decisions and weights; `tied`: one copy applied `count` times."""
    _refuse_classes((body,), "repeat")
    return Repeat(body, count, tied)


def cell(
    steps: int,
    edge: Any,
    *,
    inputs: int = 1,
    pick: Callable[[tuple[Edge, ...], int], Any] | None = None,
    vertex: Any = Identity(),  # noqa: B008
    join: Any = Add(),  # noqa: B008
    output: Any = "last",
    out: Any = Concat(),  # noqa: B008
) -> Any:
    """A cell of `inputs` given states and `steps` new ones, with an edge from every earlier state to each new one.

    edge, vertex: a template for every edge and vertex, or a function `edge(source, target)`, `vertex(target)` that
        returns one, so that each decision can have a name.
    pick: turns a vertex's possible edges into those it has, e.g. `lambda edges, j: subset(2, *edges)`; all of them
        otherwise.
    join, out, output: how arriving edges are joined, and which states leave the cell (see `Cell`).
    """
    if not (type(steps) is int and type(inputs) is int and 0 <= steps <= MOST_STATES):
        raise SpaceError(
            f"cell({shown(steps)}, inputs={shown(inputs)}): steps are a whole number of at most {MOST_STATES:,}"
        )
    vertices = []
    for j in range(inputs, inputs + steps):
        edges: Any = tuple(Edge(i, edge(i, j) if _is_function(edge) else edge) for i in range(j))
        if pick is not None:
            edges = pick(edges, j)
        vertices.append(Vertex(edges, vertex(j) if _is_function(vertex) else vertex))
    return Cell(tuple(vertices), inputs, join, output, out)


def _is_function(thing: Any) -> bool:
    return callable(thing) and not isinstance(thing, Value)


def _refuse_classes(items: Sequence[Any], who: str) -> None:
    for item in items:
        if isinstance(item, type):
            raise SpaceError(f"{who}({item.__name__}): write {item.__name__}(), a value, not the class")
        if not isinstance(item, Value):
            raise SpaceError(f"{who}(): {item!r} is not an op, a block, a combinator or a hole")
