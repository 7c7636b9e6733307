"""The widths of a graph as numbers that can be set, one for each group of axes that change together.

    groups = widths(graph)                       # (Width(units=16, ...), ...)
    with_widths(graph, groups, [24, 40])         # the graph with so many units in each group

Which widths are one, and in what steps they are legal, is told by `graph.axes`. A width can be set where some op has a field
for it. Of a width that is a product (heads of a few channels each, groups of a norm) the number of heads or groups stays, and
what each of them holds changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from nasmyth.graph import Graph, Op
from nasmyth.graph.axes import Group, Member
from nasmyth.graph.edit import replace


class Width(NamedTuple):
    """A group of axes that can be made longer or shorter: so many units, each of `step` places in its first axis."""

    name: str
    units: int
    step: int


def widths(graph: Graph) -> tuple[Width, ...]:
    """The widths that can be set, in the order of the graph."""
    return tuple(Width(group.name, group.length, group.step) for group in _settable(graph))


def with_widths(graph: Graph, units: Sequence[int]) -> Graph:
    """The graph with so many units in each of its widths, as `widths` lists them. Raises ShapeError where that does not fit."""
    groups = {group.name: n for group, n in zip(_settable(graph), units, strict=True)}
    changed: dict[str, Op] = {}
    ops = {node.address: node.op for node in graph.nodes}
    for (address, field), parts in _fields(graph).items():
        length = int(getattr(ops[address], field))
        if sum(group.size for group, _ in parts) == length:  # one group, or several side by side
            new = sum(groups.get(group.name, group.length) * len(member.places[0]) for group, member in parts)
        else:
            new = length
            for group, _ in parts:
                new = new * groups.get(group.name, group.length) // group.length
        if new != length:
            changed[address] = changed.get(address, ops[address]).replace(**{field: new})
    return replace(graph, changed) if changed else graph


def _settable(graph: Graph) -> list[Group]:
    """The groups that some field sets; of a product the one that no field counts."""
    found: dict[str, Group] = {}
    ops = {node.address: node.op for node in graph.nodes}
    for (address, field), parts in _fields(graph).items():
        whole = sum(group.size for group, _ in parts) == int(getattr(ops[address], field))
        free = [group for group, _ in parts if not (group.frozen or group.fixed_units)]
        if not whole:
            free = [group for group in free if not _counts(group, ops)][-1:]
        found.update({group.name: group for group in free})
    return [group for group in graph.axes if group.name in found]


def _fields(graph: Graph) -> dict[tuple[str, str], list[tuple[Group, Member]]]:
    """For each field that is the length of an output axis the groups that are in that axis."""
    ops = {node.address: node.op for node in graph.nodes}
    found: dict[tuple[str, str], list[tuple[Group, Member]]] = defaultdict(list)
    for group in graph.axes:
        for member in group.members:
            fields = ops[member.address].fields
            if not member.tensor and member.name in fields and type(getattr(ops[member.address], member.name)) is int:
                found[member.address, member.name].append((group, member))
    return found


def _counts(group: Group, ops: dict[str, Op]) -> bool:
    """Whether a group is a number of heads or groups, which a field of its op says."""
    address, _, name = group.name.rpartition(".")
    return address in ops and name in ops[address].fields and name not in _lengths(ops[address])


def _lengths(op: Op) -> set[str]:
    output = op.parsed_signature.output or ()
    return {axis.name for axis in output if axis.name}
