"""A network as a picture: boxes from top to bottom, skips as lines beside them.

Layers that follow one another without a branch, such as a convolution with its norm and activation, share a box. Boxes
stand in rows by their distance from the input; parallel branches stand side by side. Boxes whose addresses begin alike
are held together by a frame with that name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nasmyth.report.svg import image, tag, words
from nasmyth.units import show

FAMILIES = {
    "conv": ("Conv", "DepthwiseConv", "Patchify"),
    "dense": ("Linear", "Columns", "Members", "MemberLinear", "MemberHead", "LabelLinear", "CosineLinear"),
    "attend": ("Attention", "HeadAttention", "GroupedAttention", "CrossAttention", "AttentionPool", "LabelPool"),
    "pool": ("MaxPool", "AvgPool", "Mean", "Upsample", "Flatten", "ToSequence", "ToImage"),
    "join": ("Add", "Concat", "Multiply"),
}
FOLLOWERS = {
    "BatchNorm", "LayerNorm", "LayerNorm2d", "GroupNorm", "RMSNorm", "TokenBatchNorm", "Activation", "Dropout", "DropPath",
    "LayerScale", "LayerScale2d", "Flatten", "Identity",
}  # fmt: skip
"""Layers that share the box of the layer before them."""

BOX, ROW, GAP, LANE = 330, 30, 16, 11
"""Width and height of a box, space between rows, and between lines that run side by side."""


@dataclass
class Box:
    """One or several layers, drawn together."""

    layers: list[Mapping[str, Any]]
    inputs: list[int] = field(default_factory=list)
    depth: int = 0
    column: float = 0.0

    @property
    def name(self) -> str:
        return op_name(self.layers[0])

    @property
    def family(self) -> str:
        if self.layers[0]["op"] == "input":
            return "input"
        return next((family for family, names in FAMILIES.items() if self.name in names), "other")

    @property
    def small(self) -> bool:
        """Whether it is a join alone: a short pill instead of a wide box."""
        return self.family == "join" and len(self.layers) == 1

    @property
    def group(self) -> str:
        """The part of the network that it belongs to: the beginning of its address."""
        found = re.match(r"([^.\[\]]+(?:\[\d+\])?)[.\[]", str(self.layers[0]["address"]))
        return found[1] if found else ""


def op_name(layer: Mapping[str, Any]) -> str:
    """The class of a layer: "Conv" of "Conv(32, stride=2)"."""
    return str(layer["op"]).partition("(")[0]


def draw(layers: Sequence[Mapping[str, Any]]) -> str:
    """The picture of a network given as rows (see `graph.text.rows`); "" for none."""
    if not layers:
        return ""
    boxes = boxed(layers)
    rows = arranged(boxes)
    heights = {depth: (22 if all(boxes[i].small for i in row) else ROW) for depth, row in rows.items()}
    tops, y = {}, 14.0
    for depth in sorted(rows):
        tops[depth] = y
        y += heights[depth] + GAP
    widest = max(_row_width(boxes, row) for row in rows.values())
    skips = _skips(boxes, rows)
    left, right = 96.0, 20.0 + LANE * (1 + max((lane for _, _, lane in skips), default=0))
    width = left + widest + right
    middle = left + widest / 2
    spots = {i: (middle + boxes[i].column * (BOX + 24), tops[boxes[i].depth]) for i in range(len(boxes))}
    parts = [_groups(boxes, rows, tops, heights, left, widest)]
    parts += [
        _edge(boxes, spots, heights, i, j)
        for j, box in enumerate(boxes)
        for i in box.inputs
        if boxes[j].depth - boxes[i].depth == 1
    ]
    for i, j, lane in skips:
        passed = range(boxes[i].depth, boxes[j].depth + 1)
        edge = middle + max(_row_width(boxes, rows[depth]) for depth in passed) / 2
        parts.append(_skip(boxes, spots, heights, i, j, edge + LANE * (lane + 1)))
    parts += [_box(box, *spots[i], heights[box.depth]) for i, box in enumerate(boxes)]
    label = f"the best network: {len(layers) - 1} layers from {_shape(layers[0])} to {_shape(layers[-1])}"
    return image("".join(parts), label, round(width), round(y), "network", style=f"width:{round(width)}px")


def boxed(layers: Sequence[Mapping[str, Any]]) -> list[Box]:
    """Layers in boxes, in order. A follower joins the box of its only input if nothing else reads that."""
    readers: dict[int, int] = {}
    for layer in layers:
        for i in layer["inputs"]:
            readers[i] = readers.get(i, 0) + 1
    boxes: list[Box] = []
    home: dict[int, int] = {}
    for number, layer in enumerate(layers):
        inputs = list(layer["inputs"])
        if len(inputs) == 1 and op_name(layer) in FOLLOWERS and readers[inputs[0]] == 1 and inputs[0] != 0:
            home[number] = home[inputs[0]]
            boxes[home[number]].layers.append(layer)
            continue
        home[number] = len(boxes)
        boxes.append(Box([layer], list(dict.fromkeys(home[i] for i in inputs))))
    return boxes


def arranged(boxes: list[Box]) -> dict[int, list[int]]:
    """Give every box a row, by its longest way from the input, and a column; returns the rows."""
    rows: dict[int, list[int]] = {}
    for i, box in enumerate(boxes):
        box.depth = max((boxes[j].depth + 1 for j in box.inputs), default=0)
        rows.setdefault(box.depth, []).append(i)
    reach = [0] * len(boxes)  # the furthest row that reads a box: what goes far stands on the right, where skips are
    for box in boxes:
        for j in box.inputs:
            reach[j] = max(reach[j], box.depth)
    for depth in sorted(rows):
        row = sorted(rows[depth], key=lambda i: (_mean([boxes[j].column for j in boxes[i].inputs]), reach[i], i))
        for place, i in enumerate(row):
            boxes[i].column = place - (len(row) - 1) / 2
    return rows


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _row_width(boxes: Sequence[Box], row: Sequence[int]) -> float:
    return len(row) * BOX + (len(row) - 1) * 24.0


def _skips(boxes: Sequence[Box], rows: Mapping[int, Sequence[int]]) -> list[tuple[int, int, int]]:
    """(from, to, lane) of the lines that pass other rows: short ones inside, and no two in one lane at one height."""
    wanted = [(i, j) for j, box in enumerate(boxes) for i in box.inputs if box.depth - boxes[i].depth > 1]
    placed: list[tuple[int, int, int]] = []
    for i, j in sorted(wanted, key=lambda pair: boxes[pair[1]].depth - boxes[pair[0]].depth):
        taken = {
            lane for a, b, lane in placed
            if boxes[a].depth < boxes[j].depth and boxes[i].depth < boxes[b].depth
        }  # fmt: skip
        placed.append((i, j, next(lane for lane in range(len(placed) + 1) if lane not in taken)))
    return placed


def _half(box: Box) -> float:
    return 46.0 if box.small else BOX / 2


def _edge(
    boxes: Sequence[Box], spots: Mapping[int, tuple[float, float]], heights: Mapping[int, int], i: int, j: int
) -> str:
    (x1, y1), (x2, y2) = spots[i], spots[j]
    y1 += heights[boxes[i].depth]
    bend = (y2 - y1) / 2
    return tag("path", d=f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}", class_="edge")


def _skip(
    boxes: Sequence[Box],
    spots: Mapping[int, tuple[float, float]],
    heights: Mapping[int, int],
    i: int,
    j: int,
    lane: float,
) -> str:
    """A line out of the right side of a box, down its lane, and into the right side of another, with round corners."""
    (x1, y1), (x2, y2) = spots[i], spots[j]
    y1, y2 = y1 + heights[boxes[i].depth] * 0.72, y2 + heights[boxes[j].depth] * (0.28 if not boxes[j].small else 0.5)
    x1, x2, r = x1 + _half(boxes[i]), x2 + _half(boxes[j]), 7
    path = f"M{x1:g} {y1:g}H{lane - r:g}q{r} 0 {r} {r}V{y2 - r:g}q0 {r} -{r} {r}H{x2:g}"
    return tag("path", d=path, class_="edge skip")


def _groups(
    boxes: Sequence[Box], rows: Mapping[int, Sequence[int]], tops: Mapping[int, float], heights: Mapping[int, int],
    left: float, widest: float,
) -> str:  # fmt: skip
    """Frames around runs of rows that belong together."""
    runs: list[tuple[str, int, int]] = []
    for depth in sorted(rows):
        names = {boxes[i].group for i in rows[depth]}
        name = names.pop() if len(names) == 1 else ""
        if runs and runs[-1][0] == name and name:
            runs[-1] = (name, runs[-1][1], depth)
        else:
            runs.append((name, depth, depth))
    parts = []
    for name, first, last in runs:
        if name and last > first:
            top, bottom = tops[first] - 6, tops[last] + heights[last] + 6
            parts.append(tag("rect", x=left - 12, y=top, width=widest + 24, height=bottom - top, rx=8, class_="group"))
            parts.append(
                tag("text", words(_short(name, 11)), x=left - 18, y=(top + bottom) / 2 + 4, class_="group-name")
            )
    return "".join(parts)


def _box(box: Box, x: float, y: float, height: float) -> str:
    first, last = box.layers[0], box.layers[-1]
    half = _half(box)
    tip = "; ".join(_tip(layer) for layer in box.layers)
    body = tag(
        "rect",
        x=x - half,
        y=y,
        width=2 * half,
        height=height,
        rx=height / 2 if box.small else 6,
        class_=f"box {box.family}",
    )
    if box.small:
        text = tag("text", words(box.name.lower()), x=x, y=y + height / 2 + 4, class_="join-name")
    else:
        shape = _shape(last)
        room = int((2 * half - 34 - 7.8 * len(shape)) / 7.2)
        text = tag("text", words(_short(label(box), room)), x=x - half + 10, y=y + height / 2 + 4, class_="op")
        text += tag("text", words(shape), x=x + half - 10, y=y + height / 2 + 4, class_="shape")
    return tag("g", tag("title", words(tip)) + body + text, data_tip=tip, data_node=first["node"], class_="node")


def label(box: Box) -> str:
    """What stands in a box: "Conv(32) · norm · gelu". The tip says it in full."""
    said = [str(box.layers[0]["op"]).replace(", bias=True", "").removesuffix("()")]
    for layer in box.layers[1:]:
        kind = re.match(r"Activation\((?:kind=)?'?(\w*)", str(layer["op"]))
        said.append((kind[1] or "act") if kind else "norm" if "Norm" in op_name(layer) else op_name(layer))
    return " · ".join(said)


def _tip(layer: Mapping[str, Any]) -> str:
    counts = [f"{show(layer[name])} {name}" for name in ("params", "macs") if layer.get(name)]
    return f"{layer['address']}: {layer['op']}, {_shape(layer)}{''.join(', ' + count for count in counts)}"


def _shape(layer: Mapping[str, Any]) -> str:
    return "×".join(map(str, layer["shape"]))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"
