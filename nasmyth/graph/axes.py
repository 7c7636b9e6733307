"""Which axes of a network change together: groups over a whole graph, from the sentences of its ops alone.

    print(graph.axes)                               # which widths are one, their legal lengths, what is frozen and why
    graph.axes.of("stem", "weight")                 # the groups of each axis of a weight: ({stem.out},), ({input},), ...
    group = graph.axes["stem.out"]                  # the group that an axis belongs to
    group.length, group.step, group.members         # 16 units, how many places each has there, and where they are

An op says which places of its tensors are one (`op_axes`); an edge says that an output is the next op's input; nodes of one
address share their weights. Where two ways of counting meet, as behind a reshape, the finer one is kept (`unions`). The
input of a graph and its output are given, so what would change them is frozen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from nasmyth.errors import NasmythError, nearest
from nasmyth.graph.flat import Node
from nasmyth.graph.op_axes import NamedAxis, OpAxes, op_axes
from nasmyth.graph.unions import Place, Unions


class Member(NamedTuple):
    """An axis in which the units of a group are: of a node's output (tensor ""), or of one of its weights."""

    address: str
    tensor: str
    axis: int
    name: str
    """What the op's signature calls it."""
    places: tuple[tuple[int, ...], ...]
    """For each unit of the group the places along the axis that go with it."""

    def __str__(self) -> str:
        return f"{self.address}.{self.label}" if self.label[0] != "[" else f"{self.address}{self.label}"

    @property
    def label(self) -> str:
        """Its name in an output, the place of the axis in a weight."""
        if not self.tensor and self.name.isidentifier():
            return self.name
        return f"{self.tensor}[{self.axis}]"


class Group(NamedTuple):
    """Axes that must change together. Each of its units can be taken away, or doubled, in all members at once."""

    name: str
    length: int
    """How many units there are."""
    members: tuple[Member, ...]
    frozen: tuple[str, ...]
    """Why nothing may change; empty where something may."""
    fixed_units: frozenset[int]
    """Units that have to stay, where others need not."""
    mixed: tuple[str, ...]
    """Addresses of ops in which a number depends on all units: norms over features, attention."""

    @property
    def step(self) -> int:
        """How many places of its first axis go with one unit: lengths are multiples of that."""
        return max(map(len, self.members[0].places))

    @property
    def size(self) -> int:
        """How many places of its first axis belong to it."""
        return sum(map(len, self.members[0].places))


class Axes:
    """The groups of a graph, in the order of its layers."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.groups = _Builder(nodes).groups()
        self._named: dict[str, list[Group]] = {group.name: [group] for group in self.groups}
        for group in self.groups:
            for name in dict.fromkeys(map(str, group.members)):
                if group not in self._named.setdefault(name, []):
                    self._named[name].append(group)

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, name: str) -> Group:
        """The group of "stem.out", an axis of an output by its name, or of "stem.weight[0]". Raises NasmythError."""
        if name not in self._named:
            raise NasmythError(f"no axis is called {name!r}{nearest(name, self._named)}; print(graph.axes) lists them")
        if len(found := self._named[name]) > 1:
            raise NasmythError(
                f"{name} is the product of {' and '.join(group.name for group in found)}: name one of them"
            )
        return found[0]

    def of(self, address: str, tensor: str = "") -> tuple[tuple[Group, ...], ...]:
        """The groups of each axis of an output, or of a weight by its name. Raises NasmythError."""
        found: dict[int, list[Group]] = {}
        for group in self.groups:
            for member in group.members:
                if (member.address, member.tensor) == (address, tensor):
                    found.setdefault(member.axis, []).append(group)
        if not found:
            known = {m.address if not m.tensor else f"{m.address}.{m.tensor}" for g in self.groups for m in g.members}
            name = f"{address}.{tensor}" if tensor else address
            raise NasmythError(f"nothing with axes is at {name!r}{nearest(name, sorted(known))}")
        return tuple(tuple(found.get(i, ())) for i in range(max(found) + 1))

    def __str__(self) -> str:
        lines = [_line(group) for group in self.groups if not group.frozen] or ["nothing can change"]
        frozen: dict[str, list[str]] = {}
        for group in self.groups:
            for why in group.frozen[:1]:
                frozen.setdefault(why, []).append(f"{group.name} {group.size}")
        if frozen:
            lines += ["frozen:", *(f"  {', '.join(names)}: {why}" for why, names in frozen.items())]
        return "\n".join(lines)

    def __repr__(self) -> str:
        free = sum(not group.frozen for group in self.groups)
        return f"<Axes: {len(self.groups)} groups, {free} of which can change>"


def _line(group: Group) -> str:
    """One group: its length, what lengths are legal, and where it is."""
    legal = f" in multiples of {group.step}" if group.step > 1 else ""
    kept = f", {len(group.fixed_units)} of them fixed" if group.fixed_units else ""
    mixed = f" (mixed at {', '.join(group.mixed)})" if group.mixed else ""
    where: dict[str, list[str]] = {}
    for member in group.members:
        where.setdefault(member.address, []).append(member.label)
    places = ", ".join(f"{address} {' '.join(labels)}" for address, labels in where.items())
    return f"{group.name}: {group.size}{legal}{kept}{mixed}: {places}"


class _Tensor(NamedTuple):
    address: str
    name: str
    axes: tuple[tuple[str, tuple[Place, ...]], ...]
    """For each axis its name and its places, in units of the whole graph."""


class _Builder:
    """Unites the units of all nodes."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.unions = Unions()
        self.tensors: list[_Tensor] = []
        self.outputs: list[_Tensor] = []
        self.held: dict[tuple[str, str], _Tensor] = {}
        self.mixed: list[tuple[int, str]] = []
        for node in nodes:
            self.add(node, [nodes[i] for i in node.inputs])
        for _, places in self.outputs[-1].axes:
            for place in dict.fromkeys(places):
                self.unions.freeze(place, "it is what comes out of the graph")

    def add(self, node: Node, sources: list[Node]) -> None:
        shapes = tuple(source.shape for source in sources)
        own = self.renumbered(op_axes(node.op, shapes, node.shape), node)
        for i, tensor in zip(node.inputs, own.inputs, strict=True):
            self.join(self.outputs[i], self.tensor(node.address, "", tensor, own), node.address)
        made = self.tensor(node.address, "", own.output, own)
        self.outputs.append(made)
        self.tensors.append(made)
        for name, axes in own.weights.items():
            weight = self.tensor(node.address, name, axes, own)
            other = self.held.setdefault((node.address, name), weight)
            if other is weight:
                self.tensors.append(weight)
            else:
                self.join(other, weight, node.address)

    def renumbered(self, own: OpAxes, node: Node) -> _Numbered:
        """The axes of an op with units of the whole graph."""
        lengths: Counter[str] = Counter()
        tensors = (*own.inputs, own.output, *own.weights.values())
        for axis in (axis for tensor in tensors for axis in tensor):
            for place in dict.fromkeys(axis.places):
                for name, i in place:
                    lengths[name] = max(lengths[name], i + 1)
        first = {name: self.unions.new(length, f"{node.address}.{name}") for name, length in lengths.items()}
        for name, why in own.fixed.items():
            for i in range(lengths[name]):
                self.unions.freeze((first[name] + i,), f"{why} ({node.address})")
        self.mixed += [(first[name] + i, node.address) for name in own.mixed for i in range(lengths[name])]
        return _Numbered(own.inputs, own.output, own.weights, first)

    def tensor(self, address: str, name: str, axes: tuple[NamedAxis, ...], own: _Numbered) -> _Tensor:
        found = []
        for axis in axes:
            known = {place: tuple([own.first[n] + i for n, i in place]) for place in dict.fromkeys(axis.places)}
            found.append((axis.name, tuple([known[place] for place in axis.places])))
        return _Tensor(address, name, tuple(found))

    def join(self, one: _Tensor, other: _Tensor, where: str) -> None:
        for (_, a), (_, b) in zip(one.axes, other.axes, strict=True):
            self.unions.unify(a, b, where)

    def groups(self) -> tuple[Group, ...]:
        """Units that stand in the same axes are a group; of a product, those of each factor."""
        stands: dict[int, dict[tuple[int, int, int], list[int]]] = {}
        for t, tensor in enumerate(self.tensors):
            for axis, (_, places) in enumerate(tensor.axes):
                for at, place in enumerate(places):
                    for factor, unit in enumerate(self.unions.expand(place)):
                        stands.setdefault(unit, {}).setdefault((t, axis, factor), []).append(at)
        alike: dict[tuple[tuple[int, int, int], ...], list[int]] = {}
        for unit, where in stands.items():
            alike.setdefault(tuple(where), []).append(unit)
        factors = Counter((t, axis) for where in alike for t, axis in {(t, axis): 0 for t, axis, _ in where})
        mixed: dict[int, dict[str, None]] = {}
        for one, address in self.mixed:
            for unit in self.unions.expand((one,)):
                mixed.setdefault(unit, {})[address] = None
        return tuple(
            self.group(units, [stands[unit] for unit in units], mixed.get(units[0], {}), factors[where[0][:2]] > 1)
            for where, units in alike.items()
        )

    def group(self, units: list[int], stands: list[_Stands], mixed: Iterable[str], product: bool) -> Group:
        members = []
        along: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for where in stands[0]:
            along.setdefault(where[:2], []).append(where)
        for (t, axis), factors in along.items():
            tensor = self.tensors[t]
            places = tuple(tuple(p for where in factors for p in one[where]) for one in stands)
            members.append(Member(tensor.address, tensor.name, axis, tensor.axes[axis][0], places))
        fixed = frozenset(number for number, unit in enumerate(units) if unit in self.unions.why)
        whole = (
            tuple(dict.fromkeys(self.unions.why[units[i]] for i in sorted(fixed))) if len(fixed) == len(units) else ()
        )
        name = self.unions.names[units[0]] if product else str(members[0])
        return Group(name, len(units), tuple(members), whole, fixed, tuple(mixed))


_Stands = dict[tuple[int, int, int], list[int]]
"""The places of a unit, by the number of the tensor, the axis, and which factor of it the unit is."""


class _Numbered(NamedTuple):
    inputs: tuple[tuple[NamedAxis, ...], ...]
    output: tuple[NamedAxis, ...]
    weights: dict[str, tuple[NamedAxis, ...]]
    first: dict[str, int]
    """The number of the first unit of each name."""
