"""What people would say of a network, as numbers: how deep, how wide, how many of which layer, with which kernels.

    encoder = Features.fit(graphs)
    dict(zip(encoder.names, encoder.encode(graph)))     # {"Conv": 12.0, "Conv.kernel least": 1.0, ..., "depth": 27.0}

The keys are collected from the graphs it is fitted on and sorted, so that the vector is as long for every graph, and reads
alike everywhere. Nothing in it depends on the order of nodes or on addresses, so isomorphic graphs are encoded alike.
`places=1` counts separately for each part of the network, by so many steps of the address ("stages Conv.kernel mean";
with 2, "stages[0] Conv.kernel mean"), which tells early layers from late ones, and no longer is the same for all ways
to write a network.

Tree ensembles on features of this kind are strong baselines among predictors of accuracy and latency (White et al. 2021,
arXiv:2104.01177). Layers and settings that no fitted graph had are left out.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Self

from nasmyth.graph.encode import Encoder, View, views
from nasmyth.graph.op import mac_count, param_count

_STEP = re.compile(r"\[\d+\]|[^.\[\]]+")


class Features(Encoder):
    """Numbers by sorted keys. Made by `Features.fit`. `settings`: the fields that are told; None is all of them."""

    keys: tuple[str, ...] = ()
    places: int = 0

    @classmethod
    def fit(
        cls, graphs: Iterable[Any], places: int = 0, within: str = "", settings: tuple[str, ...] | None = None
    ) -> Self:
        """With every key that one of these graphs has."""
        found: set[str] = set()
        for seen in views(graphs, within, settings):
            found.update(_told(seen, places, settings))
        return cls(within=within, settings=settings, keys=tuple(sorted(found)), places=places)

    @property
    def names(self) -> tuple[str, ...]:
        return self.keys

    def encode(self, candidate: Any) -> list[float]:
        """0 for what the graph does not have."""
        told = _told(self.view(candidate), self.places, self.settings)
        return [told.get(key, 0.0) for key in self.keys]


def _told(seen: View, places: int, settings: tuple[str, ...] | None) -> dict[str, float]:
    told = _whole(seen)
    numbers: dict[str, list[float]] = defaultdict(list)
    for node in seen.nodes[seen.sources : -1]:
        assert node is not None
        at = _place(node.address, places)
        kind = f"{at}{type(node.op).__name__}"
        told[kind] = told.get(kind, 0.0) + 1
        for name, value in zip(node.op.fields, node.op.field_values, strict=True):
            if settings is not None and name not in settings:
                continue
            if type(value) in (int, float):
                numbers[f"{kind}.{name}"].append(float(value))
            else:
                key = f"{kind}.{name}={value!r}"
                told[key] = told.get(key, 0.0) + 1
        numbers[f"{at}first axis"].append(float(node.shape[0]) if node.shape else 1.0)
    for key, values in numbers.items():
        for what, value in (("least", min(values)), ("mean", math.fsum(values) / len(values)), ("most", max(values))):
            told[f"{key} {what}"] = value
    return told


def _place(address: str, places: int) -> str:
    """The first steps of an address, and a space; nothing for none."""
    steps = _STEP.findall(address)[:places]
    text = "".join(step if step[0] == "[" else f".{step}" for step in steps).removeprefix(".")
    return f"{text} " if text else ""


def _whole(seen: View) -> dict[str, float]:
    """Of the graph as one: layers, the longest way, edges, joins, and what it costs as far as there are rules."""
    depth: list[int] = []
    params = macs = outputs = 0
    counted: set[str] = set()
    for row, inputs in enumerate(seen.inputs):
        node = seen.nodes[row]
        depth.append(max((depth[i] for i in inputs), default=-1) + 1)
        if row >= seen.sources and node is not None:
            if node.address not in counted:  # weights that are shared count once
                params += param_count(node.op, seen.shapes[row], node.shape) or 0
            macs += mac_count(node.op, seen.shapes[row], node.shape) or 0
            outputs += math.prod(node.shape)
            counted.add(node.address)
    joins = sum(len(inputs) > 1 for inputs in seen.inputs[:-1])
    figures = {"depth": depth[-1] - 1, "layers": len(seen.labels) - 1 - seen.sources,
        "edges": sum(map(len, seen.inputs)) - len(seen.inputs[-1]),
               "joins": joins, "params": params, "macs": macs, "activations": outputs}  # fmt: skip
    return {name: float(value) for name, value in figures.items()}
