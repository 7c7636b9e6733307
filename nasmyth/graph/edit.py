"""Graphs with something changed: pure functions that give another graph.

    graph = replace(graph, {"stem": Conv(32), "head": Linear(5)})           # other ops, all at once
    graph = insert(graph, BatchNorm(), after="stem", name="norm")           # or before=, or between=("stem", "pool")
    graph = remove(graph, "body.act")                                       # what read it reads what it read
    graph = splice(graph, residual(Conv(32), BatchNorm()), at="body")       # a template in the place of a node or a part
    diff(old, new)                                                          # what was added, removed, changed

What is not touched keeps its address, and so its weights; shapes are inferred again, and what no longer fits is refused with
the address where it happens. The result is in canonical form, as every graph is. An address of several nodes, which share
one module, is changed at all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nasmyth.errors import NasmythError, ShapeError, SpaceError, UnknownNameError, nearest
from nasmyth.graph.flat import Node, append, infer, not_a_template
from nasmyth.graph.graph import Graph
from nasmyth.graph.joins import Input
from nasmyth.graph.op import Op
from nasmyth.record import below, is_open


class Diff(NamedTuple):
    """Two graphs by address: what only one of them has, and what differs in its op, its inputs or its shape."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{sign} {address}" for sign, part in zip("+-~", self, strict=True) for address in part]
        return "\n".join(lines) or "no difference"


def consumers(graph: Graph, address: str) -> tuple[str, ...]:
    """The addresses of the nodes that read what the nodes at an address make, in order."""
    made = set(_at(graph, address))
    return tuple(dict.fromkeys(node.address for node in graph.nodes if made & set(node.inputs)))


def diff(old: Graph, new: Graph) -> Diff:
    """What was added, removed and changed, by address. Inputs are compared by what they read."""
    before, after = _described(old), _described(new)
    return Diff(
        tuple(a for a in after if a not in before),
        tuple(a for a in before if a not in after),
        tuple(a for a in after if a in before and after[a] != before[a]),
    )


def _described(graph: Graph) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for node in graph.nodes:
        reads = sorted if node.op.commutative else list
        inputs = reads(graph.nodes[i].address for i in node.inputs)
        found.setdefault(node.address, []).append((node.op, inputs, node.shape))
    return found


def replace(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Other ops at these addresses, all at once: widths that are one have to change together.

    Raises ShapeError where one does not fit, UnknownNameError for an address that is not there.
    """
    for address, op in ops.items():
        _layers_at(graph, address)
        if not isinstance(op, Op) or is_open(op) or isinstance(op, Input):
            raise not_a_template(op, address)
    return _rewritten(
        graph, lambda edit, i, node: edit.put(node._replace(op=ops.get(node.address, node.op))), list(ops)
    )


def insert(
    graph: Graph,
    template: Any,
    *,
    after: str = "",
    before: str = "",
    between: tuple[str, str] = ("", ""),
    name: str = "",
) -> Graph:
    """A template behind a node, for all that read it; before a node, on all that it reads; or on the edge between two.

    name: its address, that of the node and "_after" or "_before" if not given. Raises ShapeError where shapes do not fit,
    UnknownNameError for an address that is not there, NasmythError for one that is taken.
    """
    if sum(map(bool, (after, before, any(between)))) != 1:
        raise NasmythError("insert(...): say one place: after='stem', before='head' or between=('stem', 'head')")
    if any(between):
        return _on_edge(graph, template, *between, name)
    if before:
        inputs = {i for n in _layers_at(graph, before) for i in graph.nodes[n].inputs}
        if len(inputs) > 1:
            names = ", ".join(graph.nodes[i].address for i in sorted(inputs))
            raise NasmythError(f"{before!r} reads {names}: say which edge, such as "
                               f"between=({graph.nodes[min(inputs)].address!r}, {before!r})")  # fmt: skip
        return _on_edge(graph, template, graph.nodes[inputs.pop()].address, before, name or f"{before}_before")
    places = set(_at(graph, after))
    free = _free(graph, name or f"{after}_after")

    def emit(edit: _Edit, i: int, node: Node) -> None:
        edit.put(node)
        if i in places:
            edit.now[i] = edit.template(template, (edit.now[i],), free)

    return _rewritten(graph, emit, [free])


def _on_edge(graph: Graph, template: Any, source: str, target: str, name: str) -> Graph:
    sources, targets = set(_at(graph, source)), set(_layers_at(graph, target))
    if not any(sources & set(graph.nodes[i].inputs) for i in targets):
        reads = ", ".join(dict.fromkeys(graph.nodes[i].address for n in targets for i in graph.nodes[n].inputs))
        raise NasmythError(f"{target!r} does not read {source!r}; it reads {reads}")
    free = _free(graph, name or f"{target}_before")

    def emit(edit: _Edit, i: int, node: Node) -> None:
        if i not in targets:
            edit.put(node)
            return
        put = {j: edit.template(template, (edit.now[j],), free) for j in dict.fromkeys(node.inputs) if j in sources}
        edit.put(node, [put.get(j, edit.now[j]) for j in node.inputs])

    return _rewritten(graph, emit, [free])


def remove(graph: Graph, address: str, keep: str = "") -> Graph:
    """Without the nodes at an address: what read them reads what they read. keep: which input stays, of a join of several.

    Raises ShapeError where that does not fit, UnknownNameError for an address that is not there.
    """
    places = set(_layers_at(graph, address))

    def emit(edit: _Edit, i: int, node: Node) -> None:
        if i in places:
            edit.now[i] = edit.now[_kept(graph, node, keep)]
        else:
            edit.put(node)

    return _rewritten(graph, emit, [address])


def _kept(graph: Graph, node: Node, keep: str) -> int:
    """The one input that stays when a node goes."""
    reads = {graph.nodes[i].address: i for i in node.inputs}
    if keep and keep not in reads:
        raise UnknownNameError(f"{node.address!r} does not read {keep!r}{nearest(keep, list(reads))}")
    if not keep and len(reads) != 1:
        raise NasmythError(f"{node.address!r} reads {', '.join(reads) or 'nothing'}: say which of them stays, "
                           f"keep={next(iter(reads), '')!r}")  # fmt: skip
    return reads[keep] if keep else node.inputs[0]


def splice(graph: Graph, template: Any, at: str, name: str = "") -> Graph:
    """A template, or another graph, in the place of a node or of a part: "body" is all nodes at body, body[0], body.conv ...

    It is given what the part reads from outside, in the order of the graph, and has to give what the part gives. Its addresses
    begin with `name`, else with `at`. Raises ShapeError where shapes do not fit, NasmythError for a part of several outputs.
    """
    part = set(_part(graph, at))
    reads = sorted({j for i in part for j in graph.nodes[i].inputs if j not in part})
    leaving = {j for i, node in enumerate(graph.nodes) if i not in part for j in node.inputs if j in part}
    ends = sorted(leaving | ({len(graph.nodes) - 1} & part))
    if len(ends) > 1:
        names = ", ".join(graph.nodes[i].address for i in ends)
        raise NasmythError(f"{at!r} has several outputs, {names}: splice a smaller part, or one after the other")
    rest = [node.address for i, node in enumerate(graph.nodes) if i not in part]
    free = _free_among(rest, name or at)

    def emit(edit: _Edit, i: int, node: Node) -> None:
        if i in part:
            if i == ends[0]:
                edit.now[i] = edit.template(template, tuple(edit.now[j] for j in reads), free)
        else:
            edit.put(node)

    return _rewritten(graph, emit, [at])


def with_input(graph: Graph, shape: Sequence[int]) -> Graph:
    """The same layers on a first input of another shape, such as smaller images. Raises ShapeError where one does not fit."""

    def emit(edit: _Edit, i: int, node: Node) -> None:
        edit.put(node._replace(op=node.op.replace(length=tuple(shape)), shape=tuple(shape)) if i == 0 else node)

    return _rewritten(graph, emit, [graph.nodes[0].address])


# --- writing a graph anew -----------------------------------------------------------------------------------------


class _Edit:
    """A list of nodes while it is written: where each of the old ones is now."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.nodes = graph, list[Node]()
        self.now: dict[int, int] = {}
        self.at = 0

    def put(self, node: Node, inputs: Sequence[int] | None = None) -> None:
        """The old node that is being looked at, or what stands for it, on its inputs as they are now."""
        read = tuple(self.now[i] for i in node.inputs) if inputs is None else tuple(inputs)
        shape = node.shape if isinstance(node.op, Input) else infer(node.op, self.shapes(read), node.address)
        self.now[self.at] = len(self.nodes)
        self.nodes.append(Node(node.op, read, shape, node.address))

    def template(self, template: Any, inputs: tuple[int, ...], address: str) -> int:
        """A template or a graph on nodes; the number of its output."""
        if not isinstance(template, Graph):
            return append(self.nodes, template, inputs, address)
        entering = [node.shape for node in template.nodes if isinstance(node.op, Input)]
        given = list(self.shapes(inputs))
        if entering != given:
            raise ShapeError(f"the graph takes {entering} and is given {given}  (at {address})")
        now = dict(zip(range(len(inputs)), inputs, strict=True))
        for i, node in enumerate(template.nodes[len(inputs) :], len(inputs)):
            read = tuple(now[j] for j in node.inputs)
            now[i] = len(self.nodes)
            self.nodes.append(Node(node.op, read, node.shape, below(address, node.address)))
        return now[len(template.nodes) - 1]

    def shapes(self, numbers: Iterable[int]) -> tuple[tuple[int, ...], ...]:
        return tuple(self.nodes[i].shape for i in numbers)


def _rewritten(graph: Graph, emit: Callable[[_Edit, int, Node], None], where: list[str]) -> Graph:
    """The graph that `emit` writes, given one node after the other."""
    edit = _Edit(graph)
    try:
        for i, node in enumerate(graph.nodes):
            edit.at = i
            emit(edit, i, node)
    except ShapeError as error:
        changed = [f"{graph.nodes[i].address} {graph.nodes[i].shape} -> {edit.nodes[n].shape}" for i, n in edit.now.items()
                   if edit.nodes[n].shape != graph.nodes[i].shape][:3]  # fmt: skip
        told = f"; so far {', '.join(changed)}" if changed else ""
        raise ShapeError(
            f"{error}, after an edit of {', '.join(where)}{told}: change what reads it in the same edit"
        ) from None
    end = edit.now[len(graph.nodes) - 1]
    nodes = edit.nodes if end == len(edit.nodes) - 1 else [*edit.nodes[: end + 1]]
    return Graph(tuple(nodes))


def _at(graph: Graph, address: str) -> list[int]:
    """The numbers of the nodes at an address."""
    found = [i for i, node in enumerate(graph.nodes) if node.address == address]
    if not found:
        known = list(dict.fromkeys(node.address for node in graph.nodes))
        raise UnknownNameError(f"no node is at {address!r}{nearest(address, known)}; print(graph) lists them")
    return found


def _layers_at(graph: Graph, address: str) -> list[int]:
    found = _at(graph, address)
    if any(isinstance(graph.nodes[i].op, Input) for i in found):
        raise SpaceError(
            f"{address!r} is where data enters, and stays; insert(graph, ..., after={address!r}) puts something behind"
        )
    return found


def _part(graph: Graph, address: str) -> list[int]:
    """The numbers of the nodes at an address and below it."""
    inside = (f"{address}.", f"{address}[")
    found = [i for i, n in enumerate(graph.nodes) if n.address == address or n.address.startswith(inside)]
    return found if found and address != graph.nodes[0].address else _layers_at(graph, address)


def _free(graph: Graph, address: str) -> str:
    return _free_among([node.address for node in graph.nodes], address)


def _free_among(taken: list[str], address: str) -> str:
    """An address that no other node has or begins with, since one address is one module."""
    for other in taken:
        if other == address or other.startswith((f"{address}.", f"{address}[")):
            raise NasmythError(f"{address!r} is taken by {other!r}: give another, name=...")
    return address
