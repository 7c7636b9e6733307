"""From drafts to a graph: what is needed, where each node lives, and which nodes are one module used several times.

An address is the place of the module whose `forward` made the call, `layers[2].conv` for `self.layers[2].conv`, with the
name of the function behind it where a module calls several: `layers[2].add`. What learns is put where its weights keep the
names that they have in the module, if that can be; the rest makes way for it: `norm_act` for the `act` in `norm`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from nasmyth import ops
from nasmyth.errors import TraceError
from nasmyth.graph.flat import Node
from nasmyth.graph.graph import Graph
from nasmyth.graph.joins import Input
from nasmyth.tracing import layers, moves, products, sums  # noqa: F401  rules register themselves
from nasmyth.tracing.capture import Captured
from nasmyth.tracing.reader import Reader
from nasmyth.tracing.values import Draft, Held
from nasmyth.units import is_whole


class Wired(NamedTuple):
    """A graph, the weights that go to each address, the line of source of each, and the weights that are in it by their
    names in the module."""

    graph: Graph
    weights: dict[str, dict[str, Held]]
    lines: dict[str, str]
    reached: frozenset[str]


def wire(program: Captured) -> Wired:
    """The graph of a program, with the module's weights. Raises TraceError."""
    apart: frozenset[str] = frozenset()
    while True:
        reader = Reader(program, apart)
        last = reader.read()
        drafts, last = _flat_sums(reader.drafts, last)
        kept = _needed(drafts, last)
        torn = _torn(drafts, kept)
        if not torn:
            return _graph(program, drafts, kept)
        apart |= torn


def _needed(drafts: list[Draft], last: int) -> list[int]:
    """Numbers of what the answer needs, the input first and the answer last."""
    needed, stack = {0}, [last]
    while stack:
        i = stack.pop()
        if i not in needed:
            needed.add(i)
            stack += drafts[i].inputs
    return [*sorted(needed - {last}), last] if last else [0]


def _torn(drafts: list[Draft], kept: list[int]) -> frozenset[str]:
    """Parameters that different ops would each have to hold: they become nodes of their own."""
    holders: dict[str, set[tuple[object, tuple[str, ...]]]] = defaultdict(set)
    for i in kept:
        for name in drafts[i].names:
            holders[name].add((drafts[i].op, drafts[i].names))
    return frozenset(name for name, found in holders.items() if len(found) > 1)


def _flat_sums(drafts: list[Draft], last: int) -> tuple[list[Draft], int]:
    """(a + b) + c as one sum of three where nothing else reads a + b: the same numbers in the same order."""
    drafts = list(drafts)
    readers = Counter(i for n in _needed(drafts, last) for i in drafts[n].inputs)
    for n, draft in enumerate(drafts):
        for join in (ops.Add, ops.Multiply):
            if type(draft.op) is join and len(draft.inputs) == 2:
                first = draft.inputs[0]
                if type(drafts[first].op) is join and readers[first] == 1 and draft.path == drafts[first].path:
                    drafts[n] = draft._replace(inputs=(*drafts[first].inputs, draft.inputs[1]))
    return drafts, last


# --- addresses ----------------------------------------------------------------------------------------------------------


def _graph(program: Captured, drafts: list[Draft], kept: list[int]) -> Wired:
    addresses = _addresses(drafts, kept, program)
    number = {old: new for new, old in enumerate(kept)}
    nodes: list[Node] = []
    weights: dict[str, dict[str, Held]] = {}
    lines: dict[str, str] = {}
    for i in kept:
        draft = drafts[i]
        if isinstance(draft.op, Input):
            nodes.append(Node(draft.op, (), draft.shape, "input"))
            continue
        address = addresses[i]
        nodes.append(Node(draft.op, tuple(number[j] for j in draft.inputs), draft.shape, address))
        weights.setdefault(address, draft.weights)
        lines.setdefault(address, draft.line)
    if len(nodes) == 1:
        raise TraceError("the module gives back its input: there is nothing to make a graph of")
    reached = frozenset(program.module.path(name) for i in kept for name in drafts[i].names)
    return Wired(Graph(tuple(nodes)), {a: w for a, w in weights.items() if w}, lines, reached)


def _addresses(drafts: list[Draft], kept: list[int], program: Captured) -> dict[int, str]:
    """An address for each node; one for all that hold the same weights in the same way."""
    visits = Counter((drafts[i].path, drafts[i].visit) for i in kept[1:])
    parents = {drafts[i].path[:at] for i in kept for at in range(len(drafts[i].path)) if drafts[i].path[at] == "."}
    homes = {i: home for i in kept[1:] if (home := _home(drafts[i], program))}
    settled = set(map(place_of, homes.values()))
    theirs = set(map(program.module.path, program.originals))
    taken: set[str] = set()
    shared: dict[tuple[object, tuple[str, ...]], str] = {}
    found: dict[int, str] = {}
    for i in sorted(kept[1:], key=lambda i: (i not in homes, not drafts[i].names)):
        draft = drafts[i]
        key = (draft.op, draft.names)
        if draft.names and key in shared:
            found[i] = shared[key]
            continue
        single = draft.path and draft.path not in parents and _is_layer(draft, drafts, kept, visits)
        path = homes.get(i) or (draft.path if single else f"{draft.path}.{draft.name}".lstrip("."))
        if i not in homes and any(f"{path}.{own}" in theirs for own in draft.weights):
            path = f"{path}.{draft.name}"  # a name of the module's means that very weight, or none
        base = place_of(path) if i in homes else _beside(place_of(path), settled)
        address, n = base, 2
        while address in taken:
            address, n = f"{base}_{n}", n + 1
        taken.add(address)
        found[i] = address
        if draft.names:
            shared[key] = address
            settled.add(address)
    return found


def _home(draft: Draft, program: Captured) -> str:
    """The place where all weights of a node, unchanged, have the names that they have in the module; else empty."""
    found = set()
    for own, held in draft.weights.items():
        home, _, last = held.name.rpartition(f".{own}")
        original = program.originals.get(held.name, held.tensor)
        if last or (held.tensor.shape, held.tensor.stride()) != (original.shape, original.stride()):
            return ""
        found.add(program.module.path(home))
    return found.pop() if len(found) == 1 else ""


def _beside(base: str, settled: set[str]) -> str:
    """An address that is not inside that of a layer: "norm_act" for "norm.act"."""
    for at in (m.start() for m in re.finditer(r"[.\[]", base)):
        if base[:at] in settled:
            return _beside(base[:at] + "_" + re.sub(r"\W+", "_", base[at + 1 :]).strip("_"), settled)
    return base


def _is_layer(draft: Draft, drafts: list[Draft], kept: list[int], visits: Counter[tuple[str, str]]) -> bool:
    """Whether the node is what its module is for: the only one of it, or the only one that learns."""
    if visits[draft.path, draft.visit] == 1:
        return True
    learning = [j for j in kept if drafts[j].visit == draft.visit and drafts[j].path == draft.path and drafts[j].names]
    return len(learning) == 1 and drafts[learning[0]] is draft


def place_of(path: str) -> str:
    """ "layers.2.conv" as an address: "layers[2].conv"."""
    text = "".join(f"[{part}]" if is_whole(part) and str(int(part)) == part else f".{part}" for part in path.split("."))
    return re.sub(r"^\.", "", text)
